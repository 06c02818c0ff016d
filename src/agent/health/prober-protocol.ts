/** Messages between the host and its probers, one process per network (IPC of node:child_process). */

export interface ProbeSpec {
  readonly kind: 'tcp' | 'http' | 'icmp';
  readonly address: string;
  /** 0 for icmp. */
  readonly port: number;
  /** Of http. */
  readonly path: string;
  /** Of http; empty: 200 to 399. */
  readonly expectStatus: readonly number[];
  readonly timeoutMs: number;
}

export interface ProbeTarget {
  /** Key of the target. */
  readonly key: string;
  readonly probe: ProbeSpec;
  readonly intervalMs: number;
  readonly rise: number;
  readonly fall: number;
}

/** A target whose verdict has changed. */
export interface Verdict {
  readonly key: string;
  readonly isHealthy: boolean;
  /** Wall clock, epoch ms. */
  readonly sinceMs: number;
  /** Result of the last probe, in words. */
  readonly detail: string;
}

/** Always all targets. */
export type ToProber = { readonly kind: 'targets'; readonly targets: readonly ProbeTarget[] };
export type FromProber = { readonly kind: 'verdicts'; readonly verdicts: readonly Verdict[] };

export interface ProberEvents {
  onVerdicts(verdicts: readonly Verdict[]): void;
  /** It has ended without being stopped, or could not be started. Called once. */
  onEnd(reason: string): void;
}

export interface RunningProber {
  send(targets: readonly ProbeTarget[]): void;
  stop(): void;
}

/** `name`: what log lines begin with. */
export type StartProber = (name: string, netns: string, events: ProberEvents) => RunningProber;
