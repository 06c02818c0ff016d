/**
 * The agents' process of fleet-scale.ts: all agents send the same sequence of reports, encoded once: as each stream
 * begins with the first, it is right for each of them, and this process does not need more cores than the server
 * that is measured. They acknowledge rules as hosts do.
 *
 * Of the group `probe` only the first agent reports, and moves its load from one member to the other every few
 * seconds. From that report to the rules that follow from it, at each agent, is the time that the loop takes.
 */
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { AgentEncoder, decodeFromController } from '../../src/messages/codec.ts';
import { ATTACH, channelOptions, type Keepalive } from '../../src/messages/fleet-service.ts';
import { REPORT_COLUMNS, type ReportColumn, type RowFigures } from '../../src/messages/report.ts';
import { ReportDiff, ReportTable } from '../../src/messages/report-table.ts';
import { sleep } from '../support/command.ts';
import { helloOf } from '../support/link.ts';

export interface AgentsSettings {
  readonly groups: number;
  readonly members: number;
  readonly intervalMs: number;
  /** Part of the rows with new figures in a report. */
  readonly changedShare: number;
  /** Only the columns that move while healthy TCP connections come and go. */
  readonly isQuiet: boolean;
  readonly keepalive: Keepalive;
}

export const PROBE_GROUP = 'probe';
/** Reports from one move of the probe's load to the next. */
const PROBE_EVERY = 3;
/** Of a member, all the time: so that weights stay what they are, but for the probe's. */
const ACTIVE_FLOWS = 100;

const QUIET: readonly ReportColumn[] = [
  'packets',
  'bytes',
  'replyPackets',
  'replyBytes',
  'newFlows',
  'endedFlows',
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

type Figures = { -readonly [Column in keyof RowFigures]?: number };
type Call = ClientDuplexStream<Buffer, Buffer>;

/** Attaches `count` agents to the server and lets them report until the process is ended. */
export async function runAgents(address: string, count: number, settings: AgentsSettings): Promise<void> {
  const reports = sequenceOfReports(settings, () => {});
  const probe = new Probe();
  const probeReports = sequenceOfReports(settings, (table, sequence) => probe.fill(table, sequence));
  for (let index = 0; index < count; index++) {
    const client = new Client(address, credentials.createInsecure(), {
      ...channelOptions(settings.keepalive),
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
    });
    const call: Call = client.makeBidiStreamRequest(
      ATTACH.path,
      ATTACH.requestSerialize,
      ATTACH.responseDeserialize,
    );
    call.on('error', (error) => {
      console.error(`host-${index}: ${error}`);
      process.exit(1);
    });
    greet(call, index);
    call.once('data', () =>
      report(call, index === 0 ? probeReports : reports, (index * settings.intervalMs) / count, settings),
    );
    call.on('data', (bytes: Buffer) => answer(call, bytes, probe));
    if (index % 20 === 19) await sleep(20);
  }
}

function greet(call: Call, index: number): void {
  const port = {
    name: 'web',
    network: 'app',
    netns: 'web',
    mac: '02:00:00:00:00:01',
    addresses: [],
    labels: {},
  };
  const hello = { ...helloOf(`host-${index}`), ports: [port] };
  call.write(Buffer.from(new AgentEncoder().encode({ type: 'hello', ...hello })));
}

function report(
  call: Call,
  reports: (sequence: number) => Buffer,
  phaseMs: number,
  { intervalMs }: AgentsSettings,
): void {
  let sequence = 0;
  setTimeout(() => setInterval(() => call.write(reports(sequence++)), intervalMs), phaseMs);
}

function answer(call: Call, bytes: Buffer, probe: Probe): void {
  const message = decodeFromController(bytes);
  if (message?.type !== 'rules') return;
  if (!message.isFull && message.groups.some(({ name }) => name === PROBE_GROUP)) probe.seen();
  const { epoch, revision } = message;
  const applied = { type: 'applied', epoch, revision, localRevision: 1, error: '' } as const;
  call.write(Buffer.from(new AgentEncoder().encode(applied)));
}

/** The group whose load moves, and how long that takes to be seen; the parent process gets each time in milliseconds. */
class Probe {
  private movedAtMs = 0;

  fill(table: ReportTable, sequence: number): void {
    const isMoving = sequence % PROBE_EVERY === 0;
    const isFirstLoaded = Math.floor(sequence / PROBE_EVERY) % 2 === 0;
    for (const [i, member] of ['a', 'b'].entries()) {
      const activeFlows = (i === 0) === isFirstLoaded ? 1000 : 100;
      table.set(
        { group: PROBE_GROUP, member, address: `10.9.0.${i + 1}`, loadBalancer: '' },
        { activeFlows },
      );
    }
    if (isMoving) this.movedAtMs = performance.now();
  }

  seen(): void {
    if (this.movedAtMs > 0) process.send?.(performance.now() - this.movedAtMs);
  }
}

/** Report by sequence number from 0, made when it is first asked for. */
function sequenceOfReports(
  settings: AgentsSettings,
  fillMore: (table: ReportTable, sequence: number) => void,
): (sequence: number) => Buffer {
  const table = new ReportTable();
  const diff = new ReportDiff();
  const encoder = new AgentEncoder();
  const made: Buffer[] = [];
  const { intervalMs } = settings;
  return (sequence) => {
    while (made.length <= sequence) {
      advance(table, settings);
      fillMore(table, made.length);
      const header = { sequence: made.length + 1, atMs: Date.now(), intervalMs, isAggregated: true };
      made.push(Buffer.from(encoder.encode({ type: 'report', ...diff.next(header, table) })));
    }
    return made[sequence]!;
  };
}

function advance(table: ReportTable, { groups, members, changedShare, isQuiet }: AgentsSettings): void {
  const moving = isQuiet ? QUIET : REPORT_COLUMNS;
  for (let row = 0; row < groups * members; row++) {
    if (Math.random() >= changedShare && table.keys[row]) continue;
    const figures: Figures = {};
    for (const name of REPORT_COLUMNS) {
      const step = moving.includes(name) ? Math.floor(Math.random() * (STEP[name] ?? 100)) : 0;
      figures[name] = (table.columns[name][row] ?? 0) + step;
    }
    figures.activeFlows = ACTIVE_FLOWS;
    const [group, member] = [Math.floor(row / members), row % members];
    table.set(
      {
        group: `group-${group}`,
        member: `member-${member}`,
        address: `10.1.${group}.${member + 1}`,
        loadBalancer: '',
      },
      figures,
    );
  }
}
