import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createControllerLink, LINK_TIMING } from '../../src/agent/controller-link.ts';
import { loadTlsFiles, TlsFilesError } from '../../src/config/tls-files.ts';
import { startFleetServer } from '../../src/controller/agents/fleet-server.ts';
import { AgentEncoder } from '../../src/messages/codec.ts';
import { ATTACH } from '../../src/messages/fleet-service.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { until } from '../support/command.ts';
import { helloOf, TestAgent, TestController, TestLog } from '../support/link.ts';
import { sluice } from './run-sluice.ts';

const directory = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
const other = join(directory, 'other');
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

const files = (name: string, from = directory) => ({
  ca: join(from, 'ca.pem'),
  cert: join(from, `${name}.pem`),
  key: join(from, `${name}.key`),
});

const problemsOf = (of: ReturnType<typeof files>, nowMs?: number): readonly string[] => {
  try {
    loadTlsFiles(of, nowMs);
  } catch (error) {
    if (error instanceof TlsFilesError) return error.problems;
    throw error;
  }
  return [];
};

const init = suite('tls init');

init('makes an authority and certificates that fit each other, with expiry told', async () => {
  const made = await sluice([
    ...['tls', 'init', directory, '--hosts', 'h1,both', '--controllers', 'c1=192.0.2.1,both'],
    ...['--admins', 'root', '--servers', 'etcd', '-o', 'json'],
  ]);
  assert.is(made.code, 0, made.stderr);
  const { certificates } = JSON.parse(made.stdout) as {
    certificates: { host: string; roles: string[]; expires: string }[];
  };
  const asked = {
    h1: ['host'],
    both: ['host', 'controller'],
    c1: ['controller'],
    root: ['admin'],
    etcd: [],
  };
  assert.equal(Object.fromEntries(certificates.map(({ host, roles }) => [host, roles])), asked);
  for (const [name, roles] of Object.entries(asked))
    assert.equal([...loadTlsFiles(files(name)).identity.roles], roles);
  const { identity, expiresMs } = loadTlsFiles(files('h1'));
  assert.equal(identity.names, ['h1']);
  assert.is(certificates[0]!.expires, new Date(expiresMs).toISOString());
  assert.is(statSync(files('h1').key).mode & 0o777, 0o600);
  assert.is(statSync(join(directory, 'ca.key')).mode & 0o777, 0o600);
  assert.match(new X509Certificate(readFileSync(files('c1').cert)).subjectAltName!, /192\.0\.2\.1/);
});

init('a second run adds hosts under the same authority', async () => {
  const before = readFileSync(join(directory, 'ca.pem'), 'utf8');
  const made = await sluice(['tls', 'init', directory, '--hosts', 'h2']);
  assert.is(made.code, 0, made.stderr);
  assert.match(made.stdout, /host h2, expires \d{4}-/);
  assert.is(readFileSync(join(directory, 'ca.pem'), 'utf8'), before);
  assert.equal(problemsOf(files('h2')), []);
});

init('bad names are wrong usage', async () => {
  for (const hosts of ['h1,', 'a b', '192.0.2.1', 'h1=x/y', 'ca']) {
    const made = await sluice(['tls', 'init', directory, '--hosts', hosts]);
    assert.is(made.code, 2, hosts);
    assert.match(made.stderr, '--hosts');
  }
  assert.is((await sluice(['tls', 'init', directory])).code, 2, 'no names at all');
});

