/**
 * The soak: new connections at a rate through one VIP, while its members drain, fail and join, for minutes on end.
 *
 * Judged by: every request answered but those that were on a member when it failed; every drain comes to its end; the
 * connection table is empty once the timers have passed; the host's resident memory is the same at the end as at the
 * beginning.
 */
import { join } from 'node:path';
import type { Status } from '../../src/api/shapes.ts';
import { ApiClient } from '../../src/cli/api-client.ts';
import { type Background, sleep, until } from '../support/command.ts';
import { Host } from '../support/host.ts';
import { member, tcpGroup, testbedConfig } from '../support/testbed-config.ts';
import { type Changes, Churn, type Failure } from './churn.ts';

export interface SoakOptions {
  readonly seconds: number;
  /** New connections per second, over all clients. */
  readonly rate: number;
  /** Resident memory of the last quarter over that of the first, at most. */
  readonly maxGrowth: number;
  readonly pauseMs: number;
  readonly onProgress?: (text: string) => void;
}

export interface FailedRequest {
  readonly fromMs: number;
  readonly toMs: number;
  /** Who had answered before it broke; null: nobody yet. */
  readonly server: string | null;
  readonly error: string;
  readonly isHeld: boolean;
}

export interface SoakResult {
  readonly seconds: number;
  readonly rate: number;
  /** Connections per second that were really made. */
  readonly achievedRate: number;
  readonly requests: number;
  readonly failedOnFailedMembers: number;
  readonly failedOtherwise: number;
  /** The first of them. */
  readonly examples: readonly FailedRequest[];
  readonly changes: Changes;
  readonly connectionsPeak: number;
  readonly connectionsRefused: number;
  readonly connectionsAtEnd: number;
  readonly residentFirstQuarterBytes: number;
  readonly residentLastQuarterBytes: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
  readonly isGood: boolean;
}

const CLIENTS = ['c1', 'c2', 'c3'];
const SERVERS = ['s1', 's2', 's3', 's4', 's5'];
const VIP = '10.1.0.160';
const GROUP = 'soak';
/** Records of ended connections live this long: a table that breathes, and is empty soon after. */
const TRANSITORY_S = 5;
const SAMPLE_MS = 500;
/** Tables and heaps are touched for the first time, and code is compiled: not looked at. */
const WARM_UP_S = 60;
/** One turn of the ageing hand takes 8 s. */
const EMPTY_LIMIT_MS = (TRANSITORY_S + 30) * 1_000;
const CLIENT_END_MS = 30_000;
/** A machine that cannot make this share of the connections measures itself. */
const LEAST_SHARE = 0.9;

const clientFile = (name: string): string => join(import.meta.dirname, `../support/clients/${name}.js`);

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const host = new Host();
  try {
    const config = testbedConfig(host.name);
    config.datapath = { tcpTransitoryIdle: `${TRANSITORY_S}s` };
    config.groups = [
      tcpGroup(
        GROUP,
        160,
        SERVERS.map((server) => member(server)),
      ),
    ];
    await host.up(config);
    await Promise.all(SERVERS.map((vm) => serve(host, vm)));
    return await run(host, options);
  } finally {
    host.close();
  }
}

async function serve(host: Host, vm: string): Promise<void> {
  await host.exec(vm, 'sysctl', '-qw', 'net.core.somaxconn=4096');
  const server = host.start(vm, process.execPath, clientFile('soak-server'), vm, '8080');
  await until(`${vm}'s server`, () => server.lines.includes('ready'));
}

async function startClient(host: Host, vm: string, rate: number): Promise<Background> {
  await host.exec(vm, 'sysctl', '-qw', 'net.ipv4.ip_local_port_range=1024 65535');
  return host.start(vm, process.execPath, clientFile('soak-client'), VIP, '80', `${rate}`);
}

