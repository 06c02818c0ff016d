/**
 * Echo through a VIP. A group of protocol icmp balances it by identifier, as it would balance UDP by port (RFC 5508 §3).
 * Otherwise the VIP answers itself, in the name of its groups: as long as one of them has a member to serve.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { addressBytes } from '../../support/addresses.ts';
import { DatapathBed, describe, only, portsOf, type Sent } from '../../support/datapath-bed.ts';
import {
  countingBytes,
  echoFrame,
  icmpFrame,
  rawFrame,
  tcpFrame,
  type Way,
  type WireFrame,
} from '../../support/packets.ts';
import type { ParsedPacket } from '../../support/parse-frame.ts';
import { type GroupDescription, MINUTE_MS, members, SETTINGS } from '../../support/topology.ts';

const balanced = suite('echo: balanced by identifier');
const answered = suite('echo: answered by the VIP');

const CASES = [
  {
    family: 4,
    vip: '10.1.0.100',
    other: '10.1.0.101',
    client: '10.1.0.11',
    protocol: 1,
    request: 8,
    reply: 0,
  },
  {
    family: 6,
    vip: 'fd00:1::64',
    other: 'fd00:1::65',
    client: 'fd00:1::b',
    protocol: 58,
    request: 128,
    reply: 129,
  },
] as const;

const group = (
  vip: string,
  weights: readonly number[],
  more: Partial<GroupDescription> = {},
): GroupDescription => ({
  name: vip,
  vip,
  protocol: 'icmp',
  members: members(weights, { family: addressBytes(vip).length === 4 ? 4 : 6 }),
  ...more,
});

const packetOf = ({ frame }: Sent): ParsedPacket => {
  assert.ok(frame.packet);
  return frame.packet;
};

/** What the member answers to a request that has reached it. */
function replyTo(bed: DatapathBed, arrived: Sent): WireFrame {
  const { from, to, icmp } = packetOf(arrived);
  const way = bed.way(arrived.port, from, { from: to });
  return icmpFrame(way, to.includes(':') ? 129 : 0, 0, icmp!.rest, icmp!.body);
}

/** An echo message in fragments of `bytes` bytes. */
function inPieces(
  way: Way,
  protocol: number,
  whole: WireFrame,
  identification: number,
  bytes = 64,
): WireFrame[] {
  const message = whole.bytes.slice(14 + (protocol === 1 ? 20 : 40));
  const pieces: WireFrame[] = [];
  for (let offset = 0; offset < message.length; offset += bytes) {
    const fragment = { offset, more: offset + bytes < message.length };
    pieces.push(
      rawFrame({ ...way, fragment, identification }, protocol, message.slice(offset, offset + bytes)),
    );
  }
  return pieces;
}

balanced(
  'each identifier is a flow: exact shares, its later requests to the same member, replies from the VIP',
  () => {
    for (const { vip, client, family } of CASES) {
      const bed = new DatapathBed({ groups: [group(vip, [1, 3])] });
      const way = bed.way('web1', vip);
      const counts: Record<string, number> = {};
      for (let identifier = 0; identifier < 8; identifier++) {
        const there = only(bed.send('web1', echoFrame(way, identifier, 1, countingBytes(56))));
        counts[there.port] = (counts[there.port] ?? 0) + 1;
        assert.equal([packetOf(there).from, packetOf(there).to], [client, bed.address(there.port, family)]);
        for (let sequence = 2; sequence < 5; sequence++) {
          const next = only(bed.send('web1', echoFrame(way, identifier, sequence, countingBytes(56))));
          assert.is(next.port, there.port);
          const back = only(bed.send(next.port, replyTo(bed, next)));
          assert.is(back.port, 'web1');
          assert.equal([packetOf(back).from, packetOf(back).to], [vip, client]);
          assert.is(packetOf(back).icmp?.rest, identifier * 0x10000 + sequence);
          assert.equal(packetOf(back).icmp?.body, countingBytes(56));
        }
      }
      assert.equal(counts, { app1: 2, app2: 6 });
      assert.equal(bed.drops(), {});
      assert.is(bed.flows().length, 8);
      assert.is(bed.stats('web1', vip, 'app2').newFlows, 6);
      assert.is(bed.stats('web1', vip, 'app2').replyPackets, 18);
    }
  },
);

