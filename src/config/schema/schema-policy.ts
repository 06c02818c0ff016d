/** The `policy` and `scaling` keys of a group. */
import { z } from 'zod';
import { LOAD_METRICS } from '../../policy/policy-config.ts';
import { choice, duration, integer, name } from './schema-types.ts';

const number = (min: number, max: number, what = 'a number') => {
  const expected = `${what} from ${min} to ${max}`;
  return z.number(expected).min(min, expected).max(max, expected);
};

const kind = choice('even', 'inverse-load', 'latency-aware');
const scalingMetric = choice('active-flows', 'new-flows', 'bytes');
const SCALING_METRICS = 'active flows, new flows per second, or bytes per second both ways';
const metric = choice(...LOAD_METRICS);
const METRICS =
  'active flows; new flows, bytes or packets per second; the round-trip time; the receive window (a smaller one is more load); retransmitted segments per second; congestion, which combines flows, round-trip time, retransmissions and closed windows; or what the members report, as `load` of the group says';

const outlierEjection = z.strictObject({
  failureRatio: number(0.01, 1)
    .default(0.5)
    .describe('Ratio of failed connection attempts from which on a member is an outlier.'),
  minimumFlows: number(0, 1e9)
    .default(1)
    .describe('Connection attempts per second below which a member is never an outlier.'),
  duration: duration('1s', '1h')
    .default('30s')
    .describe('Length of the first ejection; ejections that follow soon last 2, 3, … 10 times as long.'),
  maximumShare: number(0, 1)
    .default(0.34)
    .describe(
      'Largest share of the members that may be ejected at a time; one of two or more members always may.',
    ),
  panicThreshold: number(0, 1)
    .default(0.5)
    .describe(
      'Smallest share of the members that must remain; an ejection that would leave fewer does not happen.',
    ),
});

export const policySettings = z.strictObject({
  kind: kind.describe(
    'How weights are computed: configured weights, less for members with more load, or less for members that are slow or have many flows in flight.',
  ),
  mode: choice('distribute-rules', 'distribute-stats', 'both')
    .default('distribute-rules')
    .describe(
      'Where weights are computed: by the controllers, by the agents from the load of all hosts, or by both.',
    ),
  perLoadBalancer: z
    .boolean('true or false')
    .default(false)
    .describe(
      'Compute separate weights for each load balancer, from its own flows as well as the total load (`distribute-rules` only); false: all load balancers have the same weights.',
    ),
  interval: duration('100ms', '1h').default('1s').describe('Time between two computations of the weights.'),
  onChange: z
    .boolean('true or false')
    .default(true)
    .describe('Also compute the weights whenever members change.'),
  metric: metric.optional().describe(`Load that inverse-load evens out: ${METRICS}; default: active-flows.`),
  spread: integer(1, 65_534)
    .optional()
    .describe(
      'Spread of inverse-load: the most loaded member gets weight 1, the least loaded 1 + spread; default: 2.',
    ),
  localSpread: integer(1, 65_534)
    .optional()
    .describe("Spread by a load balancer's own flows, used while the total load is even; default: 1."),
  tolerance: number(0, 1)
    .optional()
    .describe(
      'Relative difference below which inverse-load treats loads as even, as a ratio of the greatest; default: 0.25.',
    ),
  flowLimit: integer(1, 1e9)
    .optional()
    .describe(
      'Active flows at which inverse-load considers a member of average weight full; while some members are full, the others get all new flows; absent: no limit.',
    ),
  staleAfter: duration('500ms', '1h')
    .default('10s')
    .describe('Age above which load figures are ignored; weights then stay unchanged.'),
  slowStart: duration('0s', '1h')
    .default('0s')
    .describe("Time over which a joining member's weight grows to its full value; 0s: immediately."),
  damping: number(0, 0.99)
    .default(0)
    .describe('Ratio of the old weight that is kept in each computation; 0 applies new weights immediately.'),
  hysteresis: number(0, 0.99)
    .optional()
    .describe(
      "Relative change of a member's share below which weights are not updated; default: 0, for latency-aware 0.05.",
    ),
  floor: number(0, 1)
    .default(0)
    .describe('Minimum share of a member, as a ratio of its share by configured weight.'),
  ceiling: number(1, 65_535)
    .optional()
    .describe('Maximum share of a member, as a ratio of its share by configured weight; absent: no maximum.'),
  outlierEjection: outlierEjection
    .optional()
    .describe(
      'Ejection of members whose connection attempts fail: they get no new flows for a while; absent: no ejection.',
    ),
});

export const policy = z.union(
  [kind, policySettings],
  'one of even, inverse-load, latency-aware, or a mapping with such a kind',
);

const thresholds = z.strictObject({
  above: number(0, 1e15).optional().describe('Load above which VMs are added; absent: never.'),
  below: number(0, 1e15).optional().describe('Load below which VMs are drained; absent: never.'),
});

const scalingSide = z.strictObject({
  template: name.describe('Template of the VMs that are started.').meta({ examples: ['app-server'] }),
  metric: scalingMetric
    .default('active-flows')
    .describe(`Load that the thresholds apply to: ${SCALING_METRICS}.`),
  average: thresholds
    .prefault({})
    .describe("Thresholds of the group's total load divided by its active VMs."),
  single: thresholds.prefault({}).describe('Thresholds of the load of any single VM.'),
  minimum: integer(1, 4096)
    .default(1)
    .describe('Minimum number of members, including those that were not started from the template.'),
  maximum: integer(1, 4096).describe(
    'Maximum number of members, including those that were not started from the template.',
  ),
  step: integer(1, 256).default(1).describe('VMs added or drained at a time.'),
  sustain: duration('0s', '1h')
    .default('3s')
    .describe('Time for which a threshold must be crossed before VMs are added or drained.'),
  coolDown: duration('0s', '24h').default('30s').describe('Minimum time between two changes.'),
  drainDeadline: duration('0s', '7d')
    .default('5m')
    .describe(
      'Time after which a draining VM is removed even if flows are still running; sources that are members of no group are not drained, but stopped within the `stopTimeout` of their template.',
    ),
});

export const scaling = z.strictObject({
  members: scalingSide.optional().describe('Scaling of the destinations, the members of the group.'),
  sources: scalingSide.optional().describe('Scaling of the sources, the VMs that send to the group.'),
});
