/**
 * A command's output as lines of the host's log, bounded in length and number: a command that writes endlessly neither
 * blocks nor fills the log. Omitted lines are counted.
 */
import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import type { Runtime } from '../../runtime/runtime.ts';

const MAX_LINE_CHARACTERS = 500;
const MAX_LINES_PER_PERIOD = 50;
const PERIOD_MS = 5_000;

export class OutputLog {
  private readonly name: string;
  private readonly log: Logger;
  private readonly runtime: Pick<Runtime, 'monotonicMs'>;
  private periodStart: number;
  private lines = 0;
  private leftOut = 0;

  constructor(name: string, log: Logger, runtime: Pick<Runtime, 'monotonicMs'>) {
    this.name = name;
    this.log = log;
    this.runtime = runtime;
    this.periodStart = runtime.monotonicMs();
  }

  follow(stream: Readable): void {
    let rest = '';
    let isSkipping = false;
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (!isSkipping) this.line(line);
        isSkipping = false;
      }
      // An overlong line is truncated.
      if (rest.length <= MAX_LINE_CHARACTERS) return;
      if (!isSkipping) this.line(rest);
      isSkipping = true;
      rest = '';
    });
    stream.on('end', () => {
      if (rest !== '' && !isSkipping) this.line(rest);
      this.flush();
    });
    stream.on('error', () => {});
  }

  private line(text: string): void {
    if (this.runtime.monotonicMs() - this.periodStart >= PERIOD_MS) this.flush();
    if (++this.lines > MAX_LINES_PER_PERIOD) {
      this.leftOut++;
      return;
    }
    const isCut = text.length > MAX_LINE_CHARACTERS;
    this.log.info(`${this.name}: ${isCut ? `${text.slice(0, MAX_LINE_CHARACTERS)}…` : text}`);
  }

  private flush(): void {
    if (this.leftOut > 0) this.log.warn(`${this.name}: ${this.leftOut} more lines of output omitted`);
    this.periodStart = this.runtime.monotonicMs();
    this.lines = 0;
    this.leftOut = 0;
  }
}