balanced('in fragments, there and back, in any order', () => {
  for (const { vip, client, protocol } of CASES) {
    for (const turn of [(list: WireFrame[]) => list, (list: WireFrame[]) => list.toReversed()]) {
      const bed = new DatapathBed({ groups: [group(vip, [1, 1, 1])] });
      for (let identifier = 1; identifier < 7; identifier++) {
        const way = bed.way('web1', vip);
        const whole = echoFrame(way, identifier, 1, countingBytes(150));
        const there = turn(inPieces(way, protocol, whole, identifier)).flatMap((piece) =>
          bed.send('web1', piece),
        );
        assert.is(there.length, 3);
        assert.is(new Set(portsOf(there)).size, 1);
        const { port } = there[0];
        const member = packetOf(there[0]).to;
        const wayBack = bed.way(port, client, { from: member });
        const reply = icmpFrame(
          wayBack,
          protocol === 1 ? 0 : 129,
          0,
          identifier * 0x10000 + 1,
          countingBytes(150),
        );
        const back = turn(inPieces(wayBack, protocol, reply, identifier)).flatMap((piece) =>
          bed.send(port, piece),
        );
        assert.equal(portsOf(back), ['web1', 'web1', 'web1']);
        assert.equal(
          back.map((sent) => packetOf(sent).from),
          [vip, vip, vip],
        );
      }
      // The member's own ping of its client, in fragments too, is nobody's reply.
      const own = bed.way('app1', client);
      const ping = inPieces(own, protocol, echoFrame(own, 1, 1, countingBytes(150)), 9);
      const sent = turn(ping).flatMap((piece) => bed.send('app1', piece));
      assert.equal(portsOf(sent), ['web1', 'web1', 'web1']);
      const from = bed.address('app1', protocol === 1 ? 4 : 6);
      assert.equal(
        sent.map((piece) => packetOf(piece).from),
        [from, from, from],
      );
      assert.equal(bed.drops(), {});
      assert.is(bed.flows().length, 6);
    }
  }
});

balanced('errors about a request and about a reply are read by each end about its own packet', () => {
  for (const { vip, client, family } of CASES) {
    const bed = new DatapathBed({ groups: [group(vip, [1])] });
    const [type, code] = family === 4 ? [3, 1] : [1, 3];
    const member = bed.address('app1', family);
    const request = echoFrame(bed.way('web1', vip), 77, 3, countingBytes(20));
    const there = only(bed.send('web1', request));
    const back = only(bed.send('app1', replyTo(bed, there)));
    // A router behind the member says that the request went nowhere; 8 bytes of the message are quoted.
    const about = packetOf(there).bytes.slice(0, family === 4 ? 28 : 48);
    const router = bed.address('app3', family);
    const heard = only(
      bed.send('app3', icmpFrame(bed.way('app3', client, { from: router }), type, code, 0, about)),
    );
    assert.is(describe([heard]), `web1: icmp ${router} > ${client} ${type}/${code}`);
    const quoted = packetOf(heard).icmp?.quoted;
    assert.equal([quoted?.from, quoted?.to, quoted?.icmp?.rest], [client, vip, 77 * 0x10000 + 3]);
    // The client refuses the reply.
    const refusal = icmpFrame(bed.way('web1', vip), type, code, 0, packetOf(back).bytes);
    const read = only(bed.send('web1', refusal));
    assert.is(describe([read]), `app1: icmp ${client} > ${member} ${type}/${code}`);
    const own = packetOf(read).icmp?.quoted;
    assert.equal([own?.from, own?.to, own?.icmp?.rest], [member, client, 77 * 0x10000 + 3]);
    // Of no flow.
    const other = icmpFrame(bed.way('web1', vip), 0, 0, 0x0004_0003).bytes.slice(14);
    if (family === 4) {
      assert.equal(bed.send('web1', icmpFrame(bed.way('web1', vip), type, code, 0, other)), []);
      assert.equal(bed.drops(), { 'no-connection': 1 });
    }
  }
});

balanced(
  'one identifier to two VIPs of one member, and to the member itself: three flows, never mixed up',
  () => {
    for (const { vip, other, family } of CASES) {
      const bed = new DatapathBed({ groups: [group(vip, [1]), group(other, [1])] });
      const member = bed.address('app1', family);
      const targets = [vip, other, member];
      const there = targets.map((to) =>
        only(bed.send('web1', echoFrame(bed.way('web1', to), 5, 1, countingBytes(9)))),
      );
      assert.equal(portsOf(there), ['app1', 'app1', 'app1']);
      const identifiers = there.map((sent) => packetOf(sent).icmp!.rest >>> 16);
      assert.is(new Set(identifiers).size, 3);
      for (const [i, arrived] of there.entries()) {
        const back = packetOf(only(bed.send('app1', replyTo(bed, arrived))));
        assert.equal([back.from, back.icmp?.rest], [targets[i], 0x0005_0001]);
        // An error quotes the identifier that its reader knows.
        const error = icmpFrame(
          bed.way('app1', packetOf(arrived).from, { from: packetOf(arrived).to }),
          family === 4 ? 3 : 1,
          1,
          0,
          packetOf(arrived).bytes,
        );
        const quoted = packetOf(only(bed.send('app1', error))).icmp?.quoted;
        assert.equal([quoted?.to, quoted?.icmp?.rest], [targets[i], 0x0005_0001]);
      }
    }
  },
);

