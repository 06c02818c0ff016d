/** Timers of datagram flows, group by group: how long a flow is remembered, and after which gap it moves. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { UdpConversation } from '../../support/conversation.ts';
import { DatapathBed } from '../../support/datapath-bed.ts';
import { MINUTE_MS, members } from '../../support/topology.ts';

const timers = suite('timers of datagram flows');

const VIP = '10.1.0.100';

function bedOf(own: { udpIdleMs?: number; udpRepickMs?: number }): DatapathBed {
  return new DatapathBed({
    groups: [
      { name: 'own', vip: VIP, members: members([1, 1]), ...own },
      { name: 'other', vip: '10.1.0.101', members: members([1, 1]) },
    ],
  });
}

const flowTo = (bed: DatapathBed, vip = VIP): UdpConversation =>
  new UdpConversation(bed, { port: 'web1', clientPort: 9_000, vip, vipPort: 53 });

timers('a group may remember its flows for longer or shorter than the host', () => {
  for (const udpIdleMs of [10_000, 10 * MINUTE_MS]) {
    const bed = bedOf({ udpIdleMs });
    flowTo(bed).send();
    bed.passSlowly(udpIdleMs - 1_000);
    assert.is(bed.flows().length, 1);
    bed.passSlowly(20_000);
    assert.is(bed.flows().length, 0);
  }
});

timers('the timer of one group is not that of another with the same members', () => {
  const bed = bedOf({ udpIdleMs: 10_000 });
  flowTo(bed).send();
  flowTo(bed, '10.1.0.101').send();
  bed.passSlowly(30_000);
  assert.equal(
    bed.flows().map(({ vip }) => vip),
    ['10.1.0.101:53'],
  );
});

timers('a group that names no timer has that of the host: two minutes at least (RFC 4787 REQ-5)', () => {
  const bed = bedOf({});
  flowTo(bed).send();
  bed.passSlowly(2 * MINUTE_MS - 1);
  assert.is(bed.flows().length, 1);
});

timers('after a gap a flow finds a member anew; without one it stays', () => {
  const bed = bedOf({ udpRepickMs: 5_000 });
  const flow = flowTo(bed);
  flow.send();
  const first = flow.member.port;
  for (let i = 0; i < 10; i++) {
    bed.passSlowly(4_000);
    flow.send();
    assert.is(flow.member.port, first, 'no gap');
  }
  bed.passSlowly(5_001);
  flow.send();
  assert.is.not(flow.member.port, first, 'the next one in turn');
  assert.is(bed.flows().length, 1);
});

timers('what the member sends counts too: an answer closes the gap', () => {
  const bed = bedOf({ udpRepickMs: 5_000 });
  const flow = flowTo(bed);
  flow.send();
  const first = flow.member.port;
  bed.passSlowly(4_000);
  flow.reply();
  bed.passSlowly(4_000);
  flow.send();
  assert.is(flow.member.port, first);
});

timers('new timers hold for flows that are there already', () => {
  const bed = bedOf({});
  flowTo(bed).send();
  bed.configure({ groups: [{ name: 'own', vip: VIP, members: members([1, 1]), udpIdleMs: 5_000 }] });
  bed.passSlowly(20_000);
  assert.is(bed.flows().length, 0);
});

timers.run();
