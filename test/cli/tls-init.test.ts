import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createControllerLink, LINK_TIMING } from '../../src/agent/controller-link.ts';
import { loadTlsFiles, TlsFilesError } from '../../src/config/tls-files.ts';
import { startFleetServer } from '../../src/controller/agents/fleet-server.ts';
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
  const made = await sluice(['tls', 'init', directory, '--hosts', 'h1,c1=192.0.2.1', '-o', 'json']);
  assert.is(made.code, 0, made.stderr);
  const { certificates } = JSON.parse(made.stdout) as { certificates: { host: string; expires: string }[] };
  assert.equal(
    certificates.map(({ host }) => host),
    ['h1', 'c1'],
  );
  const { names, expiresMs } = loadTlsFiles(files('h1'));
  assert.equal(names, ['h1', 'localhost']);
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
});

init(
  'files that are missing, damaged, expired or of another pair are told with path, found, expected',
  async () => {
    assert.is((await sluice(['tls', 'init', other, '--hosts', 'h1'])).code, 0);
    const { ca, cert, key } = files('h1');
    const missing = join(directory, 'none.pem');
    assert.equal(problemsOf({ ca, cert: missing, key }), [
      `tls.cert ${missing}: found ENOENT, expected a readable file`,
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
    listen: '127.0.0.1:0',
    tls: loadTlsFiles(files('c1')),
    handler: controller,
    log,
  });
  const attach = (host: string, tls?: ReturnType<typeof files>) =>
    createControllerLink({
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

mutual('a client without a certificate of the authority is not heard', async () => {
  const controller = new TestController();
  const server = await startFleetServer({
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
