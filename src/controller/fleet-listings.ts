/**
 * What a leader answers about its fleet. Groups and members are the controller's own, and so is load by the second;
 * counters, flows, rules and ports are asked of the hosts at that moment, so they are exact. A host that does not
 * answer is named where sums lack it, and refuses a listing that would be wrong without it.
 */
import type { z } from 'zod';
import type { AgentRow, GroupSample, PolicyDetail, PolicyMemberRow, VmRow } from '../api/fleet-shapes.ts';
import { countsOf, groupDetail, groupRow, sum } from '../api/group-listings.ts';
import type { flowQuery } from '../api/routes.ts';
import type { FlowRow, GroupDetail, GroupRow } from '../api/shapes.ts';
import { membersInForce } from '../config/model/criteria-sets.ts';
import { findMember, refuseUnknownMember } from '../config/model/group-members.ts';
import type { GroupConfig } from '../config/model/model.ts';
import { ownEntry } from '../config/model/own-entry.ts';
import { expectOneOf } from '../config/model/problems.ts';
import { Refusal } from '../config/model/refusal.ts';
import type { MemberGlobal } from '../messages/messages.ts';
import { momentOf } from '../runtime/runtime.ts';
import type { AttachedAgent } from './agents/attached-agent.ts';
import { existingGroup, type GroupStates } from './groups/group-states.ts';
import type { VmKeeper } from './scaling/vm-keeper.ts';
import type { Term } from './term.ts';

type FlowFilter = z.output<typeof flowQuery>;

/** A leader, its groups, and which of their policies were set at run time. */
export interface Fleet {
  readonly term: Term;
  readonly groups: GroupStates;
}

export function agentRows({ agents, distribution, runtime }: Term): AgentRow[] {
  const nowMs = runtime.monotonicMs();
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
      lastReportAgeMs: agent.lastReportMs === undefined ? null : nowMs - agent.lastReportMs,
    };
  });
}

export const vmRows = ({ manager }: VmKeeper): VmRow[] =>
  manager.list().map((record) => ({
    instance: record.id,
    template: record.template,
    group: record.group ?? null,
    host: record.host ?? null,
    addresses: [...record.addresses],
    phase: record.phase,
    waitsFor: manager.waitsFor(record.id) ?? null,
    since: new Date(record.sinceMs).toISOString(),
    failures: record.failures,
    replaces: record.replaces ?? null,
  }));

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

/**
 * Each host's rows with its name, page by page, host after host. The first page is asked of all at once: a Refusal if a host
 * does not answer.
 */
export async function* rowsOfHosts<Row extends object>(
  { agents }: Term,
  path: string,
): AsyncGenerator<{ host: string } & Row> {
  const listings = [...agents.values()]
    .sort((a, b) => (a.host < b.host ? -1 : 1))
    .map(({ host, requests }) => ({ host, pages: requests.rows<Row>(path) }));
  const firsts = await Promise.all(listings.map(({ pages }) => answered(pages.next())));
  const unanswered = listings.filter((_, at) => firsts[at] === undefined).map(({ host }) => host);
  if (unanswered.length > 0) throw new Refusal(503, `no answer from ${unanswered.join(', ')}`);
  for (const [at, { host, pages }] of listings.entries()) {
    for (let page = firsts[at]!; page.done !== true; page = await pages.next()) {
      for (const row of page.value) yield { host, ...row };
    }
  }
}

/** undefined: the host does not answer. What it refuses as not its own (404) is no page and no failure. */
async function answered<Row>(
  page: Promise<IteratorResult<readonly Row[]>>,
): Promise<IteratorResult<readonly Row[]> | undefined> {
  try {
    return await page;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.status === 404 ? { done: true, value: undefined } : undefined;
  }
}

/** At most `limit` rows over all hosts. */
export async function* flowRows(
  { term, groups }: Fleet,
  path: string,
  { port, group, member, limit = Number.POSITIVE_INFINITY }: FlowFilter,
): AsyncGenerator<FlowRow> {
  if (group !== undefined) existingGroup(groups, group);
  if (port !== undefined) refuseUnknownPort(term, port);
  let count = 0;
  for await (const row of rowsOfHosts<FlowRow>(term, path)) {
    yield row;
    if (++count === limit) return;
  }
  if (member === undefined || count > 0) return;
  refuseUnknownMember(
    [...groups.values()].map((one) => one.group),
    member,
  );
}

