/**
 * Any packet through any kind of rewrite: what comes out is, byte for byte, what the builder makes from scratch for
 * the translated addresses, ports and MACs; and the answer comes back as the VIP would have sent it.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hexOf } from '../../support/addresses.ts';
import { DatapathBed, only, type Sent } from '../../support/datapath-bed.ts';
import {
  type Offload,
  type TcpFields,
  tcpFrame,
  type UdpFields,
  udpFrame,
  type Way,
  type WireFrame,
} from '../../support/packets.ts';
import { check } from '../../support/seed.ts';
import { familyOf, type GroupDescription, type MemberDescription } from '../../support/topology.ts';

const rewriting = suite('rewriting');

const APP1: MemberDescription = { name: 'app1', address: '10.1.0.21' };
const APP1_6: MemberDescription = { name: 'app1', address: 'fd00:1::15' };

const GROUPS: readonly GroupDescription[] = [
  { name: 'address', vip: '10.1.0.100', members: [APP1] },
  { name: 'address6', vip: 'fd00:1::100', members: [APP1_6] },
  { name: 'both', vip: '10.1.0.101', members: [{ ...APP1, port: 8080 }] },
  { name: 'both6', vip: 'fd00:1::101', members: [{ ...APP1_6, port: 8080 }] },
  { name: 'mac', vip: '10.1.0.102', rewrite: 'mac', members: [APP1] },
  { name: 'mac6', vip: 'fd00:1::102', rewrite: 'mac', members: [APP1_6] },
  { name: 'mac-and-port', vip: '10.1.0.103', rewrite: 'mac', members: [{ ...APP1, port: 8080 }] },
  { name: 'given-mac', vip: '10.1.0.104', rewrite: 'mac', members: [{ ...APP1, mac: '02:00:00:00:00:03' }] },
  // The VIP is the VM's own address; its port only is changed.
  {
    name: 'port',
    vip: '10.1.0.22',
    rewrite: 'port',
    members: [{ name: 'app2', address: '10.1.0.22', port: 8080 }],
  },
  {
    name: 'port6',
    vip: 'fd00:1::16',
    rewrite: 'port',
    members: [{ name: 'app2', address: 'fd00:1::16', port: 8080 }],
  },
];

type Fields = Partial<TcpFields> & Partial<UdpFields>;

interface Packet {
  readonly group: GroupDescription;
  readonly isTcp: boolean;
  readonly fields: Fields;
  readonly way: Partial<Way>;
}

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 1_000, maxLength: 1_200 }),
);
/** Not those of DHCP: a datagram to a client's port from another VM is dropped by the guards. */
const DHCP_PORTS = [67, 68, 546, 547];
const port = fc.integer({ min: 1, max: 0xffff }).filter((number) => !DHCP_PORTS.includes(number));
const offload: fc.Arbitrary<Offload> = fc.oneof(
  fc.constant({}),
  fc.constant({}),
  fc.constant({ partial: true }),
  fc.integer({ min: 500, max: 1_448 }).map((gsoSize) => ({ gsoSize })),
);
const extension = fc
  .tuple(fc.constantFrom(60, 43), fc.nat(2))
  .map(([type, units]) => ({ type, bytes: Uint8Array.of(0, units, ...new Uint8Array(units * 8 + 6)) }));

const packet: fc.Arbitrary<Packet> = fc.record({
  group: fc.constantFrom(...GROUPS),
  isTcp: fc.boolean(),
  fields: fc
    .record({
      sourcePort: port,
      destinationPort: port,
      flags: fc.constantFrom('A', 'AP', 'FA', 'SA', 'AU', 'AEC'),
      sequence: fc.nat(),
      acknowledgment: fc.nat(),
      window: fc.nat(0xffff),
      options: fc.nat(10).map((words) => new Uint8Array(words * 4).fill(1)),
      payload,
      noChecksum: fc.constantFrom(false, false, false, true),
      offload,
    })
    .map(({ offload: left, ...fields }): Fields => ({ ...fields, ...left })),
  way: fc.record({
    ttl: fc.integer({ min: 1, max: 255 }),
    identification: fc.nat(0xffff),
    ipOptions: fc.nat(10).map((words) => new Uint8Array(words * 4).fill(1)),
    extensions: fc.array(extension, { maxLength: 2 }),
    vlan: fc.option(fc.integer({ min: 1, max: 4_094 }), { nil: undefined }),
    padTo: fc.constantFrom(0, 60, 100),
  }),
});

/** What fits the packet's family and protocol, and nothing else. */
function frameOf({ group, isTcp, fields, way }: Packet, full: Way): WireFrame {
  const isIpv4 = familyOf(group.vip) === 4;
  const whole: Way = {
    ...full,
    ...way,
    ipOptions: isIpv4 ? way.ipOptions : undefined,
    extensions: isIpv4 ? undefined : way.extensions,
  };
  const all = { sourcePort: 1, destinationPort: 1, flags: 'A', ...fields };
  const noChecksum = isIpv4 && fields.noChecksum === true;
  return isTcp ? tcpFrame(whole, all) : udpFrame(whole, { ...all, noChecksum });
}

const swapped = ({ sourcePort, destinationPort, ...fields }: Fields): Fields => ({
  ...fields,
  sourcePort: destinationPort,
  destinationPort: sourcePort,
});

