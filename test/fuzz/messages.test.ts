// timeout: 900s
/**
 * Bytes from a peer, in both directions: a decoder answers with a message or with MalformedMessage, never with
 * another error, and a controller or an agent that is given what was decoded takes it without an exception.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../src/config/load.ts';
import { Controller } from '../../src/controller/controller.ts';
import { openStore } from '../../src/controller/store/open-store.ts';
import {
  AgentDecoder,
  AgentEncoder,
  decodeFromController,
  encodeFromController,
} from '../../src/messages/codec.ts';
import type { AgentSessionListener } from '../../src/messages/link.ts';
import type { FromAgent, FromController } from '../../src/messages/messages.ts';
import { reportOf } from '../../src/messages/report.ts';
import { ReportScratch } from '../../src/messages/report-codec.ts';
import { MalformedMessage } from '../../src/messages/varint.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { until } from '../support/command.ts';
import { linesOnly } from '../support/event-sinks.ts';
import { helloOf, welcomeOf } from '../support/link.ts';
import { fuzz, SEED } from './byte-fuzzer.ts';

const test = suite(`messages (SLUICE_TEST_SEED=${SEED})`);

const port = {
  name: 'web1',
  network: 'app',
  netns: 'web1',
  mac: '02:00:00:00:01:0b',
  addresses: ['10.1.0.11/24'],
  labels: { tier: 'web' },
};
const figures = (packets: number) => ({
  packets,
  bytes: 100 * packets,
  replyPackets: packets,
  replyBytes: 2 ** 40,
  newFlows: 3,
  endedFlows: 1,
  activeFlows: 2,
  resets: 0,
  connects: 3,
  failedConnects: 0,
  synTimeMicros: 120,
  rttMicros: 300,
  retransmissions: 1,
  zeroWindows: 0,
  windowBytes: 65_535,
  requests: 0,
  requestTimeMicros: 0,
});
const header = { sequence: 1, atMs: 1_700_000_000_000, intervalMs: 1000, isAggregated: true };
const rows = ['a', 'b', 'c'].map((member, i) => ({
  group: 'api',
  member,
  address: `10.1.0.${i + 1}`,
  loadBalancer: '',
  ...figures(10 * i),
}));

const FROM_AGENT: FromAgent[] = [
  {
    type: 'hello',
    ...helloOf('h1'),
    ports: [port],
    networks: { all: [{ name: 'app', vni: 5001 }] },
  },
  { type: 'ports', ports: [port, { ...port, name: 'web2' }], networks: { all: [] } },
  { type: 'applied', epoch: 1, revision: 2, localRevision: 3, error: 'base' },
  {
    type: 'probeResults',
    isFull: true,
    results: [
      { group: 'api', member: 'a', address: '10.1.0.1', isHealthy: false, sinceMs: 5, detail: 'refused' },
    ],
  },
  { type: 'vmEvent', vm: 'w-1', template: 'w', kind: 'serving', detail: '', port },
  { type: 'request', id: 7, method: 'POST', path: '/v1/groups/api/members/a/fail', body: '{}' },
  { type: 'reply', id: 1, status: 200, body: '[]' },
  { type: 'report', ...reportOf(header, rows) },
];

const FROM_CONTROLLER: FromController[] = [
  { type: 'welcome', ...welcomeOf('c1') },
  { type: 'redirect', leader: '192.0.2.1:7400' },
  {
    type: 'rules',
    epoch: 3,
    revision: 4,
    baseRevision: 3,
    isFull: false,
    groups: [
      { name: 'api', definition: '{}', balancers: [{ loadBalancer: 'port web1', weights: { a: 3 } }] },
    ],
    removed: ['old'],
  },
  {
    type: 'globalStats',
    epoch: 3,
    sequence: 9,
    atMs: 1,
    groups: [
      {
        name: 'api',
        members: [
          {
            name: 'a',
            hosts: 2,
            activeFlows: 1.5,
            newFlowsPerSecond: 3,
            bytesPerSecond: 1e9,
            packetsPerSecond: 1e6,
            synTimeMicros: 100,
            rttMicros: 200,
            retransmissionsPerSecond: 0,
            resetsPerSecond: 0,
            failedConnectsPerSecond: 0,
            zeroWindowsPerSecond: 0,
            congestionPercent: 100,
            windowBytes: 0,
            reportedLoad: 0,
            loadReporters: 0,
            reportedAgeMs: 0,
            ageMs: 10,
          },
        ],
      },
    ],
  },
  { type: 'vmOrder', command: 'start', vm: 'w-1', template: 'w', definition: '{}' },
  { type: 'request', id: 1, method: 'GET', path: '/v1/ports', body: '' },
  { type: 'reply', id: 7, status: 409, body: '{"error":"no"}' },
];

/** Found by fuzzing: each made a controller end. */
const FOUND = ['12042a020880', '0a0180', '3a020880', '12042a021280'].map((hex) => Buffer.from(hex, 'hex'));

