/**
 * CPU time of taking in reports: `node dist/test/bench/aggregation.js`. Every agent reports 50 groups of 10 members once a
 * second, and all rows have changed. Decoding is not part of it; asking for the load of all groups once a second is
 * a column of its own.
 */
import { Aggregation } from '../../src/controller/load/aggregation.ts';
import { makeColumns, REPORT_COLUMNS, type Report, type RowAnnouncement } from '../../src/messages/report.ts';
import { spreadOf } from './statistics.ts';

const GROUPS = 50;
const MEMBERS = 10;
const ROWS = GROUPS * MEMBERS;
const SECONDS = 15;
const WARM_UP = 5;

const groups = Array.from({ length: GROUPS }, (_, i) => `group-${i}`);
const announced: RowAnnouncement[] = groups.flatMap((group, i) =>
  Array.from({ length: MEMBERS }, (_, j) => ({
    row: i * MEMBERS + j,
    key: { group, member: `member-${j}`, address: `10.${i}.0.${j}`, loadBalancer: '' },
  })),
);
const columns = makeColumns(ROWS);
const rows = Uint32Array.from({ length: ROWS }, (_, row) => row);

const reportOf = (second: number): Report => {
  for (const name of REPORT_COLUMNS) {
    for (let row = 0; row < ROWS; row++) columns[name][row]! += 1 + ((row * 7 + second) % 100);
  }
  return {
    sequence: second,
    atMs: second * 1_000,
    intervalMs: 1_000,
    isAggregated: true,
    announced: second === 1 ? announced : [],
    rowCount: ROWS,
    rows,
    columns,
  };
};

function cpuMs(work: () => void): number {
  const begin = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1_000;
}

console.log('agents   µs/report   ms CPU per second: reports   loads   memory, MB');
for (const agents of [10, 100, 1_000]) {
  for (const name of REPORT_COLUMNS) columns[name].fill(0);
  globalThis.gc?.();
  const before = process.memoryUsage();
  const sums = new Aggregation();
  const hosts = Array.from({ length: agents }, (_, i) => `host-${i}`);
  for (const host of hosts) sums.attached(host, 1);
  const taking: number[] = [];
  const asking: number[] = [];
  for (let second = 1; second <= WARM_UP + SECONDS; second++) {
    const report = reportOf(second);
    const reports = cpuMs(() => {
      for (const host of hosts) sums.report(host, report, second * 1_000);
    });
    const loads = cpuMs(() => {
      for (const group of groups) sums.loads(group, second * 1_000);
    });
    if (second <= WARM_UP) continue;
    taking.push(reports);
    asking.push(loads);
  }
  globalThis.gc?.();
  const after = process.memoryUsage();
  const megabytes = (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / 2 ** 20;
  const reports = spreadOf(taking)!.median;
  console.log(
    [
      `${agents}`.padStart(6),
      ((1_000 * reports) / agents).toFixed(1).padStart(12),
      reports.toFixed(1).padStart(28),
      spreadOf(asking)!.median.toFixed(1).padStart(8),
      megabytes.toFixed(1).padStart(13),
    ].join(''),
  );
}
