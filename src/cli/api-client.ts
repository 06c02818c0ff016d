/** Client of the API of hosts and controllers (src/api/shapes.ts): JSON over HTTP on RUN_DIR/api.sock. */
import { readFileSync } from 'node:fs';
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import type { ApiError } from '../api/shapes.ts';
import { formatProblem } from '../config/problems/problems.ts';
import { isStopped } from '../run-dir/process-identity.ts';
import { RunDir } from '../run-dir/run-dir.ts';

/** Timeout for the start of an answer; a slower process hangs. */
const QUESTION_TIMEOUT_MS = 15_000;
/** Exceeds the time of a reload with many namespaces. */
const CHANGE_TIMEOUT_MS = 60_000;
/** A slower command reports what it waits for. */
const PROGRESS_MS = 1_000;
const JSON_LINES = 'application/jsonl';

/** The host or controller answered with an error status. */
export class ApiFailure extends Error {
  readonly status: number;

  constructor(status: number, body: ApiError) {
    super(
      [body.error, ...(body.problems ?? []).map((problem) => formatProblem('', problem).slice(2))].join(
        '\n  ',
      ),
    );
    this.name = 'ApiFailure';
    this.status = status;
  }
}

export class ApiClient {
  private readonly runDir: string;

  constructor(runDir: string) {
    this.runDir = runDir;
  }

  get<Answer>(path: string, query: Record<string, string | number | undefined> = {}): Promise<Answer> {
    const search = searchOf(query);
    return this.exchange('GET', search.size === 0 ? path : `${path}?${search}`);
  }

  post<Answer>(path: string, body: object = {}): Promise<Answer> {
    return this.exchange('POST', path, body);
  }

  delete<Answer>(path: string): Promise<Answer> {
    return this.exchange('DELETE', path);
  }

  /** A response that may have no end, item by item. `answered`: called when it begins. */
  async *lines<Item>(
    path: string,
    query: Record<string, string | number | undefined>,
    answered = (): void => {},
  ): AsyncGenerator<Item> {
    const response = await this.open(path, query);
    if (response.statusCode === 200) answered();
    for await (const items of jsonLines<Item>(response)) yield* items;
  }

  /**
   * An endless response in bytes; resolves with its headers. `abort` ends it, with ECONNRESET for whoever reads.
   */
  async stream(
    path: string,
    body: object,
  ): Promise<{ headers: IncomingHttpHeaders; bytes: AsyncIterable<Buffer>; abort(): void }> {
    const { response, abort } = await new Promise<{ response: IncomingMessage; abort(): void }>(
      (resolve, reject) => {
        const headers = { 'content-type': 'application/json' };
        const socketPath = join(this.runDir, 'api.sock');
        const call = request({ socketPath, method: 'POST', path, headers }, (response) =>
          resolve({ response, abort: () => call.destroy() }),
        );
        this.limit(call, CHANGE_TIMEOUT_MS, reject);
        call.end(JSON.stringify(body));
      },
    );
    if (response.statusCode === 200) return { headers: response.headers, bytes: response, abort };
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return readAnswer(response.statusCode ?? 0, Buffer.concat(chunks).toString());
  }

  /** The rows of a listing in batches, as they arrive. */
  async *rows<Row>(
    path: string,
    query: Record<string, string | number | undefined> = {},
  ): AsyncGenerator<readonly Row[]> {
    const response = await this.open(path, query, QUESTION_TIMEOUT_MS);
    try {
      yield* jsonLines<Row>(response);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
      throw new Error('the listing is incomplete: the process has ended it; its log says why');
    }
  }

  /** Resolves with the headers of the response. */
  private open(
    path: string,
    query: Record<string, string | number | undefined>,
    timeout?: number,
  ): Promise<IncomingMessage> {
    const socketPath = join(this.runDir, 'api.sock');
    const search = searchOf(query);
    const target = search.size === 0 ? path : `${path}?${search}`;
    const headers = { accept: JSON_LINES };
    return new Promise((resolve, reject) => {
      const call = request({ socketPath, method: 'GET', path: target, headers, timeout }, resolve);
      this.limit(call, timeout ?? CHANGE_TIMEOUT_MS, reject);
      call.end();
    });
  }

