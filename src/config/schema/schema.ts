/**
 * The shape of the configuration file: every key with its type, range, default, description and an example.
 * What ties the parts together (names that must exist, addresses that must not clash) is in check-*.ts.
 *
 * Each schema's `error` text completes "found …, expected …". There are no transforms: what the schema
 * accepts is what stands in the file, so that checks and messages speak of the user's own values.
 *
 * Durations carry their unit: `udpIdle: 2m`, `1h30m`, `500ms`. Only `busyPollUs`, whose unit is in its name,
 * is a plain number.
 */
import { z } from 'zod';
import { health } from './schema-health.ts';
import { policy, scaling } from './schema-policy.ts';
import { template } from './schema-templates.ts';
import {
  addressOrPrefix,
  choice,
  duration,
  fileName,
  integer,
  interfaceAddress,
  interfaceName,
  keyPrefix,
  l4Port,
  labels,
  listenAddress,
  mac,
  name,
  netnsName,
  oneOrList,
  optionalList,
  prefix,
  remoteEndpoint,
  timestamp,
  unicastAddress,
} from './schema-types.ts';

const datapath = z.strictObject({
  engine: choice('auto', 'uring', 'syscall')
    .default('auto')
    .describe('Frame I/O: io_uring, plain system calls, or the first of them that works here.'),
  maxConnections: integer(16, 16_777_216)
    .default(262_144)
    .describe('Bound of the connection table, in connections.'),
  busyPollUs: integer(0, 1_000_000)
    .default(50)
    .describe('Microseconds to spin for the next frame before sleeping; 0 sleeps at once.'),
  meterPacketsPerMs: integer(0, 1_000_000)
    .default(64)
    .describe(
      'Packets per millisecond and port that are looked at for times and losses, handshakes beyond that too; 0: none, not even handshakes, so that policies know no times.',
    ),
  loadBalancers: choice('port', 'network', 'host')
    .default('port')
    .describe('One load balancer per port, or one shared by the ports of a network, or by the whole host.'),
  udpIdle: duration('100ms', '7d')
    .default('2m')
    .describe('A UDP flow that is idle for this long is forgotten (RFC 4787 REQ-5: not under 2 minutes).'),
  tcpEstablishedIdle: duration('100ms', '7d')
    .default('2h4m')
    .describe('The same for an established TCP connection (RFC 5382 REQ-5: not under 2 hours 4 minutes).'),
  tcpTransitoryIdle: duration('100ms', '7d')
    .default('4m')
    .describe(
      'The same for a TCP connection that is opening or closing (RFC 5382 REQ-5: not under 4 minutes).',
    ),
  activeFlowIdle: duration('100ms', '7d')
    .default('30s')
    .describe('A flow that is idle for this long no longer counts among the active ones.'),
  answerEchoToVip: z
    .boolean('true or false')
    .default(true)
    .describe(
      'Answer ICMP and ICMPv6 echo requests to virtual addresses, as long as one of their groups has a usable member.',
    ),
  failFast: z
    .boolean('true or false')
    .default(true)
    .describe(
      'When a member fails, reset the TCP connections of its clients at once, so that they reconnect.',
    ),
  onTableFull: choice('refuse', 'evict-idle')
    .default('refuse')
    .describe(
      'When the connection table is full of live flows: refuse new ones, or let the most idle give way.',
    ),
});

const route = z.strictObject({
  to: prefix.describe('Destination prefix.'),
  via: unicastAddress.describe('Next hop, inside one of the subnets of this network.'),
});

const routerAdvertisements = z.strictObject({
  lifetime: duration('0s', '9000s')
    .default('30m')
    .describe(
      'Time for which VMs take the router for their default router; 0s: not at all, only prefixes and MTU are told.',
    ),
  interval: duration('4s', '30m')
    .default('10m')
    .describe('Longest time between two unsolicited advertisements; the shortest is a third of it.'),
  autonomous: z
    .boolean('true or false')
    .default(false)
    .describe(
      'VMs make themselves addresses in the /64 subnets (RFC 4862). Anti-spoofing lets a port use the one that follows from its MAC (EUI-64).',
    ),
});

