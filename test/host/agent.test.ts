import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Agent, type HostReport } from '../../src/host/agent.ts';
import { SnapshotBuilder } from '../../src/host/snapshot-builder.ts';
import { STAT, STAT_FIELDS, StatTable } from '../../src/tables/stat-table.ts';
import { shop } from './configurations.ts';

const test = suite('agent');

function setUp() {
  const stats = new StatTable(new Float64Array(64 * STAT_FIELDS));
  const builder = new SnapshotBuilder({ offloads: true, limits: { maxPorts: 16, maxStatSlots: 64 } });
  builder.build(shop(), 1);
  const [slot] = builder.ids.statSlotsOf('api', 'app1');
  const rowOf = (report: HostReport) => report.members.find((row) => row.slot === slot)!;
  return { stats, agent: new Agent(stats, builder.ids), slot: slot!, rowOf };
}

test('rates are what has grown, by the time that has really passed', () => {
  const { stats, agent, slot, rowOf } = setUp();
  stats.add(slot, STAT.newFlows, 100);
  assert.is(rowOf(agent.collect(5_000)).newFlowsPerSecond, 0, 'no interval yet');
  stats.add(slot, STAT.newFlows, 30);
  stats.add(slot, STAT.bytes, 1_000);
  stats.add(slot, STAT.replyBytes, 5_000);
  const report = agent.collect(7_000);
  assert.is(report.intervalMs, 2_000);
  assert.is(rowOf(report).newFlowsPerSecond, 15);
  assert.is(rowOf(report).bytesPerSecond, 3_000, 'both directions');
  assert.is(rowOf(report).stats.newFlows, 130);
  assert.is(rowOf(agent.collect(8_000)).newFlowsPerSecond, 0);
});

test('`current` has the counters of this moment and the rates of the last report', () => {
  const { stats, agent, slot, rowOf } = setUp();
  agent.collect(0);
  stats.add(slot, STAT.newFlows, 10);
  agent.collect(1_000);
  stats.add(slot, STAT.newFlows, 5);
  assert.is(rowOf(agent.current()).stats.newFlows, 15);
  assert.is(rowOf(agent.current()).newFlowsPerSecond, 10);
});

test('`current` has rows that the last report did not know yet', () => {
  const { agent, slot, rowOf } = setUp();
  assert.is(rowOf(agent.current()).slot, slot);
  assert.is(rowOf(agent.current()).bytesPerSecond, 0);
});

test('a row that was cleared gives no negative rate', () => {
  const { stats, agent, slot, rowOf } = setUp();
  stats.add(slot, STAT.newFlows, 10);
  agent.collect(0);
  stats.clear(slot);
  assert.is(rowOf(agent.collect(1_000)).newFlowsPerSecond, 0);
});

test('reports go to whoever listens, numbered, until it no longer does', () => {
  const { agent } = setUp();
  const heard: number[] = [];
  const stop = agent.subscribe(({ sequence }) => heard.push(sequence));
  agent.collect(0);
  agent.collect(1_000);
  stop();
  agent.collect(2_000);
  assert.equal(heard, [1, 2]);
});

test.run();
