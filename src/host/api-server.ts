/**
 * The API as HTTP on a unix socket. Whoever may open the socket (mode 0600: the host's own user) may do
 * everything. Bodies are bounded, and so are connections and the time that a client may take.
 */
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { ApiError } from './api.ts';
import { type ApiContext, answerRequest } from './api-routes.ts';
import { HostError, messageOf } from './host-error.ts';

const MAX_BODY_BYTES = 1 << 20;
const MAX_CONNECTIONS = 64;
const REQUEST_TIMEOUT_MS = 10_000;

/** Resolves when the socket accepts connections. */
export async function startApiServer(path: string, context: ApiContext, log: Logger): Promise<Server> {
  const server = createServer((request, response) => {
    answer(context, request, response, log).catch((error) => log.error(`api: ${messageOf(error)}`));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  rmSync(path, { force: true });
  // The socket is made with its final mode: there is no moment in which others could connect.
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(umask);
  }
  return server;
}

/** Takes no new connections, and ends those that are open once their answer is out. */
export const stopApiServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 1_000).unref();
  });

async function answer(
  context: ApiContext,
  request: IncomingMessage,
  response: ServerResponse,
  log: Logger,
): Promise<void> {
  try {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const path = url.pathname.split('/').slice(1).map(decodeSegment);
    const body = await readBody(request);
    const method = request.method ?? 'GET';
    send(response, 200, await answerRequest(context, { method, path, query: url.searchParams, body }));
  } catch (error) {
    if (!(error instanceof HostError))
      log.error({ err: error }, `api: ${request.method} ${request.url} failed`);
    const problems =
      error instanceof HostError && error.problems.length > 0 ? [...error.problems] : undefined;
    const refusal: ApiError = { error: messageOf(error), problems };
    send(response, error instanceof HostError ? error.status : 500, refusal);
  }
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HostError(400, `path: found ${segment}, expected UTF-8 with %-escapes`);
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(`${JSON.stringify(body)}\n`);
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += (part as Buffer).length;
    if (bytes > MAX_BODY_BYTES) throw new HostError(400, `body: found more than ${MAX_BODY_BYTES} bytes`);
    parts.push(part as Buffer);
  }
  const text = Buffer.concat(parts).toString('utf8');
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HostError(
      400,
      `body: found ${JSON.stringify(text.slice(0, 60))}, expected JSON: ${messageOf(error)}`,
    );
  }
}
