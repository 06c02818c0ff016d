/** The `policy` and `scaling` keys of a group. */
import { z } from 'zod';
import { choice, duration, integer, name } from './schema-types.ts';

const number = (min: number, max: number, what = 'a number') => {
  const expected = `${what} from ${min} to ${max}`;
  return z.number(expected).min(min, expected).max(max, expected);
};

const kind = choice('even', 'inverse-load', 'latency-aware');
const metric = choice('active-flows', 'new-flows', 'bytes');
const METRICS = 'active flows, new flows per second, or bytes per second both ways';

const outlierEjection = z.strictObject({
  failureRatio: number(0.01, 1)
    .default(0.5)
    .describe('Part of the connection attempts that must fail for a member to be an outlier.'),
  minimumFlows: number(0, 1e9).default(1).describe('With fewer attempts per second nobody is an outlier.'),
  duration: duration('1s', '1h')
    .default('30s')
    .describe('Of the first ejection; the next ones soon after last 2, 3, … 10 times as long.'),
  maximumShare: number(0, 1)
    .default(0.34)
    .describe('Part of the members that may be ejected at a time; of two or more, one always may.'),
  panicThreshold: number(0, 1)
    .default(0.5)
    .describe('When fewer than this part of the members would be left, nobody is ejected.'),
});

export const policySettings = z.strictObject({
  kind: kind.describe(
    'Configured weights; less to those with more load; less to those that are slow or have many flows in flight.',
  ),
  mode: choice('distribute-rules', 'distribute-stats', 'both')
    .default('distribute-rules')
    .describe('Who computes weights: the controllers; the agents, from the load of all; or both.'),
  perLoadBalancer: z
    .boolean('true or false')
    .default(false)
    .describe(
      'distribute-rules: weights for each load balancer, by its own flows besides the load of all; else all have the same.',
    ),
  interval: duration('100ms', '1h').default('1s').describe('Time from one computation to the next.'),
  onChange: z.boolean('true or false').default(true).describe('Compute also when members change.'),
  metric: metric.optional().describe(`What inverse-load evens out: ${METRICS}; default: active-flows.`),
  spread: integer(1, 65_534)
    .optional()
    .describe('inverse-load: weight 1 for the most loaded member, 1 + spread for the least; default: 2.'),
  localSpread: integer(1, 65_534)
    .optional()
    .describe("The same by a load balancer's own flows, when the load of all is even; default: 1."),
  tolerance: number(0, 1)
    .optional()
    .describe(
      'inverse-load: loads that differ by less than this part of the greatest are even; default: 0.25.',
    ),
  flowLimit: integer(1, 1e9)
    .optional()
    .describe(
      'inverse-load: active flows that a member of average weight can carry; while some are there, the others get all new flows. Absent: no limit.',
    ),
  staleAfter: duration('500ms', '1h')
    .default('10s')
    .describe('Older figures are not used: weights stay as they are.'),
  slowStart: duration('0s', '1h')
    .default('0s')
    .describe("Time over which a joining member's weight grows to its full value; 0s: at once."),
  damping: number(0, 0.99)
    .default(0)
    .describe('Part of the way to new weights that is left after each computation.'),
  hysteresis: number(0, 0.99)
    .optional()
    .describe(
      "Weights stay while nobody's share would change by more than this part of it; default: 0, of latency-aware 0.05.",
    ),
  floor: number(0, 1)
    .default(0)
    .describe("A member's least share, relative to its share by configured weights."),
  ceiling: number(1, 65_535).optional().describe('Its greatest share, relative to the same; absent: any.'),
  outlierEjection: outlierEjection
    .optional()
    .describe('Members whose connects fail get no new flows for a while; absent: they do.'),
});

export const policy = z.union(
  [kind, policySettings],
  'one of even, inverse-load, latency-aware, or a mapping with such a kind',
);

const thresholds = z.strictObject({
  above: number(0, 1e15).optional().describe('Grow when the load is greater.'),
  below: number(0, 1e15).optional().describe('Shrink when it is less.'),
});

const scalingSide = z.strictObject({
  template: name.describe('Template of new instances.').meta({ examples: ['app-server'] }),
  metric: metric.default('active-flows').describe(`What the thresholds are of: ${METRICS}.`),
  average: thresholds
    .prefault({})
    .describe("Thresholds of the group's total load, divided by its active instances."),
  single: thresholds.prefault({}).describe('Thresholds of the load of any single instance.'),
  minimum: integer(1, 4096).default(1).describe('There are never fewer; other members count too.'),
  maximum: integer(1, 4096).describe('Nor more.'),
  step: integer(1, 256).default(1).describe('Instances added or drained at a time.'),
  sustain: duration('0s', '1h').default('3s').describe('A threshold must be crossed for this long.'),
  coolDown: duration('0s', '24h').default('30s').describe('Least time from one change to the next.'),
  drainDeadline: duration('0s', '7d')
    .default('5m')
    .describe(
      'A drained instance is removed after this time, whatever still runs on it. Sources that are members of no group are not drained: they have the stopTimeout of their template.',
    ),
});

export const scaling = z.strictObject({
  members: scalingSide.optional().describe('Of the destinations.'),
  sources: scalingSide.optional().describe('Of the VMs that send to the group.'),
});