/** What `true` stands for. */
export const DEFAULT_ADVERTISEMENTS = routerAdvertisements.parse({});

const network = z.strictObject({
  name: name.describe('Name of the network.').meta({ examples: ['app'] }),
  vni: integer(1, 2 ** 24 - 1)
    .describe('Virtual network identifier.')
    .meta({ examples: [5001] }),
  mtu: integer(576, 65521)
    .default(1500)
    .describe('Largest IP packet in bytes; at least 1280 where there is IPv6.'),
  mssClamp: z
    .union([z.literal('auto'), integer(88, 65495, 'bytes')], 'auto, or bytes from 88 to 65495')
    .optional()
    .describe(
      'Lower the MSS that TCP connections announce to this many bytes, or to what fits into the MTU; absent: leave it.',
    )
    .meta({ examples: ['auto', 1360] }),
  subnets: optionalList(prefix).describe('Prefixes whose addresses are on this logical switch.'),
  gateway: oneOrList(unicastAddress, 'an address or a list of addresses')
    .optional()
    .describe("The logical router's addresses in this network; absent: the network is not routed."),
  routerAdvertisements: z
    .union([z.boolean(), routerAdvertisements], 'true, false, or { lifetime, interval, autonomous }')
    .optional()
    .describe(
      'Whether and how the logical router answers IPv6 router solicitations and advertises itself (RFC 4861); default: true where a gateway is an IPv6 address.',
    ),
  routes: optionalList(route).describe('Next hops of the logical router that lie in this network.'),
  probeAddress: oneOrList(unicastAddress, 'an address or a list of addresses')
    .optional()
    .describe(
      "Addresses from which this host's health checks come, one per family; nobody else on the network has them. Absent: chosen, where every address on the network is known.",
    ),
});

const port = z.strictObject({
  name: name.describe('Name of the port.').meta({ examples: ['web1'] }),
  network: name.describe('Name of the network that the port is on.').meta({ examples: ['app'] }),
  netns: netnsName.describe('Network namespace of the VM; made when absent, and then removed by `down`.'),
  interface: interfaceName.default('eth0').describe("The TAP's name inside the namespace."),
  mac: mac.optional().describe("The VM's MAC address; absent: derived from host and port name."),
  addresses: optionalList(interfaceAddress).describe("The VM's addresses, each with its prefix length."),
  antiSpoofing: z
    .boolean('true or false')
    .optional()
    .describe(
      'Drop what the VM sends with a source MAC or address that is not its own; default: true where addresses are given.',
    ),
  allowedAddresses: optionalList(addressOrPrefix).describe(
    'Addresses and prefixes that the VM may also send from, and claim by ARP and neighbour discovery: floating addresses (VRRP), transparent proxies. Several ports may have the same.',
  ),
  allowedEtherTypes: z
    .union(
      [z.literal('any'), z.array(integer(0x0600, 0xffff, 'an EtherType'))],
      'any, or a list of EtherTypes from 0x0600 to 0xffff',
    )
    .default([])
    .describe(
      'What the VM may send under anti-spoofing besides IPv4, IPv6, ARP and RARP about itself; any: also frames of IEEE 802.2.',
    )
    .meta({ examples: [[0x88b5], 'any'] }),
  dhcpGuard: z
    .boolean('true or false')
    .default(true)
    .describe('Drop what only DHCP servers send, DHCPv6 too; false: the VM is a DHCP server or relay.'),
  raGuard: z
    .boolean('true or false')
    .default(true)
    .describe(
      'Drop router advertisements and IPv6 redirects of the VM, also in fragments and behind extension headers (RFC 6105, 7113); false: the VM is a router.',
    ),
  reservedMulticastGuard: z
    .boolean('true or false')
    .default(true)
    .describe(
      'Drop frames to group addresses that switches keep for themselves: STP, PAUSE, LACP, EAPOL, LLDP (01:80:c2:00:00:00 to 0f), CDP and their like; false: they pass between ports that have it off.',
    ),
  labels: labels.default({}).describe('Labels that `from` of a group selects by.'),
});