  private exchange<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const socketPath = join(this.runDir, 'api.sock');
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = payload === undefined ? {} : { 'content-type': 'application/json' };
    const timeout = method === 'GET' ? QUESTION_TIMEOUT_MS : CHANGE_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const call = request({ socketPath, method, path, headers, timeout }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          try {
            resolve(readAnswer<Answer>(response.statusCode ?? 0, Buffer.concat(chunks).toString()));
          } catch (error) {
            reject(error);
          }
        });
      });
      this.limit(call, timeout, reject);
      call.end(payload);
    });
  }

  /** Reports after a second what it waits for; rejects when the process does not answer in time. */
  private limit(call: ClientRequest, timeoutMs: number, reject: (error: Error) => void): void {
    const progress = setTimeout(() => {
      process.stderr.write(`sluice: waiting for ${this.peer()}, at most ${timeoutMs / 1000} s\n`);
    }, PROGRESS_MS);
    call.once('response', () => clearTimeout(progress));
    call.once('close', () => clearTimeout(progress));
    let isLate = false;
    call.on('timeout', () => {
      isLate = true;
      call.destroy(new Error('late'));
    });
    call.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        isLate
          ? new Error(`no answer within ${timeoutMs / 1000} s from ${this.peer()}`)
          : this.explain(error),
      ),
    );
  }

  /** e.g. `the Sluice process at /run/sluice, pid 4711, which is stopped (SIGSTOP)` */
  private peer(): string {
    const name = `the Sluice process at ${this.runDir}`;
    const pid = this.writtenPid();
    if (pid === undefined) return name;
    return `${name}, pid ${pid}${isStopped(pid) ? ', which is stopped (SIGSTOP): kill -CONT resumes it' : ''}`;
  }

  /** For messages alone, so it may be the file of another user: a controller has one of its own. */
  private writtenPid(): number | undefined {
    try {
      const pid = Number(readFileSync(new RunDir(this.runDir).pidFile, 'utf8').split('\n')[0]);
      return Number.isInteger(pid) && pid > 0 ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  private explain(error: NodeJS.ErrnoException): Error {
    if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
      const start = '`sluice up -c FILE`, or a controller with `sluice controller -c FILE`';
      return new Error(`no Sluice host or controller runs at ${this.runDir}; start a host with ${start}`);
    }
    const cause = `(api.sock: ${error.code ?? error.message})`;
    if (error.code === 'EACCES' || error.code === 'EPERM') {
      return new Error(
        `not allowed to connect to the Sluice process at ${this.runDir} ${cause}; try again as root`,
      );
    }
    return new Error(`the Sluice process at ${this.runDir} does not answer ${cause}`);
  }
}

/** Items of a response, one per line, or of one array; throws the error of an error status. */
async function* jsonLines<Item>(response: IncomingMessage): AsyncGenerator<readonly Item[]> {
  const hasLines = response.statusCode === 200 && response.headers['content-type'] === JSON_LINES;
  let rest = '';
  for await (const chunk of response.setEncoding('utf8')) {
    rest += chunk;
    if (!hasLines) continue;
    const lines = rest.split('\n');
    rest = lines.pop()!;
    if (lines.length > 0) yield lines.map((line) => JSON.parse(line) as Item);
  }
  if (!hasLines) yield readAnswer<Item[]>(response.statusCode ?? 0, rest);
}

function searchOf(query: Record<string, string | number | undefined>): URLSearchParams {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) search.set(key, String(value));
  }
  return search;
}

/** A URL path with each name escaped: `` path`/v1/groups/${group}` ``. */
export const path = (parts: TemplateStringsArray, ...names: string[]): string =>
  String.raw({ raw: parts }, ...names.map(encodeURIComponent));

function readAnswer<Answer>(status: number, text: string): Answer {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ApiFailure(status, {
      error: `found an answer with status ${status} and body ${JSON.stringify(text.slice(0, 80))}, expected JSON`,
    });
  }
  if (status >= 200 && status < 300) return body as Answer;
  const error = (body as Partial<ApiError> | null)?.error ?? `the request failed with status ${status}`;
  throw new ApiFailure(status, { ...(body as Partial<ApiError> | null), error });
}
