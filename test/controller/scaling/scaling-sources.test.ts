// Which sources a group has, and what each of them sends: by what hosts report, and by what they did a moment ago.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../../src/config/load.ts';
import { Aggregation } from '../../../src/controller/load/aggregation.ts';
import { Sources } from '../../../src/controller/scaling/scaling-sources.ts';
import type { VmPhase, VmRecord } from '../../../src/controller/vm-manager/vm-record.ts';
import type { Port } from '../../../src/messages/messages.ts';
import { ReportDiff, ReportTable } from '../../../src/messages/report-table.ts';
import { port } from '../fleet.ts';

const test = suite('controller: sources');

const SETTLING_MS = 10_000;

const [group] = parseConfiguration(`
host: c1
networks: [{ name: app, vni: 1, subnets: [10.1.0.0/24] }]
groups: [{ name: api, network: app, vip: 10.1.0.100, from: { tier: web }, members: [] }]
`).groups;

class Bed {
  nowMs = 1_000_000;
  readonly agents = new Map<string, { host: string; ports: Port[] }>();
  readonly aggregation = new Aggregation();
  readonly records: VmRecord[] = [];
  readonly leaving = new Set<string>();
  readonly sources: Sources;

  constructor() {
    const vms = {
      manager: {
        list: () => this.records,
        ageMs: ({ sinceMs }: VmRecord) => this.nowMs - sinceMs,
      },
      isLeaving: (id: string) => this.leaving.has(id),
    };
    this.sources = new Sources({ term: this, vms }, SETTLING_MS, this.nowMs);
  }

  get term() {
    return { agents: this.agents, aggregation: this.aggregation };
  }

  /** A host with such ports, and the active flows to `api` by load balancer. */
  host(name: string, ports: readonly string[], flows: Readonly<Record<string, number>>): void {
    const all = [...ports.map((text) => port(text, 'app', { tier: 'web' })), port(`${name}-c`, 'app')];
    this.agents.set(name, { host: name, ports: all });
    this.aggregation.attached(name, 1);
    const table = new ReportTable();
    for (const [loadBalancer, activeFlows] of Object.entries(flows)) {
      table.set({ group: 'api', member: 'a', address: '10.1.0.1', loadBalancer }, { activeFlows });
      table.set({ group: 'other', member: 'a', address: '10.1.0.1', loadBalancer }, { activeFlows: 99 });
    }
    const header = { sequence: 1, atMs: this.nowMs, intervalMs: 0, isAggregated: '' in flows };
    this.aggregation.report(name, new ReportDiff().next(header, table), this.nowMs);
  }

  vm(id: string, phase: VmPhase, isWanted = true): void {
    const { nowMs } = this;
    const times = { sinceMs: nowMs, notBeforeMs: nowMs, failures: 0 };
    this.records.push({ id, template: 'web', phase, isWanted, addresses: [], ...times });
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.sources.look(this.nowMs);
  }

  /** `NAME FLOWS`, with what is special about it, in order; and how many are starting. */
  get input(): [string[], number] | undefined {
    const input = this.sources.of(group!, 'web', this.nowMs);
    if (input === undefined) return undefined;
    const units = input.units.map(({ name, activeFlows, isVm, state }) =>
      [name, activeFlows, ...(isVm ? ['vm'] : []), ...(state === 'active' ? [] : [state])].join(' '),
    );
    return [units.sort(), input.starting];
  }
}

test('each port counts with what its own load balancer sends, shared ones evenly', () => {
  const bed = new Bed();
  bed.pass(SETTLING_MS - 1);
  bed.host('h1', ['w1', 'w2'], { 'port w1': 30, 'port w2': 2, 'port h1-c': 7 });
  bed.host('h2', ['w3', 'w4'], { 'network app': 10 });
  bed.host('h3', ['w5', 'w6'], { '': 4 });
  bed.host('h4', ['w7'], {});
  bed.pass(0);
  assert.is(bed.input, undefined, 'hosts may still be on their way');
  bed.pass(1);
  // What balancers of other ports send is not shared out, though h1-c is no source.
  assert.equal(bed.input, [['w1 30', 'w2 2', 'w3 5', 'w4 5', 'w5 2', 'w6 2', 'w7 0'], 0]);
});

test('a VM is a unit while it serves and is wanted, and starting before', () => {
  const bed = new Bed();
  bed.pass(SETTLING_MS);
  for (const phase of ['pending', 'starting', 'created', 'serving', 'stopping', 'lost'] as const) {
    bed.vm(phase, phase, phase !== 'stopping' && phase !== 'lost');
  }
  bed.vm('leaving', 'serving');
  bed.vm('unseen', 'serving');
  bed.leaving.add('leaving');
  bed.host('h1', ['created', 'serving', 'stopping', 'leaving', 'w1'], {});
  bed.pass(0);
  assert.equal(bed.input, [['leaving 0 vm draining', 'serving 0 vm', 'w1 0'], 4]);
});

test('a host that is away for a moment keeps its sources', () => {
  const bed = new Bed();
  bed.pass(SETTLING_MS);
  bed.host('h1', ['w1'], { 'port w1': 3 });
  bed.pass(0);
  bed.agents.delete('h1');
  bed.pass(SETTLING_MS);
  assert.equal(bed.input, [['w1 0'], 0]);
  bed.pass(1);
  assert.equal(bed.input, [[], 0]);
});

test.run();
