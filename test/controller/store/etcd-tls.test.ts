// TLS to etcd, apart from that to agents: with and without certificates of clients, and none where agents have it.
// timeout: 120s
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ControllerStatus } from '../../../src/api/fleet-shapes.ts';
import { Certificates } from '../../../src/config/certificates.ts';
import type { StoreTls } from '../../../src/config/model/model.ts';
import { loadTlsFiles } from '../../../src/config/tls-files.ts';
import { openStore } from '../../../src/controller/store/open-store.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { onEnd, output } from '../../support/command.ts';
import { EtcdServer, freePorts } from '../../support/etcd.ts';
import { Host } from '../../support/host.ts';
import { CLI } from '../../support/paths.ts';
import { rejection, Standing, TestLog } from './support.ts';

/** Until an etcd that cannot be reached is given up. */
const GIVE_UP_MS = 3_000;

const directory = mkdtempSync(join(tmpdir(), `sluice-etcd-tls-${process.pid}-`));
onEnd(() => rmSync(directory, { recursive: true, force: true }));

const filesOf = (authority: string, name: string) => ({
  ca: join(directory, authority, 'ca.pem'),
  cert: join(directory, authority, `${name}.pem`),
  key: join(directory, authority, `${name}.key`),
});

const ours = filesOf('agents', 'k1');
const etcds = filesOf('etcd', 'server');
const client = filesOf('etcd', 'client');

const test = suite('etcd over TLS');

test.before(async () => {
  const make = (authority: string, ...names: string[]) =>
    output(process.execPath, CLI, 'tls', 'init', join(directory, authority), ...names);
  await make('agents', '--hosts', 'k1', '--controllers', 'k1=127.0.0.1');
  await make('etcd', '--servers', 'server=127.0.0.1', '--hosts', 'client');
});

const configOf = ({ endpoint }: EtcdServer, tls?: StoreTls) => ({
  kind: 'etcd' as const,
  endpoints: [endpoint],
  prefix: '/sluice/',
  tls,
});

const agentsTls = () =>
  new Certificates(new TestLog(), systemRuntime).add('tls', [ours.cert], () => loadTlsFiles(ours));

/** Opens it as a controller whose agents use TLS of their own, and writes. */
async function works(server: EtcdServer, tls?: StoreTls): Promise<void> {
  const store = await openStore(configOf(server, tls), new TestLog(), systemRuntime, {
    tls: agentsTls(),
    signal: AbortSignal.timeout(10 * GIVE_UP_MS),
  });
  const epoch = await new Standing(store).elected();
  await store.write([{ key: 'a', value: 1 }], epoch);
  assert.is(store.snapshot().entries.get('a'), 1);
  await store.close();
}

/** What is logged while it is tried in vain. */
async function isRefused(server: EtcdServer, tls?: StoreTls): Promise<string> {
  const log = new TestLog();
  const signal = AbortSignal.timeout(GIVE_UP_MS);
  await rejection(openStore(configOf(server, tls), log, systemRuntime, { tls: agentsTls(), signal }));
  assert.ok(log.warnings.length > 0);
  return log.warnings.join('\n');
}

test('etcd that asks for certificates: one of its authority is taken, no or another one is not', async () => {
  const server = await EtcdServer.startSecured(etcds, { asksClients: true });
  try {
    await works(server, client);
    await isRefused(server, { ca: client.ca });
    await isRefused(server, 'none');
    assert.match(await isRefused(server, ours), /certificate/);
  } finally {
    await server.remove();
  }
});

test('etcd that only shows one: its authority is enough, another one is not', async () => {
  const server = await EtcdServer.startSecured(etcds, { asksClients: false });
  try {
    await works(server, { ca: etcds.ca });
    await works(server, client);
    assert.match(await isRefused(server, { ca: ours.ca }), /certificate/);
  } finally {
    await server.remove();
  }
});

test('etcd without TLS on loopback, whatever agents use; a store that says none never uses it', async () => {
  const server = await EtcdServer.start();
  try {
    await works(server);
    await works(server, 'none');
  } finally {
    await server.remove();
  }
});

test('files that cannot be used are told with their path', async () => {
  const open = (tls: StoreTls) =>
    rejection(
      openStore(
        { kind: 'etcd', endpoints: ['127.0.0.1:1'], prefix: '/sluice/', tls },
        new TestLog(),
        systemRuntime,
      ),
    );
  const missing = join(directory, 'none.pem');
  const expected = 'found no such file, expected a readable file';
  assert.is((await open({ ca: missing })).message, `store.tls.ca ${missing}: ${expected}`);
  assert.is((await open({ ...client, key: missing })).message, `store.tls.key ${missing}: ${expected}`);
});

test('a controller with TLS to its agents, and another authority towards etcd', async () => {
  const server = await EtcdServer.startSecured(etcds, { asksClients: true });
  const host = new Host();
  try {
    const [number] = await freePorts(1);
    host.configure({
      host: 'k1',
      listen: { agents: `127.0.0.1:${number}` },
      tls: ours,
      store: { kind: 'etcd', endpoints: [server.endpoint], tls: client },
    } as never);
    const { status, stderr } = await host.sluice('controller', '-c', host.configFile, '--detach');
    assert.is(status, 0, stderr);
    assert.is((await host.json<ControllerStatus>('status')).role, 'leader');
  } finally {
    host.close();
    await server.remove();
  }
});

test.run();
