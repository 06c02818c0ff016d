/**
 * A terminal for a live screen: the alternate screen, single keys, and the original state restored however the
 * process ends.
 */
const ENTER_SCREEN = '\x1b[?1049h\x1b[?25l';
const LEAVE_SCREEN = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
const INVERSE = '\x1b[7m';
const PLAIN = '\x1b[0m';

const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

export class LiveTerminal {
  private isOpen = false;
  private readonly leave = (): void => this.close();
  private readonly end = (signal: NodeJS.Signals): void => {
    this.close();
    process.kill(process.pid, signal);
  };
  private keyHandler: ((text: Buffer) => void) | undefined;

  get size(): { width: number; height: number } {
    return { width: process.stdout.columns || 80, height: process.stdout.rows || 24 };
  }

  open(onKey: (key: string) => void, onResize: () => void): void {
    this.isOpen = true;
    process.stdout.write(ENTER_SCREEN);
    process.on('exit', this.leave);
    for (const signal of SIGNALS) process.once(signal, this.end);
    this.keyHandler = (text) => {
      for (const key of keysOf(text.toString('utf8'))) onKey(key);
    };
    if (process.stdin.isTTY) process.stdin.setRawMode(true);
    process.stdin.on('data', this.keyHandler);
    process.stdin.resume();
    process.stdout.on('resize', onResize);
  }

  /** Overwrites the previous screen in one write, to avoid flicker. */
  draw(lines: readonly string[], selectedLine: number): void {
    const text = lines.map((line, i) => (i === selectedLine ? `${INVERSE}${line}${PLAIN}` : line));
    process.stdout.write(`${HOME}${text.join(`${CLEAR_LINE}\r\n`)}${CLEAR_LINE}${CLEAR_BELOW}`);
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    if (this.keyHandler !== undefined) process.stdin.off('data', this.keyHandler);
    process.stdin.pause();
    process.stdout.write(LEAVE_SCREEN);
    process.off('exit', this.leave);
    for (const signal of SIGNALS) process.off(signal, this.end);
  }
}

/** Splits terminal input into keys: arrows are three characters. */
function keysOf(text: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: arrow keys begin with ESC
  return text.match(/\x1b\[[A-D]|[\s\S]/g) ?? [];
}
