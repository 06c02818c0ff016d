/** What a host reports of load: rows that have changed, with what the listings say. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LoadReport, type LoadSources } from '../../src/agent/load-report.ts';
import type { PlannedLoadBalancer } from '../../src/config/model/load-balancer-plan.ts';
import type { GroupConfig } from '../../src/config/model/model.ts';
import { DatapathIds } from '../../src/host/publishing/datapath-ids.ts';
import { StatCollector } from '../../src/host/stat-collector.ts';
import { RowKeys } from '../../src/messages/report.ts';
import { ReportDiff } from '../../src/messages/report-table.ts';
import { STAT } from '../../src/tables/stat-table.ts';
import { statTable } from '../support/stat-table.ts';

const test = suite('load report');

const NONE_LEFT = { byMember: new Map(), byRow: new Map() };

const group = (name: string, members: readonly string[], more: Partial<GroupConfig> = {}): GroupConfig =>
  ({
    name,
    network: 'app',
    criteria: [
      {
        members: members.map((member, i) => ({
          name: member,
          address: `10.1.0.${i}`,
          weight: 1,
          state: 'active',
        })),
      },
    ],
    ...more,
  }) as unknown as GroupConfig;

const POLICY = { policy: { kind: 'inverse-load' } } as unknown as Partial<GroupConfig>;
const BY_BALANCER = {
  policy: { kind: 'inverse-load', perLoadBalancer: true },
} as unknown as Partial<GroupConfig>;

class Bed {
  readonly stats = statTable(64);
  readonly ids = new DatapathIds({ maxPorts: 16 });
  readonly collector = new StatCollector(this.stats, this.ids);
  readonly report = new LoadReport();
  groups: readonly GroupConfig[];
  private diff = new ReportDiff();
  private keys = new RowKeys();
  private sequence = 0;

  constructor(groups: readonly GroupConfig[]) {
    this.groups = groups;
    this.number();
    for (const key of ['port a', 'port b']) this.ids.loadBalancer(key);
  }

  number(): void {
    for (const { name, criteria } of this.groups)
      for (const { members } of criteria)
        for (const member of members) this.ids.member({ ...member, group: name, member: member.name });
  }

  count(balancer: number, group: string, member: string, field: keyof typeof STAT, amount: number): void {
    this.stats.renew();
    this.stats.add(this.stats.acquire(balancer, this.ids.membersOf(group, member)[0]!), STAT[field], amount);
  }

  /** Rows of the next report as `group/member/lb=packets`. */
  next(isRaw = false, left: LoadSources['left'] = NONE_LEFT): string[] {
    this.collector.refresh();
    const { ids, collector, groups } = this;
    this.report.fill({ collector, ids, groups, plan: this.plan, left }, isRaw);
    const header = { sequence: ++this.sequence, atMs: 0, intervalMs: 1, isAggregated: !isRaw };
    return this.keys
      .rowsOf(this.diff.next(header, this.report.table))
      .map((row) => `${row.group}/${row.member}/${row.loadBalancer}=${row.packets}`)
      .sort();
  }

  /** Names in the table. */
  get table(): string[] {
    return this.report.table.keys
      .flatMap((key) => (key ? [`${key.group}/${key.member}/${key.loadBalancer}`] : []))
      .sort();
  }

  private get plan(): PlannedLoadBalancer[] {
    return ['port a', 'port b'].map(
      (key) => ({ key, groups: this.groups }) as unknown as PlannedLoadBalancer,
    );
  }
}

test('a member is reported from its first flow on; where load is asked for, also before', () => {
  const bed = new Bed([group('plain', ['x', 'y']), group('weighed', ['x', 'y'], POLICY)]);
  assert.equal(bed.next(), ['weighed/x/=0', 'weighed/y/=0']);
  bed.count(0, 'plain', 'y', 'packets', 5);
  bed.count(1, 'plain', 'y', 'packets', 2);
  bed.count(1, 'weighed', 'x', 'packets', 1);
  assert.equal(bed.next(), ['plain/y/=7', 'weighed/x/=1']);
  assert.equal(bed.next(), []);
});

test('row by row of the load balancers, where weights or sources go by those', () => {
  const bed = new Bed([group('plain', ['x']), group('own', ['x'], BY_BALANCER)]);
  assert.equal(bed.next(true), ['own/x/port a=0', 'own/x/port b=0']);
  bed.count(1, 'plain', 'x', 'packets', 5);
  bed.count(1, 'own', 'x', 'packets', 2);
  assert.equal(bed.next(true), ['own/x/port b=2', 'plain/x/port b=5']);
});

test('when it is asked for otherwise, the table begins anew with all that was counted', () => {
  const bed = new Bed([group('plain', ['x', 'y'])]);
  bed.count(0, 'plain', 'x', 'packets', 5);
  bed.count(1, 'plain', 'x', 'packets', 6);
  assert.equal(bed.next(), ['plain/x/=11']);
  assert.equal(bed.next(true), ['plain/x/port a=5', 'plain/x/port b=6']);
  assert.equal(bed.next(), ['plain/x/=11']);
  assert.equal(bed.table, ['plain/x/']);
});

test('a member that has left the group is reported until its last flow has ended', () => {
  const bed = new Bed([group('web', ['x', 'y'], POLICY)]);
  bed.count(0, 'web', 'x', 'records', 1);
  bed.next();
  bed.groups = [group('web', ['z', 'y'], POLICY)];
  bed.number();
  bed.next();
  assert.equal(bed.table, ['web/x/', 'web/y/', 'web/z/']);
  bed.count(0, 'web', 'x', 'records', -1);
  bed.next();
  assert.equal(bed.table, ['web/y/', 'web/z/']);
  bed.groups = [];
  bed.next();
  assert.equal(bed.table, []);
});

test('of a draining member the flows that are over have ended', () => {
  const bed = new Bed([group('web', ['x'], POLICY)]);
  bed.count(0, 'web', 'x', 'newFlows', 5);
  const [id] = bed.ids.membersOf('web', 'x');
  const ended = () => bed.report.table.columns.endedFlows[0];
  bed.next(false, { byMember: new Map([[id!, 2]]), byRow: new Map() });
  assert.is(ended(), 3);
  bed.next(false, { byMember: new Map([[id!, 0]]), byRow: new Map() });
  assert.is(ended(), 5);
  bed.next();
  assert.is(ended(), 0, 'it drains no longer: what the records say');
});

test.run();
