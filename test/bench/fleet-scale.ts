/**
 * What reports cost a controller: many simulated agents over real gRPC on loopback, in a process of their own.
 *
 *   node dist/test/bench/fleet-scale.js [--agents 100,1000] [--groups 50] [--members 10] [--seconds 10]
 *                                       [--interval-ms 1000] [--changed 100] [--quiet-columns]
 *
 * Each agent attaches and reports every interval, at a phase of its own; in each report `changed` percent of its
 * groups × members rows have new figures (all columns, or those of healthy TCP with --quiet-columns). The server's
 * CPU time (user and system) is read around the measured seconds; its handler counts rows and adds up one column.
 * One JSON line per number of agents.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import { Client, credentials } from '@grpc/grpc-js';
import { startFleetServer } from '../../src/controller/fleet-server.ts';
import { AgentEncoder } from '../../src/messages/codec.ts';
import { ATTACH, channelOptions, KEEPALIVE } from '../../src/messages/fleet-service.ts';
import type { AgentSessionHandler } from '../../src/messages/link.ts';
import { REPORT_COLUMNS, type ReportColumn, type RowFigures } from '../../src/messages/report.ts';
import { ReportDiff, ReportTable } from '../../src/messages/report-table.ts';
import { sleep } from '../support/command.ts';
import { helloOf, TestLog, welcomeOf } from '../support/link.ts';

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '100,1000' },
    groups: { type: 'string', default: '50' },
    members: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '10' },
    'interval-ms': { type: 'string', default: '1000' },
    changed: { type: 'string', default: '100' },
    'quiet-columns': { type: 'boolean', default: false },
    address: { type: 'string' },
  },
});

const groups = Number(values.groups);
const members = Number(values.members);
const seconds = Number(values.seconds);
const intervalMs = Number(values['interval-ms']);
const changedShare = Number(values.changed) / 100;

/** As often as ever; but two cores that do all of this answer late. */
const PATIENT = { timeMs: KEEPALIVE.timeMs, timeoutMs: 60_000 };

/** Columns that move while healthy TCP connections come and go. */
const QUIET: readonly ReportColumn[] = [
  'packets',
  'bytes',
  'replyPackets',
  'replyBytes',
  'newFlows',
  'endedFlows',
  'activeFlows',
  'connects',
  'synTimeMicros',
  'rttMicros',
  'windowBytes',
];

/** Largest step of a column within an interval: a busy member of a busy group. */
const STEP: Partial<Record<ReportColumn, number>> = {
  bytes: 2_000_000,
  replyBytes: 2_000_000,
  packets: 2000,
  replyPackets: 2000,
};

function advance(table: ReportTable): void {
  const moving = values['quiet-columns'] ? QUIET : REPORT_COLUMNS;
  for (let row = 0; row < groups * members; row++) {
    if (Math.random() >= changedShare && table.keys[row]) continue;
    const figures: { -readonly [Column in keyof RowFigures]?: number } = {};
    for (const name of REPORT_COLUMNS) {
      figures[name] =
        table.columns[name][row]! +
        (moving.includes(name) ? Math.floor(Math.random() * (STEP[name] ?? 100)) : 0);
    }
    const [group, member] = [Math.floor(row / members), row % members];
    table.set(
      {
        group: `group-${group}`,
        member: `member-${member}`,
        address: `10.1.${group}.${member}`,
        loadBalancer: '',
      },
      figures,
    );
  }
}

/**
 * The agents' process. All agents send the same sequence of reports, encoded once: as each stream begins with the
 * first, it is right for each of them, and their process does not need more cores than the server that is measured.
 */
async function runAgents(address: string, count: number): Promise<void> {
  const reports = sequenceOfReports();
  for (let index = 0; index < count; index++) {
    const client = new Client(address, credentials.createInsecure(), {
      ...channelOptions(PATIENT),
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
    });
    const call = client.makeBidiStreamRequest(
      ATTACH.path,
      ATTACH.requestSerialize,
      ATTACH.responseDeserialize,
    );
    call.on('error', (error) => {
      console.error(`host-${index}: ${error}`);
      process.exit(1);
    });
    call.write(Buffer.from(new AgentEncoder().encode({ type: 'hello', ...helloOf(`host-${index}`) })));
    call.once('data', () => {
      let sequence = 0;
      setTimeout(
        () => setInterval(() => call.write(reports(sequence++)), intervalMs),
        (index * intervalMs) / count,
      );
    });
    if (index % 20 === 19) await sleep(20);
  }
}

/** Report by sequence number, made when it is first asked for. */
function sequenceOfReports(): (sequence: number) => Buffer {
  const table = new ReportTable();
  const diff = new ReportDiff();
  const encoder = new AgentEncoder();
  const made: Buffer[] = [];
  return (sequence) => {
    while (made.length <= sequence) {
      advance(table);
      const header = { sequence: made.length + 1, atMs: Date.now(), intervalMs, isAggregated: true };
      made.push(Buffer.from(encoder.encode({ type: 'report', ...diff.next(header, table) })));
    }
    return made[sequence]!;
  };
}

interface Seen {
  reports: number;
  rows: number;
  packets: number;
}

function countingHandler(seen: Seen): AgentSessionHandler {
  return {
    attached(session) {
      session.send({ type: 'welcome', ...welcomeOf('c1') });
      return {
        received(message) {
          if (message.type !== 'report') return;
          seen.reports++;
          seen.rows += message.rowCount;
          for (let i = 0; i < message.rowCount; i++) seen.packets += message.columns.packets[i]!;
        },
        detached() {},
      };
    },
  };
}

async function measure(agents: number): Promise<void> {
  const seen: Seen = { reports: 0, rows: 0, packets: 0 };
  const server = await startFleetServer({
    listen: '127.0.0.1:0',
    handler: countingHandler(seen),
    log: new TestLog(),
    keepalive: PATIENT,
  });
  const child = fork(process.argv[1]!, [
    ...process.argv.slice(2),
    '--address',
    server.address,
    '--agents',
    String(agents),
  ]);
  try {
    await attached(child, () => server.sessions.length === agents);
    await sleep(2 * intervalMs); // everybody has announced its rows
    Object.assign(seen, { reports: 0, rows: 0, packets: 0 });
    const bytesBefore = server.counters.receivedBytes;
    const [cpuBefore, startedAt] = [process.cpuUsage(), performance.now()];
    await sleep(seconds * 1000);
    const { user, system } = process.cpuUsage(cpuBefore);
    const elapsedMs = performance.now() - startedAt;
    const cpuMicros = user + system;
    const { heapUsed, external, rss } = process.memoryUsage();
    const result = {
      agents,
      reportsPerSecond: round((seen.reports / elapsedMs) * 1000),
      rowsPerSecond: round((seen.rows / elapsedMs) * 1000),
      serverCores: round(cpuMicros / 1000 / elapsedMs),
      microsPerReport: round(cpuMicros / seen.reports),
      nanosPerRow: round((cpuMicros / seen.rows) * 1000),
      bytesPerReport: round((server.counters.receivedBytes - bytesBefore) / seen.reports),
      rssMegabytes: round(rss / 2 ** 20),
      heapMegabytes: round(heapUsed / 2 ** 20),
      externalMegabytes: round(external / 2 ** 20),
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } finally {
    child.kill();
    await server.close();
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

const round = (value: number): number => Number(value.toPrecision(3));

if (values.address !== undefined) await runAgents(values.address, Number(values.agents));
else for (const agents of values.agents.split(',')) await measure(Number(agents));
