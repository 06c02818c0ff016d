/** The routes of api.ts: what each checks and answers. */
import { z } from 'zod';
import { expectOneOf, type Problem, pathText } from '../config/problems.ts';
import { checkShape } from '../config/shape.ts';
import type { FlowRow, GroupDetail, GroupRow, PortRow, RuleRow, StatRow, Status } from './api.ts';
import { drainDeadlines } from './drain-deadlines.ts';
import { type FlowFilter, FlowListing } from './flow-listing.ts';
import { flowsLeft } from './flows-left.ts';
import type { Host } from './host.ts';
import { HostError } from './host-error.ts';
import { groupDetail, groupRows, portRows, ruleRows, statRows } from './listings.ts';
import { findGroup, findMember } from './membership.ts';
import { monotonicMs32 } from './monotonic-clock.ts';

export interface ApiContext {
  readonly host: Host;
  status(): Status;
  /** Loads the file and brings it into force. */
  reload(path: string): Promise<number>;
  /** The host is to stop, soon after this returns. */
  down(): void;
}

export interface ApiRequest {
  readonly method: string;
  /** Path segments, decoded: `/v1/groups/api` is `['v1', 'groups', 'api']`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
}

interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** A segment that starts with `:` takes any value. */
  readonly path: readonly string[];
  answer(context: ApiContext, values: readonly string[], request: ApiRequest): unknown;
}

const DEFAULT_FLOW_LIMIT = 1_000;
const MAX_FLOW_LIMIT = 100_000;
/** One year. */
const MAX_DEADLINE_MS = 31_536_000_000;

const integer = (min: number, max: number, what: string) => {
  const expected = `${what} of ${min} to ${max}`;
  return z.int(expected).min(min, expected).max(max, expected);
};
const text = z.string('a text').min(1, 'a text');
const memberAdd = z.strictObject({
  name: text,
  address: text,
  port: integer(1, 65_535, 'a port').optional(),
  weight: integer(0, 65_535, 'a weight').optional(),
  mac: text.optional(),
});
const memberWeight = z.strictObject({ weight: integer(0, 65_535, 'a weight') });
const memberDrain = z.strictObject({ deadlineMs: integer(0, MAX_DEADLINE_MS, 'milliseconds').optional() });
const empty = z.strictObject({});
const reload = z.strictObject({ path: text });
const ruleQuery = z.strictObject({ port: text.optional() });
const statQuery = z.strictObject({
  by: z.enum(['group', 'member', 'port'], 'one of group, member, port').default('group'),
});
const flowQuery = z.strictObject({
  port: text.optional(),
  group: text.optional(),
  member: text.optional(),
  limit: z.coerce
    .number(`a number of 1 to ${MAX_FLOW_LIMIT}`)
    .pipe(integer(1, MAX_FLOW_LIMIT, 'a number'))
    .default(DEFAULT_FLOW_LIMIT),
});

const changed = async (revision: Promise<number>): Promise<{ revision: number }> => ({
  revision: await revision,
});

const route = (method: Route['method'], path: string, answer: Route['answer']): Route => ({
  method,
  path: path.split('/').slice(1),
  answer,
});

const ROUTES: readonly Route[] = [
  route('GET', '/v1/status', ({ status }) => status()),
  route('GET', '/v1/ports', ({ host }) => ports(host)),
  route('GET', '/v1/groups', ({ host }) => groups(host)),
  route('GET', '/v1/groups/:group', ({ host }, [group]) => oneGroup(host, group!)),
  route('GET', '/v1/rules', ({ host }, _, { query }) => rules(host, checked(ruleQuery, query).port)),
  route('GET', '/v1/flows', ({ host }, _, { query }) => flows(host, checked(flowQuery, query))),
  route('GET', '/v1/stats', ({ host }, _, { query }) => stats(host, checked(statQuery, query).by)),
  route('POST', '/v1/groups/:group/members', ({ host }, [group], { body }) =>
    changed(host.addMember(group!, checked(memberAdd, body))),
  ),
  route('POST', '/v1/groups/:group/members/:member/weight', ({ host }, [group, member], { body }) =>
    changed(host.setWeight(group!, member!, checked(memberWeight, body).weight)),
  ),
  route('POST', '/v1/groups/:group/members/:member/drain', ({ host }, [group, member], { body }) =>
    changed(host.drainMember(group!, member!, checked(memberDrain, body).deadlineMs)),
  ),
  route('POST', '/v1/groups/:group/members/:member/fail', ({ host }, [group, member], { body }) => {
    checked(empty, body);
    return changed(host.failMember(group!, member!));
  }),
  route('DELETE', '/v1/groups/:group/members/:member', ({ host }, [group, member]) =>
    changed(host.removeMember(group!, member!)),
  ),
  route('POST', '/v1/reload', (context, _, { body }) => changed(context.reload(checked(reload, body).path))),
  route('POST', '/v1/down', (context, _, { body }) => {
    checked(empty, body);
    context.down();
    return {};
  }),
];

