/** The keys `firewalls`, and `chain` of ports and networks. */
import { z } from 'zod';
import { choice, duration, integer, labels, name, optionalList, portRange, prefix } from './schema-types.ts';

const byLabels = z.strictObject({
  labels: labels.describe('Labels that a port must have; its addresses are matched.'),
});

const conditions = z.strictObject({
  direction: choice('to-vm', 'from-vm')
    .optional()
    .describe('Direction of the first packet of a flow, seen from the port; absent: both.'),
  protocol: choice('any', 'tcp', 'udp', 'sctp', 'icmp')
    .default('any')
    .describe('Protocol; `icmp` is that of IPv4 and of IPv6.'),
  ports: optionalList(portRange).describe('Destination ports and ranges of them; empty: any.'),
  icmpTypes: optionalList(integer(0, 255, 'an ICMP type')).describe(
    'ICMP types, with `protocol: icmp`; empty: any.',
  ),
  sources: optionalList(prefix).describe('Source prefixes; empty: any.'),
  destinations: optionalList(prefix).describe('Destination prefixes; empty: any.'),
  from: byLabels
    .optional()
    .describe('Ports of this host whose addresses are matched as source; absent: any.'),
  to: byLabels
    .optional()
    .describe('Ports of this host whose addresses are matched as destination; absent: any.'),
});

const rule = z
  .strictObject({
    name: name.describe('Name of the rule, unique in its firewall.').meta({ examples: ['http'] }),
    allow: conditions.optional().describe('Conditions under which a new flow is allowed.'),
    deny: conditions.optional().describe('Conditions under which a new flow is denied.'),
    log: z
      .boolean('true or false')
      .default(false)
      .describe('Write a log line for denied packets, at most 64 per second over all rules.'),
  })
  .refine(
    ({ allow, deny }) => (allow === undefined) !== (deny === undefined),
    'exactly one of allow and deny',
  );

export const firewall = z.strictObject({
  name: name.describe('Name of the firewall.').meta({ examples: ['web-in'] }),
  default: choice('allow', 'deny')
    .default('deny')
    .describe('Verdict on new flows that no rule matches, in both directions.'),
  rules: optionalList(rule).describe(
    'Rules for the first packet of a flow; the first rule that matches decides, and the other packets of the flow follow.',
  ),
});

const rateLimit = z
  .strictObject({
    packetsPerSecond: integer(1, 1_000_000_000, 'packets per second')
      .optional()
      .describe(
        'Packets per second in each direction; a super-segment counts as the packets that it stands for.',
      ),
    bitsPerSecond: integer(1_000, 1_000_000_000_000, 'bits per second')
      .optional()
      .describe('Bits of Ethernet frames per second in each direction.'),
    burst: duration('1ms', '10s')
      .default('100ms')
      .describe('Time at full rate that may be used at once; at least one super-segment always passes.'),
  })
  .refine(
    ({ packetsPerSecond, bitsPerSecond }) => packetsPerSecond !== undefined || bitsPerSecond !== undefined,
    'packetsPerSecond, bitsPerSecond, or both',
  );

const mirror = conditions.omit({ to: true, from: true }).extend({
  port: name.describe(
    'Name of the port that gets a copy of each packet, as it is at this place in the chain.',
  ),
});

const OPERATOR_EXPECTED =
  'anti-spoofing, load-balancer, the name of a firewall, or a mapping with firewall, rateLimit or mirror';

export const operator = z.union(
  [
    name,
    z.strictObject({ firewall: name.describe('Name of the firewall.') }),
    z.strictObject({
      rateLimit: rateLimit.describe('Drops packets beyond a rate, in each direction.'),
    }),
    z.strictObject({ mirror: mirror.describe('Copies packets to a port of this host.') }),
  ],
  OPERATOR_EXPECTED,
);

export const mark = z.strictObject({
  sources: z.array(prefix).min(1, 'at least one prefix').describe('Source prefixes of the packets to mark.'),
  dscp: integer(0, 63, 'a DSCP').describe('Differentiated services code point to set.'),
});