function refuseUnknownPort({ agents }: Term, name: string): void {
  const known = [...agents.values()].flatMap(({ ports }) => ports.map((port) => port.name));
  if (!known.includes(name))
    throw new Refusal(404, `port: found ${name}, expected ${expectOneOf(name, known)}`);
}

// --- groups ----------------------------------------------------------------------------------------------------

/** Sums over the hosts that answer. */
export async function* groupRows({ term, groups }: Fleet): AsyncGenerator<GroupRow> {
  const flows = new Map<string, { activeFlows: number; newFlows: number }>();
  await Promise.all(
    [...term.agents.values()].map(async ({ requests }) => {
      const pages = requests.rows<GroupRow>('/v1/groups');
      for (;;) {
        const page = await answered(pages.next());
        if (page === undefined || page.done === true) return;
        for (const row of page.value) {
          const sum = flows.get(row.group) ?? { activeFlows: 0, newFlows: 0 };
          sum.activeFlows += row.activeFlows;
          sum.newFlows += row.newFlows;
          flows.set(row.group, sum);
        }
      }
    }),
  );
  for (const { group } of groups.values()) {
    yield groupRow(weighted(term, group), { total: flows.get(group.name) ?? flowsOf([]) });
  }
}

export async function fleetGroupDetail({ term, groups }: Fleet, name: string): Promise<GroupDetail> {
  const { group, health } = existingGroup(groups, name);
  const concerned = [...term.agents.values()].filter(({ host }) => term.distribution.feedOf(host)?.has(name));
  const path = `/v1/groups/${encodeURIComponent(name)}`;
  const { answers, unanswered } = await askAll<GroupDetail>(concerned, path);
  const loads = term.aggregation.loads(name, term.runtime.monotonicMs());
  const detail = groupDetail(weighted(term, group), {
    total: flowsOf(answers.map(({ answer }) => answer)),
    ofMember(member) {
      const own = answers.flatMap(({ host, answer }) =>
        answer.members.filter((row) => row.member === member).map((row) => ({ ...row, host })),
      );
      const load = loads.get(member);
      const failure = ownEntry(health, member);
      const left = own.filter(({ flowsLeft }) => flowsLeft !== null);
      const flows = own.map(({ host, activeFlows }) => [host, activeFlows] as const);
      return {
        flowsLeft: left.length === 0 ? null : sum(left, ({ flowsLeft }) => flowsLeft!),
        ...countsOf(own),
        newFlowsPerSecond: Math.round(load?.newFlowsPerSecond ?? 0),
        bytesPerSecond: Math.round(load?.bytesPerSecond ?? 0),
        flowsByHost: Object.fromEntries(flows.filter(([, count]) => count > 0)),
        ...(failure !== undefined && { health: failure.detail }),
      };
    },
  });
  return unanswered.length === 0 ? detail : { ...detail, unanswered: [...unanswered] };
}

const flowsOf = (rows: readonly Pick<GroupRow, 'activeFlows' | 'newFlows'>[]) => ({
  activeFlows: sum(rows, ({ activeFlows }) => activeFlows),
  newFlows: sum(rows, ({ newFlows }) => newFlows),
});

/** With the weights that are distributed. */
const weighted = ({ weights }: Term, group: GroupConfig): GroupConfig =>
  weights.groups.get(group.name) ?? group;

// --- policies --------------------------------------------------------------------------------------------------

export function policyDetail({ term, groups }: Fleet, name: string): PolicyDetail {
  const { group, isPolicyOfRuntime, heldCount = null } = existingGroup(groups, name);
  const from = group.policy === undefined ? 'none' : isPolicyOfRuntime ? 'runtime' : 'file';
  const members = policyMembers(term, group);
  return { group: name, from, policy: group.policy ?? null, heldCount, members };
}

export function groupSample({ term, groups }: Fleet, name: string): GroupSample {
  const { group } = existingGroup(groups, name);
  const at = new Date(term.runtime.wallMs()).toISOString();
  const { revision } = term.distribution;
  return { at, group: name, revision, members: policyMembers(term, group) };
}

function policyMembers(term: Term, group: GroupConfig): PolicyMemberRow[] {
  const { monotonicMs, wallMs } = momentOf(term.runtime);
  const loads = term.aggregation.loads(group.name, monotonicMs);
  const out = weighted(term, group);
  return membersInForce(group, wallMs).map(({ name, state, weight }) => {
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
