import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SnapshotBuilder } from '../../src/host/publishing/snapshot-builder.ts';
import { type HostReport, StatCollector } from '../../src/host/stat-collector.ts';
import { STAT, STAT_FIELDS, StatTable } from '../../src/tables/stat-table.ts';
import { shop } from './configurations.ts';

const test = suite('statistics collector');

function setUp() {
  const stats = new StatTable(new Float64Array(64 * STAT_FIELDS));
  const builder = new SnapshotBuilder({ offloads: true, limits: { maxPorts: 16, maxStatSlots: 64 } });
  builder.build(shop(), 1);
  const [slot] = builder.ids.statSlotsOf('api', 'app1');
  const rowOf = (report: HostReport) => report.members.find((row) => row.slot === slot)!;
  return { stats, collector: new StatCollector(stats, builder.ids), slot: slot!, rowOf };
}

test('rates are what has grown, by the time that has really passed', () => {
  const { stats, collector, slot, rowOf } = setUp();
  stats.add(slot, STAT.newFlows, 100);
  assert.is(rowOf(collector.collect(5_000)).newFlowsPerSecond, 0, 'no interval yet');
  stats.add(slot, STAT.newFlows, 30);
  stats.add(slot, STAT.bytes, 1_000);
  stats.add(slot, STAT.replyBytes, 5_000);
  const report = collector.collect(7_000);
  assert.is(report.intervalMs, 2_000);
  assert.is(rowOf(report).newFlowsPerSecond, 15);
  assert.is(rowOf(report).bytesPerSecond, 3_000, 'both directions');
  assert.is(rowOf(report).stats.newFlows, 130);
  assert.is(rowOf(collector.collect(8_000)).newFlowsPerSecond, 0);
});

test('`current` has the counters of this moment and the rates of the last report', () => {
  const { stats, collector, slot, rowOf } = setUp();
  collector.collect(0);
  stats.add(slot, STAT.newFlows, 10);
  collector.collect(1_000);
  stats.add(slot, STAT.newFlows, 5);
  assert.is(rowOf(collector.current()).stats.newFlows, 15);
  assert.is(rowOf(collector.current()).newFlowsPerSecond, 10);
});

test('`current` has rows that the last report did not know yet', () => {
  const { collector, slot, rowOf } = setUp();
  assert.is(rowOf(collector.current()).slot, slot);
  assert.is(rowOf(collector.current()).bytesPerSecond, 0);
});

test('a row that was cleared gives no negative rate', () => {
  const { stats, collector, slot, rowOf } = setUp();
  stats.add(slot, STAT.newFlows, 10);
  collector.collect(0);
  stats.clear(slot);
  assert.is(rowOf(collector.collect(1_000)).newFlowsPerSecond, 0);
});

test('reports go to whoever listens, numbered, until it no longer does', () => {
  const { collector } = setUp();
  const heard: number[] = [];
  const stop = collector.subscribe(({ sequence }) => heard.push(sequence));
  collector.collect(0);
  collector.collect(1_000);
  stop();
  collector.collect(2_000);
  assert.equal(heard, [1, 2]);
});

test.run();
