/** The paths of the fragment tests: what a whole packet of one direction of one flow is before and after the datapath. */
import type { DatapathBed } from '../../support/datapath-bed.ts';
import {
  ICMP,
  ICMPV6,
  icmpFrame,
  TCP,
  tcpFrame,
  UDP,
  udpFrame,
  type Way,
  type WireFrame,
} from '../../support/packets.ts';
import { familyOf, type GroupDescription, members } from '../../support/topology.ts';
import type { Fate } from './fragment-twin.ts';

export interface Path {
  readonly name: string;
  /** Where packets come in and leave. */
  readonly port: string;
  readonly egress: string;
  readonly before: Way;
  readonly after: Way;
  /** Source and destination, before and after. */
  readonly ports: readonly [number, number];
  readonly portsAfter: readonly [number, number];
  readonly kind: 'udp' | 'tcp' | 'echo';
  readonly fate: Fate;
  /** Why a first fragment is dropped. */
  readonly reason: string;
}

const CLIENT_PORT = 40_000;

export const GROUPS: readonly GroupDescription[] = [
  { name: 'near', vip: '10.1.0.100', protocol: 'udp', port: 53, members: members([1], { port: 5353 }) },
  {
    name: 'near6',
    vip: 'fd00:1::64',
    protocol: 'udp',
    port: 53,
    members: members([1], { port: 5353, family: 6 }),
  },
  { name: 'far', vip: '10.1.0.101', members: [{ name: 'db1', address: '10.2.0.31' }] },
  { name: 'far6', vip: 'fd00:1::65', members: [{ name: 'db1', address: 'fd00:2::1f', port: 99 }] },
  { name: 'redirect', vip: '10.1.0.102', rewrite: 'mac', members: members([1]) },
  { name: 'empty', vip: '10.1.0.103', onEmpty: 'drop', members: [] },
];

type Numbers = readonly [number, number];
const swap = ([a, b]: Numbers): Numbers => [b, a];
const FOLLOW = { fate: 'follow', reason: '' } as const;

/** Both directions of the flow from a client's port to a VIP. `near`: client and member are on one link. */
function flow(
  bed: DatapathBed,
  kind: 'udp' | 'tcp',
  [client, vip]: readonly [string, string],
  [memberPort, member]: readonly [string, string],
  [ports, portsAfter]: readonly [Numbers, Numbers],
): Path[] {
  const isNear = bed.port(client).network === bed.port(memberPort).network;
  const before = bed.way(client, vip);
  const reply = { ...bed.way(memberPort, before.from), from: member };
  const hops = isNear ? {} : { ttl: 63 };
  const sender = isNear ? before.fromMac : reply.toMac;
  const after = { ...before, to: member, toMac: bed.mac(memberPort), fromMac: sender, ...hops };
  const back = { ...reply, from: vip, toMac: bed.mac(client), fromMac: before.toMac, ...hops };
  const forth = { ...FOLLOW, kind, before, after, ports, portsAfter };
  const answer = { ...FOLLOW, kind, before: reply, after: back };
  return [
    { ...forth, name: `${kind} to ${vip}`, port: client, egress: memberPort },
    {
      ...answer,
      name: `${kind} from ${vip}`,
      port: memberPort,
      egress: client,
      ports: swap(portsAfter),
      portsAfter: swap(ports),
    },
  ];
}

/** A member that is its own client: it sees the VIP at the other end, whichever it is. */
function hairpin(bed: DatapathBed, vip: string, address: string): Path[] {
  const way = bed.way('app1', vip);
  const after = { ...way, from: vip, to: address, fromMac: way.toMac, toMac: way.fromMac };
  const path = { ...FOLLOW, kind: 'udp', port: 'app1', egress: 'app1', before: way, after } as const;
  const [asClient, asMember] = [
    [50_000, 53],
    [50_000, 5353],
  ] as const;
  return [
    { ...path, name: `to itself by ${vip}`, ports: asClient, portsAfter: asMember },
    { ...path, name: `to itself by ${vip}, back`, ports: swap(asMember), portsAfter: swap(asClient) },
  ];
}

