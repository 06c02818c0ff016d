/**
 * Aggregates the reports of all hosts into the load of each member.
 *
 * Theory of operation. Reports carry totals, so a lost report does no harm: the next one includes it. Reports of one
 * agent are ordered by their sequence number; one that is not newer than the last is ignored. Another epoch is
 * another agent, whose totals begin at 0. The owner of the streams ensures that each host has one, from its latest
 * agent.
 *
 * Sums are updated row by row as reports come (host-rows.ts), so reading them is cheap. A silent host is removed from
 * gauges, rates and averages: its flows are unknown, which differs from none. Its totals stay, and it continues from
 * them when it returns. After a longer time, or to make room, it is forgotten; its totals would then count again from
 * the start of its agent.
 *
 * Bounded: hosts, rows per host, and members; the excess is refused and counted. A row costs a fifth of a microsecond
 * and 0.3 kB: 1000 agents of 500 rows a second take a tenth of a core and 140 MB (test/bench/aggregation.ts).
 */
import type { MemberGlobal } from '../../messages/messages.ts';
import type { Report } from '../../messages/report.ts';
import { relativeCongestion } from '../../policy/congestion.ts';
import type { BalancerLoad } from './balancer-load.ts';
import { HostRows } from './host-rows.ts';
import { MemberDirectory } from './member-directory.ts';
import { type MemberSums, type MemberTotals, RATES, type RateName } from './member-sums.ts';

export interface AggregationSettings {
  /** A host silent for this long is removed from the sums. */
  readonly goneAfterMs: number;
  /** A host silent for this long is forgotten. */
  readonly forgottenAfterMs: number;
  readonly maxHosts: number;
  readonly maxMembers: number;
  /** Whether a group has the member; members without a group share a small part of the capacity. */
  readonly isKnown: (group: string, member: string) => boolean;
}

const DEFAULTS: AggregationSettings = {
  goneAfterMs: 5_000,
  forgottenAfterMs: 600_000,
  maxHosts: 16_384,
  maxMembers: 65_536,
  isKnown: () => true,
};

export type Outcome =
  | 'applied'
  /** Not newer than the agent's last one. */
  | 'late'
  /** From a host that has not attached, or that exceeded the capacity. */
  | 'unknown-host';

export interface HostLoads {
  /** From the host's last report. */
  readonly ageMs: number;
  readonly balancers: ReadonlyMap<string, BalancerLoad>;
}

interface HostEntry {
  readonly rows: HostRows;
  agentEpoch: number;
  /** Of the last report; 0: none of this epoch. */
  sequence: number;
  atMs: number;
  isAggregated: boolean;
}

export class Aggregation {
  /** Reports by result, and reports that never came, from gaps in the sequence. */
  readonly counters = { applied: 0, late: 0, 'unknown-host': 0, lost: 0 };
  private readonly settings: AggregationSettings;
  private readonly members: MemberDirectory;
  /** Ordered by their last reports. */
  private readonly live = new Map<string, HostEntry>();
  private readonly gone = new Map<string, HostEntry>();

  constructor(settings: Partial<AggregationSettings> = {}) {
    this.settings = { ...DEFAULTS, ...settings };
    this.members = new MemberDirectory(this.settings.maxMembers, this.settings.isKnown);
  }

  /** Another stream of a host begins; agentEpoch as in its Hello. */
  attached(host: string, agentEpoch: number): void {
    const entry = this.live.get(host) ?? this.gone.get(host);
    if (entry === undefined) return this.add(host, agentEpoch);
    if (agentEpoch !== entry.agentEpoch) {
      entry.rows.restart();
      entry.agentEpoch = agentEpoch;
      entry.sequence = 0;
    }
    entry.rows.beginStream();
  }

  /** The stream has ended. The figures stay for a while, as the host may return at once. */
  detached(host: string): void {
    if (this.gone.get(host)?.sequence === 0) this.forget(host);
  }

  report(host: string, report: Report, nowMs: number): Outcome {
    this.expire(nowMs);
    const outcome = this.take(host, report, nowMs);
    this.counters[outcome]++;
    return outcome;
  }

  /** By member; members without recent reports are not listed. */
  loads(group: string, nowMs: number): ReadonlyMap<string, MemberGlobal> {
    this.expire(nowMs);
    const reported = this.members.of(group).filter(({ hosts }) => hosts.size > 0);
    const loads = reported.map((sums) => globalOf(sums, nowMs));
    relativeCongestion(loads).forEach((percent, i) => {
      loads[i]!.congestionPercent = percent;
    });
    return new Map(loads.map((load) => [load.name, load]));
  }

  /** Changes whenever `loads` of a group changes, except for the age of the figures. */
  versionOf(group: string, nowMs: number): number {
    this.expire(nowMs);
    return this.members.versionOf(group);
  }

