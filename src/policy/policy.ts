/** Input and output of a policy. */

export type MemberState = 'active' | 'draining' | 'failed';

/** One member and its load, over all hosts. */
export interface MemberLoad {
  readonly name: string;
  readonly state: MemberState;
  readonly configuredWeight: number;
  readonly activeFlows: number;
  readonly newFlowsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly packetsPerSecond: number;
  /** SYN to SYN/ACK; of UDP, request to response. Absent: never measured. */
  readonly synTimeMs?: number;
  readonly rttMs?: number;
  /** The member's receive window. Absent: never measured. */
  readonly windowBytes?: number;
  readonly retransmissionsPerSecond: number;
  readonly resetsPerSecond: number;
  readonly failedConnectsPerSecond: number;
  /** Signs of congestion, relative to the group's mean, which is 100. */
  readonly congestionPercent: number;
  /** By the member's own answers. Absent: there are none. */
  readonly reportedLoad?: number;
  /** Age of `reportedLoad`; Infinity: there is none. */
  readonly reportedAgeMs: number;
  /** Age of all other figures; Infinity: there are none. */
  readonly ageMs: number;
  /** Time since it joined the group. */
  readonly sinceMs: number;
}

export interface PolicyInput {
  readonly nowMs: number;
  readonly members: readonly MemberLoad[];
  /** Active flows of one load balancer, by member; absent where weights are computed for all. */
  readonly localFlows?: readonly number[];
  /** Weights in force, by member; 0 for one that has just joined. */
  readonly previous: readonly number[] | undefined;
}

/** May keep state; one per group, or per group and load balancer if their weights differ. */
export interface Policy {
  /** Weights by member, integers 0 … 65535; 0 for a member that is not active or is configured with weight 0. */
  weights(input: PolicyInput): number[];
}

/** Members that may get new flows, all with figures: the input of a kind of policy. */
export interface Candidates {
  readonly nowMs: number;
  readonly members: readonly MemberLoad[];
  readonly localFlows?: readonly number[];
}

/** The core of a policy: shares of new flows, greater than 0, in any unit. */
export interface Distribution {
  shares(candidates: Candidates): number[];
}
