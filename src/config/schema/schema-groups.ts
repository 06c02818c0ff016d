/** The schema of `groups`: virtual addresses, the packets that they are for, members, and how one is selected. */
import { z } from 'zod';
import { MAX_HOPS } from '../model/model.ts';
import { health } from './schema-health.ts';
import { load } from './schema-load.ts';
import { policy, scaling } from './schema-policy.ts';
import {
  choice,
  duration,
  integer,
  l4Port,
  labels,
  mac,
  name,
  oneOrList,
  optionalList,
  portRange,
  prefix,
  timestamp,
  unicastAddress,
} from './schema-types.ts';

export const memberSchema = z.strictObject({
  name: name.describe('Name of the member, unique within the group.').meta({ examples: ['app1'] }),
  address: unicastAddress.describe("The member's own address, the destination after translation."),
  port: l4Port.optional().describe('Destination port after translation; absent: the port stays unchanged.'),
  mac: mac.optional().describe("The member's MAC address; absent: resolved by ARP or neighbour discovery."),
  weight: integer(0, 65535)
    .default(1)
    .describe('Share of new flows relative to the other members; 0 gives the member no new flows.'),
});

const criteria = z.strictObject({
  from: timestamp.optional().describe('Start of the period, inclusive; absent: no start.'),
  until: timestamp.optional().describe('End of the period, exclusive; absent: no end.'),
  members: z.array(memberSchema).describe('Members during this period.'),
});

const dscp = integer(0, 63, 'a DSCP');
const vlanPriority = integer(0, 7, 'a priority');

const when = z.strictObject({
  sources: optionalList(prefix).describe('Source prefixes; empty: any source.'),
  sourcePorts: optionalList(portRange).describe('Source ports, single ones and ranges; empty: any.'),
  dscp: oneOrList(dscp, 'a DSCP from 0 to 63, or a list of them')
    .optional()
    .describe('Differentiated services code point of the packet (RFC 2474), or a list; absent: any.')
    .meta({ examples: [46] }),
  vlanPriority: oneOrList(vlanPriority, 'a priority from 0 to 7, or a list of them')
    .optional()
    .describe('Priority in the 802.1Q tag of the frame (PCP), or a list; 0: also without tag; absent: any.')
    .meta({ examples: [5] }),
  labels: labels
    .optional()
    .describe('Labels that the port must have that the flow comes from; absent: any port.'),
});

const priority = z.strictObject({
  name: name.describe('Name of the priority, unique within the group.').meta({ examples: ['gold'] }),
  when: when
    .optional()
    .describe("Conditions that a flow's first packet must meet, all of them; absent: any flow."),
  members: z
    .array(memberSchema)
    .describe('Members of this priority; their names are unique over all priorities.'),
  onEmpty: choice('next', 'reject', 'drop')
    .optional()
    .describe(
      'Treatment of flows of this priority if it has no usable member: `next` leaves them to the next priority whose conditions they meet; absent: as `onEmpty` of the group.',
    ),
});

/** For the JSON Schema: requires this key. */
const hasKey = (key: string) => ({
  type: 'object',
  properties: { [key]: { type: 'array' } },
  required: [key],
});

const match = z.strictObject({
  sources: optionalList(prefix).describe('Source prefixes to match; empty: any source.'),
  sourcePort: l4Port.optional().describe('Source port to match; absent: any.'),
  sourcePorts: z
    .array(portRange)
    .min(1, 'at least one port')
    .optional()
    .describe('Source ports to match, single ones and ranges, in place of `sourcePort`.')
    .meta({ examples: [['1024-65535']] }),
  mac: optionalList(mac).describe('Source MAC addresses to match; empty: any.'),
});

const affinity = z.strictObject({
  timeout: duration('1s', '7d')
    .default('3h')
    .describe('Time without a new flow from a source address after which its affinity ends.'),
});

