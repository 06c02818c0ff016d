/** Reports in, load of the fleet out: what is lost, late, repeated, restarted or silent along the way. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Aggregation } from '../../../src/controller/load/aggregation.ts';
import type { MemberGlobal } from '../../../src/messages/messages.ts';
import type { Report, ReportRow } from '../../../src/messages/report.ts';
import { Random, runs, seed } from '../../support/seed.ts';
import { type RowName, SimulatedAgent } from '../simulated-agent.ts';
import { AggregationTwin } from './aggregation-twin.ts';

const aggregation = suite('aggregation');

const ROW: RowName = { group: 'api', member: 'app1', loadBalancer: 'web1' };
const SECOND = 1_000;

/** Agents that attach to an aggregation. */
class Bed {
  readonly sums: Aggregation;
  nowMs = 1_700_000_000_000;

  constructor(settings: ConstructorParameters<typeof Aggregation>[0] = {}) {
    this.sums = new Aggregation(settings);
  }

  agent(host: string): SimulatedAgent {
    const agent = new SimulatedAgent(host);
    this.sums.attached(host, agent.epoch);
    return agent;
  }

  /** A second later, a report with these changes. */
  later(agent: SimulatedAgent, by: Partial<ReportRow> = {}, row = ROW): Report {
    this.nowMs += SECOND;
    agent.change(row, by);
    const report = agent.report(this.nowMs);
    assert.is(this.sums.report(agent.host, report, this.nowMs), 'applied');
    return report;
  }

  load(member = 'app1', group = 'api'): MemberGlobal {
    const load = this.sums.loads(group, this.nowMs).get(member);
    if (load === undefined) throw new Error(`no load of ${group} ${member}`);
    return load;
  }
}

aggregation('sums and rates of two hosts; an idle interval ends the rates, not the gauges', () => {
  const bed = new Bed();
  const [h1, h2] = [bed.agent('h1'), bed.agent('h2')];
  bed.later(h1, { packets: 10, newFlows: 5, activeFlows: 5 });
  bed.later(h2, { packets: 10, newFlows: 7, activeFlows: 2 });
  assert.is(bed.load().newFlowsPerSecond, 0, 'one report has no rate');
  bed.later(h1, { packets: 10, newFlows: 20, activeFlows: 10, bytes: 3_000, replyBytes: 7_000 });
  bed.nowMs -= SECOND;
  bed.later(h2, { packets: 10, newFlows: 30, activeFlows: 20, zeroWindows: 4 });
  const { hosts, activeFlows, newFlowsPerSecond, bytesPerSecond, zeroWindowsPerSecond, ageMs } = bed.load();
  assert.equal([hosts, activeFlows, ageMs], [2, 30, 0]);
  // h1's reports lie two seconds apart, h2's one.
  assert.equal([newFlowsPerSecond, bytesPerSecond, zeroWindowsPerSecond], [10 + 30, 5_000, 4]);
  bed.later(h1);
  assert.equal([bed.load().activeFlows, bed.load().newFlowsPerSecond], [30, 30]);
  assert.equal(bed.sums.totals('api').get('app1')!.newFlows, 62);
});

aggregation(
  'load balancers apart: what each sends to a group, by member; a silent host is not listed',
  () => {
    const bed = new Bed();
    const [h1, h2] = [bed.agent('h1'), bed.agent('h2')];
    h1.change({ ...ROW, member: 'app2' }, { packets: 1, activeFlows: 3 });
    h1.change({ ...ROW, loadBalancer: 'web2' }, { packets: 1, activeFlows: 5 });
    h1.change({ ...ROW, group: 'other' }, { packets: 1, activeFlows: 7 });
    bed.later(h1, { packets: 10, activeFlows: 2 });
    bed.later(h2, { packets: 10, newFlows: 4, activeFlows: 9 });
    bed.later(h2, { packets: 10, newFlows: 30, bytes: 3_000, replyBytes: 1_000 });
    const found = () =>
      [...bed.sums.loadsByBalancer('api', bed.nowMs)].map(([host, { ageMs, balancers }]) => [
        `${host} ${ageMs}`,
        ...[...balancers].map(([name, { activeFlows, newFlowsPerSecond, bytesPerSecond, flowsByMember }]) => {
          const flows = [...flowsByMember].map(([member, count]) => `${member} ${count}`).sort();
          return `${name}: ${activeFlows} ${newFlowsPerSecond} ${bytesPerSecond}: ${flows.join(', ')}`;
        }),
      ]);
    const ofH1 = ['web1: 5 0 0: app1 2, app2 3', 'web2: 5 0 0: app1 5'];
    assert.equal(
      found().map(([host, ...balancers]) => [host, ...balancers.sort()]),
      [
        ['h1 2000', ...ofH1],
        ['h2 0', 'web1: 9 30 4000: app1 9'],
      ],
    );
    assert.equal(
      [...bed.sums.loadsByBalancer('none', bed.nowMs).values()].flatMap(({ balancers }) => [...balancers]),
      [],
    );
    bed.nowMs += 4 * SECOND;
    assert.equal(
      found().map(([host]) => host),
      ['h2 4000'],
    );
  },
);

