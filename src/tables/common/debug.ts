/**
 * Debug assertions: checks of the code's own invariants, such as the order of a record's states. They run in tests
 * and in replay. The bundle of the datapath thread omits them: scripts/lib/bundle.mjs sets DEBUG to false, and the
 * bundler drops the code that it guards.
 */
export const DEBUG: boolean = true;

/**
 * Throws unless the condition holds. In per-packet code, call it behind `if (DEBUG)`, which drops the arguments too.
 */
export function debugAssert(condition: boolean, message: string): void {
  if (DEBUG && !condition) throw new Error(`debug assertion: ${message}`);
}
