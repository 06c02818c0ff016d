/**
 * `udpScheduling: per-datagram`: a client that uses one port for everything is spread over the members all the same, and
 * every reply finds its way back.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, only, portsOf, type Sent } from '../../support/datapath-bed.ts';
import { countingBytes, rawFrame, udpFrame, type WireFrame } from '../../support/packets.ts';
import type { ParsedPacket } from '../../support/parse-frame.ts';
import { type GroupDescription, members, SETTINGS } from '../../support/topology.ts';

const datagrams = suite('a member for each datagram');

const CASES = [
  { family: 4, vip: '10.1.0.100', other: '10.1.0.101', client: '10.1.0.11' },
  { family: 6, vip: 'fd00:1::64', other: 'fd00:1::65', client: 'fd00:1::b' },
] as const;
const PORTS = { sourcePort: 5_300, destinationPort: 53 };

const groupOf = (
  vip: string,
  weights: readonly number[],
  more: Partial<GroupDescription> = {},
): GroupDescription => ({
  name: vip,
  vip,
  protocol: 'udp',
  udpScheduling: 'per-datagram',
  members: members(weights, { port: 5_353, family: vip.includes(':') ? 6 : 4 }),
  ...more,
});

const ask = (bed: DatapathBed, vip: string, port = 'web1', first = 0): Sent[] =>
  bed.send(port, udpFrame(bed.way(port, vip), { ...PORTS, payload: countingBytes(20, first) }));

const packetOf = ({ frame }: Sent): ParsedPacket => frame.packet!;

function replyTo(bed: DatapathBed, arrived: Sent): WireFrame {
  const { from, to, udp } = packetOf(arrived);
  const ports = { sourcePort: udp!.destinationPort, destinationPort: udp!.sourcePort };
  return udpFrame(bed.way(arrived.port, from, { from: to }), { ...ports, payload: udp!.payload });
}

datagrams(
  'one port of one client: exact shares by datagram, and replies in any order come from the VIP',
  () => {
    for (const { vip, client, family } of CASES) {
      const bed = new DatapathBed({ groups: [groupOf(vip, [1, 3, 2])] });
      for (let cycle = 0; cycle < 4; cycle++) {
        const there = Array.from({ length: 6 }, (_, i) => only(ask(bed, vip, 'web1', i)));
        const counts = ['app1', 'app2', 'app3'].map(
          (name) => there.filter(({ port }) => port === name).length,
        );
        assert.equal(counts, [1, 3, 2]);
        for (const arrived of there.toReversed()) {
          const { from, to, udp } = packetOf(arrived);
          assert.equal([from, to], [client, bed.address(arrived.port, family)]);
          assert.equal([udp?.sourcePort, udp?.destinationPort], [5_300, 5_353]);
          const back = only(bed.send(arrived.port, replyTo(bed, arrived)));
          assert.is(back.port, 'web1');
          assert.equal([packetOf(back).from, packetOf(back).to], [vip, client]);
          assert.equal([packetOf(back).udp?.sourcePort, packetOf(back).udp?.destinationPort], [53, 5_300]);
          assert.equal(packetOf(back).udp?.payload, udp?.payload);
        }
      }
      assert.is(bed.flows().length, 3, 'a record per member, however many datagrams');
      assert.is(bed.stats('web1', vip, 'app2').packets, 12);
      assert.is(bed.stats('web1', vip, 'app2').newFlows, 1);
      assert.equal(bed.drops(), {});
      bed.passSlowly(SETTINGS.udpIdleMs + 20_000);
      assert.equal(bed.flows(), []);
      assert.is(bed.stats('web1', vip, 'app2').activeFlows, 0);
    }
  },
);

datagrams('a datagram in fragments stays together, in any order, beside others of the same port', () => {
  for (const { vip } of CASES) {
    for (const turn of [(list: WireFrame[]) => list, (list: WireFrame[]) => list.toReversed()]) {
      const bed = new DatapathBed({ groups: [groupOf(vip, [1, 1, 1])] });
      const way = bed.way('web1', vip);
      const whole = udpFrame(way, { ...PORTS, payload: countingBytes(160) }).bytes.slice(
        vip.includes(':') ? 54 : 34,
      );
      const seen: string[] = [];
      for (let id = 1; id < 10; id++) {
        const pieces = [0, 64, 128].map((offset) =>
          rawFrame(
            { ...way, fragment: { offset, more: offset < 128 }, identification: id },
            17,
            whole.slice(offset, offset + 64),
          ),
        );
        const sent = turn(pieces).flatMap((piece) => {
          const own = bed.send('web1', piece);
          ask(bed, vip);
          return own;
        });
        assert.is(sent.length, 3);
        assert.is(new Set(portsOf(sent)).size, 1, portsOf(sent).join());
        seen.push(sent[0].port);
      }
      assert.is(new Set(seen).size > 1, true, seen.join());
      assert.equal(bed.drops(), {});
    }
  }
});

datagrams('two VIPs that share members, from one port: replies know which VIP was asked', () => {
  for (const { vip, other } of CASES) {
    const bed = new DatapathBed({ groups: [groupOf(vip, [1, 1]), groupOf(other, [1, 1])] });
    for (let i = 0; i < 4; i++) {
      for (const target of [vip, other]) {
        const arrived = only(ask(bed, target));
        assert.is(packetOf(only(bed.send(arrived.port, replyTo(bed, arrived)))).from, target);
      }
    }
    assert.is(bed.flows().length, 4);
  }
});

datagrams('drained, failed and returning members: the next datagram knows', () => {
  for (const { vip } of CASES) {
    const bed = new DatapathBed({ groups: [groupOf(vip, [1, 1])] });
    const asked = (count: number): string =>
      portsOf(Array.from({ length: count }, () => only(ask(bed, vip))))
        .toSorted()
        .join();
    assert.is(asked(4), 'app1,app1,app2,app2');
    const [one, two] = groupOf(vip, [1, 1]).members!;
    bed.configure({ groups: [groupOf(vip, [], { members: [{ ...one, state: 'draining' }, two] })] });
    assert.is(asked(2), 'app2,app2');
    bed.configure({ groups: [groupOf(vip, [], { members: [one, { ...two, state: 'failed' }] })] });
    bed.datapath.purge([bed.maker.memberId(vip, 'app2')], 'all', bed.nowMs);
    assert.is(asked(2), 'app1,app1');
    bed.nowMs += 1;
    bed.configure({ groups: [groupOf(vip, [1, 1])] });
    assert.is(asked(4), 'app1,app1,app2,app2');
    bed.configure({ groups: [groupOf(vip, [0, 0])] });
    const refusal = only(ask(bed, vip));
    assert.equal([refusal.port, packetOf(refusal).icmp?.type], ['web1', vip.includes(':') ? 1 : 3]);
  }
});

datagrams('a VM that is a member too reaches itself, and a datapath that follows goes on', () => {
  for (const { vip, family } of CASES) {
    const groups = [groupOf(vip, [1, 1])];
    const previous = new DatapathBed({ groups });
    const there = [only(ask(previous, vip, 'app1')), only(ask(previous, vip, 'app1'))];
    const bed = new DatapathBed({
      groups,
      nowMs: previous.nowMs,
      follows: { bed: previous, ports: ['app1', 'app2'] },
    });
    assert.is(bed.flows().length, 2);
    for (const arrived of there) {
      const back = only(bed.send(arrived.port, replyTo(bed, arrived)));
      assert.equal(
        [back.port, packetOf(back).from, packetOf(back).to],
        ['app1', vip, bed.address('app1', family)],
      );
    }
    for (let i = 0; i < 4; i++) ask(bed, vip, 'app1');
    assert.is(bed.flows().length, 2);
  }
});

datagrams('a full table refuses what would need a record, and serves the rest', () => {
  const { vip } = CASES[0];
  const bed = new DatapathBed({
    groups: [groupOf(vip, [1, 1, 1, 1])],
    limits: { maxConnections: 2 },
    balancer: 'host',
  });
  const sent = Array.from({ length: 12 }, () => ask(bed, vip)).flat();
  assert.ok(sent.length >= 3 && sent.length < 12, `${sent.length}`);
  assert.is((bed.drops()['connections-full'] ?? 0) + sent.length, 12);
  assert.ok(new Set(portsOf(sent)).size <= 2);
});

datagrams.run();