export const memberSchema = z.strictObject({
  name: name.describe('Name of the member, its own within the group.').meta({ examples: ['app1'] }),
  address: unicastAddress.describe("The member's own address."),
  port: l4Port.optional().describe('Destination port after translation; absent: unchanged.'),
  mac: mac.optional().describe('Absent: resolved by ARP or neighbour discovery.'),
  weight: integer(0, 65535)
    .default(1)
    .describe('Share of new flows, relative to the other members; 0: none.'),
});

const criteria = z.strictObject({
  from: timestamp.optional().describe('Effective from this time on.'),
  until: timestamp.optional().describe('Effective until just before this time.'),
  members: z.array(memberSchema).describe('Destinations during this period.'),
});

/** For the JSON Schema, where one of two keys must be there. */
const hasKey = (key: string) => ({
  type: 'object',
  properties: { [key]: { type: 'array' } },
  required: [key],
});

const match = z.strictObject({
  sources: optionalList(prefix).describe('Source prefixes; empty: any source.'),
  sourcePort: l4Port.optional().describe('Source port; absent: any.'),
});

const affinity = z.strictObject({
  timeout: duration('1s', '7d')
    .default('3h')
    .describe('The member is forgotten when its client has opened no flow for this long.'),
});

const group = z
  .strictObject({
    name: name.describe('Name of the group.').meta({ examples: ['api'] }),
    network: name.describe('Name of the network of the virtual address.').meta({ examples: ['app'] }),
    vip: oneOrList(unicastAddress, 'an address or a list of addresses').describe(
      'Virtual address, or one per family.',
    ),
    protocol: choice('any', 'tcp', 'udp', 'sctp', 'icmp')
      .default('any')
      .describe(
        'Balance this protocol only; icmp: echo, by identifier. Absent, or any: every protocol but ICMP, and the virtual address answers pings for its groups.',
      ),
    port: l4Port.optional().describe('Balance this destination port only.'),
    match: match.prefault({}).describe('Further fields of the match tuple.'),
    from: labels
      .optional()
      .describe('Labels that a source port must carry; absent: all ports of the network.'),
    rewrite: choice('address', 'mac', 'port')
      .default('address')
      .describe(
        "What becomes the member's: address (and port, if the member has one), MAC only, or port only.",
      ),
    algorithm: choice('weighted-round-robin', 'least-connections', 'random-two-choices', 'maglev')
      .default('weighted-round-robin')
      .describe(
        'How new flows are spread over the members, by their weights: in exact shares; to the one with the fewest active flows; to the less loaded of two drawn at random; by consistent hashing.',
      ),
    hash: choice('five-tuple', 'source-address')
      .optional()
      .describe('What maglev hashes: addresses, ports and protocol (default), or the source address alone.'),
    affinity: affinity
      .optional()
      .describe("New flows of one source address go to the member of its last one; absent: they don't."),
    avoidSelf: z
      .boolean('true or false')
      .default(false)
      .describe('A client that is itself a member gets another member, if there is one.'),
    udpIdle: duration('100ms', '7d')
      .optional()
      .describe('A UDP flow that is idle for this long is forgotten; absent: as `datapath.udpIdle` says.'),
    udpRepick: duration('100ms', '7d')
      .optional()
      .describe('After a gap of this length a UDP flow finds its member anew; absent: it keeps its member.'),
    udpScheduling: choice('per-flow', 'per-datagram')
      .default('per-flow')
      .describe(
        'Of a UDP group: a flow keeps its member, or each datagram finds one anew, for clients that use one port for everything; replies find their way in both cases.',
      ),
    drainFallback: z
      .boolean('true or false')
      .default(false)
      .describe(
        'With no active member left, new flows go to those that drain (but not to failed ones), in place of what onEmpty says.',
      ),
    onEmpty: choice('reject', 'drop')
      .default('reject')
      .describe('With no usable member: answer with RST or ICMP unreachable, or be silent.'),
    policy: policy
      .optional()
      .describe('How weights follow the load: a kind, or its settings. Absent: weights stay as they are.'),
    scaling: scaling.optional().describe('When instances are added or removed; absent: never.'),
    health: health.optional().describe('How members are checked; absent: they are not.'),
    members: z.array(memberSchema).optional().describe('Destinations; either this or criteria.'),
    criteria: z
      .array(criteria)
      .min(1, 'at least one criteria set')
      .max(4096, 'at most 4096 criteria sets')
      .optional()
      .describe('Members by time period; the first set that is effective decides.'),
  })
  .meta({ oneOf: [hasKey('members'), hasKey('criteria')] });

