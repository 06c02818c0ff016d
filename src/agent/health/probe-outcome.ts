import type { AgentWords } from './answers/agent-words.ts';

/** The result of one probe. */
export interface ProbeOutcome {
  /** Undefined: the probe could not be made, for a reason of this host, which does not concern the member. */
  readonly isGood: boolean | undefined;
  /** The result in words. */
  readonly detail: string;
  /** Of kind `agent`: what the agent said; it decides in place of `isGood`. */
  readonly said?: AgentWords;
}
