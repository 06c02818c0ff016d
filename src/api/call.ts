/** An API call as text, from HTTP or from the stream between agents and controllers. */
import { messageOf, Refusal } from '../config/problems/refusal.ts';
import type { Answerer } from './routes.ts';
import type { ApiError } from './shapes.ts';

export interface Call {
  readonly method: string;
  /** Path and query: `/v1/flows?group=api`. */
  readonly target: string;
  /** JSON; blank: none. */
  readonly body: string;
  readonly accept?: string;
  /** As in ApiRequest. */
  readonly actor?: string;
}

export interface Answer {
  /** HTTP status. */
  readonly status: number;
  /** The result, or an ApiError. */
  readonly body: unknown;
}

/** Never rejects; `onFailure` is called with errors other than refusals, which are bugs. */
export async function answerCall(
  { method, target, body, accept, actor }: Call,
  answerer: Answerer,
  onFailure: (error: unknown) => void,
): Promise<Answer> {
  try {
    const url = urlOf(target);
    const path = url.pathname.split('/').slice(1).map(decodeSegment);
    const request = { method, path, query: url.searchParams, body: parseBody(body), accept, actor };
    return { status: 200, body: await answerer(request) };
  } catch (error) {
    if (!(error instanceof Refusal)) onFailure(error);
    const problems = error instanceof Refusal && error.problems.length > 0 ? [...error.problems] : undefined;
    const refusal: ApiError = { error: messageOf(error), problems };
    return { status: error instanceof Refusal ? error.status : 500, body: refusal };
  }
}

/** `//name` would be a host name in a URL, not a path. */
function urlOf(target: string): URL {
  try {
    if (target.startsWith('/') && !target.startsWith('//')) return new URL(`http://localhost${target}`);
  } catch {
    // said below
  }
  throw new Refusal(400, `path: found ${JSON.stringify(target.slice(0, 60))}, expected /v1/…`);
}

function decodeSegment(segment: string): string {
  try {
    const decoded = decodeURIComponent(segment);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the check is for these
    if (!/[\u0000-\u001f\u007f]/.test(decoded)) return decoded;
  } catch {
    // said below
  }
  throw new Refusal(
    400,
    `path: found ${segment.slice(0, 60)}, expected UTF-8 with %-escapes, no control characters`,
  );
}

function parseBody(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    const found = JSON.stringify(text.slice(0, 60));
    throw new Refusal(400, `body: found ${found}, expected JSON: ${messageOf(error)}`);
  }
}
