/**
 * A leader's listings about its fleet. Groups, members and per-second load come from the controller itself; counters,
 * flows, rules and ports are queried from the hosts on each request, so they are exact. Sums name the hosts that did
 * not answer; listings that would be wrong without a host are refused.
 */
import type { z } from 'zod';
import type { AgentRow, GroupSample, PolicyDetail, PolicyMemberRow, VmRow } from '../api/fleet-shapes.ts';
import {
  countsOf,
  groupDetail,
  groupRow,
  type MemberFigures,
  mostCommon,
  sum,
} from '../api/group-listings.ts';
import type { flowQuery } from '../api/routes.ts';
import type { FlowRow, GroupDetail, GroupRow, MemberRow } from '../api/shapes.ts';
import { membersInForce, setKey, setsInForce } from '../config/model/criteria-sets.ts';
import { refuseUnknownMember } from '../config/model/group-members.ts';
import type { CriteriaConfig, GroupConfig, MemberConfig } from '../config/model/model.ts';
import { ownEntry } from '../config/model/own-entry.ts';
import { expectOneOf } from '../config/problems/problems.ts';
import { Refusal } from '../config/problems/refusal.ts';
import type { BalancerWeights, MemberGlobal } from '../messages/messages.ts';
import { momentOf } from '../runtime/runtime.ts';
import type { RefusedAgent } from './agents/agent-streams.ts';
import type { AttachedAgent } from './agents/attached-agent.ts';
import type { AwayHost } from './agents/expected-hosts.ts';
import { existingGroup, type GroupStates, originOf } from './groups/group-states.ts';
import { upcomingRow } from './groups/pending-changes.ts';
import type { HealthVerdicts } from './health/health-verdicts.ts';
import type { VmKeeper } from './scaling/vm-keeper.ts';
import type { Term } from './term.ts';

type FlowFilter = z.output<typeof flowQuery>;

/** A leader, its groups, and the policies set at run time. */
export interface Fleet {
  readonly term: Term;
  readonly groups: GroupStates;
  /** For people; undefined: nothing to report. */
  healthOf(group: string, member: string): string | undefined;
}

/** Attached hosts, then away ones, then refused ones. */
export function agentRows(
  { agents, distribution, runtime, epoch }: Term,
  checks: Pick<HealthVerdicts, 'checksOf'>,
  away: readonly AwayHost[],
  refused: readonly RefusedAgent[],
): AgentRow[] {
  const nowMs = runtime.monotonicMs();
  const attached = [...agents.values()].map((agent): AgentRow => {
    const feed = distribution.feedOf(agent.host);
    const { checked, toCheck } = checks.checksOf(agent.host);
    return {
      host: agent.host,
      state: 'attached',
      peer: agent.session.peer,
      version: agent.hello.version,
      since: new Date(agent.sinceMs).toISOString(),
      ports: agent.ports.length,
      groups: feed?.groupCount ?? 0,
      epoch,
      revision: feed?.appliedRevision ?? 0,
      sentRevision: feed?.sentRevision ?? 0,
      localRevision: feed?.localRevision ?? 0,
      error: feed === undefined || feed.error === '' ? null : feed.error,
      reports: agent.reports,
      missedReports: agent.missedReports,
      checkedMembers: checked,
      membersToCheck: toCheck,
      lastReportAgeMs: agent.lastReportMs === undefined ? null : nowMs - agent.lastReportMs,
      certificateExpires: agent.session.certificateExpires ?? null,
    };
  });
  return [...attached, ...away.map(awayRow), ...refused.map(refusedRow)];
}

const NOT_ATTACHED = {
  ports: null,
  groups: null,
  sentRevision: null,
  localRevision: null,
  reports: null,
  missedReports: null,
  checkedMembers: null,
  membersToCheck: null,
  lastReportAgeMs: null,
  certificateExpires: null,
} as const;

const refusedRow = ({ host, peer, version, reason, sinceMs }: RefusedAgent): AgentRow => ({
  ...NOT_ATTACHED,
  host,
  state: 'refused',
  peer,
  version,
  since: new Date(sinceMs).toISOString(),
  epoch: null,
  revision: null,
  error: reason,
});

const awayRow = ({ host, sinceMs, version, epoch, revision }: AwayHost): AgentRow => ({
  ...NOT_ATTACHED,
  host,
  state: 'away',
  peer: null,
  version,
  since: new Date(sinceMs).toISOString(),
  epoch,
  revision,
  error: null,
});

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

/** Of every agent; a 404 (not this host's) counts neither as an answer nor as a failure. */
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

