// What members say of their load, from several hosts: the median, fresh answers only, and who has a say.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../../src/config/load.ts';
import type { GroupConfig } from '../../../src/config/model/model.ts';
import { Aggregation } from '../../../src/controller/load/aggregation.ts';
import { FleetLoads } from '../../../src/controller/load/fleet-loads.ts';
import { ReportedLoads } from '../../../src/controller/load/reported-loads.ts';
import type { MemberLoad } from '../../../src/messages/messages.ts';
import { reportOf } from '../../../src/messages/report.ts';
import { SHOP } from '../../host/configurations.ts';

const test = suite('reported loads');

const LOAD = 'load: { kind: http, metric: load1, interval: 1s, timeout: 500ms }';
const group = (load = LOAD): GroupConfig =>
  parseConfiguration(SHOP.replace('    port: 80\n', `    port: 80\n    ${load}\n`)).groups[0]!;
const API = group();
const [APP1, APP2] = API.criteria[0]!.members as [
  GroupConfig['criteria'][0]['members'][0],
  (typeof API.criteria)[0]['members'][0],
];

const told = (member: string, load: number | undefined, more: Partial<MemberLoad> = {}): MemberLoad => ({
  group: API.name,
  member,
  address: API.criteria[0]!.members.find(({ name }) => name === member)!.address,
  isKnown: load !== undefined,
  load: load ?? 0,
  ageMs: 0,
  detail: load === undefined ? 'HTTP status 500' : `load1 ${load}`,
  ...more,
});

const groupOf = (name: string): GroupConfig | undefined => (name === API.name ? API : undefined);

test('the lower median of the hosts: one that lies, or is told lies, does not decide', () => {
  const loads = new ReportedLoads();
  loads.took('h1', [told('app1', 2)], 0, groupOf);
  loads.took('h2', [told('app1', 2.2)], 100, groupOf);
  loads.took('h3', [told('app1', 1e15)], 200, groupOf);
  assert.equal(loads.of(API.name, API.load!, APP1, 200), { load: 2.2, reporters: 3, ageMs: 0 });
  loads.detached('h1');
  assert.equal(loads.of(API.name, API.load!, APP1, 300), { load: 2.2, reporters: 2, ageMs: 100 });
  assert.is(loads.of(API.name, API.load!, APP2, 300), undefined);
});

test('an answer that cannot be used leaves the last one for three intervals, and its reason is listed', () => {
  const loads = new ReportedLoads();
  loads.took('h1', [told('app1', 5, { ageMs: 200 })], 1_000, groupOf);
  loads.took('h1', [told('app1', undefined)], 2_000, groupOf);
  assert.equal(loads.of(API.name, API.load!, APP1, 2_000), { load: 5, reporters: 1, ageMs: 1_200 });
  assert.equal(loads.answersOf(API.name, 'app1', 2_500), [
    { host: 'h1', load: 5, detail: 'HTTP status 500', ageMs: 500 },
  ]);
  assert.ok(loads.of(API.name, API.load!, APP1, 4_300));
  assert.is(loads.of(API.name, API.load!, APP1, 4_301), undefined);
});

test('nobody has a say on groups that do not concern him, on other addresses, or that do not ask', () => {
  const loads = new ReportedLoads();
  loads.took('h1', [told('app1', 1)], 0, () => undefined);
  loads.took('h2', [told('app1', 1, { address: '10.1.0.99' })], 0, groupOf);
  loads.took('h3', [told('app1', 1, { member: 'other' })], 0, groupOf);
  loads.took('h4', [told('app1', 1)], 0, () => ({ ...API, load: undefined }));
  assert.is(loads.of(API.name, API.load!, APP1, 0), undefined);
  loads.took('h1', [told('app1', 1)], 0, groupOf);
  assert.is(loads.of(API.name, API.load!, { ...APP1, address: '10.1.0.99' }, 0), undefined, 'it has moved');
  loads.keepOnly(new Map());
  assert.is(loads.of(API.name, API.load!, APP1, 0), undefined);
});

const row = (member: string, activeFlows: number) => ({
  group: API.name,
  member,
  address: '10.1.0.21',
  loadBalancer: '',
  packets: 0,
  bytes: 0,
  replyPackets: 0,
  replyBytes: 0,
  newFlows: 0,
  endedFlows: 0,
  activeFlows,
  resets: 0,
  connects: 0,
  failedConnects: 0,
  synTimeMicros: 0,
  rttMicros: 0,
  retransmissions: 0,
  zeroWindows: 0,
  windowBytes: 60_000,
  requests: 0,
  requestTimeMicros: 0,
});

test('beside what hosts measure; alone where hosts measure nothing; together if the group says so', () => {
  const aggregation = new Aggregation();
  aggregation.attached('h1', 1);
  const header = { sequence: 1, atMs: 0, intervalMs: 1_000, isAggregated: true };
  aggregation.report('h1', reportOf(header, [row('app1', 30)]), 0);
  const reported = new ReportedLoads();
  reported.took('h1', [told('app1', 1), told('app2', 3)], 0, groupOf);
  const figures = (config: GroupConfig) => {
    const loads = new FleetLoads(aggregation, reported, () => config).loads(API.name, 100);
    return [...loads.values()].map(
      ({ name, hosts, activeFlows, windowBytes, reportedLoad, loadReporters }) => ({
        name,
        hosts,
        activeFlows,
        windowBytes,
        reportedLoad,
        loadReporters,
      }),
    );
  };
  const app1 = { name: 'app1', hosts: 1, activeFlows: 30, windowBytes: 60_000, loadReporters: 1 };
  const app2 = { name: 'app2', hosts: 0, activeFlows: 0, windowBytes: 0, loadReporters: 1 };
  assert.equal(figures(API), [
    { ...app1, reportedLoad: 1 },
    { ...app2, reportedLoad: 3 },
  ]);
  // Shares of the reported load 1/4 and 3/4, of the flows 1 and 0.
  assert.equal(figures(group(LOAD.replace('{', '{ from: both,'))), [
    { ...app1, reportedLoad: 125 },
    { ...app2, reportedLoad: 75 },
  ]);
  assert.equal(figures({ ...API, load: undefined }), [{ ...app1, reportedLoad: 0, loadReporters: 0 }]);
});

test.run();