/** Echo requests, which are answered. */
function echo(bed: DatapathBed, target: string): Path {
  const before = bed.way('web3', target);
  const after = { ...before, from: target, to: before.from, fromMac: before.toMac, toMac: before.fromMac };
  const none = { ports: [0, 0], portsAfter: [0, 0] } as const;
  return {
    ...FOLLOW,
    ...none,
    kind: 'echo',
    name: `echo ${target}`,
    port: 'web3',
    egress: 'web3',
    before,
    after,
  };
}

/** What is none of the LB's, though it comes from a member. */
function direct(bed: DatapathBed, to: string): Path {
  const way = bed.way('app1', to);
  const numbers = { ports: [9, 10], portsAfter: [9, 10] } as const;
  const where = { name: `direct to ${to}`, port: 'app1', egress: 'web3', before: way, after: way };
  return { ...where, ...numbers, kind: 'udp', fate: 'pass', reason: '' };
}

export function pathsOf(bed: DatapathBed): Path[] {
  const empty = bed.way('web3', '10.1.0.103');
  const [near, far] = [
    [CLIENT_PORT, 53],
    [CLIENT_PORT, 7],
  ] as const;
  return [
    ...flow(bed, 'udp', ['web1', '10.1.0.100'], ['app1', '10.1.0.21'], [near, [CLIENT_PORT, 5353]]),
    ...flow(bed, 'udp', ['web1', 'fd00:1::64'], ['app1', 'fd00:1::15'], [near, [CLIENT_PORT, 5353]]),
    ...flow(bed, 'udp', ['web1', '10.1.0.102'], ['app1', '10.1.0.102'], [near, near]),
    ...flow(bed, 'udp', ['web2', '10.1.0.101'], ['db1', '10.2.0.31'], [far, far]),
    ...flow(bed, 'tcp', ['web2', '10.1.0.101'], ['db1', '10.2.0.31'], [far, far]),
    ...flow(bed, 'udp', ['web2', 'fd00:1::65'], ['db1', 'fd00:2::1f'], [far, [CLIENT_PORT, 99]]),
    ...hairpin(bed, '10.1.0.100', '10.1.0.21'),
    ...hairpin(bed, 'fd00:1::64', 'fd00:1::15'),
    direct(bed, '10.1.0.13'),
    direct(bed, 'fd00:1::d'),
    {
      ...{ name: 'to an empty group', port: 'web3', egress: '', before: empty, after: empty },
      ...{ ports: [9, 10], portsAfter: [9, 10], kind: 'udp', fate: 'refused', reason: 'no-member' },
    },
    echo(bed, '10.1.0.100'),
    echo(bed, 'fd00:1::64'),
    echo(bed, '10.1.0.1'),
    echo(bed, 'fd00:1::1'),
  ];
}

export const protocolOf = ({ kind, before }: Path): number => {
  if (kind !== 'echo') return kind === 'udp' ? UDP : TCP;
  return familyOf(before.from) === 4 ? ICMP : ICMPV6;
};

/** The whole packet with a payload, as it comes in or as it leaves. */
export function wholeFrame(path: Path, side: 'before' | 'after', payload: Uint8Array): WireFrame {
  const way = path[side];
  const [sourcePort, destinationPort] = side === 'before' ? path.ports : path.portsAfter;
  if (path.kind === 'udp') return udpFrame(way, { sourcePort, destinationPort, payload });
  if (path.kind === 'tcp') return tcpFrame(way, { sourcePort, destinationPort, payload, flags: 'S' });
  const [request, reply] = familyOf(way.from) === 4 ? [8, 0] : [128, 129];
  return icmpFrame(way, side === 'before' ? request : reply, 0, 0x1234_0001, payload);
}

/** Its bytes behind the IP header: what fragments share among them. */
export function transportOf(path: Path, side: 'before' | 'after', payload: Uint8Array): Uint8Array {
  const { bytes } = wholeFrame(path, side, payload);
  return bytes.subarray(familyOf(path.before.from) === 4 ? 34 : 54);
}
