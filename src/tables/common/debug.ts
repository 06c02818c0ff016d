/**
 * Debug assertions: checks of what the code itself guarantees, such as the order of a record's states. They run in tests and
 * in replay. The bundle of the datapath thread has none: scripts/lib/bundle.mjs sets DEBUG to false, and the bundler drops
 * the code that it guards.
 */
export const DEBUG: boolean = true;

/** Throws unless the condition holds. In code that runs per packet call it behind `if (DEBUG)`, which drops the arguments too. */
export function debugAssert(condition: boolean, message: string): void {
  if (DEBUG && !condition) throw new Error(`debug assertion: ${message}`);
}
