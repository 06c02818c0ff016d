/**
 * The shape of the configuration file: every key with its type, range, default, description and an example.
 * Rules between parts (names that must exist, addresses that must not clash) are in checks/check-*.ts.
 *
 * Each schema's `error` text completes "found …, expected …". There are no transforms: the parsed values are those
 * in the file, so that checks and messages quote the user's own text.
 *
 * Durations carry their unit: `udpIdle: 2m`, `1h30m`, `500ms`. Only `busyPollUs`, whose unit is in its name,
 * is a plain number.
 */
import { z } from 'zod';
import { firewall, mark, operator } from './schema-firewalls.ts';
import { group } from './schema-groups.ts';
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
  labels,
  listenAddress,
  mac,
  name,
  netnsName,
  oneOrList,
  optionalList,
  prefix,
  remoteEndpoint,
  unicastAddress,
} from './schema-types.ts';

const datapath = z.strictObject({
  engine: choice('auto', 'uring', 'syscall')
    .default('auto')
    .describe(
      'Frame I/O engine: io_uring, plain system calls, or the first of the two that works on this machine.',
    ),
  maxConnections: integer(16, 16_777_216)
    .default(262_144)
    .describe('Capacity of the connection table, in connections, rounded up to a power of two.'),
  busyPollUs: integer(0, 1_000_000)
    .default(50)
    .describe('Time to poll for the next frame before sleeping, in microseconds; 0 sleeps immediately.'),
  meterPacketsPerMs: integer(0, 1_000_000)
    .default(64)
    .describe(
      'Packets per millisecond and port that are measured for round-trip time and loss; handshakes are measured beyond this limit. 0 disables all measurement, and policies then have no latencies.',
    ),
  loadBalancers: z
    .union(
      [z.enum(['port', 'network', 'host']), z.record(name, z.array(name).min(1, 'at least one port'))],
      'one of port, network, host, or { NAME: [PORT, …] }',
    )
    .default('port')
    .describe(
      'Scope of a load balancer: one per port, one shared by the ports of a network, or one shared by the whole host; or named load balancers with the ports that share each, where other ports have their own.',
    )
    .meta({ examples: ['network', { edge: ['web1', 'web2'] }] }),
  udpIdle: duration('100ms', '7d')
    .default('2m')
    .describe('Idle time after which a UDP flow is removed (RFC 4787 REQ-5 asks for at least 2 minutes).'),
  tcpEstablishedIdle: duration('100ms', '7d')
    .default('2h4m')
    .describe(
      'Idle time after which an established TCP connection is removed (RFC 5382 REQ-5 asks for at least 2 hours 4 minutes).',
    ),
  tcpTransitoryIdle: duration('100ms', '7d')
    .default('4m')
    .describe(
      'Idle time after which an opening or closing TCP connection is removed (RFC 5382 REQ-5 asks for at least 4 minutes).',
    ),
  activeFlowIdle: duration('100ms', '7d')
    .default('30s')
    .describe('Idle time after which a flow no longer counts as active; the flow itself stays.'),
  answerEchoToVip: z
    .boolean('true or false')
    .default(true)
    .describe(
      'Answer ICMP and ICMPv6 echo requests to a virtual address while one of its groups has a usable member.',
    ),
  failFast: z
    .boolean('true or false')
    .default(true)
    .describe('Reset the TCP connections to a failed member immediately, so that its clients reconnect.'),
  onTableFull: choice('refuse', 'evict-idle')
    .default('refuse')
    .describe(
      'Treatment of a new flow when the connection table is full of live flows: refuse it, or evict the flow that has been idle longest.',
    ),
});

const route = z.strictObject({
  to: prefix.describe('Destination prefix of the route.'),
  via: unicastAddress.describe('Address of the next hop, inside one of the subnets of this network.'),
});

const routerAdvertisements = z.strictObject({
  lifetime: duration('0s', '9000s')
    .default('30m')
    .describe(
      'Time for which VMs use the router as their default router; 0s advertises prefixes and MTU only.',
    ),
  interval: duration('4s', '30m')
    .default('10m')
    .describe('Maximum time between two unsolicited advertisements; the minimum is a third of it.'),
  autonomous: z
    .boolean('true or false')
    .default(false)
    .describe(
      'Let VMs configure their own addresses in the /64 subnets (SLAAC, RFC 4862); anti-spoofing permits the address derived from the MAC of the port (EUI-64).',
    ),
});

/** The settings of `routerAdvertisements: true`. */
export const DEFAULT_ADVERTISEMENTS = routerAdvertisements.parse({});

