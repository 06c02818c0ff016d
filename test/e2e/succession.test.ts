// `up --replace` whose successor fails, or is one of two, or of a version that knows one signal only: VMs are forwarded
// for all the time, and exactly one process runs in the end.
// timeout: 240s
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse, stringify } from 'yaml';
import { until } from '../support/command.ts';
import { killProcess } from '../support/host.ts';
import { shares, Testbed } from '../support/testbed.ts';

const test = suite('e2e: succession');

const WEB = '10.1.0.100';
const SHARES = { s1: 1, s2: 3, s3: 1, s4: 3, s5: 2 };

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create();
});
test.after(() => bed?.close());

const forwardsExactly = async () => assert.equal(shares(await bed.ask('c1', WEB, 10)), SHARES);
const isGone = (...names: string[]) => names.every((name) => !existsSync(join(bed.runDir, name)));

/** An etcd that takes connections and never answers. */
async function silentEtcd(): Promise<{ endpoint: string; close(): void }> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  return { endpoint: `127.0.0.1:${port}`, close: () => server.close() };
}

/** The testbed's file with this etcd as its store. */
function withStore(endpoint: string): string {
  const path = `${bed.configFile}.etcd`;
  const config = parse(readFileSync(bed.configFile, 'utf8')) as object;
  writeFileSync(path, stringify({ ...config, store: { kind: 'etcd', endpoints: [endpoint] } }));
  return path;
}

/** The pid of the process that replaces the running one, which forwards on and has given its control side up. */
async function waitingSuccessor(): Promise<number> {
  await until('the handover', () => existsSync(join(bed.runDir, 'handover')));
  return Number(readFileSync(join(bed.runDir, 'successor'), 'utf8').split('\n')[0]);
}

test('a successor that waits for its store is killed: the running process forwards, and runs on', async () => {
  const { pid } = await bed.status();
  const etcd = await silentEtcd();
  const other = withStore(etcd.endpoint);
  try {
    const replacing = bed.startSluice('up', '-c', other, '--detach', '--replace');
    const successor = await waitingSuccessor();
    await forwardsExactly();
    const second = await bed.sluice('up', '-c', bed.configFile, '--detach', '--replace');
    assert.is(second.status, 1);
    assert.match(second.stderr, 'another process is replacing the running one');
    killProcess(successor);
    assert.is(await replacing.ended, 1);
    await until('the API', async () => (await bed.sluice('status')).status === 0);
    assert.is((await bed.status()).pid, pid);
    assert.is((await bed.sluice('member', 'weight', 'web', 's1', '1')).status, 0, 'it can be changed again');
    await forwardsExactly();
    assert.is((await bed.sluice('up', '-c', bed.configFile, '--detach', '--replace')).status, 0);
    assert.is.not((await bed.status()).pid, pid);
    assert.ok(isGone('handover', 'successor', 'tables.next'));
    await forwardsExactly();
  } finally {
    etcd.close();
  }
});

test('a successor of an earlier version sends one signal, and finds the run directory free', async () => {
  const { pid } = await bed.status();
  killProcess(pid, 'SIGUSR2');
  await until('its end', () => isGone('pid', 'lock'));
  assert.is((await bed.sluice('up', '-c', bed.configFile, '--detach')).status, 0);
  await forwardsExactly();
});

test('both are killed in the middle: the next `up` goes on, and leaves nothing of them', async () => {
  const { pid } = await bed.status();
  const etcd = await silentEtcd();
  try {
    const replacing = bed.startSluice('up', '-c', withStore(etcd.endpoint), '--detach', '--replace');
    const successor = await waitingSuccessor();
    killProcess(pid);
    killProcess(successor);
    await replacing.ended;
    assert.is((await bed.sluice('up', '-c', bed.configFile, '--detach')).status, 0);
    assert.ok(isGone('handover', 'successor', 'tables.next'));
    await forwardsExactly();
  } finally {
    etcd.close();
  }
});

test.run();
