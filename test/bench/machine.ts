/** The machine and the tools: what a reader must know to judge the figures, or to repeat them. */
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { run } from './process.ts';

export interface MachineFacts {
  kernel: string;
  distribution: string;
  cpu: string;
  cores: number;
  memoryMiB: number;
  node: string;
  v8: string;
  /** Of the last minute, before the run: other work on the machine disturbs everything. */
  loadAverage: number;
  commit: string;
  tools: Record<string, string>;
}

export async function machineFacts(root: string): Promise<MachineFacts> {
  return {
    kernel: release(),
    distribution: /^PRETTY_NAME="(.*)"$/m.exec(readText('/etc/os-release'))?.[1] ?? 'unknown',
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    node: process.version,
    v8: process.versions.v8,
    loadAverage: loadavg()[0]!,
    commit: await firstLine('git', ['-C', root, 'describe', '--always', '--dirty']),
    tools: {
      iperf3: await firstLine('iperf3', ['--version']),
      sockperf: await firstLine('sockperf', ['--version']),
      // `wrk --version` prints its usage too, and exits with 1.
      wrk: await firstLine('sh', ['-c', 'wrk --version || true']),
      nginx: await firstLine('sh', ['-c', 'nginx -v 2>&1']),
    },
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function firstLine(command: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(command, args)).split('\n', 1)[0]!;
  } catch {
    return 'unknown';
  }
}
