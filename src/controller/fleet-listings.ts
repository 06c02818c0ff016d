/**
 * What a leader answers about its fleet. Groups and members are the controller's own, and so is load by the second;
 * counters, flows, rules and ports are asked of the hosts at that moment, so they are exact. A host that does not
 * answer is named where sums lack it, and refuses a listing that would be wrong without it.
 */
import type { AgentRow, GroupSample, PolicyDetail, PolicyMemberRow } from '../api/fleet-shapes.ts';
import type { FlowRow, GroupDetail, GroupRow, StatRow } from '../api/shapes.ts';
import type { GroupConfig } from '../config/model.ts';
import { expectOneOf } from '../config/problems.ts';
import { Refusal } from '../config/refusal.ts';
import type { MemberGlobal } from '../messages/messages.ts';
import type { AttachedAgent } from './attached-agent.ts';
import type { FleetGroup, FleetState } from './fleet-state.ts';
import { type Counts, countsOf, groupDetail, groupRow, sum } from './group-listings.ts';
import { effectiveMembers } from './group-weights.ts';
import { findMember } from './membership.ts';
import type { Term } from './term.ts';

/** A leader, its groups, and which of their policies were set at run time. */
export interface Fleet {
  readonly term: Term;
  readonly state: FleetState;
}

export function existingGroup(state: FleetState, name: string): FleetGroup {
  const group = state.groups.get(name);
  if (group !== undefined) return group;
  throw new Refusal(404, `group: found ${name}, expected ${expectOneOf(name, [...state.groups.keys()])}`);
}

export function agentRows({ agents, distribution }: Term, nowMs: number): AgentRow[] {
  return [...agents.values()].map((agent) => {
    const feed = distribution.feedOf(agent.host);
    return {
      host: agent.host,
      peer: agent.session.peer,
      version: agent.hello.version,
      since: new Date(agent.sinceMs).toISOString(),
      ports: agent.ports.length,
      groups: feed?.groupCount ?? 0,
      revision: feed?.appliedRevision ?? 0,
      sentRevision: feed?.sentRevision ?? 0,
      localRevision: feed?.localRevision ?? 0,
      error: feed === undefined || feed.error === '' ? null : feed.error,
      reports: agent.reports,
      missedReports: agent.missedReports,
      lastReportAgeMs: agent.lastReportMs === 0 ? null : nowMs - agent.lastReportMs,
    };
  });
}

// --- asked of the hosts ----------------------------------------------------------------------------------------

interface HostAnswer<Answer> {
  readonly host: string;
  readonly answer: Answer;
}

interface Answers<Answer> {
  readonly answers: readonly HostAnswer<Answer>[];
  readonly unanswered: readonly string[];
}

/** Of every agent; what a host refuses as not its own (404) is no answer and no failure. */
async function askAll<Answer>(agents: Iterable<AttachedAgent>, path: string): Promise<Answers<Answer>> {
  const answers: HostAnswer<Answer>[] = [];
  const unanswered: string[] = [];
  await Promise.all(
    [...agents].map(async ({ host, requests }) => {
      try {
        answers.push({ host, answer: await requests.ask<Answer>('GET', path) });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (error.status !== 404) unanswered.push(host);
      }
    }),
  );
  answers.sort((a, b) => (a.host < b.host ? -1 : 1));
  return { answers, unanswered: unanswered.sort() };
}

/** Each host's rows with its name, or a Refusal if a host has not answered. */
export async function rowsOfHosts<Row extends object>(
  { agents }: Term,
  path: string,
): Promise<({ host: string } & Row)[]> {
  const { answers, unanswered } = await askAll<Row[]>(agents.values(), path);
  if (unanswered.length > 0) throw new Refusal(503, `no answer from ${unanswered.join(', ')}`);
  return answers.flatMap(({ host, answer }) => answer.map((row) => ({ host, ...row })));
}

/** At most `limit` rows over all hosts. */
export async function flowRows(term: Term, path: string, limit: number): Promise<FlowRow[]> {
  return (await rowsOfHosts<FlowRow>(term, path)).slice(0, limit);
}

interface HostStats {
  readonly rows: readonly ({ readonly host: string } & StatRow)[];
  readonly unanswered: readonly string[];
}

