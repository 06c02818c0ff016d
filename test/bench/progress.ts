/** What the user sees while it runs, on standard error: one line per step with the estimated time left. */

export class Progress {
  readonly problems: string[] = [];
  /** Steps still to do, by their nominal seconds. */
  private readonly open = new Map<number, number>();
  /** What steps have taken on top of their nominal seconds, so far. */
  private overheadMs = 0;
  private steps = 0;

  /** Before the first step has told: connecting, exchanging results, freezing and thawing. */
  private static readonly expectedOverheadMs = 1_500;

  /** Announces steps, for the estimate. */
  expect(count: number, seconds: number): void {
    this.open.set(seconds, (this.open.get(seconds) ?? 0) + count);
  }

  /** A step of so many nominal seconds has ended after `elapsedMs`. */
  done(seconds: number, elapsedMs: number, text: string): void {
    this.open.set(seconds, Math.max(0, (this.open.get(seconds) ?? 0) - 1));
    this.overheadMs += elapsedMs - seconds * 1000;
    this.steps++;
    this.say(`${text}   [${this.left()} left]`);
  }

  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  /** Something that makes the result incomplete: said now, repeated in the report, and an exit status of 1. */
  problem(text: string): void {
    this.problems.push(text);
    this.say(`PROBLEM ${text}`);
  }

  private left(): string {
    const overhead = this.steps === 0 ? Progress.expectedOverheadMs : this.overheadMs / this.steps;
    let leftMs = 0;
    for (const [seconds, count] of this.open) leftMs += count * (seconds * 1000 + overhead);
    const rounded = Math.round(leftMs / 1000);
    return `${Math.floor(rounded / 60)}:${String(rounded % 60).padStart(2, '0')}`;
  }
}
