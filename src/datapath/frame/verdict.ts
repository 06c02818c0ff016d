/** Verdicts on a frame, by an operator or another part that may end its processing. */

/** The frame continues to the next operator or to the forwarding element. */
export const PASS = 0;
/** The frame has been answered, dropped or queued, and counted. */
export const CONSUMED = 1;
