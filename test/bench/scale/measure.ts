/** One size: a host with an embedded controller is started, looked at while it rests, and changed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../../src/api/shapes.ts';
import { CHECKOUT } from '../../support/paths.ts';
import { Daemon, memoryMiB, processCpuSeconds, run } from '../process.ts';
import { BULK_VIP, portAddress, type ScaleSize, scaleConfiguration } from './configuration.ts';

/** CPU at rest is read over this time, after as long to settle. */
const REST_MS = 5_000;
const PATIENCE_MS = 300_000;
const IPERF_PORT = 5_201;
const CLI = join(CHECKOUT, 'dist/src/cli/main.js');
const FLOW_SOURCE = join(CHECKOUT, 'dist/test/bench/scale/flow-source.js');

export interface SizeWithFlows extends ScaleSize {
  /** Running at rest and during the changes; they are datagram flows of the first port, over all groups. */
  readonly flows: number;
}

export interface Figures extends SizeWithFlows {
  readonly checkMs: number;
  readonly upMs: number;
  readonly restCores: number;
  readonly residentMiB: number;
  readonly weightMs: number;
  readonly weightCpuMs: number;
  /** Greatest round trip of a ping while such a change was made; lost ones count as infinite. */
  readonly weightPingMs: number;
  /** Of the same file with another weight in one group. */
  readonly reloadMs: number;
  readonly reloadPingMs: number;
  /** Of one TCP connection through a load balancer; NaN: there are not two ports. */
  readonly gigabits: number;
  readonly downMs: number;
}

export interface MeasureOptions {
  readonly policy: boolean;
  /** Of throughput. */
  readonly seconds: number;
}

export async function measure(size: SizeWithFlows, { policy, seconds }: MeasureOptions): Promise<Figures> {
  const directory = mkdtempSync('/dev/shm/sluice-scale-');
  const file = join(directory, 'config.yaml');
  const prefix = `scale${process.pid}p`;
  const options = {
    policyIntervalMs: policy ? 1_000 : undefined,
    maxConnections: size.flows > 0 ? 2 * size.flows : undefined,
  };
  writeFileSync(file, scaleConfiguration(size, prefix, options));
  const sluice = (...words: string[]): Promise<string> =>
    run(process.execPath, [CLI, '--run-dir', join(directory, 'run'), ...words], { timeoutMs: PATIENCE_MS });
  const status = async (): Promise<Status> => JSON.parse(await sluice('status', '-o', 'json')) as Status;
  try {
    const [checkMs] = await timed(() => sluice('config', 'check', '-c', file));
    const [upMs] = await timed(() => sluice('up', '-c', file, '--detach'));
    const { pid } = await status();
    if (size.flows > 0) {
      await run(process.execPath, [FLOW_SOURCE, String(size.flows), String(size.groups)], {
        namespace: `${prefix}0`,
        timeoutMs: PATIENCE_MS,
      });
    }
    await sleep(REST_MS);
    const { inUse: flows } = (await status()).connections;
    const before = processCpuSeconds([pid]);
    await sleep(REST_MS);
    const restCores = (processCpuSeconds([pid]) - before) / (REST_MS / 1_000);
    const residentMiB = Math.round(memoryMiB(pid, 'VmRSS'));
    const cpuBefore = processCpuSeconds([pid]);
    const [weightMs] = await timed(() => sluice('member', 'weight', 'g0', 'm0', '7'));
    const weightCpuMs = Math.round((processCpuSeconds([pid]) - cpuBefore) * 1_000);
    // Another one, as pings take CPU.
    const [weightPingMs] = await pinging(`${prefix}0`, () => sluice('member', 'weight', 'g0', 'm0', '8'));
    writeFileSync(file, scaleConfiguration(size, prefix, { ...options, firstWeight: 5 }));
    const [reloadPingMs, [reloadMs]] = await pinging(`${prefix}0`, () =>
      timed(() => sluice('reload', '-c', file)),
    );
    const gigabits = size.ports > 1 ? await throughput(prefix, directory, seconds) : Number.NaN;
    const [downMs] = await timed(() => sluice('down'));
    return {
      ...size,
      flows,
      checkMs,
      upMs,
      restCores,
      residentMiB,
      weightMs,
      weightCpuMs,
      weightPingMs,
      reloadMs,
      reloadPingMs,
      gigabits,
      downMs,
    };
  } finally {
    await sluice('down').catch(() => {});
    rmSync(directory, { recursive: true, force: true });
  }
}

async function timed<Result>(work: () => Promise<Result>): Promise<[ms: number, result: Result]> {
  const begin = performance.now();
  const result = await work();
  return [Math.round(performance.now() - begin), result];
}

/** The greatest round trip of pings from the first port to the second, 500 a second, while the work goes on. */
async function pinging<Result>(
  namespace: string,
  work: () => Promise<Result>,
): Promise<[worstMs: number, result: Result]> {
  const args = ['netns', 'exec', namespace, 'ping', '-i', '0.002', portAddress(1)];
  const ping = spawn('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  ping.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const ended = once(ping, 'close');
  try {
    await sleep(500);
    const result = await work();
    await sleep(500);
    ping.kill('SIGINT');
    await ended;
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(text) ?? [];
    // The last one may be on its way.
    const isLost = Number(sent) - Number(received) > 1;
    const times = [...text.matchAll(/time=([\d.]+) ms/g)].map(([, time]) => Number(time));
    return [isLost ? Number.POSITIVE_INFINITY : Math.max(...times), result];
  } finally {
    ping.kill('SIGKILL');
  }
}

async function throughput(prefix: string, directory: string, seconds: number): Promise<number> {
  const log = join(directory, 'iperf.log');
  const server = new Daemon('iperf3', ['-s', '-p', String(IPERF_PORT)], log, { namespace: `${prefix}1` });
  try {
    await sleep(500);
    const args = ['-c', BULK_VIP, '-p', String(IPERF_PORT), '-t', String(seconds), '-J'];
    const report = await run('iperf3', args, {
      namespace: `${prefix}0`,
      timeoutMs: 30_000 + 1_000 * seconds,
    });
    const { end } = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } };
    return end.sum_received.bits_per_second / 1e9;
  } finally {
    await server.stop();
  }
}
