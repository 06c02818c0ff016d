/** Rates of counters that are read now and then. */
export class Growth {
  private before = new Map<string, readonly number[]>();
  private beforeMs = 0;
  private next = new Map<string, readonly number[]>();
  private seconds = 0;

  /** Begins a reading of all counters. `nowMs`: monotonic. */
  begin(nowMs: number): void {
    this.before = this.next;
    this.next = new Map();
    this.seconds = (nowMs - this.beforeMs) / 1000;
    this.beforeMs = nowMs;
  }

  /** Per second since the reading before, whole numbers; 0 for what was not read then, and for counters that restarted. */
  perSecond(key: string, counters: readonly number[]): number[] {
    const before = this.before.get(key);
    this.next.set(key, counters);
    return counters.map((value, i) => {
      const growth = before === undefined ? 0 : Math.max(0, value - before[i]!);
      return this.seconds > 0 ? Math.round(growth / this.seconds) : 0;
    });
  }
}
