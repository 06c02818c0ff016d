import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathIds } from '../../src/host/publishing/datapath-ids.ts';
import { SILENT_MS, StatCollector } from '../../src/host/stat-collector.ts';
import { NONE } from '../../src/tables/common/bucket-index.ts';
import { type MemberStats, STAT, STAT_FIELDS } from '../../src/tables/stat-table.ts';
import { Random, runs, seed } from '../support/seed.ts';
import { statTable } from '../support/stat-table.ts';

const test = suite('statistics collector');

const identity = (member: string) => ({ group: 'api', member, address: '10.1.0.21' });

function setUp(slots = 64) {
  const stats = statTable(slots);
  const ids = new DatapathIds({ maxPorts: 16 });
  const member = ids.member(identity('app1'));
  const released: number[][] = [];
  const collector = new StatCollector(stats, ids, async (rows, notedAt) => {
    released.push([...rows]);
    stats.renew();
    for (const [i, row] of rows.entries()) stats.release(row, notedAt[i]!);
  });
  /** As the datapath counts, a batch at a time. */
  const count = (balancer: number, field: keyof typeof STAT, amount: number, of = member): number => {
    stats.renew();
    const slot = stats.acquire(balancer, of);
    stats.add(slot, STAT[field], amount);
    return slot;
  };
  return { stats, ids, collector, member, count, released };
}

test('rates are what has grown, by the time that has really passed', () => {
  const { collector, member, count } = setUp();
  count(0, 'newFlows', 100);
  collector.collect(5_000);
  assert.is(collector.of(member).newFlowsPerSecond, 0, 'no interval yet');
  count(0, 'newFlows', 30);
  count(1, 'bytes', 1_000);
  count(1, 'replyBytes', 5_000);
  collector.collect(7_000);
  assert.is(collector.of(member).newFlowsPerSecond, 15);
  assert.is(collector.of(member).bytesPerSecond, 3_000, 'both directions');
  assert.is(collector.of(member).stats.newFlows, 130);
  collector.collect(8_000);
  assert.is(collector.of(member).newFlowsPerSecond, 0);
});

test('after `refresh` the counters are those of this moment, and the rates those of the last interval', () => {
  const { collector, member, count } = setUp();
  collector.collect(0);
  count(0, 'newFlows', 10);
  collector.collect(1_000);
  count(0, 'newFlows', 5);
  collector.refresh();
  assert.is(collector.of(member).stats.newFlows, 15);
  assert.is(collector.of(member).newFlowsPerSecond, 10);
});

test('what was counted in the batch in which an entry was taken is seen one interval later', () => {
  const { stats, collector, member, count } = setUp();
  const slot = count(0, 'packets', 1);
  collector.collect(0);
  stats.add(slot, STAT.packets, 7); // the datapath has not looked since: no new entry
  collector.collect(1_000);
  assert.is(collector.of(member).stats.packets, 8);
});

test('a member is the sum over its load balancers; times are averages of those that measured them', () => {
  const { collector, member, count } = setUp();
  count(0, 'connects', 3);
  count(0, 'synTimeMicros', 100);
  count(1, 'connects', 1);
  count(1, 'synTimeMicros', 500);
  count(2, 'activeFlows', 4);
  collector.refresh();
  const { connects, synTimeMicros, activeFlows, rttMicros } = collector.of(member).stats;
  assert.equal(
    { connects, synTimeMicros, activeFlows, rttMicros },
    { connects: 4, synTimeMicros: 200, activeFlows: 4, rttMicros: 0 },
  );
});

test('nothing is read, and nobody is named as changed, while nothing happens', () => {
  const { collector, member, count } = setUp();
  count(0, 'packets', 1);
  collector.collect(0);
  assert.equal([...collector.takeChanged().members], [member]);
  collector.collect(1_000); // once more, for what the last batch may have counted
  collector.takeChanged();
  for (let i = 2; i < 10; i++) collector.collect(i * 1_000);
  assert.is(collector.takeChanged().members.size, 0);
});

test('a row that is silent and has no records is given back; its member keeps what it counted', async () => {
  const { stats, collector, member, count, released } = setUp();
  const slot = count(0, 'newFlows', 5);
  const busy = count(1, 'records', 1);
  count(0, 'synTimeMicros', 100);
  collector.collect(0);
  collector.collect(SILENT_MS - 1);
  assert.equal(released, []);
  // The second look, one interval after the first, is the last time that it was anything but silent.
  for (let ms = SILENT_MS; ms <= 2 * SILENT_MS; ms += 1_000) {
    collector.collect(ms);
    await Promise.resolve();
  }
  assert.equal(released, [[slot]]);
  assert.is(stats.find(0, member), NONE);
  assert.is(stats.find(1, member), busy);
  assert.is(collector.of(member).stats.newFlows, 5);
  assert.is(collector.of(member).stats.synTimeMicros, 0, 'old times are no measure');
  assert.equal(
    [...collector.liveRows].map((row) => row.slot),
    [busy],
  );
  count(0, 'newFlows', 2);
  collector.refresh();
  assert.is(collector.of(member).stats.newFlows, 7);
});

test('a row that its owner takes again before it is read has counted what it counts now besides', async () => {
  const { collector, member, count, released } = setUp();
  const slot = count(0, 'packets', 1);
  for (let ms = 0; released.length === 0; ms += 1_000) {
    collector.collect(ms);
    await Promise.resolve();
  }
  assert.is(count(0, 'packets', 1), slot);
  collector.refresh();
  assert.is(collector.of(member).stats.packets, 2);
});

test('whatever is counted, given back and taken again: members have the sums of all that ever was', async () => {
  const random = new Random(seed, 4);
  const { stats, ids, collector, count } = setUp(40);
  const members = Array.from({ length: 8 }, (_, i) => ids.member(identity(`m${i}`)));
  const twin = new Map<number, Partial<MemberStats>>(
    members.map((id) => [id, { packets: 0, newFlows: 0, activeFlows: 0 }]),
  );
  let nowMs = 0;
  for (let round = 0; round < runs(400); round++) {
    for (let i = random.below(20); i > 0; i--) {
      const member = random.pick(members);
      const field = random.pick(['packets', 'newFlows', 'activeFlows'] as const);
      const balancer = random.below(4);
      const slot = stats.find(balancer, member);
      const active = slot === NONE ? 0 : stats.fields[slot * STAT_FIELDS + STAT.activeFlows]!;
      const amount = field === 'activeFlows' && active > 0 && random.chance(2) ? -1 : 1;
      count(balancer, field, amount, member);
      // A flow that is active has a record.
      if (field === 'activeFlows') count(balancer, 'records', amount, member);
      twin.get(member)![field]! += amount;
    }
    nowMs += random.pick([1_000, 1_000, 1_000, SILENT_MS]);
    collector.collect(nowMs);
    await Promise.resolve();
    await Promise.resolve();
    for (const member of members) {
      const { packets, newFlows, activeFlows } = collector.of(member).stats;
      assert.equal({ packets, newFlows, activeFlows }, twin.get(member), `member ${member}, round ${round}`);
    }
  }
});

test.run();
