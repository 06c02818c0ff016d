/** The controller's routes of api/shapes.ts: what each checks and answers. */

import { z } from 'zod';
import type { ControllerStatus, GroupSample } from '../api/fleet-shapes.ts';
import { probeAnswer } from '../api/probe-answer.ts';
import {
  type Answerer,
  type ApiRequest,
  answerRequest,
  checked,
  empty,
  flowQuery,
  integer,
  JsonLines,
  type MomentOfChange,
  memberAdd,
  memberDrain,
  memberReset,
  memberWeight,
  type PlainAnswer,
  type Route,
  reload,
  route,
  ruleQuery,
  statQuery,
} from '../api/routes.ts';
import { Rows } from '../api/rows.ts';
import type {
  Changed,
  Difference,
  FirewallRow,
  PortRow,
  RouterRow,
  RuleRow,
  StatRow,
  StreamCounts,
} from '../api/shapes.ts';
import { certificateProblems, verdictOf } from '../api/verdict.ts';
import type { Certificates } from '../config/certificates.ts';
import { Refusal } from '../config/problems/refusal.ts';
import { sleep } from '../runtime/runtime.ts';
import type { RefusedAgent } from './agents/agent-streams.ts';
import type { Controller } from './controller.ts';
import {
  agentRows,
  type Fleet,
  fleetGroupDetail,
  flowRows,
  groupRows,
  groupSample,
  policyDetail,
  rowsOfHosts,
  vmRows,
} from './fleet-listings.ts';
import { existingGroup } from './groups/group-states.ts';
import { controllerProblems, leaderless } from './verdict.ts';

export interface ControllerContext {
  readonly controller: Controller;
  /** Version of this process's package. */
  readonly version: string;
  /** Metrics of this process. */
  readonly certificates: Pick<Certificates, 'list' | 'warnings'>;
  /** Streams of agents since the start. */
  readonly streams: StreamCounts;
  metrics(accept: string | undefined): Promise<PlainAnswer>;
  events(query: URLSearchParams): JsonLines;
  /** Recently refused agents. */
  readonly refusals: readonly RefusedAgent[];
  /** Loads the file and brings it into force. */
  reload(path: string, by?: string): Promise<Changed>;
  /** As in the host's ApiContext. */
  diff(path: string): Difference[];
  plan(path: string): Difference[];
  /** Stops the process soon after this returns. */
  down(): void;
}

const MIN_WATCH_INTERVAL_MS = 100;
const MAX_WATCH_INTERVAL_MS = 3_600_000;

const watchQuery = z.strictObject({
  intervalMs: z.coerce
    .number('milliseconds')
    .pipe(integer(MIN_WATCH_INTERVAL_MS, MAX_WATCH_INTERVAL_MS, 'milliseconds'))
    .default(1_000),
});

/** Policies are validated where they are set. */
const policySetting = z.strictObject({ policy: z.unknown() });

/** null: thresholds decide. */
const scaling = z.strictObject({ count: integer(0, 4096, 'a number of members').nullable() });

const fleet = (controller: Controller): Fleet => ({
  term: controller.leading(),
  groups: controller.groups,
  healthOf: (group, member) => controller.healthOf(group, member),
});

/** The same listing of each host, as requested here. */
const ofHosts = <Row extends object>(controller: Controller, { path, query }: ApiRequest) =>
  Rows.begin(rowsOfHosts<Row>(controller.leading(), `/${path.join('/')}?${query}`));

const ofHostOnly = (): never => {
  throw new Refusal(400, 'capture: expected at a host: a controller has no packets');
};

