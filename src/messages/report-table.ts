/**
 * The agent's side of reporting: ReportTable holds the current figures, ReportDiff what one stream has received of them.
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

/** Current figures by row number; a link sends the table's contents at that moment. */
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

  /** Columns by row number; reallocated when the table grows. */
  get columns(): ReportColumns {
    return this.figures;
  }

  /**
   * Sets the row's current figures, whole numbers; omitted ones are 0. Creates the row if no row has this key. Returns
   * false if the table is full (MAX_REPORT_ROWS).
   */
  set(key: RowKey, figures: Partial<RowFigures>): boolean {
    const row = this.rowOf(key);
    if (row === undefined) return false;
    for (const column of REPORT_COLUMNS) this.figures[column][row] = Math.round(figures[column] ?? 0);
    this.touched.add(row);
    return true;
  }

  /** Removes a row. */
  remove(key: RowKey): void {
    const name = tableName(key);
    const row = this.numbers.get(name);
    if (row === undefined) return;
    this.numbers.delete(name);
    this.keyOf[row] = undefined;
    this.free.push(row);
    this.touched.add(row);
  }

  /** Removes all rows. */
  clear(): void {
    for (const key of [...this.keyOf]) if (key !== undefined) this.remove(key);
  }

  /**
   * Rows set or removed since the call that returned this `version`. Undefined: another caller has asked since, and any
   * row may have changed.
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

/** What one stream has received; each stream has its own. */
export class ReportDiff {
  private known: (RowKey | undefined)[] = [];
  private told: ReportColumns = makeColumns(FIRST_CAPACITY);
  /** The table's version at the last report; -1: none yet. */
  private version = -1;

  /** Returns the report of all changes since the stream's last one. */
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

  /** New and removed keys. Each row has one key object, so they are compared by identity. */
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

  /** Includes new rows, even if all their figures are 0. */
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