const network = z.strictObject({
  name: name.describe('Name of the network.').meta({ examples: ['app'] }),
  vni: integer(1, 2 ** 24 - 1)
    .describe('Virtual network identifier (VNI), unique among the networks.')
    .meta({ examples: [5001] }),
  mtu: integer(576, 65521)
    .default(1500)
    .describe('Maximum size of an IP packet, in bytes; at least 1280 on a network with IPv6.'),
  mssClamp: z
    .union([z.literal('auto'), integer(88, 65495, 'bytes')], 'auto, or bytes from 88 to 65495')
    .optional()
    .describe(
      'Upper bound of the MSS announced by TCP connections, in bytes, or `auto` for the largest that fits the MTU; absent: the MSS is left unchanged.',
    )
    .meta({ examples: ['auto', 1360] }),
  subnets: optionalList(prefix).describe('Prefixes of the addresses on this logical switch.'),
  gateway: oneOrList(unicastAddress, 'an address or a list of addresses')
    .optional()
    .describe("The logical router's addresses on this network; absent: the network is not routed."),
  router: name
    .optional()
    .describe('Logical router that joins the network, one of `routers`; absent: the only router.')
    .meta({ examples: ['blue'] }),
  routerAdvertisements: z
    .union([z.boolean(), routerAdvertisements], 'true, false, or { lifetime, interval, autonomous }')
    .optional()
    .describe(
      'IPv6 router advertisements of the logical router (RFC 4861): on, off, or on with these settings; default: true if a gateway has an IPv6 address.',
    ),
  chain: optionalList(operator).describe(
    'Firewalls, rate limits and mirrors in the default chain of the ports of this network, in front of the load balancer.',
  ),
  routes: optionalList(route).describe(
    'Static routes of the logical router whose next hops are on this network.',
  ),
  probeAddress: oneOrList(unicastAddress, 'an address or a list of addresses')
    .optional()
    .describe(
      "Source addresses of this host's health checks, one per family, used by nothing else on the network; absent: chosen automatically if every address on the network is known.",
    ),
});

const router = z.strictObject({
  name: name.describe('Name of the router.').meta({ examples: ['blue'] }),
});

const port = z.strictObject({
  name: name.describe('Name of the port.').meta({ examples: ['web1'] }),
  network: name.describe('Name of the network that the port belongs to.').meta({ examples: ['app'] }),
  netns: netnsName.describe(
    'Network namespace of the VM; `up` creates it if it does not exist, and `down` removes it again.',
  ),
  interface: interfaceName.default('eth0').describe("The TAP's name inside the namespace."),
  mac: mac.optional().describe("The VM's MAC address; absent: derived from host and port name."),
  addresses: optionalList(interfaceAddress).describe(
    "The VM's addresses, each with its prefix length; they are configured on the TAP.",
  ),
  antiSpoofing: z
    .boolean('true or false')
    .optional()
    .describe(
      'Drop frames from the VM whose source MAC or IP address is not its own; default: true if the port has addresses.',
    ),
  allowedAddresses: optionalList(addressOrPrefix).describe(
    'Further addresses and prefixes that the VM may send from and claim by ARP and neighbour discovery, such as floating addresses (VRRP) or those of a transparent proxy; ports may share them.',
  ),
  allowedMacs: optionalList(mac).describe(
    'Further MAC addresses that the VM may send from and name in ARP and neighbour discovery, such as the virtual MAC of a VRRP router (00:00:5e:00:01 and 00:00:5e:00:02, then its VRID); ports may share them.',
  ),
  allowedEtherTypes: z
    .union(
      [z.literal('any'), z.array(integer(0x0600, 0xffff, 'an EtherType'))],
      'any, or a list of EtherTypes from 0x0600 to 0xffff',
    )
    .default([])
    .describe(
      'EtherTypes that the VM may send under anti-spoofing, besides IPv4, IPv6 and its own ARP and RARP; `any` also permits IEEE 802.2 frames.',
    )
    .meta({ examples: [[0x88b5], 'any'] }),
  dhcpGuard: z
    .boolean('true or false')
    .default(true)
    .describe(
      'Drop DHCP and DHCPv6 server messages from the VM; set it to false for a VM that is a DHCP server or relay.',
    ),
  raGuard: z
    .boolean('true or false')
    .default(true)
    .describe(
      'Drop IPv6 router advertisements and redirects from the VM, including those in fragments and behind extension headers (RFC 6105, RFC 7113); set it to false for a VM that is a router.',
    ),
  reservedMulticastGuard: z
    .boolean('true or false')
    .default(true)
    .describe(
      'Drop frames to the group addresses reserved for switches: STP, PAUSE, LACP, EAPOL, LLDP (01:80:c2:00:00:00 to 0f), CDP and similar; false: they pass between ports that both have the guard off.',
    ),
  labels: labels
    .default({})
    .describe('Labels of the port, matched by the `from` of groups and of firewall rules.'),
  chain: z
    .array(operator)
    .optional()
    .describe(
      'Operators that packets from the VM pass, in this order; packets to the VM pass them in the reverse order. Operators that are not listed are absent. Default: anti-spoofing, the `chain` of the network, load-balancer.',
    )
    .meta({ examples: [['anti-spoofing', 'web-in', 'load-balancer']] }),
  mark: optionalList(mark).describe(
    'DSCP of packets to the VM by their source, for VMs that copy it into their own requests; the first entry that matches decides.',
  ),
});