aggregation('times are weighted: connects by how many there were, round trips by active flows', () => {
  const bed = new Bed();
  const [h1, h2] = [bed.agent('h1'), bed.agent('h2')];
  bed.later(h1, { packets: 1, connects: 30, synTimeMicros: 100, activeFlows: 1, rttMicros: 900 });
  bed.later(h2, { packets: 1, connects: 10, synTimeMicros: 500, activeFlows: 3, rttMicros: 100 });
  assert.equal([bed.load().synTimeMicros, bed.load().rttMicros], [200, 300]);
  // No connects at h1: its figure is an old one.
  bed.later(h1);
  assert.is(bed.load().synTimeMicros, 500);
  // None at all: the last there was.
  bed.later(h2);
  assert.is(bed.load().synTimeMicros, 500);
});

aggregation('of UDP, the time to the response, weighted by requests', () => {
  const bed = new Bed();
  const [h1, h2] = [bed.agent('h1'), bed.agent('h2')];
  bed.later(h1, { packets: 1, newFlows: 9, requests: 1, requestTimeMicros: 400 });
  bed.later(h2, { packets: 1, newFlows: 1, requests: 3, requestTimeMicros: 800 });
  assert.is(bed.load().synTimeMicros, 700);
});

aggregation('relative congestion: 100 is the mean of the group', () => {
  const bed = new Bed();
  const h1 = bed.agent('h1');
  h1.change({ ...ROW, member: 'app2' }, { packets: 1, activeFlows: 30, rttMicros: 1_000 });
  bed.later(h1, { packets: 1, activeFlows: 10, rttMicros: 3_000 });
  assert.equal([bed.load('app1').congestionPercent, bed.load('app2').congestionPercent], [100, 100]);
  bed.later(h1, { activeFlows: 90, rttMicros: 3_000 });
  assert.equal([bed.load('app1').congestionPercent, bed.load('app2').congestionPercent], [150, 50]);
});

aggregation('a report that is late or comes twice changes nothing; a lost one costs nothing', () => {
  const bed = new Bed();
  const agent = bed.agent('h1');
  const first = bed.later(agent, { packets: 1, newFlows: 1, activeFlows: 9 });
  const second = bed.later(agent, { packets: 1, newFlows: 10, activeFlows: 4 });
  for (const report of [first, second]) assert.is(bed.sums.report('h1', report, bed.nowMs), 'late');
  assert.equal([bed.load().activeFlows, bed.load().newFlowsPerSecond], [4, 10]);
  agent.change(ROW, { newFlows: 20 });
  agent.skip();
  bed.nowMs += SECOND;
  bed.later(agent, { newFlows: 20 });
  assert.is(bed.load().newFlowsPerSecond, 20);
  assert.is(bed.sums.totals('api').get('app1')!.newFlows, 51);
  assert.equal(bed.sums.counters, { applied: 3, late: 2, 'unknown-host': 0, lost: 1 });
});

aggregation('a restarted agent begins at 0, and what it counted before stays counted', () => {
  const bed = new Bed();
  const agent = bed.agent('h1');
  bed.later(agent, { packets: 100, newFlows: 100, activeFlows: 50 });
  agent.restart();
  bed.sums.attached('h1', agent.epoch);
  assert.is(bed.sums.loads('api', bed.nowMs).size, 0, 'flows are not known');
  bed.later(agent, { packets: 120, newFlows: 120, activeFlows: 3 });
  assert.equal([bed.load().activeFlows, bed.load().newFlowsPerSecond], [3, 0]);
  assert.is(bed.sums.totals('api').get('app1')!.newFlows, 220);
});

aggregation('a row that begins anew within an interval counts from 0', () => {
  const bed = new Bed();
  const agent = bed.agent('h1');
  bed.later(agent, { packets: 100, newFlows: 100 });
  agent.retire(ROW);
  bed.later(agent, { packets: 30, newFlows: 30 });
  assert.is(bed.load().newFlowsPerSecond, 30);
  assert.is(bed.sums.totals('api').get('app1')!.newFlows, 130);
});

