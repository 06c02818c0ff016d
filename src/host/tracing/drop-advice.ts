/** What would change a drop, by its reason. */
import type { DropReason } from '../../tables/port-counters.ts';

const MALFORMED = 'the sender makes such a packet; a whole one with right lengths and checksums would pass';

const ADVICE: Partial<Record<DropReason, string>> = {
  'bad-source-mac': 'send from the port’s MAC, or list the MAC in the port’s allowedAddresses',
  'vlan-not-allowed': 'send without a tag: the router takes tagged packets of balanced flows only',
  'spoofed-source': 'send from the port’s addresses, or add the source to its allowedAddresses',
  'spoofed-arp': 'a VM may announce its own addresses only',
  'spoofed-nd': 'a VM may announce its own addresses only',
  'port-down': 'the port has no device now: see `sluice port list`',
  'same-port': 'the station is behind the port that the frame came from',
  'not-for-us': 'give the network a gateway, or address the station itself',
  'flood-limited': 'the port floods more than its share; slow down, or let the destination be learned',
  'no-receiver': 'the network has no other port',
  'no-route': 'add a network or a route for the destination',
  'ttl-exceeded': 'send with a greater TTL',
  'mtu-exceeded': 'send shorter packets, or allow fragments (no DF)',
  'neighbour-unresolved': 'nobody answers at the next hop’s address: start it, or correct the address',
  'neighbour-queue-full': 'many packets wait for this neighbour, which has not answered yet',
  'neighbour-table-full': 'fewer addresses that are not resolved',
  'out-of-buffers': 'all frame buffers are in use; the load has to fall',
  'connections-full': 'raise datapath.maxConnections, or set onTableFull: evict-idle',
  'endpoints-full': 'restart the host, which makes room for more addresses of groups',
  'no-connection': 'open the flow first (SYN), or add a group that matches address, protocol and port',
  'no-member': 'give the group a member with weight that is active and healthy: see `sluice group show`',
  'unsupported-protocol-to-vip': 'this protocol cannot be translated; use a group with rewrite: mac',
  'gateway-local': 'the router answers ARP, ND and echo only',
  firewall: 'allow it by a rule of the port’s firewall: see `sluice firewall list`',
  'firewall-table-full': 'fewer flows through firewalls at a time',
  'rate-limited': 'send less, or raise the port’s rateLimit',
  'dhcp-guard': 'only servers send this; set the port’s protection if it is one',
  'ra-guard': 'only routers send this; set the port’s protection if it is one',
  'reserved-multicast': 'such frames stay on one link',
  'ether-type-not-allowed': 'the port may send IP and ARP only',
  'balancing-loop': 'the member has sent the packet back to its VIP: correct the member’s routes',
  'flow-collision': 'use another client port: two flows would look the same to the member',
  'statistics-full': 'fewer pairs of load balancers and members with flows',
  'split-horizon': 'uplinks do not forward to each other',
  'own-frame-returned': 'the physical network sends this host’s frames back: look for a loop',
  'mirror-lost': 'all frame buffers are in use; the load has to fall',
};

export const dropAdvice = (reason: DropReason): string => ADVICE[reason] ?? MALFORMED;