/** undefined: the host does not answer. A 404 (not this host's) counts neither as a page nor as a failure. */
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
  for (const state of groups.values()) {
    const { group } = state;
    yield groupRow(
      weighted(term, group),
      { total: flows.get(group.name) ?? flowsOf([]), origin: originOf(state) },
      term.runtime.wallMs(),
    );
  }
}

export async function fleetGroupDetail(
  { term, groups, healthOf }: Fleet,
  name: string,
): Promise<GroupDetail> {
  const state = existingGroup(groups, name);
  const { group } = state;
  const { answers, unanswered } = await askGroup(term, name);
  const { monotonicMs, wallMs } = momentOf(term.runtime);
  const loads = term.aggregation.loads(name, monotonicMs);
  const figures = {
    origin: originOf(state),
    total: flowsOf(answers.map(({ answer }) => answer)),
    loadBalancers: sum(answers, ({ answer }) => answer.loadBalancers),
    upcoming: state.pending.map(upcomingRow),
    ofMember(member: string, distributed: MemberConfig | undefined): MemberFigures {
      const own = rowsOf(answers, member);
      const load = loads.get(member);
      const health = healthOf(name, member);
      const left = own.filter(({ flowsLeft }) => flowsLeft !== null);
      const flows = own.map(({ host, activeFlows }) => [host, activeFlows] as const);
      return {
        ...weightsAt(own, distributed?.weight ?? 0),
        flowsLeft: left.length === 0 ? null : sum(left, ({ flowsLeft }) => flowsLeft!),
        // Hosts of an earlier version say only how many there are.
        remaining: left.flatMap(({ host, remaining = [] }) => remaining.map((one) => ({ host, ...one }))),
        ...countsOf(own),
        newFlowsPerSecond: Math.round(load?.newFlowsPerSecond ?? 0),
        bytesPerSecond: Math.round(load?.bytesPerSecond ?? 0),
        flowsByHost: Object.fromEntries(flows.filter(([, count]) => count > 0)),
        ...(health !== undefined && { health }),
      };
    },
  };
  const detail = groupDetail(weighted(term, group), figures, wallMs);
  return unanswered.length === 0 ? detail : { ...detail, unanswered: [...unanswered] };
}

/** `group show` of each host that the group concerns. */
function askGroup({ agents, distribution }: Term, name: string): Promise<Answers<GroupDetail>> {
  const concerned = [...agents.values()].filter(({ host }) => distribution.feedOf(host)?.has(name));
  return askAll<GroupDetail>(concerned, `/v1/groups/${encodeURIComponent(name)}`);
}

type HostRow = MemberRow & { readonly host: string; readonly balancerCount: number };

/** A member's row on each host. */
const rowsOf = (answers: readonly HostAnswer<GroupDetail>[], member: string): HostRow[] =>
  answers.flatMap(({ host, answer }) =>
    answer.members
      .filter((row) => row.member === member)
      .map((row) => ({ ...row, host, balancerCount: answer.loadBalancers })),
  );

/**
 * The most common weight of load balancers (`otherwise`: if there are none), and those that send to the member or
 * have another weight.
 */
function weightsAt(
  rows: readonly HostRow[],
  otherwise: number,
): Pick<MemberFigures, 'weight' | 'loadBalancers'> {
  const listed = rows.flatMap(({ host, loadBalancers }) => loadBalancers.map((one) => ({ ...one, host })));
  const rest = rows.map((row) => ({ ...row, count: row.balancerCount - row.loadBalancers.length }));
  const weight = mostCommon([
    ...rest.map((row) => [row.weight, row.count] as const),
    ...listed.map((one) => [one.weight, 1] as const),
  ]);
  const differing = rest
    .filter((row) => row.count > 0 && row.weight !== weight)
    .map(({ host, weight }) => ({ host, loadBalancer: '*', weight, ...countsOf([]) }));
  return { weight: weight ?? otherwise, loadBalancers: [...listed, ...differing] };
}

const flowsOf = (rows: readonly Pick<GroupRow, 'activeFlows' | 'newFlows'>[]) => ({
  activeFlows: sum(rows, ({ activeFlows }) => activeFlows),
  newFlows: sum(rows, ({ newFlows }) => newFlows),
});

/** With the distributed weights. */
const weighted = ({ weights }: Term, group: GroupConfig): GroupConfig =>
  weights.groups.get(group.name) ?? group;

// --- policies --------------------------------------------------------------------------------------------------

export async function policyDetail(
  { term, groups }: Pick<Fleet, 'term' | 'groups'>,
  name: string,
): Promise<PolicyDetail> {
  const { group, isPolicyOfRuntime, heldCount = null } = existingGroup(groups, name);
  const from = group.policy === undefined ? 'none' : isPolicyOfRuntime ? 'runtime' : 'file';
  const members = await policyMembers(term, group);
  return { group: name, from, policy: group.policy ?? null, heldCount, members };
}