async function memberStats(agents: Iterable<AttachedAgent>): Promise<HostStats> {
  const { answers, unanswered } = await askAll<StatRow[]>(agents, '/v1/stats?by=member');
  return { rows: answers.flatMap(({ host, answer }) => answer.map((row) => ({ ...row, host }))), unanswered };
}

// --- groups ----------------------------------------------------------------------------------------------------

export async function groupRows({ term, state }: Fleet): Promise<GroupRow[]> {
  const { rows } = await memberStats(term.agents.values());
  const byGroup = grouped(rows, ({ group }) => group);
  return [...state.groups.values()].map(({ group }) =>
    groupRow(weighted(term, group), { total: countsOf(byGroup.get(group.name) ?? []) }),
  );
}

export async function fleetGroupDetail({ term, state }: Fleet, name: string): Promise<GroupDetail> {
  const { group, health } = existingGroup(state, name);
  const concerned = [...term.agents.values()].filter(({ host }) => term.distribution.feedOf(host)?.has(name));
  const stats = await memberStats(concerned);
  const rows = stats.rows.filter((row) => row.group === name);
  const loads = term.aggregation.loads(name, Date.now());
  const detail = groupDetail(weighted(term, group), {
    total: countsOf(rows),
    ofMember(member) {
      const own = rows.filter((row) => row.member === member);
      const load = loads.get(member);
      return {
        ...countsOf(own),
        newFlowsPerSecond: Math.round(load?.newFlowsPerSecond ?? 0),
        bytesPerSecond: Math.round(load?.bytesPerSecond ?? 0),
        flowsLeft: findMember(group, member)?.state === 'draining' ? countsOf(own).activeFlows : null,
        flowsByHost: flowsByHost(own),
        ...(health[member] !== undefined && { health: health[member].detail }),
      };
    },
  });
  return stats.unanswered.length === 0 ? detail : { ...detail, unanswered: [...stats.unanswered] };
}

/** Hosts without flows are left out. */
function flowsByHost(rows: readonly ({ readonly host: string } & Counts)[]): Record<string, number> {
  const hosts = grouped(rows, ({ host }) => host);
  const flows = [...hosts].map(([host, own]) => [host, sum(own, ({ activeFlows }) => activeFlows)] as const);
  return Object.fromEntries(flows.filter(([, count]) => count > 0));
}

/** With the weights that are distributed. */
const weighted = ({ weights }: Term, group: GroupConfig): GroupConfig =>
  weights.groups.get(group.name) ?? group;

// --- policies --------------------------------------------------------------------------------------------------

export function policyDetail({ term, state }: Fleet, name: string): PolicyDetail {
  const { group, isPolicyOfRuntime } = existingGroup(state, name);
  const from = group.policy === undefined ? 'none' : isPolicyOfRuntime ? 'runtime' : 'file';
  return { group: name, from, policy: group.policy ?? null, members: policyMembers(term, group, Date.now()) };
}

export function groupSample({ term, state }: Fleet, name: string, nowMs: number): GroupSample {
  const { group } = existingGroup(state, name);
  const at = new Date(nowMs).toISOString();
  const { revision } = term.distribution;
  return { at, group: name, revision, members: policyMembers(term, group, nowMs) };
}

function policyMembers(term: Term, group: GroupConfig, nowMs: number): PolicyMemberRow[] {
  const loads = term.aggregation.loads(group.name, nowMs);
  const out = weighted(term, group);
  return effectiveMembers(group, nowMs).map(({ name, state, weight }) => {
    const load: MemberGlobal | undefined = loads.get(name);
    return {
      member: name,
      state,
      configuredWeight: weight,
      weight: findMember(out, name)?.weight ?? weight,
      activeFlows: load?.activeFlows ?? 0,
      newFlowsPerSecond: Math.round(load?.newFlowsPerSecond ?? 0),
      bytesPerSecond: Math.round(load?.bytesPerSecond ?? 0),
      synTimeMs: measured(load?.synTimeMicros),
      rttMs: measured(load?.rttMicros),
      congestionPercent: Math.round(load?.congestionPercent ?? 0),
      ageMs: load === undefined ? null : Math.round(load.ageMs),
    };
  });
}

/** Microseconds as milliseconds; null: not measured. */
const measured = (micros: number | undefined): number | null =>
  micros === undefined || micros === 0 ? null : micros / 1000;

function grouped<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}
