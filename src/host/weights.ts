/**
 * Weights that differ from one load balancer to the next: what the agent computes from each LB's own flows. They
 * stand beside the groups, whose weights hold wherever this says nothing.
 */

/** LB key (load-balancer-plan.ts) → group → member → weight, 0 … 65535. Immutable; a change makes another one. */
export type WeightsByLoadBalancer = ReadonlyMap<string, GroupWeights>;

export type GroupWeights = ReadonlyMap<string, ReadonlyMap<string, number>>;

export const NO_WEIGHTS: WeightsByLoadBalancer = new Map();
