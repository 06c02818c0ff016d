/** The `health` key of a group. */
import { z } from 'zod';
import { choice, duration, integer, l4Port, oneOrList } from './schema-types.ts';

const QUORUM_EXPECTED = 'majority, any, all, or a number of hosts';

const status = integer(100, 599, 'an HTTP status');

export const health = z.strictObject({
  kind: choice('tcp', 'http', 'icmp').describe(
    'A connection that opens; an HTTP answer with the right status; an answer to an ICMP echo.',
  ),
  port: l4Port.optional().describe("Port to probe; absent: the member's, else the group's."),
  path: z
    .string('a path that begins with /')
    .regex(/^\/[\x21-\x7e]*$/, 'a path that begins with /, without blanks')
    .optional()
    .describe('What kind: http asks for; default: /.')
    .meta({ examples: ['/healthz'] }),
  expectStatus: oneOrList(status, 'an HTTP status or a list of them')
    .optional()
    .describe('What kind: http takes for an answer of a healthy member; absent: 200 to 399.'),
  interval: duration('100ms', '1h').default('1s').describe('Time from one probe of a member to the next.'),
  timeout: duration('10ms', '1m').default('500ms').describe('A probe without an answer by then has failed.'),
  rise: integer(1, 100).default(2).describe('Good probes in a row that make a member healthy.'),
  fall: integer(1, 100).default(3).describe('Failed probes in a row that make it unhealthy.'),
  quorum: z
    .union([choice('majority', 'any', 'all'), integer(1, 65535)], QUORUM_EXPECTED)
    .default('majority')
    .describe('How many of the hosts that probe a member must find it unhealthy.'),
});
