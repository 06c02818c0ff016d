/** Finds a request's route and checks its body and query; the tables of routes are in the host and controller. */
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { type Problem, pathText } from '../config/problems/problems.ts';
import { Refusal } from '../config/problems/refusal.ts';
import { timestamp } from '../config/schema/schema-types.ts';
import { checkShape } from '../config/schema/shape.ts';
import { type ApiPath, matchesPath, methodsAt } from './answered-by.ts';

export interface ApiRequest {
  readonly method: string;
  /** Path segments, decoded: `/v1/groups/api` is `['v1', 'groups', 'api']`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** Media types that the client accepts, as in HTTP's header. */
  readonly accept?: string;
  /** Who asks, for the audit trail; absent: not known. */
  readonly actor?: string;
}

/** An answer that is no JSON. */
export class PlainAnswer {
  readonly text: string;
  readonly contentType: string;
  /** HTTP status. */
  readonly status: number;

  constructor(text: string, contentType = 'text/plain; charset=utf-8', status = 200) {
    this.text = text;
    this.contentType = contentType;
    this.status = status;
  }
}

/**
 * An answer that may have no end: each item is a line of JSON, or a server-sent event for who accepts `text/event-stream`.
 */
export class JsonLines {
  readonly items: AsyncIterable<unknown>;

  constructor(items: AsyncIterable<unknown>) {
    this.items = items;
  }
}

/** An endless answer in bytes. Its end, or the client's, is the end of the iteration, which always begins. */
export class ByteStream {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    chunks: AsyncIterable<Uint8Array>,
    contentType: string,
    headers: Readonly<Record<string, string>>,
  ) {
    this.chunks = chunks;
    this.contentType = contentType;
    this.headers = headers;
  }
}

/** An answer that writes itself, head included; over HTTP only. */
export class DirectAnswer {
  readonly send: (response: ServerResponse) => void;

  constructor(send: (response: ServerResponse) => void) {
    this.send = send;
  }
}

/** Returns the answer's body, JsonLines or Rows; a thrown Refusal is sent to the client. */
export type Answerer = (request: ApiRequest) => unknown;

export interface Route<Context> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** A segment that starts with `:` takes any value. */
  readonly path: readonly string[];
  answer(context: Context, values: readonly string[], request: ApiRequest): unknown;
}

/** `key`: `METHOD /path`, one of api/answered-by.ts. */
export function route<Context>(key: ApiPath, answer: Route<Context>['answer']): Route<Context> {
  const [method, path] = key.split(' ') as [Route<Context>['method'], string];
  return { method, path: path.split('/').slice(1), answer };
}

/** Returns the answer's body; throws a Refusal. */
export async function answerRequest<Context>(
  routes: readonly Route<Context>[],
  context: Context,
  request: ApiRequest,
): Promise<unknown> {
  const found = routes.find(
    ({ method, path }) => method === request.method && matchesPath(path, request.path),
  );
  if (found === undefined) {
    const asked = `/${request.path.join('/')}`;
    const methods = methodsAt(request.path);
    if (methods.length === 0 || methods.includes(request.method))
      throw new Refusal(404, `no such resource: ${asked}`);
    throw new Refusal(400, `${asked}: found ${request.method}, expected ${methods.join(' or ')}`);
  }
  const values = request.path.filter((_, at) => found.path[at]!.startsWith(':'));
  return found.answer(context, values, request);
}

/** Parses a body or query by its schema; throws Refusal 400 with every problem. */
export function checked<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const problems: Problem[] = [];
  const given = input instanceof URLSearchParams ? Object.fromEntries(input) : (input ?? {});
  const { value } = checkShape(schema, given, (path, found, expected) => {
    problems.push({ path: pathText(path), found, expected });
  });
  if (value === undefined) throw new Refusal(400, 'the request is not as expected', problems);
  return value;
}

// --- bodies and queries of the routes that hosts and controllers have ------------------------------------------

const LIMIT = 'a number of 1 or more';
/** One year. */
const MAX_DEADLINE_MS = 31_536_000_000;