init(
  'files that are missing, damaged, expired or of another pair are told with path, found, expected',
  async () => {
    assert.is((await sluice(['tls', 'init', other, '--hosts', 'h1'])).code, 0);
    const { ca, cert, key } = files('h1');
    const missing = join(directory, 'none.pem');
    assert.equal(problemsOf({ ca, cert: missing, key }), [
      `tls.cert ${missing}: found no such file, expected a readable file`,
    ]);
    const damaged = join(directory, 'damaged.pem');
    writeFileSync(damaged, 'no PEM');
    assert.equal(problemsOf({ ca: damaged, cert, key: damaged }), [
      `tls.ca ${damaged}: found none, expected a certificate in PEM form`,
      `tls.key ${damaged}: found no private key, or one with a passphrase, expected a private key in PEM form`,
    ]);
    assert.equal(problemsOf({ ca, cert, key: files('h2').key }), [
      `tls.key ${files('h2').key}: found the key of another certificate, expected the key of ${cert}`,
    ]);
    assert.match(
      problemsOf({ ...files('h1'), ca: files('h1', other).ca }).join('\n'),
      /expected one issued by/,
    );
    const year = 365 * 86_400_000;
    assert.match(
      problemsOf(files('h1'), Date.now() + 4 * year).join('\n'),
      /expired on .*, expected one that is/,
    );
    assert.match(problemsOf(files('h1'), Date.now() - year).join('\n'), /is valid from .* on, expected/);
  },
);

init.run();

const mutual = suite('mutual TLS');

const timing = { ...LINK_TIMING, attachTimeoutMs: 2000, firstPauseMs: 20, pauseMs: 50, maxPauseMs: 100 };

mutual('an agent attaches when both certificates are of the authority and its host is named', async () => {
  const controller = new TestController();
  const log = new TestLog();
  const server = await startFleetServer({
    runtime: systemRuntime,
    listen: '127.0.0.1:0',
    tls: loadTlsFiles(files('c1')),
    handler: controller,
    log,
  });
  const attach = (host: string, tls?: ReturnType<typeof files>) =>
    createControllerLink({
      runtime: systemRuntime,
      controllers: [server.address],
      handler: new TestAgent(helloOf(host)),
      log: new TestLog(),
      timing,
      tls,
    });
  try {
    const good = attach('h1', files('h1'));
    await until('attached', () => good.state === 'attached');

    const borrowed = attach('h2', files('h1'));
    await until('refused', () => borrowed.status.failures > 0);
    assert.match(borrowed.status.lastError, 'found host h2, expected a name of its certificate: h1');
    await borrowed.close();

    const stranger = attach('h1', files('h1', other));
    await until('refused', () => stranger.status.failures > 0);
    assert.match(stranger.status.lastError, /certificate/);
    await stranger.close();

    const bare = attach('h1');
    await until('refused', () => bare.status.failures > 0);
    await bare.close();

    assert.is(controller.sessions.size, 1);
    assert.is(good.status.attachments, 1);
    await good.close();
  } finally {
    await server.close();
  }
});

/** As tls init made them before there were roles: good for both ends, named, and nothing else. */
function makeOldCertificate(name: string): ReturnType<typeof files> {
  const old = join(directory, 'old');
  mkdirSync(old, { recursive: true });
  const made = files(name, old);
  const extensions = join(old, `${name}.ext`);
  writeFileSync(
    extensions,
    `extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:${name},DNS:localhost,IP:127.0.0.1`,
  );
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const request = join(old, `${name}.csr`);
  execFileSync(
    'openssl',
    ['req', '-new', ...newKey, '-keyout', made.key, '-out', request, '-subj', `/CN=${name}`],
    {
      stdio: 'ignore',
    },
  );
  const authority = ['-CA', files('h1').ca, '-CAkey', join(directory, 'ca.key')];
  const signing = ['x509', '-req', '-in', request, '-out', made.cert, '-days', '9', ...authority];
  execFileSync('openssl', [...signing, '-extfile', extensions], { stdio: 'ignore' });
  copyFileSync(files('h1').ca, made.ca);
  return made;
}

const listening = (tls: ReturnType<typeof files>, handler = new TestController()) =>
  startFleetServer({
    runtime: systemRuntime,
    listen: '127.0.0.1:0',
    tls: loadTlsFiles(tls),
    handler,
    log: new TestLog(),
  });

const linkTo = (address: string, tls: ReturnType<typeof files>, host = 'h1') =>
  createControllerLink({
    runtime: systemRuntime,
    controllers: [address],
    handler: new TestAgent(helloOf(host)),
    log: new TestLog(),
    timing,
    tls,
  });

