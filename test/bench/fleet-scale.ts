/**
 * What a fleet costs its controller: many simulated agents over real gRPC on loopback, in a process of their own.
 *
 *   node dist/test/bench/fleet-scale.js [--agents 100,1000] [--groups 50] [--members 10] [--seconds 10]
 *                                       [--interval-ms 1000] [--changed 100] [--quiet-columns]
 *                                       [--policy-interval 500ms] [--link-only]
 *
 * Each agent attaches and reports every interval, at a phase of its own; in each report `changed` percent of its
 * groups × members rows have new figures (all columns, or those of healthy TCP with --quiet-columns). The server is
 * the whole controller: file store, aggregation, `inverse-load` in every group, distribution; with --link-only a handler
 * that counts. CPU time (user and system) of the server's process is read around the measured seconds. `loopMs`: from the
 * report of a changed load to the rules that follow from it, at every agent (fleet-agents.ts).
 * One JSON line per number of agents.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { parseConfiguration } from '../../src/config/load.ts';
import { startFleetServer } from '../../src/controller/agents/fleet-server.ts';
import { Controller } from '../../src/controller/controller.ts';
import { FileStore } from '../../src/controller/store/file-store.ts';
import { KEEPALIVE } from '../../src/messages/fleet-service.ts';
import type { AgentSessionHandler } from '../../src/messages/link.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { sleep, until } from '../support/command.ts';
import { linesOnly } from '../support/event-sinks.ts';
import { TestLog, welcomeOf } from '../support/link.ts';
import { PROBE_GROUP, runAgents } from './fleet-agents.ts';

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '100,1000' },
    groups: { type: 'string', default: '50' },
    members: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '10' },
    'interval-ms': { type: 'string', default: '1000' },
    changed: { type: 'string', default: '100' },
    'quiet-columns': { type: 'boolean', default: false },
    'policy-interval': { type: 'string', default: '500ms' },
    'link-only': { type: 'boolean', default: false },
    address: { type: 'string' },
  },
});

const seconds = Number(values.seconds);
const settings = {
  groups: Number(values.groups),
  members: Number(values.members),
  intervalMs: Number(values['interval-ms']),
  changedShare: Number(values.changed) / 100,
  isQuiet: values['quiet-columns'],
  /** As often as ever; but two cores that do all of this answer late. */
  keepalive: { timeMs: KEEPALIVE.timeMs, timeoutMs: 60_000 },
};
/** Every agent has announced its rows and has its first weights by then, in intervals. */
const WARM_UP = 8;

interface Server {
  readonly handler: AgentSessionHandler;
  close(): Promise<void>;
}

const countingServer = (): Server => ({
  handler: {
    attached(session) {
      session.send({ type: 'welcome', ...welcomeOf('c1') });
      return { received() {}, detached() {} };
    },
  },
  close: async () => {},
});

async function wholeController(): Promise<Server> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-fleet-scale-'));
  const log = pino({ level: 'error' }, pino.destination(2));
  const store = await FileStore.open({ dir }, log, systemRuntime);
  const configuration = parseConfiguration(JSON.stringify(fleet()));
  const controller = new Controller({
    runtime: systemRuntime,
    configuration,
    store,
    log,
    events: linesOnly(log),
    self: { id: 'c1', address: 'c1:1' },
  });
  await until('leadership', () => controller.leadership !== undefined);
  return {
    handler: controller,
    async close() {
      await controller.stop();
      await store.close();
      rmSync(dir, { recursive: true });
    },
  };
}

function fleet(): object {
  const policy = { kind: 'inverse-load', interval: values['policy-interval'] };
  const group = (name: string, at: number, members: readonly object[]) => ({
    name,
    network: 'app',
    vip: `10.8.${at >> 8}.${at & 255}`,
    policy,
    members,
  });
  const membersOf = (at: number) =>
    Array.from({ length: settings.members }, (_, i) => ({
      name: `member-${i}`,
      address: `10.1.${at}.${i + 1}`,
    }));
  const probes = ['a', 'b'].map((name, i) => ({ name, address: `10.9.0.${i + 1}` }));
  return {
    host: 'c1',
    networks: [{ name: 'app', vni: 5001, subnets: ['10.0.0.0/8'] }],
    groups: [
      ...Array.from({ length: settings.groups }, (_, at) => group(`group-${at}`, at + 1, membersOf(at))),
      group(PROBE_GROUP, settings.groups + 1, probes),
    ],
  };
}

async function measure(agents: number): Promise<void> {
  const { handler, close } = values['link-only'] ? countingServer() : await wholeController();
  const { keepalive } = settings;
  const server = await startFleetServer({
    runtime: systemRuntime,
    listen: '127.0.0.1:0',
    handler,
    log: new TestLog(),
    keepalive,
  });
  const own = ['--address', server.address, '--agents', String(agents)];
  const child = fork(process.argv[1]!, [...process.argv.slice(2), ...own]);
  const loopMs: number[] = [];
  child.on('message', (ms) => loopMs.push(ms as number));
  try {
    await attached(child, () => server.sessions.length === agents);
    await sleep(WARM_UP * settings.intervalMs);
    loopMs.length = 0;
    const before = { ...server.counters };
    const [cpuBefore, startedAt] = [process.cpuUsage(), performance.now()];
    await sleep(seconds * 1000);
    const { user, system } = process.cpuUsage(cpuBefore);
    const elapsedMs = performance.now() - startedAt;
    const { receivedMessages, receivedBytes, sentMessages, sentBytes } = server.counters;
    const cpuMicros = user + system;
    const received = receivedMessages - before.receivedMessages;
    const { heapUsed, external, rss } = process.memoryUsage();
    const result = {
      agents,
      messagesPerSecond: round((received / elapsedMs) * 1000),
      sentPerSecond: round(((sentMessages - before.sentMessages) / elapsedMs) * 1000),
      serverCores: round(cpuMicros / 1000 / elapsedMs),
      microsPerMessage: round(cpuMicros / received),
      bytesPerMessage: round((receivedBytes - before.receivedBytes) / received),
      sentBytesPerSecond: round(((sentBytes - before.sentBytes) / elapsedMs) * 1000),
      loopMs: { count: loopMs.length, p50: percentile(loopMs, 50), p99: percentile(loopMs, 99) },
      rssMegabytes: round(rss / 2 ** 20),
      heapMegabytes: round(heapUsed / 2 ** 20),
      externalMegabytes: round(external / 2 ** 20),
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } finally {
    child.kill();
    await server.close();
    await close();
  }
}

async function attached(child: ChildProcess, areAll: () => boolean): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!areAll()) {
    if (child.exitCode !== null) throw new Error(`the agents ended with ${child.exitCode}`);
    if (performance.now() > deadline) throw new Error('not all agents attached within 120 s');
    await sleep(50);
  }
}

function percentile(samples: readonly number[], percent: number): number | null {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.ceil((sorted.length * percent) / 100) - 1];
  return value === undefined ? null : round(value);
}

const round = (value: number): number => Number(value.toPrecision(3));

if (values.address !== undefined) await runAgents(values.address, Number(values.agents), settings);
else for (const agents of values.agents.split(',')) await measure(Number(agents));
