/** When a member fails, its TCP clients are asked for their numbers, and the answer is reset. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpConversation } from '../../support/conversation.ts';
import { DatapathBed, describe, only } from '../../support/datapath-bed.ts';
import { tcpFrame } from '../../support/packets.ts';
import { members, SETTINGS } from '../../support/topology.ts';

const failFast = suite('fail-fast');

const settings = { ...SETTINGS, failFast: true };

function openFlows(
  vip: string,
  family: 4 | 6,
  count: number,
): { bed: DatapathBed; flows: TcpConversation[] } {
  const group = { name: 'api', vip, members: members([1], { port: 8080, family }) };
  const bed = new DatapathBed({ groups: [group], settings, slots: 256 });
  const flows = Array.from({ length: count }, (_, i) =>
    new TcpConversation(bed, { port: 'web1', clientPort: 20_000 + i, vip, vipPort: 80 }).open(),
  );
  return { bed, flows };
}

const fail = (bed: DatapathBed): void =>
  bed.datapath.purge([bed.maker.memberId('api', 'app1')], 'all', bed.nowMs);

for (const [vip, family, shown] of [
  ['10.1.0.100', 4, '10.1.0.100:80 > 10.1.0.11'],
  ['fd00:1::100', 6, '[fd00:1::100]:80 > [fd00:1::b]'],
] as const) {
  failFast(
    `the client is asked at once, and its answer gets the reset that it asks for, IPv${family}`,
    () => {
      const { bed, flows } = openFlows(vip, family, 1);
      fail(bed);
      const question = only(bed.pass(1));
      assert.is(describe([question]), `web1: tcp ${shown}:20000 A`);
      assert.is(question.frame.toMac, bed.mac('web1'));
      // What a TCP answers a segment outside of its window with (RFC 9293 §3.10.7.4).
      const reset = only(flows[0].send('A', { sequence: 101, acknowledgment: 777 }));
      assert.is(describe([reset]), `web1: tcp ${shown}:20000 R`);
      assert.is(reset.frame.packet?.tcp?.sequence, 777, 'exactly what the client expects next (RFC 5961)');
      assert.equal(bed.flows(), []);
    },
  );
}

failFast('many clients are told over several batches, each once, and none of the table is left', () => {
  const { bed } = openFlows('10.1.0.100', 4, 500);
  fail(bed);
  const told = new Set<number>();
  for (let batch = 0; batch < 8; batch++) {
    const sent = bed.pass(1);
    assert.ok(sent.length <= 128, 'a bounded number per batch');
    for (const { frame } of sent) {
      const port = frame.packet?.tcp?.destinationPort ?? 0;
      assert.not(told.has(port));
      told.add(port);
    }
  }
  assert.is(told.size, 500);
  assert.is(bed.tables.connections.inUse, 0);
});

failFast('a client that tags is asked and reset under its tag', () => {
  const { bed } = openFlows('10.1.0.100', 4, 0);
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 20_000, vip: '10.1.0.100', vipPort: 80 });
  flow.send('S', {}, { vlan: 42 });
  fail(bed);
  assert.is(only(bed.pass(1)).frame.vlan, 42);
  const reset = only(flow.send('A', { sequence: 101, acknowledgment: 777 }, { vlan: 42 }));
  assert.is(reset.frame.vlan, 42);
});

failFast('flows that have ended are not told', () => {
  const { bed, flows } = openFlows('10.1.0.100', 4, 2);
  flows[0].close();
  fail(bed);
  assert.is(only(bed.pass(1)).frame.packet?.tcp?.destinationPort, 20_001);
});

failFast('what the failed member still sends reaches the client neither translated nor as it is', () => {
  const { bed, flows } = openFlows('10.1.0.100', 4, 1);
  fail(bed);
  const question = describe(flows[0].reply('AP', { sequence: 301 }));
  assert.is(
    question,
    'web1: tcp 10.1.0.100:80 > 10.1.0.11:20000 A',
    'nothing but the question to the client',
  );
  assert.equal(bed.pass(1), []);
  assert.equal(flows[0].reply('AP', { sequence: 301 }), [], 'also when the record has gone');
  assert.is(bed.drops()['no-connection'], 2);
});

failFast('a client that turns to the failed member directly, from the same port, gets its answers', () => {
  const { bed, flows } = openFlows('10.1.0.100', 4, 1);
  fail(bed);
  bed.passSlowly(100, 10);
  assert.equal(flows[0].reply('PA', { sequence: 301 }), [], 'of the flow that was cut off: nothing');
  const { sourcePort } = flows[0].member.packet.tcp!;
  const direct = { sourcePort, destinationPort: 8080 };
  bed.send('web1', tcpFrame(bed.way('web1', '10.1.0.21'), { ...direct, flags: 'S' }));
  const answer = { sourcePort: 8080, destinationPort: sourcePort, flags: 'SA' };
  const heard = bed.send('app1', tcpFrame(bed.way('app1', '10.1.0.11'), answer));
  assert.is(describe(heard), `web1: tcp 10.1.0.21:8080 > 10.1.0.11:${sourcePort} SA`);
});

failFast('by setting, nobody is told', () => {
  const { bed } = openFlows('10.1.0.100', 4, 2);
  bed.configure({ settings: SETTINGS });
  fail(bed);
  assert.equal(bed.pass(1), []);
  assert.is(bed.tables.connections.inUse, 0);
});

failFast.run();