const agentCorpus = (): Uint8Array[] => {
  const encoder = new AgentEncoder();
  const first = encoder.encode({ type: 'report', ...reportOf(header, rows) });
  const later = { ...reportOf({ ...header, sequence: 2 }, rows), announced: [] };
  const second = encoder.encode({ type: 'report', ...later });
  return [...FROM_AGENT.map((message) => new AgentEncoder().encode(message)), first, second, ...FOUND];
};

/** A message, or MalformedMessage; anything else is thrown on. */
function decoded<Message extends { type: string }>(
  decode: () => Message | undefined,
): { outcome: string; message?: Message } {
  try {
    const message = decode();
    return { outcome: message?.type ?? 'unknown kind', message };
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    return { outcome: 'malformed' };
  }
}

test('what agents send: a message or MalformedMessage', async () => {
  let decoder = new AgentDecoder(new ReportScratch());
  let inputs = 0;
  const { outcomes } = await fuzz(agentCorpus(), (bytes) => {
    // A stream's decoder remembers rows: some inputs meet a fresh one, some one that has heard the others.
    if (inputs++ % 50 === 0) decoder = new AgentDecoder(new ReportScratch());
    return decoded(() => decoder.decode(bytes)).outcome;
  });
  for (const kind of ['malformed', 'report', 'hello', 'ports', 'probeResults', 'request'])
    assert.ok((outcomes.get(kind) ?? 0) > 0, `${kind}: ${JSON.stringify([...outcomes])}`);
});

test('what controllers send: a message or MalformedMessage', async () => {
  const corpus = FROM_CONTROLLER.map((message) => encodeFromController(message));
  const { outcomes } = await fuzz(
    [...corpus, ...FOUND],
    (bytes) => decoded(() => decodeFromController(bytes)).outcome,
  );
  for (const kind of ['malformed', 'welcome', 'rules', 'globalStats', 'vmOrder'])
    assert.ok((outcomes.get(kind) ?? 0) > 0, `${kind}: ${JSON.stringify([...outcomes])}`);
});

const CONFIGURATION = `
host: c1
networks: [{ name: app, vni: 5001, subnets: [10.1.0.0/24] }]
groups:
  - name: api
    network: app
    vip: 10.1.0.100
    policy: { kind: inverse-load }
    members: [{ name: a, address: 10.1.0.1 }, { name: b, address: 10.1.0.2 }, { name: c, address: 10.1.0.3 }]
`;

test('a controller that leads takes whatever was decoded', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
  const log = pino({ level: 'silent' });
  const store = await openStore({ kind: 'file', dir: directory }, log, systemRuntime, {});
  const configuration = parseConfiguration(CONFIGURATION);
  const controller = new Controller({
    runtime: systemRuntime,
    configuration,
    store,
    log,
    events: linesOnly(log),
    self: { id: 'c1', address: '' },
  });
  try {
    await until('leadership', () => controller.leadership !== undefined);
    let listener: AgentSessionListener | undefined;
    let decoder = new AgentDecoder(new ReportScratch());
    let inputs = 0;
    const attach = (): void => {
      listener?.detached('the next one comes');
      decoder = new AgentDecoder(new ReportScratch());
      listener = controller.attached({
        hello: { ...helloOf('h1'), ports: [port] },
        peer: 'fuzz',
        isAdmin: false,
        send() {},
        close() {},
      });
    };
    const { outcomes } = await fuzz(agentCorpus(), async (bytes) => {
      if (inputs++ % 100 === 0) {
        attach();
        // Timers and promises of what was taken run, too.
        await new Promise((resolve) => setImmediate(resolve));
      }
      const { outcome, message } = decoded(() => decoder.decode(bytes));
      if (message !== undefined) listener!.received(message);
      return outcome;
    });
    assert.ok((outcomes.get('report') ?? 0) > 0);
    assert.ok(controller.leadership !== undefined, 'it still leads');
    const group = controller.leadership.weights.groups.get('api')!;
    for (const { members } of group.criteria)
      for (const { name, weight } of members)
        assert.ok(Number.isInteger(weight), `${name} has weight ${weight}`);
  } finally {
    await controller.stop();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

test.run();
