/**
 * Counters per port: frames and bytes each way, and drops by reason. Same rules as the stat table: 64-bit floats, one
 * writer, readers never lock. Every received frame is counted once as received, and once by its outcome or drop
 * reason.
 */

/**
 * Why a frame went no further. The position is the number of the counter; `status` shows the names. The first ones
 * are not losses: the datapath itself answered or consumed the frame.
 */
export const DROP_REASONS = [
  'none',
  'truncated-ethernet',
  'truncated-vlan',
  'truncated-arp',
  'truncated-ipv4',
  'truncated-ipv6',
  'truncated-transport',
  'bad-vnet-header',
  'bad-ip-version',
  'bad-ip-header-length',
  'bad-ip-total-length',
  'bad-ip-checksum',
  'bad-ip-address',
  'bad-transport-header',
  'bad-transport-checksum',
  'bad-extension-header',
  'bad-arp',
  'bad-nd',
  'bad-source-mac',
  'vlan-not-allowed',
  'spoofed-source',
  'spoofed-arp',
  'spoofed-nd',
  'port-down',
  'same-port',
  'not-for-us',
  'flood-limited',
  'no-receiver',
  'no-route',
  'ttl-exceeded',
  'mtu-exceeded',
  'neighbour-unresolved',
  'neighbour-queue-full',
  'neighbour-table-full',
  'out-of-buffers',
  'connections-full',
  'endpoints-full',
  'no-connection',
  'no-member',
  'unsupported-protocol-to-vip',
  'gateway-local',
  'fragment-malformed',
  'fragment-too-small',
  'fragment-overlap',
  'fragment-duplicate',
  'fragment-timeout',
  'fragment-table-full',
  'first-fragment-dropped',
  'split-horizon',
  'own-frame-returned',
  'router-mac-outside',
  'bad-neighbour-mac',
  'solicitation-limited',
  'icmp-redirect',
  'balancing-loop',
  'reserved-multicast',
  'dhcp-guard',
  'ra-guard',
  'ether-type-not-allowed',
  'routing-header',
  'authentication-header',
  'flow-collision',
  'icmp-error-fragment',
  'statistics-full',
  'source-route',
  'home-address',
  'firewall',
  'firewall-table-full',
  'rate-limited',
  'mirror-lost',
  'no-hop',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

const at = (reason: DropReason): number => DROP_REASONS.indexOf(reason);

/** Reason numbers; `DROP.none` (0) means that the frame continues. */
export const DROP = {
  none: at('none'),
  truncatedEthernet: at('truncated-ethernet'),
  truncatedVlan: at('truncated-vlan'),
  truncatedArp: at('truncated-arp'),
  truncatedIpv4: at('truncated-ipv4'),
  truncatedIpv6: at('truncated-ipv6'),
  truncatedTransport: at('truncated-transport'),
  badVnetHeader: at('bad-vnet-header'),
  badIpVersion: at('bad-ip-version'),
  badIpHeaderLength: at('bad-ip-header-length'),
  badIpTotalLength: at('bad-ip-total-length'),
  badIpChecksum: at('bad-ip-checksum'),
  badIpAddress: at('bad-ip-address'),
  badTransportHeader: at('bad-transport-header'),
  badTransportChecksum: at('bad-transport-checksum'),
  badExtensionHeader: at('bad-extension-header'),
  badArp: at('bad-arp'),
  badNd: at('bad-nd'),
  badSourceMac: at('bad-source-mac'),
  vlanNotAllowed: at('vlan-not-allowed'),
  spoofedSource: at('spoofed-source'),
  spoofedArp: at('spoofed-arp'),
  spoofedNd: at('spoofed-nd'),
  portDown: at('port-down'),
  samePort: at('same-port'),
  notForUs: at('not-for-us'),
  floodLimited: at('flood-limited'),
  noReceiver: at('no-receiver'),
  noRoute: at('no-route'),
  ttlExceeded: at('ttl-exceeded'),
  mtuExceeded: at('mtu-exceeded'),
  neighbourUnresolved: at('neighbour-unresolved'),
  neighbourQueueFull: at('neighbour-queue-full'),
  neighbourTableFull: at('neighbour-table-full'),
  outOfBuffers: at('out-of-buffers'),
  connectionsFull: at('connections-full'),
  endpointsFull: at('endpoints-full'),
  noConnection: at('no-connection'),
  noMember: at('no-member'),
  unsupportedProtocolToVip: at('unsupported-protocol-to-vip'),
  gatewayLocal: at('gateway-local'),
  fragmentMalformed: at('fragment-malformed'),
  fragmentTooSmall: at('fragment-too-small'),
  fragmentOverlap: at('fragment-overlap'),
  fragmentDuplicate: at('fragment-duplicate'),
  fragmentTimeout: at('fragment-timeout'),
  fragmentTableFull: at('fragment-table-full'),
  firstFragmentDropped: at('first-fragment-dropped'),
  splitHorizon: at('split-horizon'),
  ownFrameReturned: at('own-frame-returned'),
  routerMacOutside: at('router-mac-outside'),
  badNeighbourMac: at('bad-neighbour-mac'),
  solicitationLimited: at('solicitation-limited'),
  icmpRedirect: at('icmp-redirect'),
  balancingLoop: at('balancing-loop'),
  reservedMulticast: at('reserved-multicast'),
  dhcpGuard: at('dhcp-guard'),
  raGuard: at('ra-guard'),
  etherTypeNotAllowed: at('ether-type-not-allowed'),
  routingHeader: at('routing-header'),
  authenticationHeader: at('authentication-header'),
  flowCollision: at('flow-collision'),
  icmpErrorFragment: at('icmp-error-fragment'),
  statisticsFull: at('statistics-full'),
  sourceRoute: at('source-route'),
  homeAddress: at('home-address'),
  firewall: at('firewall'),
  firewallTableFull: at('firewall-table-full'),
  rateLimited: at('rate-limited'),
  mirrorLost: at('mirror-lost'),
  noHop: at('no-hop'),
} as const;

/** Offsets in a port's row; drop counters follow at PORT.drops + reason. */
export const PORT = {
  /** From the VM into the datapath. */
  rxPackets: 0,
  rxBytes: 1,
  /** From the datapath to the VM. */
  txPackets: 2,
  txBytes: 3,
  /** Frames that the datapath answered or consumed: ARP, ND, echo, resets and errors. */
  answered: 4,
  /** Frames sent out of more than one port. */
  flooded: 5,
  /** Frames that waited, for a neighbour or for their first fragment, and were then sent. */
  queuedSent: 6,
  /** ICMP errors about dropped frames suppressed by the rate limit. */
  errorsSuppressed: 7,
  drops: 8,
} as const;

export const PORT_FIELDS = 104;

export interface PortStats {
  rxPackets: number;
  rxBytes: number;
  txPackets: number;
  txBytes: number;
  answered: number;
  flooded: number;
  queuedSent: number;
  errorsSuppressed: number;
  /** Reason → frames; reasons with zero frames are omitted. */
  drops: Record<string, number>;
}

export class PortCounters {
  readonly fields: Float64Array;

  constructor(fields: Float64Array) {
    this.fields = fields;
  }

  countReceived(port: number, bytes: number): void {
    const at = port * PORT_FIELDS;
    this.fields[at + PORT.rxPackets]!++;
    this.fields[at + PORT.rxBytes]! += bytes;
  }

  countSent(port: number, bytes: number): void {
    const at = port * PORT_FIELDS;
    this.fields[at + PORT.txPackets]!++;
    this.fields[at + PORT.txBytes]! += bytes;
  }

  add(port: number, field: number, amount: number): void {
    this.fields[port * PORT_FIELDS + field]! += amount;
  }

  drop(port: number, reason: number): void {
    this.fields[port * PORT_FIELDS + PORT.drops + reason]!++;
  }

  read(port: number): PortStats {
    const base = port * PORT_FIELDS;
    const drops: Record<string, number> = {};
    for (let reason = 1; reason < DROP_REASONS.length; reason++) {
      const count = this.fields[base + PORT.drops + reason]!;
      if (count > 0) drops[DROP_REASONS[reason]!] = count;
    }
    return {
      rxPackets: this.fields[base + PORT.rxPackets]!,
      rxBytes: this.fields[base + PORT.rxBytes]!,
      txPackets: this.fields[base + PORT.txPackets]!,
      txBytes: this.fields[base + PORT.txBytes]!,
      answered: this.fields[base + PORT.answered]!,
      flooded: this.fields[base + PORT.flooded]!,
      queuedSent: this.fields[base + PORT.queuedSent]!,
      errorsSuppressed: this.fields[base + PORT.errorsSuppressed]!,
      drops,
    };
  }

  /** Goes on with the port's counts in other tables. */
  follow(previous: PortCounters, port: number): void {
    const [from, to] = [port * PORT_FIELDS, (port + 1) * PORT_FIELDS];
    this.fields.set(previous.fields.subarray(from, to), from);
  }

  clear(port: number): void {
    this.fields.fill(0, port * PORT_FIELDS, (port + 1) * PORT_FIELDS);
  }
}
