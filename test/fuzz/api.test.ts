// timeout: 300s
/**
 * Requests with anything in them. A controller that leads answers each with a result or a refusal, never with 500; a host
 * that is sent bytes that need not be HTTP over its socket goes on serving.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { answerCall } from '../../src/api/call.ts';
import { answerEvents } from '../../src/api/events.ts';
import { JsonLines, PlainAnswer } from '../../src/api/routes.ts';
import { Rows } from '../../src/api/rows.ts';
import type { Status } from '../../src/api/shapes.ts';
import { VERSION } from '../../src/api/version.ts';
import { parseConfiguration } from '../../src/config/load.ts';
import { Controller } from '../../src/controller/controller.ts';
import { controllerAnswerer } from '../../src/controller/controller-routes.ts';
import { openStore } from '../../src/controller/store/open-store.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { until } from '../support/command.ts';
import { linesOnly } from '../support/event-sinks.ts';
import { TestRun } from '../support/host-processes.ts';
import { fuzz, SEED } from './byte-fuzzer.ts';

const test = suite(`api (SLUICE_TEST_SEED=${SEED})`);

const NETWORKS = [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }];
const GROUPS = [
  {
    name: 'api',
    network: 'app',
    vip: '10.1.0.100',
    members: ['a', 'b', 'c'].map((name, i) => ({ name, address: `10.1.0.${i + 1}` })),
  },
];

const CALLS: readonly (readonly [method: string, target: string, body?: object])[] = [
  ['GET', '/v1/status'],
  ['GET', '/v1/ports'],
  ['GET', '/v1/groups'],
  ['GET', '/v1/groups/api'],
  ['GET', '/v1/rules?port=a'],
  ['GET', '/v1/flows?group=api&member=a&limit=5'],
  ['GET', '/v1/stats?by=member'],
  ['GET', '/v1/events?since=10m&type=member&subject=api/a'],
  ['GET', '/v1/agents'],
  ['GET', '/v1/vms'],
  ['GET', '/v1/groups/api/policy'],
  ['POST', '/v1/groups/api/policy', { policy: { kind: 'inverse-load', interval: '2s' } }],
  ['POST', '/v1/groups/api/policy', { policy: null }],
  ['POST', '/v1/groups/api/scale', { count: 2 }],
  ['POST', '/v1/groups/api/members', { name: 'd', address: '10.1.0.9', port: 80, weight: 2 }],
  ['POST', '/v1/groups/api/members/a/weight', { weight: 3 }],
  ['POST', '/v1/groups/api/members/b/drain', { deadlineMs: 1000 }],
  ['POST', '/v1/groups/api/members/c/fail', {}],
  ['DELETE', '/v1/groups/api/members/d'],
  ['POST', '/v1/reload', { path: '/dev/null' }],
];

async function* noEvents(): AsyncGenerator<never> {}

const asLines = CALLS.map(([method, target, body]) =>
  Buffer.from(`${method}\n${target}\n${body === undefined ? '' : JSON.stringify(body)}`),
);

test('a controller answers with a result or a refusal', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-fuzz-api-'));
  const log = pino({ level: 'silent' });
  const store = await openStore({ kind: 'file', dir: directory }, log, systemRuntime, {});
  const configuration = parseConfiguration(
    JSON.stringify({ host: 'c1', networks: NETWORKS, groups: GROUPS }),
  );
  const self = { id: 'c1', address: '' };
  const controller = new Controller({
    configuration,
    store,
    log,
    events: linesOnly(log),
    runtime: systemRuntime,
    self,
  });
  try {
    await until('leadership', () => controller.leadership !== undefined);
    const answerer = controllerAnswerer({
      controller,
      version: VERSION,
      streams: { accepted: 0, refused: 0, turnedAway: 0, malformed: 0, failed: 0, overflows: 0 },
      certificates: { list: [], warnings: [] },
      refusals: [],
      metrics: async () => new PlainAnswer(''),
      events: (query) => answerEvents({ read: () => noEvents() }, query, 0),
      reload: async () => ({ revision: 1 }),
      diff: () => [],
      plan: () => [],
      down() {},
    });
    const { outcomes } = await fuzz(asLines, async (bytes) => {
      const [method = '', target = '', ...rest] = Buffer.from(bytes).toString('latin1').split('\n');
      let failure: unknown;
      const { status, body } = await answerCall(
        { method, target, body: rest.join('\n') },
        answerer,
        (error) => {
          failure = error;
        },
      );
      if (failure !== undefined) throw failure;
      assert.is.not(status, 500, JSON.stringify(body));
      if (!(body instanceof JsonLines) && !(body instanceof Rows)) JSON.stringify(body);
      return `${status}`;
    });
    for (const status of ['200', '400', '404']) assert.ok((outcomes.get(status) ?? 0) > 0, status);
    assert.ok(controller.leadership !== undefined, 'it still leads');
  } finally {
    await controller.stop();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

const PATIENCE_MS = 2_000;

/** Writes the bytes on a connection of their own: the status line that comes back, or how the connection ended. */
const exchange = (path: string, bytes: Uint8Array): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(path);
    let text = '';
    const timer = setTimeout(() => end('no answer'), PATIENCE_MS);
    const end = (what: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(what);
    };
    socket.on('connect', () => socket.end(bytes));
    socket.on('data', (data) => {
      text += data.toString('latin1');
      const line = /^HTTP\/1\.1 (\d+)/.exec(text);
      if (line !== null) end(line[1]!);
    });
    socket.on('error', () => end('closed'));
    socket.on('close', () => end('closed'));
  });

test('a host that gets any bytes over its socket goes on serving', async () => {
  const run = new TestRun('fuzz');
  try {
    const ports = ['a', 'b'].map((name) => ({ name, network: 'app', netns: run.netns(name) }));
    run.writeConfig({ host: 'h1', networks: NETWORKS, ports, groups: GROUPS });
    const host = await run.start();
    const corpus = CALLS.map(([method, target, body]) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      return Buffer.from(
        `${method} ${target} HTTP/1.1\r\nHost: sluice\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
      );
    });
    const { outcomes } = await fuzz(corpus, async (bytes) => {
      const outcome = await exchange(join(run.runDir, 'api.sock'), bytes);
      assert.is.not(outcome, '500');
      assert.is(host.exitCode, null, 'the host runs');
      return outcome;
    });
    for (const kind of ['200', '400', '404']) assert.ok((outcomes.get(kind) ?? 0) > 0, kind);
    const { status, body } = await run.api<Status>('GET', '/v1/status');
    assert.is(status, 200);
    assert.is(body.host, 'h1');
  } finally {
    await run.close();
  }
});

test.run();