export const CONTROLLER_ROUTES: readonly Route<ControllerContext>[] = [
  route('GET /metrics', ({ metrics }, _, { accept }) => metrics(accept)),
  route('GET /healthz', () => probeAnswer([])),
  route('GET /readyz', ({ controller }) => probeAnswer(leaderless(controller))),
  route('GET /v1/status', statusOf),
  route('GET /v1/events', ({ events }, _, { query }) => events(query)),
  route('GET /v1/agents', ({ controller, refusals }) =>
    agentRows(controller.leading(), controller.healthChecks, controller.hosts.away(), refusals),
  ),
  route('DELETE /v1/agents/:host', async ({ controller }, [host]) => {
    await controller.hosts.forget(host!);
    return {};
  }),
  route('GET /v1/confirmation', ({ controller }) => controller.changes.settled(undefined)),
  route('GET /v1/groups/:group/confirmation', ({ controller }, [group]) => {
    existingGroup(controller.groups, group!);
    return controller.changes.settled(group!);
  }),
  route('GET /v1/ports', ({ controller }, _, request) => ofHosts<PortRow>(controller, request)),
  route('GET /v1/firewalls', ({ controller }, _, request) => {
    checked(ruleQuery, request.query);
    return ofHosts<FirewallRow>(controller, request);
  }),
  route('GET /v1/routers', ({ controller }, _, request) => ofHosts<RouterRow>(controller, request)),
  route('GET /v1/groups', ({ controller }) => Rows.begin(groupRows(fleet(controller)))),
  route('GET /v1/groups/:group', ({ controller }, [group]) => fleetGroupDetail(fleet(controller), group!)),
  route('GET /v1/groups/:group/all-hosts', ({ controller }, [group]) =>
    fleetGroupDetail(fleet(controller), group!),
  ),
  route('GET /v1/groups/:group/watch', ({ controller }, [group], { query }) => {
    existingGroup(controller.groups, group!);
    return new JsonLines(samples(controller, group!, checked(watchQuery, query).intervalMs));
  }),
  route('GET /v1/rules', ({ controller }, _, request) => {
    checked(ruleQuery, request.query);
    return ofHosts<RuleRow>(controller, request);
  }),
  route('GET /v1/flows', ({ controller }, _, { query }) =>
    Rows.begin(flowRows(fleet(controller), `/v1/flows?${query}`, checked(flowQuery, query))),
  ),
  route('GET /v1/stats', ({ controller }, _, request) => {
    checked(statQuery, request.query);
    return ofHosts<StatRow | PortRow>(controller, request);
  }),
  route('POST /v1/groups/:group/members', ({ controller }, [group], { body, actor: by }) => {
    const { at, afterMs, ...add } = checked(memberAdd, body);
    const atMs = momentOfChange(controller, { at, afterMs });
    if (atMs === undefined) return controller.changes.addMember(group!, add, by);
    return controller.changes.schedule(group!, { kind: 'add', member: add.name, atMs, by, add });
  }),
  route('POST /v1/groups/:group/members/:member/weight', ({ controller }, [group, name], { body, actor }) => {
    const { weight, port, overMs, ...when } = checked(memberWeight, body);
    const [member, by] = [name!, actor];
    const isTimed = [overMs, when.at, when.afterMs].some((one) => one !== undefined);
    if (port !== undefined && isTimed)
      throw new Refusal(400, 'port: found together with a time, expected a weight at once');
    if (port !== undefined) return controller.changes.setWeightAt(group!, member, port, weight, by);
    const begin = overMs === undefined ? undefined : controller.runtime.wallMs();
    const atMs = momentOfChange(controller, when) ?? begin;
    if (atMs === undefined) return controller.changes.setWeight(group!, member, weight, by);
    return controller.changes.schedule(group!, { kind: 'weight', member, atMs, by, weight, overMs });
  }),
  route('POST /v1/groups/:group/members/:member/drain', ({ controller }, [group, name], { body, actor }) => {
    const { deadlineMs, ...when } = checked(memberDrain, body);
    const [member, by] = [name!, actor];
    const atMs = momentOfChange(controller, when);
    if (atMs === undefined) return controller.changes.drainMember(group!, member, deadlineMs, by);
    return controller.changes.schedule(group!, { kind: 'drain', member, atMs, by, deadlineMs });
  }),
  route('POST /v1/groups/:group/members/:member/cancel', ({ controller }, [group, member], { body }) => {
    checked(empty, body);
    return controller.changes.cancelPending(group!, member!);
  }),
  route('POST /v1/groups/:group/members/:member/fail', ({ controller }, [group, member], { body, actor }) => {
    checked(empty, body);
    return controller.changes.failMember(group!, member!, actor);
  }),
  route('DELETE /v1/groups/:group/members/:member', ({ controller }, [group, member], { actor }) =>
    controller.changes.removeMember(group!, member!, actor),
  ),
  route(
    'POST /v1/groups/:group/members/:member/reset',
    ({ controller }, [group, member], { body, actor }) => {
      const { port } = checked(memberReset, body);
      if (port !== undefined) return controller.changes.setWeightAt(group!, member!, port, null, actor);
      return controller.changes.resetMember(group!, member!, actor);
    },
  ),
  route('POST /v1/groups/:group/reset', ({ controller }, [group], { body, actor }) => {
    checked(empty, body);
    return controller.changes.resetGroup(group!, actor);
  }),
  route('GET /v1/groups/:group/policy', ({ controller }, [group]) => policyDetail(fleet(controller), group!)),
  route('POST /v1/groups/:group/policy', ({ controller }, [group], { body }) =>
    controller.changes.setPolicy(group!, checked(policySetting, body).policy),
  ),
  route('POST /v1/groups/:group/scale', ({ controller }, [group], { body }) =>
    controller.changes.scale(group!, checked(scaling, body).count),
  ),
  route('GET /v1/vms', ({ controller }) => vmRows(controller.vms)),
  route('POST /v1/reload', (context, _, { body, actor }) =>
    context.reload(checked(reload, body).path, actor),
  ),
  route('POST /v1/reload/plan', (context, _, { body }) => context.plan(checked(reload, body).path)),
  route('POST /v1/diff', (context, _, { body }) => context.diff(checked(reload, body).path)),
  route('POST /v1/captures', ofHostOnly),
  route('DELETE /v1/captures/:capture', ofHostOnly),
  route('POST /v1/down', (context, _, { body }) => {
    checked(empty, body);
    context.down();
    return {};
  }),
];

