/**
 * Measures the stores on this machine: `node dist/test/controller/store/measure.js [TRIALS]`, JSON on stdout.
 *
 * Write latency: one writer, one write of 1 KB at a time, until it resolves. Election: from SIGKILL of the leading
 * process, at a random moment between two renewals of its lease, until the next one says that it leads.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StoreConfig } from '../../../src/config/model/model.ts';
import { openStore } from '../../../src/controller/store/open-store.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { EtcdServer } from '../../support/etcd.ts';
import { Standing, TestLog } from './support.ts';
import { WriterProcess } from './writer-process.ts';

const WARM_UP = 200;
const WRITES = 2000;
const VALUE = 'x'.repeat(1000);
const trials = Number(process.argv[2] ?? 20);

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;

function summary(samples: readonly number[]) {
  const sorted = [...samples].sort((a, b) => a - b);
  const [p50, p99] = [quantile(sorted, 0.5), quantile(sorted, 0.99)];
  const round = (value: number) => Number(value.toFixed(2));
  return { count: sorted.length, p50Ms: round(p50), p99Ms: round(p99), maxMs: round(sorted.at(-1)!) };
}

async function writeLatency(config: StoreConfig) {
  const store = await openStore(config, new TestLog(), systemRuntime);
  const epoch = await new Standing(store).elected();
  const samples: number[] = [];
  for (let index = 0; index < WARM_UP + WRITES; index++) {
    const start = performance.now();
    await store.write([{ key: `groups/g${index % 50}`, value: VALUE }], epoch);
    if (index >= WARM_UP) samples.push(performance.now() - start);
  }
  await store.close();
  return summary(samples);
}

async function electionTimes(config: StoreConfig) {
  const samples: number[] = [];
  let leader = new WriterProcess(config, 'w0');
  await leader.saying('elected');
  for (let trial = 1; trial <= trials; trial++) {
    const next = new WriterProcess(config, `w${trial}`);
    await next.following(`w${trial - 1}`);
    await delay(1000 * Math.random());
    const killedAt = performance.now();
    await leader.kill();
    samples.push((await next.saying('elected')).at - killedAt);
    leader = next;
  }
  await leader.kill();
  return summary(samples);
}

const dir = mkdtempSync(join(tmpdir(), 'sluice-measure-'));
const server = await EtcdServer.start();
const etcd = (prefix: string): StoreConfig => ({ kind: 'etcd', endpoints: [server.endpoint], prefix });
const result = {
  fileWrite: await writeLatency({ kind: 'file', dir }),
  etcdWrite: await writeLatency(etcd('/write/')),
  election: await electionTimes(etcd('/election/')),
};
await server.remove();
rmSync(dir, { recursive: true });
console.log(JSON.stringify(result, null, 2));
