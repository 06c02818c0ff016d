/**
 * The API over HTTP on a unix socket, for hosts and controllers alike. Every user who may open the socket (mode 0600: the
 * process's own user) may do everything. Bodies, connections and the time of a request are bounded.
 */
import { rmSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { messageOf, Refusal } from '../config/problems/refusal.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { answerCall } from './call.ts';
import { type NewcomerLimits, Newcomers } from './newcomers.ts';
import { BROWSER_HEADERS, refusalOf } from './page/browser-guards.ts';
import { type Answerer, ByteStream, DirectAnswer, JsonLines, PlainAnswer } from './routes.ts';
import { Rows } from './rows.ts';

const MAX_BODY_BYTES = 1 << 20;
/** Bytes of a listing that are written at once; other requests get their turn in between. */
const CHUNK_BYTES = 1 << 16;
const JSON_LINES = 'application/jsonl';
/** Server-sent events (WHATWG HTML, section 9.2). */
const EVENT_STREAM = 'text/event-stream';
/** A comment after this time tells proxies and clients, and this process, that the connection is there. */
const SIGN_OF_LIFE_MS = 15_000;
/** Largest number of requests in progress; others get status 503. */
const MAX_REQUESTS = 64;
/** Largest number of connections without a request; a further one displaces the oldest. */
const NEWCOMERS: NewcomerLimits = { max: 64, maxPerAddress: 64, patienceMs: 10_000 };
const REQUEST_TIMEOUT_MS = 10_000;
const HANDSHAKE_TIMEOUT_MS = 5_000;

/** Who is at the other end of a connection, for the audit trail; asked for changes only. */
type ActorOf = (socket: Socket) => Promise<string | undefined>;

/** Resolves when the socket accepts connections. */
export async function startApiServer(
  path: string,
  answerer: Answerer,
  log: Logger,
  runtime: Runtime,
  actorOf: ActorOf = async () => undefined,
): Promise<Server> {
  const server = boundedServer(answerer, log, runtime, { actorOf });
  rmSync(path, { force: true });
  // The socket is created with its final mode, so that other users can never connect.
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

/** PEM. */
export interface ServerTls {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * The same over TCP, read-only: every method except GET is refused. With `tls` it is HTTPS, and clients need a
 * certificate of its authority. Browsers reach it: requests that other sites' pages make are refused
 * (browser-guards.ts).
 */
export async function startReadOnlyServer(
  { host, port, tls }: { host: string; port: number; tls?: ServerTls },
  answerer: Answerer,
  log: Logger,
  runtime: Runtime,
): Promise<Server> {
  const readOnly: Answerer = (request) => {
    if (request.method === 'GET') return answerer(request);
    throw new Refusal(400, `found ${request.method}, expected GET: changes are made over the unix socket`);
  };
  const server = boundedServer(readOnly, log, runtime, { tls, isForBrowsers: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}

/** For connections that come from now on. */
export function useTls(server: Server, { ca, cert, key }: ServerTls): void {
  if (server instanceof TlsServer) server.setSecureContext({ ca, cert, key });
}

interface Manner {
  readonly tls?: ServerTls;
  readonly actorOf?: ActorOf;
  readonly isForBrowsers?: boolean;
}

function boundedServer(
  answerer: Answerer,
  log: Logger,
  runtime: Runtime,
  { tls, actorOf = async () => undefined, isForBrowsers = false }: Manner,
): Server {
  const newcomers = new Newcomers(NEWCOMERS, runtime);
  let requests = 0;
  const listener: RequestListener = (request, response) => {
    newcomers.settle(request.socket);
    if (isForBrowsers) {
      for (const [name, value] of Object.entries(BROWSER_HEADERS)) response.setHeader(name, value);
      const refusal = refusalOf(request.headers, tls !== undefined);
      if (refusal !== undefined) {
        send(response, 403, { error: refusal });
        return;
      }
    }
    if (requests >= MAX_REQUESTS) {
      send(response, 503, { error: `${MAX_REQUESTS} requests are in progress already` });
      return;
    }
    requests++;
    response.once('close', () => requests--);
    answer(answerer, request, response, actorOf, log, runtime).catch((error) =>
      log.error(`api: ${messageOf(error)}`),
    );
  };
  const server =
    tls === undefined
      ? createServer(listener)
      : createTlsServer(
          { ...tls, requestCert: true, rejectUnauthorized: true, handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
          listener,
        );
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => newcomers.add(socket));
  server.maxConnections = 2 * NEWCOMERS.max + MAX_REQUESTS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  return server;
}

/** Accepts no new connections, and ends open ones after their answer. */
export const stopApiServer = (server: Server, runtime: Runtime): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    runtime.setTimer(() => server.closeAllConnections(), 1_000).unref();
  });

async function answer(
  answerer: Answerer,
  request: IncomingMessage,
  response: ServerResponse,
  actorOf: ActorOf,
  log: Logger,
  runtime: Runtime,
): Promise<void> {
  const { method = 'GET', headers } = request;
  const { accept } = headers;
  const actor = method === 'GET' ? undefined : await actorOf(request.socket);
  const call = { method, target: request.url ?? '/', accept, actor };
  const text = await readBody(request);
  // A body that is too long is refused like any other invalid one.
  const checkedAnswerer: Answerer =
    text === undefined
      ? () => {
          throw new Refusal(400, `body: found more than ${MAX_BODY_BYTES} bytes`);
        }
      : answerer;
  const { status, body } = await answerCall({ ...call, body: text ?? '' }, checkedAnswerer, (error) =>
    log.error({ err: error }, `api: ${call.method} ${call.target} failed`),
  );
  if (body instanceof PlainAnswer) sendText(response, body);
  else if (body instanceof DirectAnswer) body.send(response);
  else if (body instanceof JsonLines)
    await sendLines(response, body, accept?.includes(EVENT_STREAM) === true, runtime);
  else if (body instanceof ByteStream) await sendBytes(response, body, runtime);
  else if (body instanceof Rows)
    await sendRows(response, body, request.headers.accept === JSON_LINES, runtime);
  else send(response, status, body);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(`${JSON.stringify(body)}\n`);
}

function sendText(response: ServerResponse, { text, contentType, status }: PlainAnswer): void {
  response.writeHead(status, { 'content-type': contentType, connection: 'close' });
  response.end(text);
}

/** Writes one line per item until the items or the client end. */
async function sendLines(
  response: ServerResponse,
  { items }: JsonLines,
  asEvents: boolean,
  runtime: Runtime,
): Promise<void> {
  response.writeHead(200, {
    'content-type': asEvents ? EVENT_STREAM : JSON_LINES,
    'cache-control': 'no-store',
    connection: 'close',
  });
  const [before, after] = asEvents ? ['data: ', '\n\n'] : ['', '\n'];
  const signs = asEvents ? runtime.setTicker(() => signOfLife(response), SIGN_OF_LIFE_MS) : undefined;
  try {
    await sendAll(response, items, (item) => `${before}${JSON.stringify(item)}${after}`, runtime);
  } finally {
    runtime.clearTimer(signs);
  }
}

async function sendBytes(response: ServerResponse, body: ByteStream, runtime: Runtime): Promise<void> {
  response.writeHead(200, { ...body.headers, 'content-type': body.contentType, connection: 'close' });
  await sendAll(response, body.chunks, (chunk) => chunk, runtime);
}

/** Until the items or the client end; a client that does not read pauses the items. */
async function sendAll<Item>(
  response: ServerResponse,
  items: AsyncIterable<Item>,
  encoded: (item: Item) => string | Uint8Array,
  runtime: Runtime,
): Promise<void> {
  response.flushHeaders();
  const iterator = items[Symbol.asyncIterator]();
  const clientLeft = new Promise<void>((resolve) => {
    if (response.destroyed) resolve();
    else response.once('close', resolve);
  });
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), clientLeft]);
      if (next === undefined || next.done === true) break;
      const hasRoom = response.write(encoded(next.value));
      await (hasRoom ? nextTurn(runtime) : drained(response));
    }
    response.end();
  } catch (error) {
    response.destroy();
    throw error;
  } finally {
    // Not awaited: a pending item may never come.
    iterator.return?.()?.catch(() => {});
  }
}