  /** Time since the report of the host that has been silent for the longest; 0 if there is none. */
  silenceMs(nowMs: number): number {
    this.expire(nowMs);
    for (const { rows } of this.live.values()) return nowMs - rows.receivedMs;
    return 0;
  }

  /** By host and load balancer ('' where a host sums them up); hosts without recent reports are not listed. */
  loadsByBalancer(group: string, nowMs: number): ReadonlyMap<string, HostLoads> {
    this.expire(nowMs);
    const hosts = [...this.live].map(([host, { rows }]): [string, HostLoads] => {
      const ageMs = nowMs - rows.receivedMs;
      return [host, { ageMs, balancers: rows.loadsByBalancer(group) }];
    });
    return new Map(hosts);
  }

  /** By member, since the start of the agents. */
  totals(group: string): ReadonlyMap<string, MemberTotals> {
    return new Map(this.members.of(group).map((sums) => [sums.name, sums.totals()]));
  }

  /** Hosts in the sums. */
  get hosts(): number {
    return this.live.size;
  }

  private take(host: string, report: Report, nowMs: number): Outcome {
    const entry = this.live.get(host) ?? this.gone.get(host);
    if (entry === undefined) return 'unknown-host';
    const { rows } = entry;
    const isFirst = entry.sequence === 0;
    // Summed over load balancers or not, the rows cover the same packets, which must not be counted twice.
    const isOtherwiseSummed = !isFirst && report.isAggregated !== entry.isAggregated;
    if (report.sequence <= entry.sequence) return 'late';
    if (isOtherwiseSummed) rows.restart();
    rows.announce(report);
    if (!isFirst) this.counters.lost += report.sequence - entry.sequence - 1;
    const seconds = isFirst ? 0 : secondsBetween(entry, report, nowMs);
    rows.apply(report, seconds, !isOtherwiseSummed);
    entry.sequence = report.sequence;
    entry.atMs = report.atMs;
    entry.isAggregated = report.isAggregated;
    rows.receivedMs = nowMs;
    this.gone.delete(host);
    this.live.delete(host);
    this.live.set(host, entry);
    return 'applied';
  }

  /** A host is not in the sums before its first report: it starts as silent. */
  private add(host: string, agentEpoch: number): void {
    if (this.live.size + this.gone.size >= this.settings.maxHosts) {
      const [oldest] = this.gone.keys();
      if (oldest === undefined) return;
      this.forget(oldest);
    }
    const rows = new HostRows(this.members, Number.NEGATIVE_INFINITY);
    this.gone.set(host, { rows, agentEpoch, sequence: 0, atMs: 0, isAggregated: false });
  }

  private expire(nowMs: number): void {
    const { goneAfterMs, forgottenAfterMs } = this.settings;
    for (const [host, entry] of this.live) {
      if (nowMs - entry.rows.receivedMs <= goneAfterMs) break;
      entry.rows.leave();
      this.live.delete(host);
      this.gone.set(host, entry);
    }
    for (const [host, { rows }] of this.gone) {
      if (rows.receivedMs === Number.NEGATIVE_INFINITY) continue; // attached, but has not reported yet
      if (nowMs - rows.receivedMs <= forgottenAfterMs) break;
      this.forget(host);
    }
  }

  private forget(host: string): void {
    this.gone.get(host)!.rows.clear();
    this.gone.delete(host);
  }
}

/**
 * Uses the agent's clock, which knows when the totals were read, or the controller's if the agent's clock was set.
 */
function secondsBetween(entry: HostEntry, report: Report, nowMs: number): number {
  const byAgent = report.atMs - entry.atMs;
  const byArrival = nowMs - entry.rows.receivedMs;
  const isPlausible =
    byAgent > 0 &&
    byAgent >= byArrival / 2 - report.intervalMs &&
    byAgent <= 2 * byArrival + report.intervalMs;
  return Math.max(1, isPlausible ? byAgent : Math.max(byArrival, report.intervalMs)) / 1_000;
}

/** Members' own answers come from elsewhere (reported-loads.ts). */
export const NO_REPORTED_LOAD = { reportedLoad: 0, loadReporters: 0, reportedAgeMs: 0 } as const;

function globalOf(sums: MemberSums, nowMs: number): MemberGlobal {
  const rates = Object.fromEntries(RATES.map(([name], place) => [name, sums.rate(place)])) as Record<
    RateName,
    number
  >;
  return {
    name: sums.name,
    hosts: sums.hosts.size,
    activeFlows: sums.activeFlows,
    ...rates,
    synTimeMicros: sums.synTimeMicros,
    rttMicros: sums.rttMicros,
    windowBytes: sums.windowBytes,
    congestionPercent: 100,
    ageMs: sums.ageMs(nowMs),
    ...NO_REPORTED_LOAD,
  };
}
