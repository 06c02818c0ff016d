import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_REPORT_ROWS, type RowKey, RowKeys, reportOf } from '../../src/messages/report.ts';
import { ReportDiff, ReportTable } from '../../src/messages/report-table.ts';

const key = (member: string, loadBalancer = ''): RowKey => ({
  group: 'api',
  member,
  address: '10.1.0.21',
  loadBalancer,
});

const header = (sequence: number) => ({
  sequence,
  atMs: 1000 * sequence,
  intervalMs: 1000,
  isAggregated: true,
});

const changes = suite('report: what changed');

changes('the first report announces every row and lists it, without load too', () => {
  const table = new ReportTable();
  table.set(key('app1'), { packets: 10 });
  table.set(key('app2'), {});
  const report = new ReportDiff().next(header(1), table);
  assert.equal(report.announced, [
    { row: 0, key: key('app1') },
    { row: 1, key: key('app2') },
  ]);
  assert.equal([...report.rows], [0, 1]);
  assert.equal([...report.columns.packets], [10, 0]);
});

changes('later ones list what changed since, with totals and gauges', () => {
  const table = new ReportTable();
  const diff = new ReportDiff();
  for (const name of ['app1', 'app2', 'app3']) table.set(key(name), { packets: 10 });
  diff.next(header(1), table);
  assert.is(diff.next(header(2), table).rowCount, 0);
  table.set(key('app3'), { packets: 10, activeFlows: 5 });
  table.set(key('app1'), { packets: 17 });
  table.set(key('app2'), { packets: 10 });
  const report = diff.next(header(3), table);
  assert.equal(report.announced, []);
  assert.equal([...report.rows], [0, 2]);
  assert.equal([...report.columns.packets], [17, 10]);
  assert.equal([...report.columns.activeFlows], [0, 5]);
  table.set(key('app3'), { packets: 10 });
  assert.equal([...diff.next(header(4), table).rows], [2]);
});

changes('a new stream is told everything again', () => {
  const table = new ReportTable();
  table.set(key('app1'), { packets: 10 });
  const first = new ReportDiff().next(header(1), table);
  const second = new ReportDiff().next(header(2), table);
  assert.equal(new RowKeys().rowsOf(first), new RowKeys().rowsOf(second));
});

changes('the number of a row that has gone is given again, with nothing of the old row', () => {
  const table = new ReportTable();
  const diff = new ReportDiff();
  const keys = new RowKeys();
  table.set(key('app1'), { packets: 10 });
  table.set(key('app2'), { packets: 20 });
  keys.rowsOf(diff.next(header(1), table));
  table.remove(key('app1'));
  const gone = diff.next(header(2), table);
  assert.equal(gone.announced, [{ row: 0 }]);
  assert.is(gone.rowCount, 0);
  keys.rowsOf(gone);
  table.set(key('app3'), { packets: 10 });
  const next = diff.next(header(3), table);
  assert.equal(
    next.announced.map(({ row }) => row),
    [0],
  );
  const rows = keys.rowsOf(next);
  assert.equal(
    rows.map(({ member, packets }) => [member, packets]),
    [['app3', 10]],
  );
});

changes('a table grows with its figures, up to its bound', () => {
  const table = new ReportTable();
  const diff = new ReportDiff();
  table.set(key('app0'), { bytes: 1 });
  diff.next(header(1), table);
  for (let i = 1; i < MAX_REPORT_ROWS; i++) table.set(key(`app${i}`), { bytes: i });
  assert.is(table.set(key('one too many'), {}), false);
  assert.is(table.set(key('app5'), { bytes: 5 }), true);
  assert.is(table.columns.bytes[0], 1);
  const report = diff.next(header(2), table);
  assert.is(report.rowCount, MAX_REPORT_ROWS - 1);
  assert.is(report.columns.bytes[report.rowCount - 1], MAX_REPORT_ROWS - 1);
});

changes('rows as objects are the report', () => {
  const table = new ReportTable();
  table.set(key('app1', 'web1'), { rttMicros: 250 });
  table.set(key('app2', 'web1'), { bytes: 2 ** 52 });
  const report = new ReportDiff().next(header(1), table);
  const rows = new RowKeys().rowsOf(report);
  assert.equal(
    rows.map(({ member, loadBalancer, rttMicros, bytes }) => [member, loadBalancer, rttMicros, bytes]),
    [
      ['app1', 'web1', 250, 0],
      ['app2', 'web1', 0, 2 ** 52],
    ],
  );
  assert.equal(reportOf(header(1), rows), report);
});

changes.run();