/** The ways and ports on both sides of the rewrite. */
function sidesOf(bed: DatapathBed, { group, fields }: Packet) {
  const [member] = group.members ?? [];
  const client = bed.way('web1', group.vip);
  const isPortRewrite = group.rewrite === 'port';
  const viaRouter = bed.maker.routerMac('app');
  const memberMac = member.mac ?? bed.mac(member.name);
  const keepsAddress = group.rewrite !== undefined && group.rewrite !== 'address';
  const toMember: Way = { ...client, toMac: memberMac, to: keepsAddress ? group.vip : member.address };
  const memberFields = { ...fields, destinationPort: member.port ?? fields.destinationPort };
  const back = (way: Way): Way => ({ fromMac: way.toMac, toMac: way.fromMac, from: way.to, to: way.from });
  return {
    client,
    toMember,
    memberFields,
    fromMember: { ...back(toMember), fromMac: bed.mac(member.name) },
    toClient: { ...back(client), fromMac: isPortRewrite ? bed.mac(member.name) : viaRouter },
  };
}

/** TCP has to begin with a SYN; the flow is new for every packet of the property. */
function openFlow(bed: DatapathBed, tested: Packet): void {
  if (!tested.isTcp) return;
  const { sourcePort, destinationPort } = tested.fields;
  const syn: Packet = { ...tested, fields: { sourcePort, destinationPort, flags: 'S' }, way: {} };
  bed.send('web1', frameOf(syn, bed.way('web1', tested.group.vip)));
}

function expectSent(sent: readonly Sent[], to: string, expected: WireFrame): void {
  const { port: where, wire } = only(sent);
  assert.is(where, to);
  assert.is(hexOf(wire.bytes), hexOf(expected.bytes));
  assert.is(hexOf(wire.vnet), hexOf(expected.vnet));
}

rewriting(
  'there and back, byte for byte: address, port, both, MAC; IPv4 and IPv6; complete and offloaded',
  () => {
    let bed = new DatapathBed({ groups: GROUPS });
    let flows = 0;
    check(
      fc.property(packet, (tested) => {
        if (flows++ % 500 === 0) bed = new DatapathBed({ groups: GROUPS });
        const { client, toMember, memberFields, fromMember, toClient } = sidesOf(bed, tested);
        const member = tested.group.members?.[0].name ?? '';
        openFlow(bed, tested);
        const there = bed.send('web1', frameOf(tested, client));
        // A second flow of the same ports gets another client port, as seen by the member.
        const seen = there[0]?.frame.packet;
        const sourcePort = (seen?.tcp ?? seen?.udp)?.sourcePort;
        const translated = { ...memberFields, sourcePort };
        expectSent(there, member, frameOf({ ...tested, fields: translated }, toMember));
        const answer = { ...tested, fields: swapped(translated) };
        const restored = { ...tested, fields: swapped(tested.fields) };
        expectSent(bed.send(member, frameOf(answer, fromMember)), 'web1', frameOf(restored, toClient));
      }),
      1_500,
    );
  },
);

rewriting('MAC redirect: the IP stays the VIP, the frame goes to the chosen member', () => {
  const bed = new DatapathBed({
    groups: [
      {
        name: 'dsr',
        vip: '10.1.0.100',
        rewrite: 'mac',
        members: [
          { name: 'app1', address: '10.1.0.21', weight: 2 },
          { name: 'app2', address: '10.1.0.22' },
        ],
      },
    ],
  });
  const chosen: string[] = [];
  for (let i = 0; i < 6; i++) {
    const way = bed.way('web1', '10.1.0.100');
    const { port: to, frame } = only(
      bed.send('web1', tcpFrame(way, { sourcePort: 40_000 + i, destinationPort: 80, flags: 'S' })),
    );
    assert.is(frame.packet?.to, '10.1.0.100');
    assert.is(frame.toMac, bed.mac(to));
    chosen.push(to);
  }
  assert.equal(chosen.filter((name) => name === 'app1').length, 4);
  assert.equal(chosen.filter((name) => name === 'app2').length, 2);
});

rewriting('port alone: the owner of the address keeps it, and answers as itself', () => {
  const bed = new DatapathBed({
    groups: [
      {
        name: 'alt',
        vip: '10.1.0.21',
        protocol: 'tcp',
        port: 80,
        rewrite: 'port',
        members: [{ name: 'app1', address: '10.1.0.21', port: 8080 }],
      },
    ],
  });
  const syn = { sourcePort: 40_000, destinationPort: 80, flags: 'S' };
  const there = only(bed.send('web1', tcpFrame(bed.way('web1', '10.1.0.21'), syn)));
  assert.is(there.frame.packet?.tcp?.destinationPort, 8080);
  const other = { ...syn, destinationPort: 22 };
  const untouched = only(bed.send('web1', tcpFrame(bed.way('web1', '10.1.0.21'), other)));
  assert.is(untouched.frame.packet?.tcp?.destinationPort, 22, 'no rule, no change');
  const answer = { sourcePort: 8080, destinationPort: 40_000, flags: 'SA' };
  const back = only(bed.send('app1', tcpFrame(bed.way('app1', '10.1.0.11'), answer)));
  assert.is(back.frame.packet?.tcp?.sourcePort, 80);
  assert.is(back.frame.fromMac, bed.mac('app1'));
});

rewriting.run();