export async function groupSample(
  { term, groups }: Pick<Fleet, 'term' | 'groups'>,
  name: string,
): Promise<GroupSample> {
  const { group } = existingGroup(groups, name);
  const at = new Date(term.runtime.wallMs()).toISOString();
  const { revision } = term.distribution;
  return { at, group: name, revision, members: await policyMembers(term, group) };
}

async function policyMembers(term: Term, group: GroupConfig): Promise<PolicyMemberRow[]> {
  const { monotonicMs, wallMs } = momentOf(term.runtime);
  const loads = term.loads.loads(group.name, monotonicMs);
  const sets = setsInForce(group, wallMs);
  const weights = await enforcedWeights(term, group, sets, wallMs);
  return membersInForce(group, wallMs).map(({ name, state, weight }) => {
    const load: MemberGlobal | undefined = loads.get(name);
    return {
      member: name,
      state,
      configuredWeight: weight,
      ...weights(name),
      activeFlows: load?.activeFlows ?? 0,
      newFlowsPerSecond: Math.round(load?.newFlowsPerSecond ?? 0),
      bytesPerSecond: Math.round(load?.bytesPerSecond ?? 0),
      synTimeMs: measured(load?.synTimeMicros),
      rttMs: measured(load?.rttMicros),
      packetsPerSecond: Math.round(load?.packetsPerSecond ?? 0),
      retransmissionsPerSecond: rounded(load?.retransmissionsPerSecond ?? 0),
      windowBytes: load === undefined || load.windowBytes === 0 ? null : Math.round(load.windowBytes),
      congestionPercent: Math.round(load?.congestionPercent ?? 0),
      ageMs: load === undefined || load.hosts === 0 ? null : Math.round(load.ageMs),
      ...(group.load !== undefined && reportedBy(term, group.name, load, name)),
    };
  });
}

/** What the member itself reports. */
function reportedBy(
  { reportedLoads, runtime }: Term,
  group: string,
  load: MemberGlobal | undefined,
  member: string,
): Pick<PolicyMemberRow, 'reportedLoad' | 'reportedAgeMs' | 'reports'> {
  const isKnown = load !== undefined && load.loadReporters > 0;
  return {
    reportedLoad: isKnown ? rounded(load.reportedLoad) : null,
    reportedAgeMs: isKnown ? Math.round(load.reportedAgeMs) : null,
    reports: reportedLoads
      .answersOf(group, member, runtime.monotonicMs())
      .map((answer) => ({ ...answer, load: answer.load ?? null })),
  };
}

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;

type EnforcedWeight = Pick<PolicyMemberRow, 'weight' | 'differing'>;

/** Weights in force at load balancers: as distributed, or, where hosts compute them, as they report them. */
async function enforcedWeights(
  term: Term,
  group: GroupConfig,
  sets: readonly CriteriaConfig[],
  nowMs: number,
): Promise<(member: string) => EnforcedWeight> {
  const distributed = membersInForce(weighted(term, group), nowMs);
  const weightOf = (name: string): number => distributed.find((member) => member.name === name)?.weight ?? 0;
  if (group.policy === undefined || group.policy.mode === 'distribute-rules') {
    const differing = [...term.agents.keys()].flatMap((host) =>
      (term.weights.balancersOf(group.name, host) ?? [])
        .filter(({ criteriaSet }) => sets.some((set) => criteriaSet === setKey(set)))
        .map(({ loadBalancer, weights }) => ({ host, loadBalancer, weights })),
    );
    return (member) => {
      const weight = weightOf(member);
      return { weight, differing: differingFrom(weight, member, differing) };
    };
  }
  const { answers } = await askGroup(term, group.name);
  return (member) => {
    const { weight, loadBalancers } = weightsAt(rowsOf(answers, member), weightOf(member));
    const others = loadBalancers.filter((one) => one.weight !== weight);
    const differing = others.map(({ host = '', loadBalancer, weight }) => ({ host, loadBalancer, weight }));
    return { weight, differing };
  };
}

function differingFrom(
  weight: number,
  member: string,
  balancers: readonly (BalancerWeights & { readonly host: string })[],
): EnforcedWeight['differing'] {
  return balancers
    .map(({ host, loadBalancer, weights }) => ({
      host,
      // Named as hosts do in their listings: without the kind.
      loadBalancer: loadBalancer.slice(loadBalancer.indexOf(' ') + 1),
      weight: ownEntry(weights, member) ?? weight,
    }))
    .filter((one) => one.weight !== weight);
}

/** Microseconds as milliseconds; null: not measured. */
const measured = (micros: number | undefined): number | null =>
  micros === undefined || micros === 0 ? null : micros / 1000;