balanced('a VM that is the member of its own VIP pings itself, and sees the VIP', () => {
  for (const { vip, family } of CASES) {
    const bed = new DatapathBed({ groups: [group(vip, [1])] });
    const there = only(bed.send('app1', echoFrame(bed.way('app1', vip), 5, 1)));
    const own = bed.address('app1', family);
    assert.equal([there.port, packetOf(there).from, packetOf(there).to], ['app1', vip, own]);
    const back = only(bed.send('app1', replyTo(bed, there)));
    assert.equal([back.port, packetOf(back).from, packetOf(back).to], ['app1', vip, own]);
    assert.is(packetOf(back).icmp?.type, family === 4 ? 0 : 129);
  }
});

balanced('a MAC redirect leaves the addresses; the member answers as the VIP', () => {
  for (const { vip, client, reply } of CASES) {
    const bed = new DatapathBed({ groups: [group(vip, [1], { rewrite: 'mac' })] });
    const there = only(bed.send('web1', echoFrame(bed.way('web1', vip), 5, 1)));
    assert.equal([there.port, packetOf(there).to], ['app1', vip]);
    const back = only(bed.send('app1', replyTo(bed, there)));
    assert.equal([back.port, packetOf(back).from, packetOf(back).icmp?.type], ['web1', vip, reply]);
    assert.is(packetOf(back).to, client);
  }
});

balanced(
  'a member that fails: the next request goes to another, and what it still answers is not passed',
  () => {
    for (const { vip, client } of CASES) {
      const bed = new DatapathBed({ groups: [group(vip, [1, 0])] });
      const first = only(bed.send('web1', echoFrame(bed.way('web1', vip), 5, 1)));
      assert.is(first.port, 'app1');
      const late = replyTo(bed, first);
      const [one, two] = group(vip, [1, 1]).members!;
      bed.configure({ groups: [group(vip, [], { members: [{ ...one, state: 'failed' }, two] })] });
      bed.datapath.purge([bed.maker.memberId(vip, 'app1')], 'all', bed.nowMs);
      bed.pass(10);
      assert.equal(bed.send('app1', late), []);
      const next = only(bed.send('web1', echoFrame(bed.way('web1', vip), 5, 2)));
      assert.equal([next.port, packetOf(next).from], ['app2', client]);
    }
  },
);

balanced(
  'an identifier that is silent for as long as a UDP flow may be is forgotten (RFC 5508 REQ-2: a minute at least)',
  () => {
    for (const { vip } of CASES) {
      const bed = new DatapathBed({ groups: [group(vip, [1])] });
      bed.send('web1', echoFrame(bed.way('web1', vip), 5, 1));
      bed.passSlowly(MINUTE_MS);
      assert.is(bed.flows().length, 1);
      bed.passSlowly(SETTINGS.udpIdleMs);
      assert.equal(bed.flows(), []);
    }
  },
);

balanced(
  'with no usable member: host unreachable in the name of the VIP, or silence; whether VIPs answer plays no part',
  () => {
    for (const { vip, client, family } of CASES) {
      const settings = { ...SETTINGS, answerEchoToVip: false };
      const bed = new DatapathBed({ groups: [group(vip, [0])], settings });
      const ask = (): Sent[] => bed.send('web1', echoFrame(bed.way('web1', vip), 5, 1, countingBytes(8)));
      assert.is(describe(ask()), `web1: icmp ${vip} > ${client} ${family === 4 ? '3/1' : '1/3'}`);
      bed.configure({ groups: [group(vip, [0], { onEmpty: 'drop' })] });
      assert.equal(ask(), []);
      assert.equal(bed.drops(), { 'no-member': 2 });
      bed.configure({ groups: [group(vip, [1])] });
      assert.equal(portsOf(ask()), ['app1']);
      // A reply that nobody has asked for.
      const stray = icmpFrame(bed.way('web1', vip), family === 4 ? 0 : 129, 0, 0x0009_0001);
      assert.equal(bed.send('web1', stray), []);
    }
  },
);

