import type { Frame } from './frame.ts';

/** Receives the packets to members that could not be delivered, already translated. */
export interface OnUndelivered {
  /** A packet was dropped on its way to the member. */
  dropped(frame: Frame): void;
  /** A packet that waited for its member was dropped, as the member did not answer. */
  unanswered(frame: Frame): void;
  /** Called after a run of `unanswered`, when the ICMP errors about these packets have been sent. */
  endUnanswered(): void;
}
