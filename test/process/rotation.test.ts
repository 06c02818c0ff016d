// A change of authority and of every certificate, without a restart: agents' links, the API over HTTPS, and etcd.
// timeout: 180s
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createControllerLink } from '../../src/agent/controller-link.ts';
import type { AgentRow, ControllerStatus } from '../../src/api/fleet-shapes.ts';
import { controllerUser } from '../../src/native/processes/users.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { silent, TestAgent } from '../controller/fleet.ts';
import { onEnd, output, until } from '../support/command.ts';
import { EtcdServer, freePorts } from '../support/etcd.ts';
import { Host, killProcess } from '../support/host.ts';
import { CLI } from '../support/paths.ts';

const test = suite('change of certificates');

const directory = mkdtempSync(join(tmpdir(), `sluice-rotation-${process.pid}-`));
onEnd(() => rmSync(directory, { recursive: true, force: true }));
const at = (...path: string[]) => join(directory, ...path);
const files = (name: string) => ({
  ca: at('used', 'ca.pem'),
  cert: at('used', `${name}.pem`),
  key: at('used', `${name}.key`),
});

/** Puts the certificate of one authority in use, or adds an authority. */
const use = (authority: string, name: string) => {
  for (const suffix of ['pem', 'key'])
    copyFileSync(at(authority, `${name}.${suffix}`), at('used', `${name}.${suffix}`));
};
const trustOnly = (authority: string) => copyFileSync(at(authority, 'ca.pem'), at('used', 'ca.pem'));

/** Fingerprint of what is shown at this port to a client with this authority's certificate; its error otherwise. */
const shown = (port: number, authority: string): Promise<string> =>
  new Promise((resolve) => {
    const read = (file: string) => readFileSync(at(authority, file));
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: [readFileSync(at('old', 'ca.pem')), readFileSync(at('new', 'ca.pem'))],
      cert: read('h2.pem'),
      key: read('h2.key'),
      ALPNProtocols: ['h2', 'http/1.1'],
      servername: 'k1',
    });
    let seen = '';
    const end = (what: string) => {
      socket.destroy();
      resolve(what);
    };
    socket.once('secureConnect', () => {
      seen =
        socket.getPeerCertificate().subjectaltname === undefined
          ? ''
          : socket.getPeerX509Certificate()!.fingerprint256;
      // TLS 1.3: a refused client hears of it with the first read. A server that took it waits for a request, or greets.
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
    });
    socket.once('data', () => end(seen));
    socket.once('error', (error) => end(error.message));
    socket.once('end', () => end('closed'));
  });

const fingerprintOf = async (authority: string, name: string) =>
  (await output('openssl', 'x509', '-in', at(authority, `${name}.pem`), '-noout', '-fingerprint', '-sha256'))
    .trim()
    .split('=')[1]!;

test('both authorities are taken during the change; nothing restarts, no agent is lost', async () => {
  for (const authority of ['old', 'new', 'used']) {
    const names = ['--controllers', 'k1=127.0.0.1', '--hosts', 'k1,h1,h2', '--servers', 'etcd=127.0.0.1'];
    await output(process.execPath, CLI, 'tls', 'init', at(authority), ...names);
  }
  // The controller reads them again as its own user.
  const { uid, gid } = controllerUser(undefined);
  for (const path of [at(), at('used')]) chmodSync(path, 0o711);
  chownSync(at('used', 'k1.key'), uid, gid);
  trustOnly('old');
  for (const name of ['k1', 'h1', 'h2', 'etcd']) use('old', name);
  const etcd = await EtcdServer.startSecured(files('etcd'), { asksClients: true });
  const [agents, http] = (await freePorts(2)) as [number, number];
  const host = new Host();
  const attached: TestAgent[] = [];
  const attach = (name: string): TestAgent => {
    const tls = { ca: at('used', 'ca.pem'), cert: at('used', `${name}.pem`), key: at('used', `${name}.key`) };
    const link = (handler: Parameters<typeof createControllerLink>[0]['handler']) =>
      createControllerLink({
        controllers: [`127.0.0.1:${agents}`],
        tls,
        handler,
        log: silent,
        runtime: systemRuntime,
      });
    const agent = new TestAgent(link, name);
    attached.push(agent);
    return agent;
  };
  try {
    host.configure({
      host: 'k1',
      listen: { agents: `127.0.0.1:${agents}`, http: `127.0.0.1:${http}` },
      tls: files('k1'),
      store: { kind: 'etcd', endpoints: [etcd.endpoint], tls: files('k1') },
      networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
      groups: [
        { name: 'api', network: 'app', vip: '10.1.0.100', members: [{ name: 'a', address: '10.1.0.1' }] },
      ],
    } as never);
    const started = await host.sluice('controller', '-c', host.configFile, '--detach');
    assert.is(started.status, 0, started.stderr);
    const status = () => host.json<ControllerStatus>('status');
    const { pid, epoch } = await status();
    attach('h1');
    await until('h1 is attached', async () => (await status()).agents === 1);
    assert.is(await shown(agents, 'old'), await fingerprintOf('old', 'k1'));
    assert.match(await shown(agents, 'new'), /unknown ca|closed|ECONNRESET|EPIPE/);

    appendFileSync(at('used', 'ca.pem'), readFileSync(at('new', 'ca.pem')));
    killProcess(pid, 'SIGHUP');
    await until(
      'both authorities are taken',
      async () => !/unknown ca|closed|ECON/.test(await shown(agents, 'new')),
    );
    assert.is(await shown(agents, 'old'), await fingerprintOf('old', 'k1'));

    for (const name of ['k1', 'h2', 'etcd']) use('new', name);
    const renewed = await fingerprintOf('new', 'k1');
    // No signal: the files are enough.
    await until('the new certificate', async () => (await shown(agents, 'old')) === renewed);
    attach('h2');
    await until('h2 attaches with its new one', async () => (await status()).agents === 2);

    trustOnly('new');
    killProcess(pid, 'SIGHUP');
    await until('the old authority is refused', async () =>
      /unknown ca|closed|ECON/.test(await shown(agents, 'old')),
    );
    assert.equal(attached[0]!.detachments, [], 'h1 has kept its connection');
    const rows = await host.json<AgentRow[]>('agent', 'list');
    assert.equal(rows.map((row) => row.host).sort(), ['h1', 'h2']);
    assert.ok(rows.every(({ certificateExpires }) => Date.parse(certificateExpires!) > Date.now()));
    await etcd.restart(); // it trusts the new authority alone now
    // 3: h1, whose certificate is still the old one, is away and does not confirm.
    const weight = async () =>
      [0, 3].includes((await host.sluice('member', 'weight', 'api', 'a', '3')).status!);
    await until('etcd takes writes again', weight, 20_000);

    const after = await status();
    assert.is(after.pid, pid);
    assert.ok(after.epoch !== null && after.epoch >= epoch!);
    assert.equal(
      after.certificates.map(({ setting }) => setting),
      ['tls', 'store.tls'],
    );
  } finally {
    for (const agent of attached) await agent.close();
    host.close();
    await etcd.remove();
  }
});

test.run();