aggregation('another stream of the same agent goes on from the same totals', () => {
  const bed = new Bed();
  const agent = bed.agent('h1');
  bed.later(agent, { packets: 100, newFlows: 100, activeFlows: 50 });
  bed.later(agent, { packets: 1, activeFlows: 1 }, { ...ROW, member: 'app2' });
  agent.newStream();
  agent.retire({ ...ROW, member: 'app2' });
  bed.sums.detached('h1');
  bed.sums.attached('h1', agent.epoch);
  assert.is(bed.load().activeFlows, 50, 'nothing has happened yet');
  bed.later(agent, { newFlows: 10 });
  assert.equal([bed.load().activeFlows, bed.load().newFlowsPerSecond], [50, 10]);
  assert.equal([...bed.sums.loads('api', bed.nowMs).keys()], ['app1']);
});

aggregation('a silent host leaves the sums and comes back to them', () => {
  const bed = new Bed({ goneAfterMs: 5_000 });
  const [h1, h2] = [bed.agent('h1'), bed.agent('h2')];
  const other = { ...ROW, member: 'app2' };
  h1.change(other, { packets: 1, activeFlows: 7, rttMicros: 40 });
  bed.later(h1, { packets: 1, activeFlows: 5 });
  bed.later(h2, { packets: 1, activeFlows: 1 });
  for (let i = 0; i < 6; i++) bed.later(h2);
  assert.equal([bed.load().hosts, bed.load().activeFlows, bed.sums.hosts], [1, 1, 1]);
  assert.not(bed.sums.loads('api', bed.nowMs).has('app2'));
  // Only one of its rows has changed meanwhile.
  bed.later(h1, { activeFlows: 6, newFlows: 80 });
  assert.equal([bed.load().hosts, bed.load().activeFlows, bed.load().newFlowsPerSecond], [2, 7, 10]);
  assert.equal([bed.load('app2').activeFlows, bed.load('app2').rttMicros], [7, 40]);
  bed.nowMs += 6_000;
  assert.is(bed.sums.loads('api', bed.nowMs).size, 0);
});

aggregation('a clock that is set makes no absurd rates', () => {
  const bed = new Bed();
  const agent = bed.agent('h1');
  bed.later(agent, { packets: 1 });
  for (const jumpMs of [-3_600_000, 3_600_000, 0]) {
    bed.nowMs += SECOND;
    agent.change(ROW, { newFlows: 100 });
    bed.sums.report('h1', agent.report(bed.nowMs + jumpMs), bed.nowMs);
    assert.is(bed.load().newFlowsPerSecond, 100);
  }
});

aggregation('from single load balancers to sums over them: nothing is counted twice', () => {
  const bed = new Bed();
  const agent = bed.agent('h1');
  bed.later(agent, { packets: 40, activeFlows: 4 });
  bed.later(agent, { packets: 60, activeFlows: 6 }, { ...ROW, loadBalancer: 'web2' });
  agent.retire(ROW);
  agent.retire({ ...ROW, loadBalancer: 'web2' });
  agent.change({ ...ROW, loadBalancer: '' }, { packets: 100, activeFlows: 10 });
  bed.nowMs += SECOND;
  bed.sums.report('h1', agent.report(bed.nowMs, true), bed.nowMs);
  assert.equal([bed.load().activeFlows, bed.sums.totals('api').get('app1')!.packets], [10, 100]);
});

aggregation('bounded: hosts and members beyond are refused, and old hosts make room', () => {
  const bed = new Bed({ maxHosts: 2, maxMembers: 2, goneAfterMs: 5_000, forgottenAfterMs: 60_000 });
  const [h1, h2] = [bed.agent('h1'), bed.agent('h2')];
  for (const member of ['app2', 'app3']) h1.change({ ...ROW, member }, { packets: 1 });
  bed.later(h1, { packets: 1 });
  assert.is(bed.sums.loads('api', bed.nowMs).size, 2);
  bed.later(h2, { packets: 1 });
  bed.sums.attached('h3', 1);
  const h3 = new SimulatedAgent('h3');
  assert.is(bed.sums.report('h3', h3.report(bed.nowMs), bed.nowMs), 'unknown-host');
  for (let i = 0; i < 6; i++) bed.later(h2);
  bed.sums.attached('h3', 1);
  bed.later(h3, { packets: 1 });
  assert.is(bed.sums.hosts, 2);
});

