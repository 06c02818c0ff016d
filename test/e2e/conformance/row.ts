/** A requirement, and the tests that show that it holds. */
export interface Row {
  /** Where the requirement comes from. */
  readonly source: string;
  readonly requirement: string;
  readonly tests: readonly string[];
}
