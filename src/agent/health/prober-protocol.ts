/** Messages between the host and its probers, one process per network (IPC of node:child_process). */
import type { HealthConfig } from '../../config/model/model.ts';

/** Kinds of probes that a prober must be started for: they need a module or a permission. */
export type PreparedKind = 'tcp-syn' | 'grpc';

const PREPARED: readonly string[] = ['tcp-syn', 'grpc'] satisfies PreparedKind[];

export const preparedKinds = ({ checks }: ProberTargets): PreparedKind[] => [
  ...new Set(
    checks.flatMap(({ probe: { kind } }) => (PREPARED.includes(kind) ? [kind as PreparedKind] : [])),
  ),
];

export interface ProbeSpec {
  readonly kind: HealthConfig['kind'];
  readonly address: string;
  /** 0 for icmp. */
  readonly port: number;
  /** Of http. */
  readonly path: string;
  /** Of http; empty: 200 to 399. */
  readonly expectStatus: readonly number[];
  /** Of grpc; empty: the server as a whole. */
  readonly service: string;
  /** Of udp, a byte per character: the datagram, and what its answer contains. */
  readonly payload: string;
  readonly answer: string;
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

/** A question to a member for its load, as the group's `load` has it. */
export interface LoadSpec {
  readonly kind: 'http' | 'agent-check' | 'orca';
  readonly address: string;
  readonly port: number;
  /** Of http and orca. */
  readonly path: string;
  readonly metric?: string;
  readonly pointer?: string;
  readonly timeoutMs: number;
}

export interface LoadTarget {
  /** Key of the target. */
  readonly key: string;
  readonly question: LoadSpec;
  readonly intervalMs: number;
}

/** A member's answer. */
export interface LoadReading {
  readonly key: string;
  /** 0 … MAX_LOAD; absent: unknown, as `detail` says. */
  readonly load?: number;
  readonly detail: string;
}

/** A target whose verdict has changed. */
export interface Verdict {
  readonly key: string;
  readonly isHealthy: boolean;
  /** An unhealthy one that asks for no new flows only. */
  readonly isDraining?: boolean;
  /** Wall clock, epoch ms. */
  readonly sinceMs: number;
  /** Result of the last probe, in words. */
  readonly detail: string;
}

/** Always all targets. */
export interface ProberTargets {
  readonly checks: readonly ProbeTarget[];
  readonly loads: readonly LoadTarget[];
}

export type ToProber = ProberTargets & { readonly kind: 'targets' };
export type FromProber =
  | { readonly kind: 'verdicts'; readonly verdicts: readonly Verdict[] }
  | { readonly kind: 'loads'; readonly loads: readonly LoadReading[] };

export interface ProberEvents {
  onVerdicts(verdicts: readonly Verdict[]): void;
  onLoads(loads: readonly LoadReading[]): void;
  /** It has ended without being stopped, or could not be started. Called once. */
  onEnd(reason: string): void;
}

export interface RunningProber {
  send(targets: ProberTargets): void;
  stop(): void;
}

export interface ProberStart {
  /** What log lines begin with. */
  readonly name: string;
  readonly netns: string;
  readonly prepared: readonly PreparedKind[];
}

export type StartProber = (start: ProberStart, events: ProberEvents) => RunningProber;
