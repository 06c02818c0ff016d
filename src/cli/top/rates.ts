/** Rates per second from counters at two times. */

/** A row of `top`: its counters are replaced by their rates. */
export type TopRow = Readonly<Record<string, string | number | null>>;

export interface Counted {
  /** Key of the row, the same in each sample. */
  readonly key: string;
  readonly cells: TopRow;
  /** Counters by the name of their rate. */
  readonly counters: Readonly<Record<string, number>>;
}

export class Rates {
  private before = new Map<string, Readonly<Record<string, number>>>();
  private beforeMs = 0;

  /** The rows with rates since the last call; 0 for new rows. `nowMs`: monotonic. */
  of(rows: readonly Counted[], nowMs: number): TopRow[] {
    const seconds = (nowMs - this.beforeMs) / 1000;
    const { before } = this;
    this.before = new Map(rows.map(({ key, counters }) => [key, counters]));
    this.beforeMs = nowMs;
    return rows.map(({ key, cells, counters }) => {
      const last = before.get(key);
      const rates = Object.entries(counters).map(([name, value]) => {
        // A smaller counter was restarted.
        const growth = last === undefined ? 0 : Math.max(0, value - (last[name] ?? 0));
        return [name, seconds > 0 ? growth / seconds : 0];
      });
      return { ...cells, ...Object.fromEntries(rates) };
    });
  }

  /** Discards the last sample, as the next one has other rows. */
  reset(): void {
    this.before = new Map();
  }
}
