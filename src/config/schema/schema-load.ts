/** The `load` key of a group. */
import { z } from 'zod';
import { choice, duration, l4Port } from './schema-types.ts';

export const load = z.strictObject({
  from: choice('members', 'balancers', 'both')
    .default('members')
    .describe(
      "Who tells the load that `policy.metric: reported` uses: the members; or both the members and the load balancers: the mean of a member's shares of the reported load and of the active flows; with `balancers` members are not asked.",
    ),
  kind: choice('http', 'agent-check', 'orca')
    .optional()
    .describe(
      "How members are asked: by HTTP, for a metric in Prometheus text or a number in JSON; by HAProxy's agent-check protocol, whose percentage of capacity counts as a load of 100 less that, at least 0; or by HTTP for an ORCA load report, in the header `endpoint-load-metrics` or as JSON.",
    ),
  port: l4Port.optional().describe("Port to ask at; absent: the member's port, or else the group's."),
  path: z
    .string('a path that begins with /')
    .regex(/^\/[\x21-\x7e]*$/, 'a path that begins with /, without blanks')
    .optional()
    .describe('Path requested by `kind: http` and `kind: orca`; default: /metrics with `metric`, else /.')
    .meta({ examples: ['/metrics'] }),
  metric: z
    .string('a metric')
    .max(1024, 'at most 1024 characters')
    .optional()
    .describe(
      'Of `kind: http`: metric in Prometheus text, with the labels that it must have; several samples are added up. Of `kind: orca`: field of the report, such as `cpu_utilization` or `named_metrics.queue`; absent: `application_utilization`, or else `cpu_utilization`.',
    )
    .meta({ examples: ['node_load1', 'requests_in_flight{handler="api"}'] }),
  pointer: z
    .string('a JSON pointer')
    .regex(/^(?:\/(?:[^~/]|~[01])*)*$/, 'a JSON pointer (RFC 6901), such as /stats/load')
    .max(1024, 'at most 1024 characters')
    .optional()
    .describe('Of `kind: http`: place of the number in a JSON document, in place of `metric`.')
    .meta({ examples: ['/stats/load'] }),
  interval: duration('100ms', '1h').default('1s').describe('Time between two questions to a member.'),
  timeout: duration('10ms', '1m')
    .default('500ms')
    .describe('Time after which an answer that is not complete is not used.'),
});
