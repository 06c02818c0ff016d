/** Handlers of the host's routes (api/shapes.ts). */

import type { z } from 'zod';
import { probeAnswer } from '../../api/probe-answer.ts';
import {
  type Answerer,
  answerRequest,
  ByteStream,
  CAPTURE_ID,
  captureStart,
  checked,
  empty,
  flowQuery,
  type JsonLines,
  type PlainAnswer,
  type Route,
  reload,
  route,
  ruleQuery,
  type StatsBy,
  statQuery,
} from '../../api/routes.ts';
import { Rows } from '../../api/rows.ts';
import type {
  Changed,
  Difference,
  FirewallRow,
  FlowRow,
  GroupDetail,
  GroupOrigin,
  GroupRow,
  PortRow,
  RuleRow,
  StatRow,
  Status,
  UpcomingRow,
  Verdict,
} from '../../api/shapes.ts';
import { traceQuestion } from '../../api/tracing/trace-shapes.ts';
import { findGroup, findMember, refuseUnknownMember } from '../../config/model/group-members.ts';
import { HostError } from '../../config/problems/host-error.ts';
import { expectOneOf } from '../../config/problems/problems.ts';
import { monotonicMs32 } from '../../native/monotonic-clock.ts';
import { isEndpoint, isPrefix } from '../../wire/address.ts';
import type { Host } from '../host.ts';
import { tracePacket } from '../tracing/trace-packet.ts';
import { firewallRows } from './firewall-listing.ts';
import { type FlowFilter, FlowListing } from './flow-listing.ts';
import { hostGroupDetail } from './group-figures.ts';
import {
  balancerStatRows,
  groupRows,
  portRows,
  routerRows,
  ruleRows,
  type Statistics,
  statRows,
  uplinkRows,
} from './listings.ts';
import { remainingFlows } from './remaining-flows.ts';

export interface ApiContext {
  readonly host: Host;
  status(): Status;
  originOf(group: string): GroupOrigin;
  /** Changes with a time; null: unknown here. */
  upcomingOf(group: string): UpcomingRow[] | null;
  /** Health check result of a member; undefined: none, or unknown here. */
  healthOf(group: string, member: string): string | undefined;
  metrics(accept: string | undefined): Promise<PlainAnswer>;
  events(query: URLSearchParams): JsonLines;
  /** Reasons why the host is not ready; empty: it is. */
  unready(): Verdict['problems'];
  /** Loads the file and applies it. */
  reload(path: string, by?: string): Promise<Changed>;
  /** How the file differs from what is in force. */
  diff(path: string): Difference[];
  /** What a reload of the file would change. */
  plan(path: string): Difference[];
  /** Requests a stop, which begins after this returns. */
  down(): void;
}

export const HOST_ROUTES: readonly Route<ApiContext>[] = [
  route('GET /metrics', ({ metrics }, _, { accept }) => metrics(accept)),
  route('GET /healthz', () => probeAnswer([])),
  route('GET /readyz', ({ unready }) => probeAnswer(unready())),
  route('GET /v1/status', ({ status }) => status()),
  route('GET /v1/events', ({ events }, _, { query }) => events(query)),
  route('GET /v1/ports', ({ host }) => Rows.begin(ports(host))),
  route('GET /v1/routers', ({ host }) => routerRows(host.configuration)),
  route('GET /v1/firewalls', ({ host }, _, { query }) => firewalls(host, checked(ruleQuery, query).port)),
  route('GET /v1/groups', (context) => Rows.begin(groups(context))),
  route('GET /v1/groups/:group', (context, [group]) => oneGroup(context, group!)),
  route('GET /v1/rules', ({ host }, _, { query }) => Rows.begin(rules(host, checked(ruleQuery, query).port))),
  route('GET /v1/flows', ({ host }, _, { query }) => Rows.begin(flows(host, checked(flowQuery, query)))),
  route('GET /v1/stats', ({ host }, _, { query }) => Rows.begin(stats(host, checked(statQuery, query).by))),
  route('POST /v1/trace', ({ host }, _, { body }) => tracePacket(host, checked(traceQuestion, body))),
  route('POST /v1/reload', (context, _, { body, actor }) =>
    context.reload(checked(reload, body).path, actor),
  ),
  route('POST /v1/reload/plan', (context, _, { body }) => context.plan(checked(reload, body).path)),
  route('POST /v1/diff', (context, _, { body }) => context.diff(checked(reload, body).path)),
  route('POST /v1/captures', ({ host }, _, { body, actor }) =>
    capture(host, checked(captureStart, body), actor),
  ),
  route('DELETE /v1/captures/:capture', ({ host }, [id]) => {
    host.captures.end(id!);
    return {};
  }),
  route('POST /v1/down', (context, _, { body }) => {
    checked(empty, body);
    context.down();
    return {};
  }),
];