/** The answer's body, or a HostError. */
export async function answerRequest(context: ApiContext, request: ApiRequest): Promise<unknown> {
  const matching = ROUTES.filter(({ path }) => matchesPath(path, request.path));
  const found = matching.find(({ method }) => method === request.method);
  if (found === undefined) {
    const asked = `/${request.path.join('/')}`;
    if (matching.length === 0) throw new HostError(404, `no such resource: ${asked}`);
    const expected = matching.map(({ method }) => method).join(' or ');
    throw new HostError(400, `${asked}: found ${request.method}, expected ${expected}`);
  }
  const values = request.path.filter((_, at) => found.path[at]!.startsWith(':'));
  return found.answer(context, values, request);
}

const matchesPath = (pattern: readonly string[], path: readonly string[]): boolean =>
  pattern.length === path.length &&
  pattern.every((segment, at) => segment.startsWith(':') || segment === path[at]);

/** What the schema makes of a body or query; HostError 400 with every problem. */
function checked<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const problems: Problem[] = [];
  const given = input instanceof URLSearchParams ? Object.fromEntries(input) : (input ?? {});
  const { value } = checkShape(schema, given, (path, found, expected) => {
    problems.push({ path: pathText(path), found, expected });
  });
  if (value === undefined) throw new HostError(400, 'the request is not as expected', problems);
  return value;
}

// --- listings ------------------------------------------------------------------------------------------------

const ports = (host: Host): PortRow[] =>
  portRows(host.configuration, host.builder.ids, host.tables.portCounters, (name) => host.ports.isUp(name));

const groups = (host: Host): GroupRow[] => groupRows(host.configuration, host.agent.current());

function oneGroup(host: Host, name: string): GroupDetail {
  const group = existingGroup(host, name);
  const left = flowsLeft(group, host.tables.connections, host.builder.ids);
  const deadlines = new Map(
    drainDeadlines(host.groups.current)
      .filter((due) => due.group === name)
      .map(({ member, atMs }) => [member, atMs]),
  );
  return groupDetail(group, host.agent.current(), left, deadlines);
}

function rules(host: Host, port: string | undefined): RuleRow[] {
  const { built } = host.publisher.inForce!;
  if (port === undefined) return ruleRows(built, host.builder.ids);
  checkPort(host, port);
  const { loadBalancer } = built.snapshot.ports.find(({ name }) => name === port)!;
  return ruleRows(built, host.builder.ids, new Set([loadBalancer]));
}

function flows(host: Host, filter: FlowFilter): FlowRow[] {
  if (filter.port !== undefined) checkPort(host, filter.port);
  const group = filter.group === undefined ? undefined : existingGroup(host, filter.group);
  if (filter.member !== undefined && group !== undefined && findMember(group, filter.member) === undefined) {
    throw new HostError(404, `group ${group.name} has no member ${filter.member}`);
  }
  return new FlowListing(host.tables, host.builder.ids).list(filter, host.configuration, monotonicMs32());
}

const stats = (host: Host, by: 'group' | 'member' | 'port'): StatRow[] | PortRow[] =>
  by === 'port' ? ports(host) : statRows(host.agent.current(), by);

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