const vlan = integer(1, 4094, 'a VLAN id');
const uplink = z.strictObject({
  name: name.describe('Name of the uplink.').meta({ examples: ['up0'] }),
  interface: interfaceName.describe('An existing interface of the host.'),
  networks: z
    .array(
      z.union(
        [
          name,
          z.strictObject({
            name: name.describe('Name of the network.'),
            vlan: vlan.optional().describe('802.1Q tag of its frames.'),
          }),
        ],
        'a network name, or { name, vlan }',
      ),
    )
    .min(1, 'at least one network')
    .describe('Networks that the uplink carries; with more than one, each needs its own VLAN.'),
  reservedMulticastGuard: z
    .boolean('true or false')
    .default(true)
    .describe("As a port's: false lets STP, LLDP, LACP and their like cross the uplink in both directions."),
});

const storeTlsFiles = z
  .strictObject({
    ca: fileName.describe('PEM file: authorities to trust, of etcd and of `cert`.'),
    cert: fileName.optional().describe('Our certificate, where etcd asks for one (--client-cert-auth).'),
    key: fileName.optional().describe('Its private key.'),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), 'cert and key, both or neither');

const store = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('file').describe('A log and snapshots on this machine.'),
      dir: fileName.describe('Directory of the store.').meta({ examples: ['/var/lib/sluice'] }),
    }),
    z.strictObject({
      kind: z.literal('etcd').describe('An etcd cluster.'),
      endpoints: z
        .array(remoteEndpoint)
        .min(1, 'at least one endpoint')
        .describe('Client endpoints of the cluster.'),
      prefix: keyPrefix.default('/sluice/').describe('All keys begin with it.'),
      tls: z
        .union([z.literal('none'), storeTlsFiles], 'none, or ca and perhaps cert with key')
        .optional()
        .describe(
          "TLS to etcd, by itself; absent: none to loopback, the agents' `tls`, if any, to other addresses.",
        ),
    }),
  ],
  'one of file, etcd',
);

export const configSchema = z
  .strictObject({
    host: name.describe('Name of this host, its own among all hosts.').meta({ examples: ['h1'] }),
    datapath: datapath.prefault({}).describe('Settings of the datapath.'),
    networks: optionalList(network)
      .refine((list) => list.length <= 4096, 'at most 4096 networks')
      .describe('Logical switches.'),
    ports: optionalList(port).describe('One TAP per VM namespace.'),
    groups: optionalList(group).describe('Destination groups behind virtual addresses.'),
    templates: optionalList(template).describe(
      'Commands that hosts may run as VMs; a host runs only those of its own file.',
    ),
    uplinks: z.array(uplink).optional().describe('Ports to the physical network.'),
    listen: z
      .strictObject({
        agents: listenAddress
          .optional()
          .describe(
            'Where agents of other hosts connect; without tls only on loopback, and only for root and the same user.',
          ),
        http: listenAddress
          .optional()
          .describe(
            'Where people and monitoring connect: HTTP on loopback; on other addresses HTTPS, for those with a certificate of `tls`.',
          ),
      })
      .optional()
      .describe('Listeners of the embedded controller, or of `sluice controller`.'),
    controllers: z
      .array(remoteEndpoint)
      .min(1, 'at least one controller')
      .optional()
      .describe('Controllers to connect to; absent: the embedded one.'),
    store: store.optional().describe("The controllers' state."),
    tls: z
      .strictObject({
        ca: fileName.describe('Certificates of the authorities to trust.'),
        cert: fileName.describe('Certificate of this host.'),
        key: fileName.describe('Its private key.'),
      })
      .optional()
      .describe('PEM files for mutual TLS; absent: only loopback and unix sockets are used.'),
  })
  .meta({ title: 'Sluice configuration' });

/** What a file may say. */
export type ConfigInput = z.input<typeof configSchema>;

/** The same with defaults filled in. */
export type ConfigFile = z.output<typeof configSchema>;