/** Only if the client reads. */
function signOfLife(response: ServerResponse): void {
  if (!response.writableNeedDrain) response.write(':\n\n');
}

/** An array, or lines. An answer that cannot be completed ends without its last chunk, which the client notices. */
async function sendRows(
  response: ServerResponse,
  rows: Rows,
  asLines: boolean,
  runtime: Runtime,
): Promise<void> {
  response.writeHead(200, {
    'content-type': asLines ? JSON_LINES : 'application/json',
    connection: 'close',
  });
  const separator = asLines ? '\n' : ',';
  try {
    if (!asLines) response.write('[');
    for (let isFirst = true, isLast = false; !isLast && !response.destroyed; isFirst = false) {
      const chunk = await rows.next(CHUNK_BYTES);
      isLast = chunk.isLast;
      const text = chunk.texts.join(separator);
      const before = asLines || isFirst || text === '' ? '' : separator;
      const after = asLines && text !== '' ? '\n' : '';
      const hasRoom = response.write(`${before}${text}${after}`);
      await (hasRoom ? nextTurn(runtime) : drained(response));
    }
    response.end(asLines ? '' : ']\n');
  } catch (error) {
    response.destroy();
    throw error;
  } finally {
    rows.close();
  }
}

const nextTurn = (runtime: Runtime): Promise<void> => new Promise((resolve) => runtime.soon(resolve));

const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    if (response.destroyed) {
      resolve();
      return;
    }
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });

/** Undefined: it is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += (part as Buffer).length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString('utf8');
}
