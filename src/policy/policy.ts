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
  /** SYN to SYN/ACK; of UDP, request to response. Absent: never measured. */
  readonly synTimeMs?: number;
  readonly rttMs?: number;
  readonly retransmissionsPerSecond: number;
  readonly resetsPerSecond: number;
  readonly failedConnectsPerSecond: number;
  /** Age of these figures; Infinity: there are none. */
  readonly ageMs: number;
  /** How long it has been a member. */
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

/** May remember what it has seen; one per group, or per group and load balancer where those differ. */
export interface Policy {
  /** By member, integers 0 … 65535. A member that is not active, or configured with weight 0, has 0. */
  weights(input: PolicyInput): number[];
}

/** Members that new flows may go to, all with figures; what the kinds of policies decide about. */
export interface Candidates {
  readonly nowMs: number;
  readonly members: readonly MemberLoad[];
  readonly localFlows?: readonly number[];
}

/** The heart of a policy: shares of new flows, greater than 0, in any unit. */
export interface Distribution {
  shares(candidates: Candidates): number[];
}