export const hostAnswerer =
  (context: ApiContext): Answerer =>
  (request) =>
    answerRequest(HOST_ROUTES, context, request);

// --- listings
// ------------------------------------------------------------------------------------------------

function ports(host: Host): PortRow[] {
  const { configuration } = host;
  const { ids } = host.builder;
  const { portCounters } = host.tables;
  return [
    ...portRows(configuration, ids, portCounters, (name) => host.ports.isUp(name), host.queueLosses),
    ...uplinkRows(configuration, ids, portCounters, (name) => host.uplinks.view(name)),
  ];
}

const groups = ({ host, originOf }: ApiContext): Iterable<GroupRow> =>
  groupRows(host.configuration, statistics(host), originOf, host.runtime.wallMs());

function statistics({ builder, collector }: Host): Statistics {
  collector.refresh();
  return { ids: builder.ids, collector };
}

function oneGroup({ host, originOf, upcomingOf, healthOf }: ApiContext, name: string): GroupDetail {
  const group = existingGroup(host, name);
  const { ids } = host.builder;
  const idle = { settings: host.configuration.datapath, nowMs32: monotonicMs32() };
  const left = remainingFlows(group, host.tables, ids, idle);
  host.collector.refresh();
  const { built } = host.publisher.inForce!;
  return hostGroupDetail(group, {
    ids,
    collector: host.collector,
    built,
    left,
    origin: originOf(name),
    upcoming: upcomingOf(name),
    healthOf: (member) => healthOf(name, member),
    nowMs: host.runtime.wallMs(),
  });
}

/** Packets are for this machine's root alone: only a request over the unix socket has an actor. */
async function capture(
  host: Host,
  request: z.output<typeof captureStart>,
  actor: string | undefined,
): Promise<ByteStream> {
  if (actor === undefined) throw new HostError(403, "capture: expected a request over the host's own socket");
  const started = await host.captures.start(request);
  return new ByteStream(started.blocks(), 'application/x-pcapng', { [CAPTURE_ID]: String(started.id) });
}

function firewalls(host: Host, port: string | undefined): FirewallRow[] {
  if (port !== undefined) checkPort(host, port);
  return firewallRows(host.configuration, host.builder.ids, host.tables.firewallHits, port);
}

function rules(host: Host, port: string | undefined): Iterable<RuleRow> {
  const { built } = host.publisher.inForce!;
  if (port === undefined) return ruleRows(built, host.builder.ids);
  checkPort(host, port);
  const { loadBalancer } = built.snapshot.ports.find(({ name }) => name === port)!;
  return ruleRows(built, host.builder.ids, new Set([loadBalancer]));
}

function* flows(host: Host, filter: FlowFilter): Generator<FlowRow> {
  if (filter.port !== undefined) checkPort(host, filter.port);
  if (filter.client !== undefined && !isPrefix(filter.client) && !isEndpoint(filter.client))
    throw new HostError(
      400,
      `client: found ${filter.client}, expected ADDRESS, ADDRESS:PORT or ADDRESS/BITS`,
    );
  const group = filter.group === undefined ? undefined : existingGroup(host, filter.group);
  if (filter.member !== undefined && group !== undefined && findMember(group, filter.member) === undefined) {
    throw new HostError(404, `group ${group.name} has no member ${filter.member}`);
  }
  const listing = new FlowListing(host.tables, host.builder.ids);
  const { groups } = host.configuration;
  let isEmpty = true;
  for (const row of listing.list(filter, groups, monotonicMs32)) {
    isEmpty = false;
    yield row;
  }
  // A member that has been removed from the configuration may still have flows, which are listed.
  if (filter.member !== undefined && isEmpty) refuseUnknownMember(groups, filter.member);
}

function stats(host: Host, by: StatsBy): Iterable<StatRow | PortRow> {
  if (by === 'port') return ports(host);
  const current = statistics(host);
  if (by !== 'load-balancer') return statRows(host.configuration, current, by);
  return balancerStatRows(host.publisher.inForce!.built, host.collector);
}

function existingGroup(host: Host, name: string) {
  const group = findGroup(host.configuration, name);
  if (group !== undefined) return group;
  const known = host.configuration.groups.map((other) => other.name);
  throw new HostError(404, `group: found ${name}, expected ${expectOneOf(name, known)}`);
}

function checkPort(host: Host, name: string): void {
  const known = host.configuration.ports.map((port) => port.name);
  if (known.includes(name)) return;
  throw new HostError(404, `port: found ${name}, expected ${expectOneOf(name, known)}`);
}
