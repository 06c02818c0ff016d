/**
 * What the size of a configuration costs where nothing happens (scripts/scale.sh): a host with an embedded controller is
 * started with so many ports, groups and members, looked at while it rests, and given one change.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Status } from '../../../src/api/shapes.ts';
import { CHECKOUT } from '../../support/paths.ts';
import { memoryMiB, processCpuSeconds, run } from '../process.ts';
import { type ScaleSize, scaleConfiguration } from './configuration.ts';
import { logLogPlot } from './plot.ts';

const SERIES = {
  ports: ['10x1x10', '30x1x10', '100x1x10', '300x1x10'],
  groups: ['10x10x10', '10x100x10', '10x1000x10'],
  members: ['10x10x2', '10x10x20', '10x10x200', '10x10x2000'],
} as const;
/** CPU at rest is read over this time, after as long to settle. */
const REST_MS = 5_000;
const PATIENCE_MS = 300_000;
const CLI = join(CHECKOUT, 'dist/src/cli/main.js');

interface Figures extends ScaleSize {
  readonly checkMs: number;
  readonly upMs: number;
  readonly restCores: number;
  readonly residentMiB: number;
  readonly weightMs: number;
  readonly weightCpuMs: number;
  /** Greatest round trip of a ping, 100 a second, while the change was made. */
  readonly worstPingMs: number;
  readonly downMs: number;
}

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string' },
    policy: { type: 'boolean', default: false },
    json: { type: 'string', default: join(CHECKOUT, 'dist/scale.json') },
    svg: { type: 'string', default: join(CHECKOUT, 'dist/scale.svg') },
  },
});

async function timed<Result>(work: Promise<Result>): Promise<[ms: number, result: Result]> {
  const begin = performance.now();
  const result = await work;
  return [Math.round(performance.now() - begin), result];
}

async function measure(text: string): Promise<Figures> {
  const [ports, groups, members] = text.split('x').map(Number) as [number, number, number];
  const size = { ports, groups, members };
  const directory = mkdtempSync('/dev/shm/sluice-scale-');
  const file = join(directory, 'config.yaml');
  const prefix = `scale${process.pid}p`;
  const policyIntervalMs = options.policy ? 1_000 : undefined;
  writeFileSync(file, scaleConfiguration(size, prefix, { policyIntervalMs }));
  const sluice = (...words: string[]): Promise<string> =>
    run(process.execPath, [CLI, '--run-dir', join(directory, 'run'), ...words], { timeoutMs: PATIENCE_MS });
  try {
    const [checkMs] = await timed(sluice('config', 'check', '-c', file));
    const [upMs] = await timed(sluice('up', '-c', file, '--detach'));
    const { pid } = JSON.parse(await sluice('status', '-o', 'json')) as Status;
    await sleep(REST_MS);
    const before = processCpuSeconds([pid]);
    await sleep(REST_MS);
    const restCores = (processCpuSeconds([pid]) - before) / (REST_MS / 1_000);
    const residentMiB = Math.round(memoryMiB(pid, 'VmRSS'));
    const ping = run('ping', ['-i', '0.01', '-w', '4', '10.1.0.2'], { namespace: `${prefix}0` });
    await sleep(500);
    const cpuBefore = processCpuSeconds([pid]);
    const [weightMs] = await timed(sluice('member', 'weight', 'g0', 'm0', '7'));
    const weightCpuMs = Math.round((processCpuSeconds([pid]) - cpuBefore) * 1_000);
    const worst = /= [\d.]+\/[\d.]+\/([\d.]+)\//.exec(await ping);
    const [downMs] = await timed(sluice('down'));
    return {
      ...size,
      checkMs,
      upMs,
      restCores,
      residentMiB,
      weightMs,
      weightCpuMs,
      worstPingMs: Number(worst?.[1] ?? Number.NaN),
      downMs,
    };
  } finally {
    await sluice('down').catch(() => {});
    rmSync(directory, { recursive: true, force: true });
  }
}

const row = (figures: Figures): string =>
  `| ${figures.ports} × ${figures.groups} × ${figures.members} | ${figures.checkMs} ms | ${figures.upMs} ms | ${figures.restCores.toFixed(3)} | ${figures.residentMiB} MB | ${figures.weightMs} ms | ${figures.weightCpuMs} ms | ${figures.worstPingMs} ms | ${figures.downMs} ms |`;

async function main(): Promise<void> {
  const series: Record<string, readonly string[]> =
    options.sizes === undefined ? SERIES : { sizes: options.sizes.split(',') };
  const all: Record<string, Figures[]> = {};
  const [, , load] = readFileSync('/proc/loadavg', 'utf8').split(' ');
  process.stdout.write(`load before (15 min): ${load}\n\n`);
  process.stdout.write(
    '| Ports × groups × members | `config check` | `up` | CPU at rest, cores | Resident | `member weight` | its CPU | worst ping | `down` |\n',
  );
  process.stdout.write('|---|---|---|---|---|---|---|---|---|\n');
  for (const [name, sizes] of Object.entries(series)) {
    all[name] = [];
    for (const size of sizes) {
      const figures = await measure(size);
      all[name].push(figures);
      process.stdout.write(`${row(figures)}\n`);
    }
  }
  writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`);
  const combinations = ({ ports, groups, members }: ScaleSize): number => ports * groups * members;
  const line = (figure: 'upMs' | 'weightMs' | 'downMs' | 'checkMs') =>
    Object.entries(all).map(([name, list]) => ({
      name: `${figure.replace('Ms', '')}, more ${name}`,
      points: list.map((figures): [number, number] => [combinations(figures), Math.max(1, figures[figure])]),
    }));
  writeFileSync(
    options.svg,
    logLogPlot([...line('upMs'), ...line('weightMs')], 'ports × groups × members', 'milliseconds'),
  );
}

await main();
