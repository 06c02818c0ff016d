/**
 * The agent's side of reporting: ReportTable holds the figures of now, ReportDiff what one stream was told of them.
 */
import {
  MAX_REPORT_ROWS,
  makeColumns,
  REPORT_COLUMNS,
  type Report,
  type ReportColumns,
  type ReportHeader,
  type RowAnnouncement,
  type RowFigures,
  type RowKey,
} from './report.ts';

const FIRST_CAPACITY = 64;
const NAME_SEPARATOR = '\0';

/** Figures by row number. What a link sends is what the table holds at that moment. */
export class ReportTable {
  private readonly numbers = new Map<string, number>();
  private readonly keyOf: (RowKey | undefined)[] = [];
  private readonly free: number[] = [];
  private figures: ReportColumns = makeColumns(FIRST_CAPACITY);
  private readonly touched = new Set<number>();
  private version = 0;

  /** By row number; holes where a row was retired. */
  get keys(): readonly (RowKey | undefined)[] {
    return this.keyOf;
  }

  /** Columns by row number; made anew when the table grows. */
  get columns(): ReportColumns {
    return this.figures;
  }

  /**
   * The row's figures of now, whole numbers; those left out are 0. Makes the row when there is none with this key.
   * False: the table is full (MAX_REPORT_ROWS), the row is left out.
   */
  set(key: RowKey, figures: Partial<RowFigures>): boolean {
    const row = this.rowOf(key);
    if (row === undefined) return false;
    for (const column of REPORT_COLUMNS) this.figures[column][row] = Math.round(figures[column] ?? 0);
    this.touched.add(row);
    return true;
  }

  /** Forgets a row. */
  remove(key: RowKey): void {
    const name = tableName(key);
    const row = this.numbers.get(name);
    if (row === undefined) return;
    this.numbers.delete(name);
    this.keyOf[row] = undefined;
    this.free.push(row);
    this.touched.add(row);
  }

  /** Forgets all rows. */
  clear(): void {
    for (const key of [...this.keyOf]) if (key !== undefined) this.remove(key);
  }

  /**
   * Rows that were set or forgotten since a former call, which answered this `version`; undefined: somebody else has asked
   * meanwhile, and any row may have changed.
   */
  takeTouched(version: number): { readonly version: number; readonly rows: readonly number[] | undefined } {
    const rows = version === this.version ? [...this.touched].sort((a, b) => a - b) : undefined;
    this.touched.clear();
    return { version: ++this.version, rows };
  }

  private rowOf(key: RowKey): number | undefined {
    const name = tableName(key);
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    if (this.free.length === 0 && this.keyOf.length === MAX_REPORT_ROWS) return undefined;
    const row = this.free.pop() ?? this.keyOf.length;
    this.numbers.set(name, row);
    this.keyOf[row] = { ...key };
    if (row >= this.figures.packets.length) this.grow();
    return row;
  }

  private grow(): void {
    const larger = makeColumns(this.figures.packets.length * 2);
    for (const column of REPORT_COLUMNS) larger[column].set(this.figures[column]);
    this.figures = larger;
  }
}

const tableName = ({ group, member, address, loadBalancer }: RowKey): string =>
  [group, member, address, loadBalancer].join(NAME_SEPARATOR);

/** What one stream knows; a new stream begins with a new one. */
export class ReportDiff {
  private known: (RowKey | undefined)[] = [];
  private told: ReportColumns = makeColumns(FIRST_CAPACITY);
  /** Of the table, when the last report was made; -1: none was made yet. */
  private version = -1;

  /** The report that brings the stream up to the table's figures. */
  next(header: ReportHeader, table: ReportTable): Report {
    const { keys, columns } = table;
    if (this.told.packets.length < keys.length) this.grow(columns.packets.length);
    const touched = table.takeTouched(this.version);
    this.version = touched.version;
    const candidates = touched.rows ?? [...keys.keys()];
    const announced = this.announce(keys, candidates);
    const rows = this.changedRows(keys, columns, candidates, announced);
    const changed = makeColumns(rows.length);
    for (const name of REPORT_COLUMNS) {
      const [from, to, told] = [columns[name], changed[name], this.told[name]];
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        told[row] = to[i] = from[row]!;
      }
    }
    return { ...header, announced, rowCount: rows.length, rows, columns: changed };
  }

  /** Keys that are new, or have gone. A key object is made once per row, so identity tells. */
  private announce(keys: readonly (RowKey | undefined)[], candidates: readonly number[]): RowAnnouncement[] {
    const announced: RowAnnouncement[] = [];
    for (const row of candidates) {
      const key = keys[row];
      if (this.known[row] === key) continue;
      this.known[row] = key;
      for (const name of REPORT_COLUMNS) this.told[name][row] = 0;
      announced.push(key ? { row, key } : { row });
    }
    return announced;
  }

  /** Those that are new, too: nothing but zeros is a figure as well. */
  private changedRows(
    keys: readonly (RowKey | undefined)[],
    columns: ReportColumns,
    candidates: readonly number[],
    announced: readonly RowAnnouncement[],
  ): Uint32Array {
    const isNew = new Set(announced.map(({ row }) => row));
    const isChanged = (row: number): boolean =>
      isNew.has(row) || REPORT_COLUMNS.some((name) => columns[name][row] !== this.told[name][row]);
    return Uint32Array.from(candidates.filter((row) => keys[row] !== undefined && isChanged(row)));
  }

  private grow(capacity: number): void {
    const larger = makeColumns(capacity);
    for (const column of REPORT_COLUMNS) larger[column].set(this.told[column]);
    this.told = larger;
  }
}
