/** The `health` key of a group. */
import { z } from 'zod';
import { choice, duration, integer, l4Port, oneOrList } from './schema-types.ts';

const QUORUM_EXPECTED = 'majority, any, all, or a number of hosts';

const status = integer(100, 599, 'an HTTP status');

const bytes = z
  .string('text')
  .max(1024, 'at most 1024 bytes')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: any byte may be sent
  .regex(/^[\x00-\xff]*$/, 'characters up to U+00FF, a byte each');

const flapDamping = z.strictObject({
  halfLife: duration('1s', '1h').default('15s').describe('Time after which a failure counts half.'),
  suppress: integer(2, 1000).default(4).describe('Failures from which on a member is held back.'),
  reuse: integer(1, 999)
    .default(1)
    .describe('Failures below which a member that was held back is used again; less than `suppress`.'),
  maxHold: duration('1s', '24h')
    .default('1m')
    .describe('Longest time for which a member is held back that stays healthy.'),
});

export const health = z.strictObject({
  kind: choice('tcp', 'http', 'icmp', 'tcp-syn', 'agent', 'grpc', 'udp').describe(
    "Probe that a healthy member passes: a TCP connection opens; an HTTP response has the expected status; an ICMP echo is answered; a SYN is answered, without opening a connection (`tcp-syn`, by the optional npm package raw-socket); an agent of HAProxy's agent-check protocol says neither `down`, `fail`, `stopped` nor `maint`, and on `drain` or 0% the member drains; gRPC's health service says SERVING; or a UDP datagram has the expected answer.",
  ),
  port: l4Port.optional().describe("Port to probe; absent: the member's port, or else the group's."),
  path: z
    .string('a path that begins with /')
    .regex(/^\/[\x21-\x7e]*$/, 'a path that begins with /, without blanks')
    .optional()
    .describe('Path requested by `kind: http`; default: /.')
    .meta({ examples: ['/healthz'] }),
  expectStatus: oneOrList(status, 'an HTTP status or a list of them')
    .optional()
    .describe('Statuses that `kind: http` accepts; absent: 200 to 399.'),
  service: z
    .string('the name of a gRPC service')
    .max(256, 'at most 256 characters')
    .optional()
    .describe('Service that `kind: grpc` asks about; absent: the server as a whole.')
    .meta({ examples: ['shop.Cart'] }),
  payload: bytes
    .optional()
    .describe('Datagram that `kind: udp` sends, a byte per character (`"\\x00"` for others); default: empty.')
    .meta({ examples: ['ping'] }),
  answer: bytes
    .optional()
    .describe('What an answer to `payload` must contain; absent: any answer is good.')
    .meta({ examples: ['pong'] }),
  interval: duration('100ms', '1h').default('1s').describe('Time between two probes of a member.'),
  timeout: duration('10ms', '1m')
    .default('500ms')
    .describe('Time after which an unanswered probe counts as failed.'),
  rise: integer(1, 100).default(2).describe('Successful probes in a row after which a member is healthy.'),
  fall: integer(1, 100).default(3).describe('Failed probes in a row after which a member is unhealthy.'),
  quorum: z
    .union([choice('majority', 'any', 'all'), integer(1, 65535)], QUORUM_EXPECTED)
    .default('majority')
    .describe(
      'Hosts that must find a member unhealthy for it to fail: a number of hosts, or a share of those that probe it.',
    ),
  flapDamping: z
    .union([choice('none'), flapDamping], 'none, or halfLife, suppress, reuse and maxHold')
    .default({ halfLife: '15s', suppress: 4, reuse: 1, maxHold: '1m' })
    .describe(
      'Holding back of members that keep failing and recovering; `none`: they come and go each time.',
    ),
});