export const integer = (min: number, max: number, what: string) => {
  const expected = `${what} of ${min} to ${max}`;
  return z.int(expected).min(min, expected).max(max, expected);
};
export const text = z.string('a text').min(1, 'a text');

export const empty = z.strictObject({});
/** When a change takes effect: at a time, or after a duration from now; absent: now. */
const moment = {
  at: timestamp.optional(),
  afterMs: integer(0, MAX_DEADLINE_MS, 'milliseconds').optional(),
};
export interface MomentOfChange {
  /** ISO 8601. */
  readonly at?: string;
  readonly afterMs?: number;
}
export const memberAdd = z.strictObject({
  ...moment,
  name: text,
  address: text,
  port: integer(1, 65_535, 'a port').optional(),
  weight: integer(0, 65_535, 'a weight').optional(),
  mac: text.optional(),
  priority: text.optional(),
});
export const memberWeight = z.strictObject({
  ...moment,
  weight: integer(0, 65_535, 'a weight'),
  /** Of whose load balancer; absent: of all. */
  port: text.optional(),
  /** Duration of a ramp. */
  overMs: integer(1, MAX_DEADLINE_MS, 'milliseconds').optional(),
});
/** `port`: only its weight there. */
export const memberReset = z.strictObject({ port: text.optional() });
export const memberDrain = z.strictObject({
  ...moment,
  deadlineMs: integer(0, MAX_DEADLINE_MS, 'milliseconds').optional(),
});
export const reload = z.strictObject({ path: text });
export const ruleQuery = z.strictObject({ port: text.optional() });
/** What a row of `stats` counts. */
export const STATS_BY = ['group', 'member', 'load-balancer', 'port'] as const;
export type StatsBy = (typeof STATS_BY)[number];
export const statQuery = z.strictObject({
  by: z.enum(STATS_BY, `one of ${STATS_BY.join(', ')}`).default('group'),
});
/** States of connection records. */
export const FLOW_STATES = [
  'syn-sent',
  'syn-received',
  'established',
  'fin-client',
  'fin-member',
  'time-wait',
  'reset-by-client',
  'unreplied',
  'replied',
  'reset-by-member',
] as const;
/** Header of the answer that names the capture, to end it by. */
export const CAPTURE_ID = 'sluice-capture';
/** Where `capture` sees packets. */
export const CAPTURE_AT = ['from-vm', 'balanced', 'to-vm', 'dropped', 'uplink', 'all'] as const;
/** Bytes of a packet that are kept, at most. */
export const MAX_SNAP_LENGTH = 262_144;
const MAX_INSTRUCTIONS = 4096;
const u32 = integer(0, 0xffff_ffff, 'a number');
const u8 = integer(0, 255, 'a number');
export const captureStart = z.strictObject({
  port: text.optional(),
  group: text.optional(),
  at: z.enum(CAPTURE_AT, `one of ${CAPTURE_AT.join(', ')}`).default('all'),
  count: integer(1, Number.MAX_SAFE_INTEGER, 'a number of packets').optional(),
  snapLength: integer(1, MAX_SNAP_LENGTH, 'bytes').default(MAX_SNAP_LENGTH),
  /** What the program was compiled from, for the audit trail. */
  filter: z.string('a text').max(65_536, 'a text of at most 65536 characters').optional(),
  /** Classic BPF, as `tcpdump -ddd` prints it: operation, jump distances, operand. */
  program: z
    .array(z.tuple([integer(0, 0xffff, 'a number'), u8, u8, u32], 'four numbers'), 'instructions')
    .max(MAX_INSTRUCTIONS, `at most ${MAX_INSTRUCTIONS} instructions`)
    .optional(),
});
export const flowQuery = z.strictObject({
  port: text.optional(),
  group: text.optional(),
  member: text.optional(),
  state: z.enum(FLOW_STATES, `one of ${FLOW_STATES.join(', ')}`).optional(),
  /** ADDRESS, ADDRESS:PORT or PREFIX. */
  client: text.optional(),
  limit: z.coerce.number(LIMIT).pipe(z.int(LIMIT).min(1, LIMIT)).optional(),
});