// ---------------------------------------------------------------------------------------------------------

const isAnswered = (bed: DatapathBed, vip: string, port = 'web1'): boolean => {
  const { frame, port: to } = only(bed.send(port, echoFrame(bed.way(port, vip), 5, 1, countingBytes(8))));
  const { from, icmp } = frame.packet!;
  assert.equal([to, from], [port, vip]);
  if (icmp?.type === 0 || icmp?.type === 129) return true;
  assert.equal([icmp?.type, icmp?.code], vip.includes(':') ? [1, 3] : [3, 1]);
  return false;
};

answered(
  'while a member is usable: not with all of them failed, draining, of weight 0, or between periods',
  () => {
    for (const { vip, family } of CASES) {
      for (const protocol of ['any', 'tcp', 'udp'] as const) {
        const port = protocol === 'any' ? undefined : 80;
        const [one, two] = members([1, 1], { family });
        const bed = new DatapathBed();
        const isWith = (list: (typeof one)[]): boolean => {
          bed.configure({ groups: [{ name: 'api', vip, protocol, port, members: list }] });
          return isAnswered(bed, vip);
        };
        assert.is(isWith([one, two]), true);
        assert.is(isWith([{ ...one, state: 'failed' }, two]), true);
        assert.is(
          isWith([
            { ...one, state: 'failed' },
            { ...two, state: 'failed' },
          ]),
          false,
        );
        assert.is(
          isWith([
            { ...one, state: 'draining' },
            { ...two, weight: 0 },
          ]),
          false,
        );
        assert.is(isWith([]), false);
        assert.is(isWith([{ ...one, state: 'failed' }, two]), true);
        const untilMs = bed.wallMs + 1_000;
        bed.configure({
          groups: [{ name: 'api', vip, protocol, port, criteria: [{ untilMs, members: [one] }] }],
        });
        assert.is(isAnswered(bed, vip), true);
        bed.pass(1_000);
        assert.is(isAnswered(bed, vip), false);
        assert.equal(bed.flows(), []);
      }
    }
  },
);

answered('by several groups as long as one of them serves the one who asks', () => {
  for (const { vip, family, client } of CASES) {
    const up = members([1], { family });
    const down = members([0], { family });
    const bed = new DatapathBed();
    const groups = (tcp: typeof up, udp: typeof up, sources: string[] = []): GroupDescription[] => [
      { name: 'tcp', vip, protocol: 'tcp', port: 80, members: tcp },
      { name: 'udp', vip, protocol: 'udp', port: 53, members: udp, sources },
    ];
    for (const [tcp, udp] of [
      [up, up],
      [up, down],
      [down, up],
      [down, down],
    ]) {
      bed.configure({ groups: groups(tcp, udp) });
      assert.is(isAnswered(bed, vip), tcp === up || udp === up);
    }
    const bits = family === 4 ? 32 : 128;
    bed.configure({ groups: groups(down, up, [`${client}/${bits}`]) });
    assert.is(isAnswered(bed, vip), true);
    assert.is(isAnswered(bed, vip, 'web2'), false, 'what serves others does not serve this one');
  }
});

answered('in fragments, with a member; without one the first of them is refused and the rest dropped', () => {
  for (const { vip, family, protocol } of CASES) {
    const bed = new DatapathBed({ groups: [{ name: 'api', vip, members: members([1], { family }) }] });
    const way = bed.way('web1', vip);
    const ask = (id: number): Sent[] =>
      inPieces(way, protocol, echoFrame(way, 5, 1, countingBytes(150)), id).flatMap((piece) =>
        bed.send('web1', piece),
      );
    assert.equal(
      ask(1).map((sent) => packetOf(sent).from),
      [vip, vip, vip],
    );
    bed.configure({ groups: [{ name: 'api', vip, members: members([0], { family }) }] });
    assert.equal(
      ask(2).map((sent) => packetOf(sent).icmp?.type),
      [family === 4 ? 3 : 1],
    );
    assert.is(bed.tables.fragments.inUse, 0);
  }
});

answered('a group of any protocol balances everything but ICMP: pings are no flows', () => {
  for (const { vip, family } of CASES) {
    const bed = new DatapathBed({ groups: [{ name: 'api', vip, members: members([1], { family }) }] });
    assert.is(isAnswered(bed, vip), true);
    bed.send('web1', tcpFrame(bed.way('web1', vip), { sourcePort: 4_000, destinationPort: 80, flags: 'S' }));
    assert.equal(
      bed.flows().map(({ protocol }) => protocol),
      [6],
    );
  }
});

balanced.run();
answered.run();
