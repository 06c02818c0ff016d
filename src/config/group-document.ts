/**
 * A group as a controller sends it to hosts: GroupConfig (model.ts) as JSON. The receiver checks the keys that it
 * relies on and keeps those that it does not know.
 */
import { z } from 'zod';
import { isMac, isPrefix, isUnicast } from '../wire/address.ts';
import { type GroupConfig, MAX_HOPS } from './model/model.ts';
import { ConfigError, type Problem, pathText } from './problems/problems.ts';
import { checkShape } from './schema/shape.ts';

const address = z.string('an address').refine(isUnicast, 'an IPv4 or IPv6 unicast address');
const epochMs = z.number('epoch milliseconds').optional();

const weight = z.int('a weight').min(0, 'a weight of 0 to 65535').max(65535, 'a weight of 0 to 65535');

const member = z.looseObject({
  name: z.string('a name').min(1, 'a name'),
  address,
  port: z.int('a port').min(1, 'a port').max(65535, 'a port').optional(),
  mac: z.string('a MAC address').refine(isMac, 'a MAC address').optional(),
  weight,
  configuredWeight: weight.optional(),
  weightsByPort: z.record(z.string(), weight).optional(),
  state: z.enum(['active', 'draining', 'failed'], 'one of active, draining, failed'),
  drainDeadlineMs: epochMs,
});

const port = z.int('a port').min(0, 'a port').max(65535, 'a port');
const portRanges = z.array(z.tuple([port, port], 'first and last port')).optional();

const prefix = z.string('a prefix').refine(isPrefix, 'a prefix');

/** Of a priority. */
const priority = {
  name: z.string('a name').min(1, 'a name').optional(),
  when: z
    .looseObject({
      sources: z.array(prefix),
      sourcePorts: portRanges,
      dscps: z.array(z.int('a DSCP').min(0, 'a DSCP').max(63, 'a DSCP')).optional(),
      vlanPriorities: z.array(z.int('a priority').min(0, 'a priority').max(7, 'a priority')).optional(),
      labels: z.record(z.string(), z.string('text')).optional(),
    })
    .optional(),
  onEmpty: z.enum(['next', 'reject', 'drop'], 'one of next, reject, drop').optional(),
};

const groupDocument = z
  .looseObject({
    name: z.string('a name').min(1, 'a name'),
    network: z.string('a name').min(1, 'a name'),
    otherNetworks: z.array(z.string('a name')).optional(),
    kind: z.literal('middlebox', 'middlebox, or nothing').optional(),
    vip: z.array(address, 'a list of addresses'),
    chain: z
      .looseObject({
        through: z
          .array(z.string('a name'))
          .min(1, 'at least one group')
          .max(MAX_HOPS, `at most ${MAX_HOPS} groups`),
        onHopFailure: z.enum(['rehash', 'reset'], 'one of rehash, reset'),
        onNoHop: z.enum(['reject', 'bypass'], 'one of reject, bypass'),
      })
      .optional(),
    protocol: z.enum(['any', 'tcp', 'udp', 'sctp', 'icmp'], 'one of any, tcp, udp, sctp, icmp'),
    port: z.int('a port').min(1, 'a port').max(65535, 'a port').optional(),
    ports: portRanges,
    match: z.looseObject({
      sources: z.array(prefix),
      sourcePort: z.int('a port').optional(),
      sourcePorts: portRanges,
      macs: z.array(z.string('a MAC address').refine(isMac, 'a MAC address')).optional(),
    }),
    from: z.record(z.string(), z.string('text')).optional(),
    rewrite: z.enum(['address', 'mac', 'port'], 'one of address, mac, port'),
    algorithm: z.string('an algorithm'),
    load: z
      .looseObject({
        intervalMs: z.number('milliseconds').min(100, 'at least 100'),
        timeoutMs: z.number('milliseconds').min(10, 'at least 10'),
      })
      .optional(),
    onEmpty: z.enum(['reject', 'drop'], 'one of reject, drop'),
    criteria: z.array(
      z.looseObject({ fromMs: epochMs, untilMs: epochMs, ...priority, members: z.array(member) }),
    ),
  })
  .refine(({ kind, vip }) => kind !== undefined || vip.length > 0, {
    error: 'at least one address',
    path: ['vip'],
  });

/** Throws ConfigError with all problems; `origin` names the sender. */
export function parseGroupDocument(json: string, origin: string): GroupConfig {
  let input: unknown;
  try {
    input = JSON.parse(json);
  } catch {
    throw new ConfigError(origin, [{ path: '', found: JSON.stringify(json.slice(0, 60)), expected: 'JSON' }]);
  }
  const problems: Problem[] = [];
  const { value } = checkShape(groupDocument, input, (path, found, expected) => {
    problems.push({ path: pathText(path), found, expected });
  });
  if (value === undefined || problems.length > 0) throw new ConfigError(origin, problems);
  return value as unknown as GroupConfig;
}
