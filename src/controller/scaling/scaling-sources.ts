/**
 * The sources of a group as units of scaling: the ports that its rules apply to, each with its load on the group.
 *
 * A port with its own load balancer has that balancer's load; balancers that several ports share, and the sums of
 * hosts that report no single ones (agents of an earlier version), are divided evenly among the host's ports. A VM
 * counts as a unit from when it serves until it is ordered to stop.
 *
 * A host that is briefly away, or is still finding a new leader, has not lost its VMs: for `settlingMs` its ports
 * count as last seen, and a new leader makes no decision before. Otherwise each change of leaders would add VMs.
 */
import { type GroupConfig, networksOf } from '../../config/model/model.ts';
import type { ScalingInput, ScalingUnit } from '../../policy/scaling.ts';
import type { AttachedAgent } from '../agents/attached-agent.ts';
import { matchesLabels } from '../distribution/interest.ts';
import type { Aggregation, HostLoads } from '../load/aggregation.ts';
import { type BalancerLoad, noLoad } from '../load/balancer-load.ts';
import type { VmRecord } from '../vm-manager/vm-record.ts';

interface Seen {
  readonly ports: AttachedAgent['ports'];
  readonly atMs: number;
}

/** What sources are computed from. */
export interface SourcesOf {
  readonly term: {
    readonly agents: ReadonlyMap<string, Pick<AttachedAgent, 'host' | 'ports'>>;
    readonly aggregation: Pick<Aggregation, 'loadsByBalancer'>;
  };
  readonly vms: {
    readonly manager: { list(): readonly VmRecord[]; ageMs(record: VmRecord): number };
    isLeaving(id: string): boolean;
  };
}

export class Sources {
  private readonly term: SourcesOf['term'];
  private readonly vms: SourcesOf['vms'];
  private readonly settlingMs: number;
  private readonly sinceMs: number;
  /** By host; forgotten `settlingMs` after it was last seen. */
  private readonly seen = new Map<string, Seen>();

  constructor({ term, vms }: SourcesOf, settlingMs: number, nowMs: number) {
    this.term = term;
    this.vms = vms;
    this.settlingMs = settlingMs;
    this.sinceMs = nowMs;
  }

  /** The attached hosts; to be called about once a second. */
  look(nowMs: number): void {
    for (const { host, ports } of this.term.agents.values()) this.seen.set(host, { ports, atMs: nowMs });
    for (const [host, { atMs }] of this.seen) if (nowMs - atMs > this.settlingMs) this.seen.delete(host);
  }

  /** undefined: too early to know the sources. */
  of(group: GroupConfig, template: string, nowMs: number): ScalingInput | undefined {
    if (nowMs - this.sinceMs < this.settlingMs) return undefined;
    const loads = this.term.aggregation.loadsByBalancer(group.name, nowMs);
    const records = new Map(this.vms.manager.list().map((record) => [record.id, record]));
    const ports = [...this.seen].flatMap(([host, seen]) => loadsOfPorts(seen.ports, group, loads.get(host)));
    const units = ports.flatMap(({ name, ageMs, load }): ScalingUnit[] => {
      const record = records.get(name);
      if (record !== undefined && (record.phase !== 'serving' || !record.isWanted)) return [];
      const state = this.vms.isLeaving(name) ? 'draining' : 'active';
      const sinceMs = record === undefined ? Number.POSITIVE_INFINITY : this.vms.manager.ageMs(record);
      return [{ name, state, isVm: record?.template === template, sinceMs, ageMs, ...load }];
    });
    const shown = new Set(ports.map(({ name }) => name));
    const starting = [...records.values()].filter(
      (record) => isStarting(record, template) || (isServing(record, template) && !shown.has(record.id)),
    );
    return { nowMs, units, starting: starting.length };
  }
}

/** The template's wanted VMs that are not in service yet. */
export const isStarting = (record: VmRecord, template: string): boolean =>
  record.isWanted && record.template === template && STARTING.has(record.phase);

const isServing = (record: VmRecord, template: string): boolean =>
  record.isWanted && record.template === template && record.phase === 'serving';

const STARTING: ReadonlySet<VmRecord['phase']> = new Set(['pending', 'starting', 'created']);

interface PortLoad {
  readonly name: string;
  readonly ageMs: number;
  readonly load: Omit<BalancerLoad, 'flowsByMember'>;
}

const NONE = noLoad();

function loadsOfPorts(
  ports: AttachedAgent['ports'],
  group: GroupConfig,
  { ageMs, balancers }: HostLoads = { ageMs: Number.POSITIVE_INFINITY, balancers: new Map() },
): PortLoad[] {
  const names = ports
    .filter(({ network, labels }) => networksOf(group).includes(network) && matchesLabels(group.from, labels))
    .map(({ name }) => name);
  const shared = [...balancers].filter(([key]) => !key.startsWith(OF_PORT)).map(([, load]) => load);
  const part = (figure: (load: BalancerLoad) => number): number =>
    shared.reduce((sum, load) => sum + figure(load), 0) / names.length;
  return names.map((name) => {
    const own = balancers.get(OF_PORT + name) ?? NONE;
    const load = {
      activeFlows: own.activeFlows + part(({ activeFlows }) => activeFlows),
      newFlowsPerSecond: own.newFlowsPerSecond + part(({ newFlowsPerSecond }) => newFlowsPerSecond),
      bytesPerSecond: own.bytesPerSecond + part(({ bytesPerSecond }) => bytesPerSecond),
    };
    return { name, ageMs, load };
  });
}

/** Hosts' name for the load balancer of one port. */
const OF_PORT = 'port ';