export const group = z
  .strictObject({
    name: name.describe('Name of the group.').meta({ examples: ['api'] }),
    network: oneOrList(name, 'a name or a list of names')
      .describe(
        'Name of the network that the virtual address and the members belong to; or a list, of further networks whose ports use the virtual address, too, and reach the members through the router.',
      )
      .meta({ examples: ['app', ['app', 'web']] }),
    kind: choice('service', 'middlebox')
      .default('service')
      .describe(
        'What the members are: servers behind the virtual address, or middleboxes (firewalls and the like) that the flows of other groups pass, which name this one in `through`.',
      ),
    deliver: choice('mac')
      .optional()
      .describe(
        'With `kind: middlebox`, how a middlebox gets packets: `mac` sends them to its MAC address as they are, and it sends them on as a router does. Default: `mac`.',
      ),
    vip: oneOrList(unicastAddress, 'an address or a list of addresses')
      .optional()
      .describe('Virtual address (VIP), or one per address family; required unless `kind: middlebox`.'),
    through: z
      .array(name)
      .max(MAX_HOPS, `at most ${MAX_HOPS} groups`)
      .optional()
      .describe(
        'Service chain: groups of middleboxes that each flow passes on its way to a member, in this order, by one member of each; replies pass the same ones in the reverse order. Absent: none.',
      ),
    identifier: choice('none')
      .default('none')
      .describe(
        'What tells a middlebox in each packet which chain it belongs to: nothing; flows are recognised by their addresses and ports.',
      ),
    onHopFailure: choice('rehash', 'reset')
      .default('rehash')
      .describe(
        'What becomes of flows whose middlebox fails: another one takes its place, or they end, and TCP clients get a reset.',
      ),
    onNoHop: choice('reject', 'bypass')
      .default('reject')
      .describe(
        'Treatment of flows while a group of `through` has no usable middlebox: reject them, or leave out the missing hop.',
      ),
    protocol: choice('any', 'tcp', 'udp', 'sctp', 'icmp')
      .default('any')
      .describe(
        'Protocol to balance: `icmp` balances echo requests by identifier; `any` balances every protocol except ICMP, and the virtual address answers echo requests itself.',
      ),
    port: l4Port.optional().describe('Destination port to balance; absent: all ports.'),
    ports: z
      .array(portRange)
      .min(1, 'at least one port')
      .optional()
      .describe('Destination ports to balance, single ones and ranges, in place of `port`.')
      .meta({ examples: [[80, '8000-8010']] }),
    match: match.prefault({}).describe('Further conditions that a packet to the virtual address must meet.'),
    from: labels
      .optional()
      .describe(
        'Labels that a port must have for the group to serve it; absent: the group serves all ports of the network.',
      ),
    rewrite: choice('address', 'mac', 'port')
      .default('address')
      .describe(
        "Destination field that is replaced by the member's: the address (and the port, if the member has one), the MAC address only, or the port only.",
      ),
    algorithm: choice('weighted-round-robin', 'least-connections', 'random-two-choices', 'maglev')
      .default('weighted-round-robin')
      .describe(
        'Distribution of new flows, always by weight: in exact shares, to the member with the fewest active flows, to the less loaded of two random members, or by consistent hashing.',
      ),
    hash: choice('five-tuple', 'source-address')
      .optional()
      .describe(
        'Input of the maglev hash: addresses, ports and protocol (default), or the source address alone.',
      ),
    affinity: affinity
      .optional()
      .describe(
        'Session affinity: a new flow goes to the member of the last flow from the same source address; absent: no affinity.',
      ),
    avoidSelf: z
      .boolean('true or false')
      .default(false)
      .describe('Give a client that is itself a member another member, if there is one.'),
    udpIdle: duration('100ms', '7d')
      .optional()
      .describe('Idle time after which a UDP flow of this group is removed; absent: `datapath.udpIdle`.'),
    udpRepick: duration('100ms', '7d')
      .optional()
      .describe(
        'Idle time after which a member is selected again for a UDP flow; absent: the flow keeps its member.',
      ),
    udpScheduling: choice('per-flow', 'per-datagram')
      .default('per-flow')
      .describe(
        'Unit of UDP balancing: a flow keeps its member, or a member is selected for each datagram, for clients that send everything from one port; replies are translated in both cases.',
      ),
    drainFallback: z
      .boolean('true or false')
      .default(false)
      .describe(
        'Send new flows to draining members when no active member is left; only without those does `onEmpty` apply.',
      ),
    onEmpty: choice('reject', 'drop')
      .default('reject')
      .describe(
        'Treatment of new flows without a usable member: reject them with a TCP RST or an ICMP unreachable message, or drop them silently.',
      ),
    policy: policy
      .optional()
      .describe(
        'Policy by which weights follow the load: a kind, or a mapping with its settings; absent: the configured weights apply.',
      ),
    scaling: scaling
      .optional()
      .describe('Conditions for starting and draining VMs; absent: the group is not scaled automatically.'),
    load: load.optional().describe('Load that the members report themselves; absent: none.'),
    health: health.optional().describe('Health checks of the members; absent: members are not checked.'),
    members: z
      .array(memberSchema)
      .optional()
      .describe('Members of the group; exactly one of `members`, `criteria` and `priorities` is required.'),
    priorities: z
      .array(priority)
      .min(1, 'at least one priority')
      .max(16, 'at most 16 priorities')
      .optional()
      .describe(
        'Subgroups of members behind the virtual address; a flow goes to the first one whose conditions it meets.',
      ),
    criteria: z
      .array(criteria)
      .min(1, 'at least one criteria set')
      .max(4096, 'at most 4096 criteria sets')
      .optional()
      .describe('Members by time period; the first set whose period contains the current time applies.'),
  })
  .meta({ oneOf: [hasKey('members'), hasKey('criteria'), hasKey('priorities')] });