const vlan = integer(1, 4094, 'a VLAN id');
const uplink = z.strictObject({
  name: name.describe('Name of the uplink.').meta({ examples: ['up0'] }),
  interface: interfaceName.describe('Existing interface of the host.'),
  networks: z
    .array(
      z.union(
        [
          name,
          z.strictObject({
            name: name.describe('Name of the network.'),
            vlan: vlan.optional().describe('802.1Q VLAN id of the network on this uplink; absent: untagged.'),
          }),
        ],
        'a network name, or { name, vlan }',
      ),
    )
    .min(1, 'at least one network')
    .describe('Networks that the uplink carries; if there are several, each needs its own VLAN.'),
  reservedMulticastGuard: z
    .boolean('true or false')
    .default(true)
    .describe(
      'Drop frames to reserved group addresses, as on a port; false lets STP, LLDP, LACP and similar cross the uplink in both directions.',
    ),
});

const storeTlsFiles = z
  .strictObject({
    ca: fileName.describe('PEM file of the authorities to trust.'),
    cert: fileName
      .optional()
      .describe('PEM file of the client certificate, for an etcd with `--client-cert-auth`.'),
    key: fileName.optional().describe('PEM file of the private key of `cert`.'),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), 'cert and key, both or neither');

const store = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('file').describe('A log and snapshots in a directory of this machine.'),
      dir: fileName.describe('Directory of the store.').meta({ examples: ['/var/lib/sluice'] }),
    }),
    z.strictObject({
      kind: z.literal('etcd').describe('An etcd cluster.'),
      endpoints: z
        .array(remoteEndpoint)
        .min(1, 'at least one endpoint')
        .describe('Client endpoints of the cluster.'),
      prefix: keyPrefix.default('/sluice/').describe('Prefix of all keys.'),
      tls: z
        .union([z.literal('none'), storeTlsFiles], 'none, or ca and perhaps cert with key')
        .optional()
        .describe(
          'TLS for the connection to etcd; absent: no TLS to loopback, and the top-level `tls`, if any, to other addresses.',
        ),
    }),
  ],
  'one of file, etcd',
);

export const configSchema = z
  .strictObject({
    host: name.describe('Name of this host, unique among all hosts.').meta({ examples: ['h1'] }),
    datapath: datapath.prefault({}).describe('Settings of the datapath.'),
    networks: optionalList(network)
      .refine((list) => list.length <= 4096, 'at most 4096 networks')
      .describe('Logical switches, at most 4096.'),
    routers: optionalList(router).describe(
      'Logical routers. Networks of different routers are isolated from each other and may have the same subnets and virtual addresses; absent: one router joins all networks that have a gateway.',
    ),
    ports: optionalList(port).describe('Ports of the VMs: one TAP per VM namespace.'),
    firewalls: optionalList(firewall).describe(
      'Stateful firewalls, which stand in the chains of ports and networks.',
    ),
    groups: optionalList(group).describe('Groups of destinations behind virtual addresses.'),
    templates: optionalList(template).describe(
      'Templates of VMs that the controller may start; a host runs only the templates in its own file.',
    ),
    uplinks: z
      .array(uplink)
      .optional()
      .describe('Ports to the physical network; absent: the host stands alone.'),
    listen: z
      .strictObject({
        agents: listenAddress
          .optional()
          .describe(
            'Address for the agents of other hosts; without `tls` it must be on loopback, and only root and the same user may connect.',
          ),
        http: listenAddress
          .optional()
          .describe(
            'Address of the page and of the API for people and monitoring (`/metrics`, `/healthz`, `/readyz`), of hosts and controllers: HTTP on loopback; elsewhere HTTPS, for clients with a certificate from `tls.ca`.',
          ),
      })
      .optional()
      .describe(
        'Listeners of the process; `agents` is of the embedded controller, or of `sluice controller`.',
      ),
    controllers: z
      .array(remoteEndpoint)
      .min(1, 'at least one controller')
      .optional()
      .describe('Controllers to connect to; absent: the embedded controller.'),
    user: name
      .optional()
      .describe(
        "User that `sluice controller` runs as once it is started by root, and that hosts trust as a controller's without `tls`; absent: `sluice` if there is such a user, else the user id 61110; `root`: no change.",
      ),
    store: store.optional().describe("Store of the controllers' state."),
    tls: z
      .strictObject({
        ca: fileName.describe('PEM file of the authorities to trust.'),
        cert: fileName.describe('PEM file of the certificate of this host or controller.'),
        key: fileName.describe('PEM file of the private key of `cert`.'),
      })
      .optional()
      .describe(
        'PEM files for mutual TLS between hosts and controllers; absent: only loopback and unix sockets are used.',
      ),
  })
  .meta({ title: 'Sluice configuration' });

/** The contents of a file. */
export type ConfigInput = z.input<typeof configSchema>;

/** The same with defaults filled in. */
export type ConfigFile = z.output<typeof configSchema>;
