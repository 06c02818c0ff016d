/** Which rows of a long table exist as elements: those in sight, and a few around. */

export interface RowWindow {
  /** First row, and the one behind the last. */
  readonly from: number;
  readonly to: number;
}

const AROUND = 6;

/** Lengths in pixels. */
export function rowWindow(count: number, scrollTop: number, height: number, rowHeight: number): RowWindow {
  const first = Math.floor(Math.max(0, scrollTop) / rowHeight) - AROUND;
  const visible = Math.ceil(height / rowHeight) + 2 * AROUND;
  const from = Math.max(0, Math.min(first, count - visible));
  return { from, to: Math.min(count, from + visible) };
}