async function run(host: Host, options: SoakOptions): Promise<SoakResult> {
  const { seconds, rate, pauseMs } = options;
  const api = new ApiClient(host.runDir);
  const members = SERVERS.map((server) => member(server));
  const churn = new Churn(api, GROUP, members);
  const clients = await Promise.all(CLIENTS.map((vm) => startClient(host, vm, rate / CLIENTS.length)));
  churn.start(pauseMs);
  const samples = await sample(api, options);
  await churn.stop();
  await Promise.all(clients.map((client) => stopClient(client)));
  const atEnd = await untilEmpty(api);
  const problems = [...churn.problems];
  const totals = clients.map((client) => lastLine(client));
  const failed = clients.flatMap((client) => client.lines.slice(0, -1).map((line) => JSON.parse(line)));
  const otherwise = failed.filter((request: FailedRequest) => !isExcused(request, churn.failures));
  const requests = sum(totals.map((total) => total.requests));
  const achievedRate = sum(totals.map((total) => total.requests / total.seconds));
  const skipped = sum(totals.map((total) => total.skipped));
  const { first, last } = quarters(samples.map(({ residentBytes }) => residentBytes));
  if (otherwise.length > 0) problems.push(`${otherwise.length} requests failed that had no reason to`);
  if (atEnd.connections.inUse > 0) problems.push(`${atEnd.connections.inUse} connection records are left`);
  if (last > first * options.maxGrowth) problems.push(`resident memory grew from ${first} to ${last} bytes`);
  if (achievedRate < rate * LEAST_SHARE) {
    problems.push(`only ${achievedRate.toFixed()} connections per second were made, ${skipped} left out`);
  }
  return {
    seconds,
    rate,
    achievedRate: Math.round(achievedRate),
    requests,
    failedOnFailedMembers: failed.length - otherwise.length,
    failedOtherwise: otherwise.length,
    examples: otherwise.slice(0, 10),
    changes: churn.changes,
    connectionsPeak: Math.max(...samples.map(({ connections }) => connections.inUse)),
    connectionsRefused: atEnd.connections.refused,
    connectionsAtEnd: atEnd.connections.inUse,
    residentFirstQuarterBytes: first,
    residentLastQuarterBytes: last,
    drops: atEnd.drops,
    problems,
    isGood: problems.length === 0,
  };
}

/** What the host says of itself, again and again until the time is over; the warm-up is left out. */
async function sample(api: ApiClient, { seconds, onProgress }: SoakOptions): Promise<Status[]> {
  const samples: Status[] = [];
  const beginMs = Date.now();
  for (let number = 0; Date.now() - beginMs < seconds * 1_000; number++) {
    await sleep(SAMPLE_MS);
    const status = await api.get<Status>('/v1/status');
    const passedS = (Date.now() - beginMs) / 1_000;
    if (passedS > Math.min(WARM_UP_S, seconds / 2)) samples.push(status);
    if (number % 20 === 0) {
      const { connections, residentBytes } = status;
      const resident = (residentBytes / 2 ** 20).toFixed();
      onProgress?.(
        `${passedS.toFixed()} s: ${connections.created} flows, ${connections.inUse} records, ${resident} MiB`,
      );
    }
  }
  return samples;
}

async function stopClient(client: Background): Promise<void> {
  client.child.kill('SIGTERM');
  const late = sleep(CLIENT_END_MS, 'late' as const);
  if ((await Promise.race([client.ended, late])) === 'late') {
    throw new Error(`a client does not come to its end: ${client.stderr}`);
  }
}

async function untilEmpty(api: ApiClient): Promise<Status> {
  const deadline = Date.now() + EMPTY_LIMIT_MS;
  for (;;) {
    const status = await api.get<Status>('/v1/status');
    if (status.connections.inUse === 0 || Date.now() > deadline) return status;
    await sleep(SAMPLE_MS);
  }
}

function lastLine(client: Background): { requests: number; skipped: number; seconds: number } {
  const line = client.lines.at(-1);
  if (line === undefined) throw new Error(`a client ended without totals: ${client.stderr}`);
  return JSON.parse(line);
}

/** Its member failed while the request ran; one that nobody had answered yet may have been on it. */
const isExcused = ({ fromMs, toMs, server }: FailedRequest, failures: readonly Failure[]): boolean =>
  failures.some(
    (failure) =>
      (server === null || server === failure.member) && fromMs <= failure.toMs && toMs >= failure.fromMs,
  );

/** Medians of the first and of the last quarter: a garbage collection more or less does not matter. */
function quarters(values: readonly number[]): { first: number; last: number } {
  const quarter = Math.max(1, Math.floor(values.length / 4));
  return { first: median(values.slice(0, quarter)), last: median(values.slice(-quarter)) };
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
