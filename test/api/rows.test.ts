/** Listings that are made while they are sent: over HTTP with a client that does not read, and page by page to a peer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { answerCall } from '../../src/api/call.ts';
import { PeerRequests } from '../../src/api/peer-requests.ts';
import type { Answerer } from '../../src/api/routes.ts';
import { OpenListings, Rows } from '../../src/api/rows.ts';
import { startApiServer, stopApiServer } from '../../src/api/server.ts';
import { ApiClient } from '../../src/cli/api-client.ts';
import { Refusal } from '../../src/config/problems/refusal.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';

const test = suite('rows');

interface Row {
  readonly number: number;
  readonly text: string;
}

const MANY = 200_000;
const directory = mkdtempSync(join(tmpdir(), 'sluice-rows-'));
const socketPath = join(directory, 'api.sock');
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

let made = 0;
function* rows(count: number): Generator<Row> {
  made = 0;
  for (let number = 0; number < count; number++) {
    made++;
    yield { number, text: `a row with text\n"${number}"` };
  }
}

/** By the path's last segment: so many rows; `broken` fails after some, `refused` before the first. */
const answerer: Answerer = ({ path: [, kind] }) => {
  if (kind === 'refused') {
    return Rows.begin(
      (function* () {
        yield* [];
        throw new Refusal(404, 'no such thing');
      })(),
    );
  }
  if (kind !== 'broken') return Rows.begin(rows(Number(kind)));
  return Rows.begin(
    (async function* () {
      yield* rows(5_000);
      throw new Refusal(503, 'the host has left');
    })(),
  );
};

const log = pino({ level: 'silent' });
const open = (target: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const asking = request({ socketPath, path: target, agent: false }, resolve);
    asking.on('error', reject);
    asking.end();
  });

async function collect<Item>(pages: AsyncIterable<readonly Item[]>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}

test('an array to whoever does not ask for lines, lines to the command', async () => {
  const server = await startApiServer(socketPath, answerer, log, systemRuntime);
  for (const count of [0, 1, 2, 5_000]) {
    const expected = [...rows(count)];
    let text = '';
    for await (const chunk of (await open(`/v1/${count}`)).setEncoding('utf8')) text += chunk;
    assert.equal(JSON.parse(text), expected);
    assert.equal(await collect(new ApiClient(directory).rows<Row>(`/v1/${count}`)), expected);
  }
  await stopApiServer(server, systemRuntime);
});

test('a client that does not read holds the rows back; one that leaves ends them', async () => {
  const server = await startApiServer(socketPath, answerer, log, systemRuntime);
  const response = await open(`/v1/${MANY}`);
  let before = -1;
  while (made > before) {
    before = made;
    await sleep(100);
  }
  assert.ok(made < MANY / 2, `${made} rows were made for a client that has read none`);
  response.destroy();
  await stopApiServer(server, systemRuntime);
  assert.ok(made < MANY / 2, `${made} rows were made for a client that has left`);
});

test('a refusal before the first row is an answer, one after it makes the listing incomplete', async () => {
  const server = await startApiServer(socketPath, answerer, log, systemRuntime);
  const client = new ApiClient(directory);
  await rejects(collect(client.rows('/v1/refused')), /^no such thing$/);
  await rejects(collect(client.rows('/v1/broken')), /the listing is incomplete/);
  await stopApiServer(server, systemRuntime);
});

test('a peer gets pages when it asks for them, and what it leaves does not stay open', async () => {
  const listings = new OpenListings(answerer, systemRuntime);
  let asked = 0;
  const peer = new PeerRequests(systemRuntime, 'host h1', ({ id, method, path, body }) => {
    asked++;
    void answerCall({ method, target: path, body }, listings.answer, () => {}).then((answer) =>
      peer.replied({ id, status: answer.status, body: JSON.stringify(answer.body) }),
    );
    return true;
  });
  for (const count of [0, 1, 20_000])
    assert.equal(await collect(peer.rows<Row>(`/v1/${count}`)), [...rows(count)]);
  assert.ok(asked > 4, `${asked} requests`);
  await rejects(collect(peer.rows('/v1/refused')), /^no such thing$/);
  await rejects(collect(peer.rows('/v1/broken')), /^the host has left$/);

  const left = peer.rows<Row>(`/v1/${MANY}`);
  await left.next();
  const madeForOnePage = made;
  for (let others = 0; others < 20; others++) await peer.rows<Row>('/v1/50000').next();
  await rejects(left.next(), /^the listing has ended/);
  assert.ok(madeForOnePage < 10_000, `${madeForOnePage} rows for one page`);
  listings.close();
});

async function rejects(work: Promise<unknown>, expected: RegExp): Promise<void> {
  const problem = await work.then(
    () => 'it has not been refused',
    (error: Error) => error.message,
  );
  assert.match(problem, expected);
}

test.run();
