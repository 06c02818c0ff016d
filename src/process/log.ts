/** The log: one line of plain text per event on stderr, for people, journald and files; floods are folded. */
import { closeSync, constants, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import { messageOf } from '../config/problems/refusal.ts';
import { duplicateOnto } from '../native/libc.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';
import { systemRuntime } from '../runtime/system-runtime.ts';

const STDOUT = 1;
const STDERR = 2;
const MAX_TEXT_LENGTH = 8192;
const LEVEL_NAMES: Readonly<Record<number, string>> = {
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

export interface Entry {
  level: number;
  time: number;
  msg?: string;
  err?: { stack?: string };
}

/** `2026-01-31T12:00:00.000Z warn  port web1: …`; a stack trace follows on lines of its own. */
export function formatEntry({ level, time, msg, err }: Entry): string {
  const head = `${new Date(time).toISOString()} ${(LEVEL_NAMES[level] ?? String(level)).padEnd(5)}`;
  const stack = err?.stack === undefined ? '' : `\n${err.stack}`;
  return `${head} ${cut(msg ?? '')}${cut(stack)}\n`;
}

/** Lines may quote data of unbounded length from other machines. */
function cut(text: string): string {
  return text.length <= MAX_TEXT_LENGTH
    ? text
    : `${text.slice(0, MAX_TEXT_LENGTH)}… (${text.length} characters)`;
}

/** Destination of lines. */
export interface LogSink {
  write(line: string): void;
}

const PERIOD_MS = 60_000;
/** Similar lines written per period; further ones are counted. */
const MAX_ALIKE: Readonly<Record<number, number>> = { 20: 1000, 30: 100, 40: 5, 50: 5 };
/** Lines of any kind written per period. */
const MAX_LINES = 5_000;
const WARN = 40;
const FATAL = 60;
/** Different texts distinguished per period. */
const MAX_TEXTS = 512;

interface Repeated {
  count: number;
  last: string;
  level: number;
}

/**
 * Writes lines to the sink and folds floods: of lines that differ only in ports, durations and counts, a few are
 * written, and after the period a line with the number of the others.
 */
export class FoldedLog {
  private readonly sink: LogSink;
  private readonly format: (entry: Entry) => string;
  private readonly runtime: Runtime;
  private readonly seen = new Map<string, Repeated>();
  private timer: Timer | undefined;
  private lines = 0;
  private leftOut = 0;

  constructor(sink: LogSink, format: (entry: Entry) => string, runtime: Runtime) {
    this.sink = sink;
    this.format = format;
    this.runtime = runtime;
  }

  take(json: string): void {
    const entry = JSON.parse(json) as Entry;
    const { level, msg = '', err } = entry;
    const most =
      err === undefined ? (MAX_ALIKE[level] ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
    const text = `${level} ${templateOf(msg)}`;
    const repeated = this.seen.get(text) ?? { count: 0, last: '', level };
    repeated.count++;
    repeated.last = msg;
    if (this.seen.size < MAX_TEXTS) this.seen.set(text, repeated);
    if (this.timer === undefined) {
      this.timer = this.runtime.setTimer(() => this.sumUp(), PERIOD_MS);
      this.timer.unref();
    }
    if (repeated.count > most) return;
    if (level < FATAL && ++this.lines > MAX_LINES) this.leftOut++;
    else this.sink.write(this.format(entry));
  }

  /** Writes the counts of folded lines, and starts a new period. */
  sumUp(): void {
    this.runtime.clearTimer(this.timer);
    this.timer = undefined;
    for (const { count, last, level } of this.seen.values()) {
      const more = count - (MAX_ALIKE[level] ?? Number.POSITIVE_INFINITY);
      if (more <= 0) continue;
      const msg = `${last} (${more} more lines like this within ${PERIOD_MS / 1000} s)`;
      this.sink.write(this.format({ level, time: this.runtime.wallMs(), msg }));
    }
    this.seen.clear();
    const { leftOut } = this;
    this.lines = 0;
    this.leftOut = 0;
    if (leftOut === 0) return;
    const msg = `${leftOut} lines were left out, as there were more than ${MAX_LINES} within ${PERIOD_MS / 1000} s`;
    this.sink.write(this.format({ level: WARN, time: this.runtime.wallMs(), msg }));
  }
}

/** The message without parts that differ between attempts. */
const templateOf = (message: string): string =>
  message
    .slice(0, 512)
    .replace(/(?<=[\d\])]):\d+\b/g, ':#')
    .replace(/\b\d+(\.\d+)?(?= (?:s|ms|failed|attempts|more)\b)/g, '#')
    .replace(/\b(epoch|revision|pid) \d+/g, '$1 #');

/** Whether stderr is the journal's socket (systemd.exec(5)), which adds timestamps and takes levels as prefixes. */
export function isJournal(stream: string | undefined, stderr: { dev: number; ino: number }): boolean {
  return stream === `${stderr.dev}:${stderr.ino}`;
}

/** sd-daemon(3): the priority of syslog in front of each line. */
const PRIORITIES: Readonly<Record<number, number>> = { 20: 7, 30: 6, 40: 4, 50: 3, 60: 2 };

export function formatForJournal({ level, msg, err }: Entry): string {
  const text = `${cut(msg ?? '')}${err?.stack === undefined ? '' : `\n${cut(err.stack)}`}`;
  return text
    .split('\n')
    .map((line) => `<${PRIORITIES[level] ?? 6}>${line}\n`)
    .join('');
}

function isStderr(path: string): boolean {
  const named = statSync(path, { throwIfNoEntry: false });
  const { dev, ino } = fstatSync(STDERR);
  return named?.dev === dev && named.ino === ino;
}

/** Stderr, and the file behind it, which may be renamed by others (logrotate). */
class Output implements LogSink {
  private readonly path: string | undefined;

  constructor(path: string | undefined) {
    this.path = path !== undefined && isStderr(path) ? path : undefined;
  }

  /** Reopens the file of that name. */
  reopen(): void {
    if (this.path === undefined) return;
    try {
      const next = openSync(
        this.path,
        constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
        0o600,
      );
      // Node's own messages go there, too.
      for (const fd of [STDOUT, STDERR]) duplicateOnto(next, fd);
      closeSync(next);
    } catch (error) {
      this.write(`${new Date().toISOString()} warn  ${this.path} cannot be opened: ${messageOf(error)}\n`);
    }
  }

  write(line: string): void {
    try {
      writeSync(STDERR, line);
    } catch {
      // stderr is closed or its disk is full: the process keeps running without a log.
    }
  }
}

export type ProcessLog = Logger & {
  /** Reopens the log file after a rotation. */
  reopen(): void;
  /** Writes the counts of folded lines before the end. */
  sumUp(): void;
};

/**
 * Writes each line at once, so that a crash loses none. SLUICE_LOG is the lowest level logged: debug, info,
 * warn, error. `path`: of the log file, which stderr is if the process is detached.
 */
export function createLog(path?: string): ProcessLog {
  const output = new Output(path);
  const format = isJournal(process.env.JOURNAL_STREAM, fstatSync(STDERR)) ? formatForJournal : formatEntry;
  const folded = new FoldedLog(output, format, systemRuntime);
  const log = pino(
    { base: null, level: process.env.SLUICE_LOG ?? 'info' },
    { write: (json: string) => folded.take(json) },
  );
  return Object.assign(log, { reopen: () => output.reopen(), sumUp: () => folded.sumUp() });
}