export const controllerAnswerer =
  (context: ControllerContext): Answerer =>
  (request) =>
    answerRequest(CONTROLLER_ROUTES, context, request);

/** Wall clock, epoch milliseconds; undefined: now. */
function momentOfChange({ runtime }: Controller, { at, afterMs }: MomentOfChange): number | undefined {
  if (at !== undefined && afterMs !== undefined)
    throw new Refusal(400, 'found both at and afterMs, expected one of them');
  if (at !== undefined) return Date.parse(at);
  return afterMs === undefined ? undefined : runtime.wallMs() + afterMs;
}

function statusOf({ controller, version, certificates, streams }: ControllerContext): ControllerStatus {
  const { leadership: term, startedAtMs, uptimeMs } = controller;
  return {
    verdict: verdictOf([...controllerProblems(controller), ...certificateProblems(certificates.warnings)]),
    version,
    controller: controller.id,
    pid: process.pid,
    startedAt: new Date(startedAtMs).toISOString(),
    uptimeMs,
    role: term === undefined ? 'follower' : 'leader',
    epoch: term?.epoch ?? null,
    leader: controller.leader ?? null,
    store: controller.storeKind,
    groups: controller.groups.size,
    agents: term?.agents.size ?? 0,
    streams,
    setAside: [...controller.setAside].map(([key, problem]) => ({ key, problem })),
    certificates: certificates.list,
    warnings: certificates.warnings,
    revision: term?.distribution.revision ?? 0,
    residentBytes: process.memoryUsage.rss(),
  };
}

/** Sends one immediately and one per interval; ends with the group or the leadership. */
async function* samples(
  controller: Controller,
  group: string,
  intervalMs: number,
): AsyncGenerator<GroupSample> {
  while (controller.leadership !== undefined && controller.groups.has(group)) {
    yield await groupSample(fleet(controller), group);
    await sleep(controller.runtime, intervalMs, { isBackground: true });
  }
}
