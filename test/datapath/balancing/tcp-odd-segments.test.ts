/** TCP segments that a careful middlebox would be tempted to drop, or to pass as they are: always translated. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hexOf } from '../../support/addresses.ts';
import { TcpConversation } from '../../support/conversation.ts';
import { DatapathBed, describe, only } from '../../support/datapath-bed.ts';
import { tcpFrame } from '../../support/packets.ts';
import { members } from '../../support/topology.ts';

const segments = suite('odd TCP segments');

const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::64';
const ENDS = { port: 'web1', clientPort: 40_000, vipPort: 80 };

const bedOf = (): DatapathBed =>
  new DatapathBed({
    groups: [
      { name: 'api', vip: VIP, members: members([1], { port: 8080 }) },
      { name: 'api6', vip: VIP6, members: members([1], { port: 8080, family: 6 }) },
    ],
  });

/** Runs the body for both families, with what the client and the member must be told apart by. */
function bothFamilies(body: (flow: TcpConversation, bed: DatapathBed, ends: Record<string, string>) => void) {
  for (const [vip, toMember, toClient] of [
    [VIP, 'app1: tcp 10.1.0.11:40000 > 10.1.0.21:8080', 'web1: tcp 10.1.0.100:80 > 10.1.0.11:40000'],
    [
      VIP6,
      'app1: tcp [fd00:1::b]:40000 > [fd00:1::15]:8080',
      'web1: tcp [fd00:1::64]:80 > [fd00:1::b]:40000',
    ],
  ] as const) {
    const bed = bedOf();
    body(new TcpConversation(bed, { ...ENDS, vip }), bed, { toMember, toClient });
  }
}

segments(
  'simultaneous open: both SYNs and both SYN/ACKs cross, and the flow is established (RFC 5382 REQ-2)',
  () => {
    bothFamilies((flow, bed, { toMember, toClient }) => {
      assert.is(describe(flow.send('S', { sequence: 100 })), `${toMember} S`);
      assert.is(describe(flow.reply('S', { sequence: 300 })), `${toClient} S`);
      assert.is(describe(flow.send('SA', { sequence: 100, acknowledgment: 301 })), `${toMember} SA`);
      assert.is(describe(flow.reply('SA', { sequence: 300, acknowledgment: 101 })), `${toClient} SA`);
      flow.send('A', { sequence: 101, acknowledgment: 301 });
      assert.equal(
        bed.flows().map(({ state }) => state),
        ['established'],
      );
    });
  },
);

segments('far out of the window, in both directions and in every state', () => {
  bothFamilies((flow, _, { toMember, toClient }) => {
    const far = { sequence: 0x9000_0000, acknowledgment: 0x1234_5678 };
    flow.send('S', { sequence: 100 });
    assert.is(describe(flow.reply('A', far)), `${toClient} A`, 'before the SYN/ACK');
    flow.reply('SA', { sequence: 300, acknowledgment: 101 });
    for (const flags of ['A', 'PA', 'FA', 'A']) {
      assert.is(describe(flow.send(flags, far)), `${toMember} ${flags}`);
      assert.is(describe(flow.reply(flags, far)), `${toClient} ${flags}`);
    }
  });
});

segments('challenge ACKs (RFC 5961): a SYN on a running flow reaches the member, its ACK the client', () => {
  bothFamilies((flow, bed, { toMember, toClient }) => {
    flow.open();
    assert.is(describe(flow.send('S', { sequence: 0x7777_7777 })), `${toMember} S`);
    assert.is(describe(flow.reply('A', { sequence: 301, acknowledgment: 101 })), `${toClient} A`);
    assert.equal(
      bed.flows().map(({ state }) => state),
      ['established'],
    );
  });
});

segments('a reset that its receiver does not take leaves the flow as it was, timer included', () => {
  bothFamilies((flow, bed, { toMember, toClient }) => {
    flow.open();
    assert.is(describe(flow.reply('R', { sequence: 0x5555_5555 })), `${toClient} R`, 'it is passed on');
    flow.send('A', { sequence: 101, acknowledgment: 301 });
    assert.is(describe(flow.reply('PA', { sequence: 301, acknowledgment: 101 })), `${toClient} PA`);
    assert.equal(
      bed.flows().map(({ state }) => state),
      ['established'],
    );
    bed.passSlowly(60 * 60_000, 60_000);
    assert.is(
      describe(flow.send('A', { sequence: 101, acknowledgment: 302 })),
      `${toMember} A`,
      'an hour later',
    );
  });
});

segments('what comes after the end: last ACKs and retransmitted FINs are translated for minutes', () => {
  bothFamilies((flow, bed, { toMember, toClient }) => {
    flow.open().close();
    bed.passSlowly(3 * 60_000, 10_000);
    assert.is(describe(flow.reply('FA', { sequence: 301, acknowledgment: 102 })), `${toClient} FA`);
    assert.is(describe(flow.send('A', { sequence: 102, acknowledgment: 302 })), `${toMember} A`);
  });
});

segments(
  "a SYN of the member's own, to the port of a flow that has ended, is a new connection: nothing of it is translated",
  () => {
    bothFamilies((flow, bed) => {
      flow.open().close();
      const { port, packet } = flow.member;
      const there = bed.way(port, packet.from, { from: packet.to });
      const back = bed.way('web1', packet.to, { from: packet.from });
      const ports = { sourcePort: 8080, destinationPort: 40_000 };
      const answers = { sourcePort: 40_000, destinationPort: 8080 };
      for (const [from, way, fields] of [
        [port, there, { ...ports, flags: 'S', sequence: 9_000 }],
        ['web1', back, { ...answers, flags: 'SA', sequence: 7_000, acknowledgment: 9_001 }],
        [port, there, { ...ports, flags: 'A', sequence: 9_001, acknowledgment: 7_001 }],
        ['web1', back, { ...answers, flags: 'PA', sequence: 7_001, acknowledgment: 9_001 }],
      ] as const) {
        const frame = tcpFrame(way, fields);
        assert.is(hexOf(only(bed.send(from, frame)).wire.bytes), hexOf(frame.bytes), fields.flags);
      }
      assert.equal(bed.flows(), [], 'the ended flow has gone, the direct one needs no record');
      assert.equal(bed.drops(), {});
    });
  },
);

segments("a SYN of the member's own is none while the flow runs: it is the VIP's", () => {
  bothFamilies((flow, _, { toClient }) => {
    flow.open();
    assert.is(describe(flow.reply('S', { sequence: 9_000 })), `${toClient} S`);
  });
});

segments.run();