aggregation('whatever happens: as the naive twin says', () => {
  const random = new Random(seed, 40);
  const names = ['g0', 'g1'].flatMap((group) =>
    ['m0', 'm1', 'm2'].flatMap((member) =>
      ['lb0', 'lb1'].map((loadBalancer) => ({ group, member, loadBalancer })),
    ),
  );
  for (let run = 0; run < runs(30); run++) {
    const bed = new Bed({ goneAfterMs: 5_000, forgottenAfterMs: 1e9 });
    const twin = new AggregationTwin(5_000);
    const agents = ['h1', 'h2', 'h3'].map((host) => bed.agent(host));
    for (const { host } of agents) twin.restarted(host);
    const past: { host: string; report: Report }[] = [];
    for (let step = 0; step < 120; step++) {
      bed.nowMs += random.chance(5) ? random.between(1_000, 9_000) : random.between(300, 400);
      const agent = random.pick(agents);
      for (const name of names) if (random.chance(40)) agent.change(name, anyChange(random));
      const event = random.below(100);
      if (event < 5) agent.skip();
      else if (event < 10 && past.length > 0) {
        const { host, report } = random.pick(past);
        if (host === agent.host) assert.is(bed.sums.report(host, report, bed.nowMs), 'late');
        continue;
      } else if (event < 15) {
        agent.newStream();
        bed.sums.detached(agent.host);
        bed.sums.attached(agent.host, agent.epoch);
      } else if (event < 18) {
        agent.restart();
        bed.sums.attached(agent.host, agent.epoch);
        twin.restarted(agent.host);
        past.splice(0);
      }
      const report = agent.report(bed.nowMs);
      past.push({ host: agent.host, report });
      assert.is(bed.sums.report(agent.host, report, bed.nowMs), 'applied');
      twin.reported(agent.host, agent.all, bed.nowMs);
      for (const { group, member } of names) compare(bed, twin, group, member);
    }
  }
});

/** Some traffic; sometimes connections too. */
function anyChange(random: Random): Partial<ReportRow> {
  const connects = random.chance(50) ? random.below(20) : 0;
  return {
    packets: random.between(1, 1e6),
    bytes: random.below(1e9),
    replyBytes: random.below(1e9),
    newFlows: connects,
    connects,
    activeFlows: random.below(50),
    ...(connects > 0 && { synTimeMicros: random.between(1, 1e6) }),
    ...(random.chance(50) && { rttMicros: random.between(1, 1e6) }),
  };
}

function compare(bed: Bed, twin: AggregationTwin, group: string, member: string): void {
  const expected = twin.load(group, member, bed.nowMs);
  const found = bed.sums.loads(group, bed.nowMs).get(member);
  assert.equal([found?.hosts ?? 0, found?.activeFlows ?? 0], [expected.hosts, expected.activeFlows]);
  const isNear = (a: number, b: number | undefined): boolean =>
    b === undefined || Math.abs(a - b) <= 0.05 + 1e-9 * b; // rates are rounded to 256ths in each row
  if (found !== undefined) {
    for (const name of ['newFlowsPerSecond', 'bytesPerSecond', 'synTimeMicros', 'rttMicros'] as const) {
      assert.ok(
        isNear(found[name], expected[name]),
        `${name}: found ${found[name]}, expected ${expected[name]}`,
      );
    }
  }
  const totals = bed.sums.totals(group).get(member);
  if (totals !== undefined) assert.equal(totals, twin.totalsOf(group, member));
}

aggregation('members that a host invents take no room from those that there are', () => {
  const settings = { maxMembers: 64, isKnown: (_group: string, member: string) => member.startsWith('app') };
  const sums = new Aggregation(settings);
  const [liar, honest] = [new SimulatedAgent('liar'), new SimulatedAgent('honest')];
  for (const { host, epoch } of [liar, honest]) sums.attached(host, epoch);
  for (let i = 0; i < 500; i++) liar.change({ ...ROW, member: `invented${i}` }, { packets: 1 });
  sums.report('liar', liar.report(1_000), 1_000);
  for (let i = 0; i < 60; i++) honest.change({ ...ROW, member: `app${i}` }, { packets: 1, activeFlows: 1 });
  sums.report('honest', honest.report(1_000), 1_000);
  const names = [...sums.loads('api', 1_000).keys()];
  assert.is(names.filter((name) => name.startsWith('app')).length, 60);
  assert.is(names.length, 64);
});

aggregation.run();
