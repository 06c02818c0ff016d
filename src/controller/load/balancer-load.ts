/** What one load balancer sends to all members of a group. */
export interface BalancerLoad {
  activeFlows: number;
  newFlowsPerSecond: number;
  bytesPerSecond: number;
  /** Active flows by member. */
  readonly flowsByMember: Map<string, number>;
}

export const noLoad = (): BalancerLoad => ({
  activeFlows: 0,
  newFlowsPerSecond: 0,
  bytesPerSecond: 0,
  flowsByMember: new Map(),
});
