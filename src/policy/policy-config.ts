/** How a group's weights are computed and when it grows or shrinks: the settings, with defaults filled in. */

export type PolicyKind = 'even' | 'inverse-load' | 'latency-aware';

/** What counts as a member's load. */
export type LoadMetric = 'active-flows' | 'new-flows' | 'bytes';

export interface PolicyConfig {
  kind: PolicyKind;
  /** Who computes: the controllers, the agents, or both (controllers for all, agents refine with their own flows). */
  mode: 'distribute-rules' | 'distribute-stats' | 'both';
  /** `distribute-rules`: for each load balancer by its own flows, too; absent: the same for all. */
  perLoadBalancer?: true;
  /** Time between two computations. */
  intervalMs: number;
  /** Compute also at once when members change. */
  onChange: boolean;
  /** What `inverse-load` evens out. */
  metric: LoadMetric;
  /** `inverse-load`: the least loaded member gets 1 + spread times the weight of the most loaded. */
  spread: number;
  /** The same by a load balancer's own flows, used when the global loads are even. */
  localSpread: number;
  /** Loads that differ by less than this part of the greatest are even, 0 … 1. */
  tolerance: number;
  /** `inverse-load`: active flows that a member of average weight can carry; absent: no limit. */
  flowLimit?: number;
  /** Figures older than this are not used. */
  staleAfterMs: number;
  /** A joining member's weight grows over this time; 0: it has its full weight at once. */
  slowStartMs: number;
  /** Part of the way to new weights that is not gone in one step, 0 … below 1. */
  damping: number;
  /** Weights stay while no member's share would change by more than this part of it, 0 … below 1. */
  hysteresis: number;
  /** Least and greatest share of a member, relative to its share by configured weights. */
  floor: number;
  ceiling?: number;
  /** Absent: members are never ejected for failed connects. */
  outlierEjection?: OutlierEjectionConfig;
}

export interface OutlierEjectionConfig {
  /** Failed connects per connection attempt from which on a member is an outlier, 0 … 1. */
  failureRatio: number;
  /** Fewer attempts per second say nothing. */
  minimumFlowsPerSecond: number;
  /** Duration of the first ejection; the second in a row lasts twice as long, and so on, up to ten times. */
  ejectionMs: number;
  /** Part of the usable members that may be ejected at a time; one always may if there are two, 0 … 1. */
  maximumShare: number;
  /** With less than this part of the members usable, nobody is ejected: a problem of all is no outlier, 0 … 1. */
  panicThreshold: number;
}

/** Growth and shrinkage of both sides of a group. */
export interface GroupScalingConfig {
  members?: ScalingConfig;
  sources?: ScalingConfig;
}

/** Above: grow; below: shrink. Absent bounds don't count. */
export interface Thresholds {
  above?: number;
  below?: number;
}

export interface ScalingConfig {
  /** Name of the template of new VMs. */
  template: string;
  metric: LoadMetric;
  /** Bounds on the total load per active unit. */
  average: Thresholds;
  /** Bounds on the load of any single unit. */
  single: Thresholds;
  minimum: number;
  maximum: number;
  /** Units added or drained in one step. */
  step: number;
  /** Loads must be beyond a bound for this long. */
  sustainMs: number;
  /** Least time from one change to the next. */
  coolDownMs: number;
  /** A drained unit is removed after this time, whatever still runs on it. */
  drainDeadlineMs: number;
}
