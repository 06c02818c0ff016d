/** Settings of a group's policy and scaling, with defaults filled in. */

export type PolicyKind = 'even' | 'inverse-load' | 'latency-aware';

/** Metrics of a member's load by which VMs are added and removed. */
export type ScalingMetric = 'active-flows' | 'new-flows' | 'bytes';

/** Metrics of a member's load that weights follow; `reported`: by its own answers. */
export const LOAD_METRICS = [
  'active-flows',
  'new-flows',
  'bytes',
  'packets',
  'rtt',
  'window',
  'retransmissions',
  'congestion',
  'reported',
] as const;

export type LoadMetric = (typeof LOAD_METRICS)[number];

export interface PolicyConfig {
  kind: PolicyKind;
  /** Where weights are computed: at controllers, agents, or both (controllers for all, refined by agents' own flows). */
  mode: 'distribute-rules' | 'distribute-stats' | 'both';
  /** `distribute-rules`: separate weights per load balancer, from its own flows, too; absent: the same for all. */
  perLoadBalancer?: true;
  /** Time between two computations. */
  intervalMs: number;
  /** Whether a change of members starts a computation at once. */
  onChange: boolean;
  /** Load that `inverse-load` evens out. */
  metric: LoadMetric;
  /** `inverse-load`: the least loaded member gets 1 + spread times the weight of the most loaded. */
  spread: number;
  /** The spread for a load balancer's own flows, used when the global loads are even. */
  localSpread: number;
  /** Loads that differ by less than this fraction of the largest are even, 0 … 1. */
  tolerance: number;
  /** `inverse-load`: active flows that a member of average weight can carry; absent: no limit. */
  flowLimit?: number;
  /** Figures older than this are not used. */
  staleAfterMs: number;
  /** A joining member's weight grows over this time; 0: it has its full weight at once. */
  slowStartMs: number;
  /** Fraction of the way to new weights that remains after one step, 0 … below 1. */
  damping: number;
  /** Weights stay while no member's share would change by more than this fraction, 0 … below 1. */
  hysteresis: number;
  /** Smallest and largest share of a member, relative to its share by configured weights. */
  floor: number;
  ceiling?: number;
  /** Absent: members are never ejected for failed connects. */
  outlierEjection?: OutlierEjectionConfig;
}

export interface OutlierEjectionConfig {
  /** Fraction of failed connection attempts from which a member is an outlier, 0 … 1. */
  failureRatio: number;
  /** Members with fewer attempts per second are not judged. */
  minimumFlowsPerSecond: number;
  /** Duration of the first ejection; the second in a row lasts twice as long, and so on, up to ten times. */
  ejectionMs: number;
  /** Fraction of the usable members that may be ejected at a time; of two or more members one always may, 0 … 1. */
  maximumShare: number;
  /** If less than this fraction of the members is usable, none is ejected, 0 … 1. */
  panicThreshold: number;
}

/** Scaling of both sides of a group. */
export interface GroupScalingConfig {
  members?: ScalingConfig;
  sources?: ScalingConfig;
}

/** Above: grow; below: shrink. Absent bounds have no effect. */
export interface Thresholds {
  above?: number;
  below?: number;
}

export interface ScalingConfig {
  /** Name of the template of new VMs. */
  template: string;
  metric: ScalingMetric;
  /** Bounds on the total load per active unit. */
  average: Thresholds;
  /** Bounds on the load of any single unit. */
  single: Thresholds;
  minimum: number;
  maximum: number;
  /** Units added or drained in one step. */
  step: number;
  /** Loads must exceed a bound for this long. */
  sustainMs: number;
  /** Shortest time between two changes. */
  coolDownMs: number;
  /** A drained unit is removed after this time, even if it still has flows. */
  drainDeadlineMs: number;
}
