/** Operators that the configuration puts into a port's chain: rate limit, mirror, mark. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { OperatorSpec } from '../../../src/datapath/snapshot.ts';
import { compileFirewall } from '../../../src/tables/firewall/firewall-rules.ts';
import { hexOf } from '../../support/addresses.ts';
import { TcpConversation } from '../../support/conversation.ts';
import { DatapathBed, only, type Sent } from '../../support/datapath-bed.ts';
import { countingBytes, tcpFrame, UDP, udpFrame } from '../../support/packets.ts';
import { members, PORTS } from '../../support/topology.ts';

const BALANCER: OperatorSpec = { kind: 'load-balancer' };
const VIP = '10.1.0.100';
const GROUP = { name: 'api', vip: VIP, members: members([1]) };

const withChain = (name: string, ...chain: OperatorSpec[]) =>
  PORTS.map((port) => (port.name === name ? { ...port, chain } : port));

const udp = (bed: DatapathBed, from: string, to: string, bytes = 10): Sent[] =>
  bed.send(
    from,
    udpFrame(bed.way(from, to), { sourcePort: 1_000, destinationPort: 2_000, payload: countingBytes(bytes) }),
  );

const limit = suite('rate limit');

limit('packets: the burst, then the rate, each direction by itself; a snapshot gives no new burst', () => {
  const spec: OperatorSpec = { kind: 'rate-limit', packetsPerSecond: 2_000, burstMs: 100 };
  const bed = new DatapathBed({ ports: withChain('web1', spec, BALANCER) });
  const passed = (count: number): number => {
    let sent = 0;
    for (let i = 0; i < count; i++) sent += udp(bed, 'web1', '10.1.0.21').length;
    return sent;
  };
  assert.is(passed(500), 200);
  bed.configure({ ports: withChain('web1', spec, BALANCER, { kind: 'mirror', port: 23 }) });
  assert.is(passed(100), 0);
  bed.pass(30);
  assert.is(passed(500), 60);
  let back = 0;
  for (let i = 0; i < 300; i++) back += udp(bed, 'app1', '10.1.0.11').length;
  assert.is(back, 200, 'packets to the VM have a bucket of their own');
  bed.passSlowly(60_000);
  assert.is(passed(500), 200, 'never more than the burst');
  assert.is(bed.drops()['rate-limited'], 300 + 100 + 440 + 100 + 300);
});

limit('bits, and super-segments by the packets that they stand for', () => {
  const spec: OperatorSpec = { kind: 'rate-limit', bitsPerSecond: 80_000_000, burstMs: 100 };
  const bed = new DatapathBed({ ports: withChain('web1', spec, BALANCER) });
  let bytes = 0;
  for (let i = 0; i < 2_000; i++) {
    for (const { wire } of udp(bed, 'web1', '10.1.0.21', 1_400)) bytes += wire.bytes.length;
  }
  assert.ok(bytes <= 1_000_000 && bytes > 1_000_000 - 1_500, `${bytes}`);
  const packets: OperatorSpec = { kind: 'rate-limit', packetsPerSecond: 1_280, burstMs: 100 };
  const other = new DatapathBed({ ports: withChain('web1', packets, BALANCER) });
  let frames = 0;
  for (let i = 0; i < 20; i++) {
    const fields = { sourcePort: 1_000, destinationPort: 80, flags: 'A', payload: countingBytes(14_000) };
    frames += other.send(
      'web1',
      tcpFrame(other.way('web1', '10.1.0.21'), { ...fields, gsoSize: 1_400 }),
    ).length;
  }
  assert.is(frames, 12, '128 packets in segments of ten');
});

limit('packets of established balanced flows are limited, too', () => {
  const spec: OperatorSpec = { kind: 'rate-limit', packetsPerSecond: 1_000, burstMs: 10 };
  const bed = new DatapathBed({ groups: [GROUP], ports: withChain('app1', spec, BALANCER) });
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 5_000, vip: VIP, vipPort: 80 }).open();
  let passed = 0;
  for (let i = 0; i < 300; i++) passed += flow.send('A').length;
  assert.ok(passed <= 128 && passed >= 120, `${passed}`);
});

const mirror = suite('mirror');

mirror('copies are what the mirror sees at its place, and pass no chain', () => {
  const web2 = bedPort('web2');
  const before = new DatapathBed({
    groups: [GROUP],
    ports: withChain('web1', { kind: 'mirror', port: web2 }, BALANCER),
  });
  const behind = new DatapathBed({
    groups: [GROUP],
    ports: withChain('web1', BALANCER, { kind: 'mirror', port: web2 }),
  });
  for (const [bed, destination] of [
    [before, VIP],
    [behind, '10.1.0.21'],
  ] as const) {
    const fields = { sourcePort: 5_000, destinationPort: 80, flags: 'S' };
    const sent = bed.send('web1', tcpFrame(bed.way('web1', VIP), fields));
    assert.equal(sent.map(({ port }) => port).sort(), ['app1', 'web2']);
    const copy = sent.find(({ port }) => port === 'web2')!;
    assert.is(copy.frame.packet?.to, destination);
  }
  const answer = { sourcePort: 80, destinationPort: 5_000, flags: 'SA' };
  const back = before.send('app1', tcpFrame(before.way('app1', '10.1.0.11'), answer));
  assert.equal(back.map(({ port }) => port).sort(), ['web1', 'web2']);
  assert.is(
    back.find(({ port }) => port === 'web2')!.frame.packet?.from,
    VIP,
    'on the way back behind the balancer',
  );
});

mirror('of chosen packets; a later change of the packet does not reach the copy', () => {
  const rules = compileFirewall({
    default: 'deny',
    rules: [
      {
        id: 0,
        verdict: 'allow',
        direction: 'from-vm',
        protocols: [UDP],
        ranges: [[2_000, 2_000]],
        sources: [],
        destinations: [],
        log: false,
      },
    ],
  });
  const chain: OperatorSpec[] = [{ kind: 'mirror', port: bedPort('web2'), rules }, BALANCER];
  const bed = new DatapathBed({ ports: withChain('web1', ...chain) });
  const wire = udpFrame(bed.way('web1', '10.2.0.31'), {
    sourcePort: 1,
    destinationPort: 2_000,
    payload: countingBytes(40),
  });
  const sent = bed.send('web1', wire);
  assert.is(hexOf(sent.find(({ port }) => port === 'web2')!.wire.bytes), hexOf(wire.bytes));
  assert.is(sent.find(({ port }) => port === 'db1')!.frame.packet?.ttl, 63);
  const other = udpFrame(bed.way('web1', '10.1.0.21'), { sourcePort: 1, destinationPort: 2_001 });
  assert.is(only(bed.send('web1', other)).port, 'app1');
  assert.is(only(udp(bed, 'app1', '10.1.0.11')).port, 'web1');
});

const mark = suite('mark');

mark(
  'packets to the VM bear the DSCP of their source, right to the checksum; the first prefix decides',
  () => {
    const marks = [
      { sources: ['10.1.0.21/32', 'fd00:1::15/128'], dscp: 46 },
      { sources: ['10.1.0.0/24'], dscp: 10 },
    ];
    const ports = PORTS.map((port) => (port.name === 'web1' ? { ...port, marks } : port));
    const bed = new DatapathBed({ ports });
    const dscpOf = (from: string, to: string): number => {
      const { wire } = only(udp(bed, from, to)); // the bed verifies checksums
      const trafficClass = to.includes(':')
        ? ((wire.bytes[14]! & 15) << 4) | (wire.bytes[15]! >> 4)
        : wire.bytes[15]!;
      return trafficClass >> 2;
    };
    assert.is(dscpOf('app1', '10.1.0.11'), 46);
    assert.is(dscpOf('app2', '10.1.0.11'), 10);
    assert.is(dscpOf('app1', 'fd00:1::b'), 46);
    assert.is(dscpOf('app2', 'fd00:1::b'), 0);
    assert.is(dscpOf('web1', '10.1.0.21'), 0, 'not what the VM sends');
  },
);

/** Number that the bed gives to a port. */
function bedPort(name: string): number {
  return new DatapathBed().maker.portId(name);
}

limit.run();
mirror.run();
mark.run();