mutual('a certificate made before there were roles is told from a new one, with what to do', async () => {
  const old = makeOldCertificate('old');
  const expected =
    /certificate of old with no role .* expected the role (host|controller): sluice tls init --\1s old/;
  assert.throws(() => linkTo('127.0.0.1:1', old, 'old'), expected);
  await listening(old).then(
    () => assert.unreachable('a server without the role'),
    (error) => assert.match((error as Error).message, expected),
  );
});

mutual('a host is no controller: whoever has its key cannot serve others', async () => {
  await listening(files('h1')).then(
    () => assert.unreachable('a server without the role'),
    (error) => assert.match((error as Error).message, 'the role host, expected the role controller'),
  );
  // A server that does not ask itself, with a certificate that TLS alone would take.
  const thief = makeOldCertificate('thief');
  const { ca, cert, key } = {
    ca: readFileSync(thief.ca),
    cert: readFileSync(thief.cert),
    key: readFileSync(thief.key),
  };
  const heard: string[] = [];
  const rogue = createSecureServer({ ca, cert, key, requestCert: true }, () => {});
  rogue.on('stream', (_stream, headers) => heard.push(String(headers[':path'])));
  await new Promise<void>((resolve) => rogue.listen(0, '127.0.0.1', resolve));
  const link = linkTo(`127.0.0.1:${(rogue.address() as AddressInfo).port}`, files('h1'));
  try {
    await until('refused', () => link.status.failures > 0);
    assert.match(link.status.lastError, 'certificate of thief with no role');
    assert.equal(heard, []);
  } finally {
    await link.close();
    rogue.close();
  }
});

mutual('a controller or an admin is no host: its certificate does not attach', async () => {
  const controller = new TestController();
  const server = await listening(files('c1'), controller);
  const client = new Client(
    server.address,
    credentials.createSsl(
      readFileSync(files('root').ca),
      readFileSync(files('root').key),
      readFileSync(files('root').cert),
    ),
    { 'grpc.ssl_target_name_override': 'localhost' },
  );
  const call = client.makeBidiStreamRequest(ATTACH.path, ATTACH.requestSerialize, ATTACH.responseDeserialize);
  let reason = '';
  call.on('data', () => {});
  call.on('error', (error) => {
    reason = (error as { details?: string }).details ?? error.message;
  });
  call.write(Buffer.from(new AgentEncoder().encode({ type: 'hello', ...helloOf('root') })));
  await until('refused', () => reason !== '');
  assert.match(reason, 'certificate of root with the role admin, expected the role host');
  assert.is(controller.sessions.size, 0);
  assert.is(server.counters.refused, 1);
  client.close();
  await server.close();
});

mutual('a client without a certificate of the authority is not heard', async () => {
  const controller = new TestController();
  const server = await startFleetServer({
    runtime: systemRuntime,
    listen: '127.0.0.1:0',
    tls: loadTlsFiles(files('c1')),
    handler: controller,
    log: new TestLog(),
  });
  // It trusts the server, but its own certificate is another authority's: only the server can refuse.
  const mixed = join(directory, 'mixed');
  execFileSync('mkdir', ['-p', mixed]);
  writeFileSync(
    join(mixed, 'ca.pem'),
    readFileSync(files('h1').ca, 'utf8') + readFileSync(files('h1', other).ca, 'utf8'),
  );
  copyFileSync(files('h1', other).cert, join(mixed, 'h1.pem'));
  copyFileSync(files('h1', other).key, join(mixed, 'h1.key'));
  const link = createControllerLink({
    runtime: systemRuntime,
    controllers: [server.address],
    handler: new TestAgent(helloOf('h1')),
    log: new TestLog(),
    timing,
    tls: files('h1', mixed),
  });
  await until('refused', () => link.status.failures > 0);
  assert.is(controller.sessions.size, 0);
  await link.close();
  await server.close();
});

mutual.run();
