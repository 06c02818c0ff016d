/** Verdicts on a frame, of an operator or of another part that may end the frame's processing. */

/** The frame goes on to the next operator or to the forwarding element. */
export const PASS = 0;
/** The frame has been answered, dropped or queued, and counted. */
export const CONSUMED = 1;
