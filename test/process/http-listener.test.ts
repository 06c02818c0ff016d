/** `listen.http`: plain on loopback, and elsewhere for those who have a certificate. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startReadOnlyServer, stopApiServer } from '../../src/api/server.ts';
import { makeCertificates, parseHolders } from '../../src/cli/development-ca.ts';
import { loadTlsFiles } from '../../src/config/tls-files.ts';
import { httpListener } from '../../src/process/http-listener.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';

const test = suite('listen.http');

const directory = mkdtempSync(join(tmpdir(), 'sluice-http-'));
const file = (name: string): string => join(directory, name);
const tls = { ca: file('ca.pem'), cert: file('h1.pem'), key: file('h1.key') };

test.before(async () => {
  await makeCertificates(directory, [...parseHolders('h1', 'controllers'), ...parseHolders('h2', 'hosts')]);
});
test.after(() => rmSync(directory, { recursive: true }));

/** The body, or the code of the error. */
const ask = (port: number, certificate?: string): Promise<string> =>
  new Promise((resolve) => {
    const own = certificate && {
      cert: readFileSync(file(`${certificate}.pem`)),
      key: readFileSync(file(`${certificate}.key`)),
    };
    const options = { host: '127.0.0.1', port, ca: readFileSync(tls.ca), servername: 'h1', ...own };
    get(options, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
    }).on('error', () => resolve('refused'));
  });

test('off loopback it answers those alone who have a certificate of the authority', async () => {
  // An address that is no loopback one stands for all; this test listens on loopback with what that gets.
  const listener = httpListener('0.0.0.0:7480', loadTlsFiles(tls));
  assert.ok(listener.tls !== undefined);
  const server = await startReadOnlyServer(
    { ...listener, host: '127.0.0.1', port: 0 },
    () => ({ well: true }),
    pino({ level: 'silent' }),
    systemRuntime,
  );
  try {
    const { port } = server.address() as AddressInfo;
    assert.equal(JSON.parse(await ask(port, 'h2')), { well: true });
    assert.is(await ask(port), 'refused');
    const plain = await fetch(`http://127.0.0.1:${port}/`).then(
      () => 'answered',
      () => 'refused',
    );
    assert.is(plain, 'refused');
  } finally {
    await stopApiServer(server, systemRuntime);
  }
});

test('on loopback it is plain, with TLS configured or not', () => {
  assert.equal(httpListener('127.0.0.1:7480', loadTlsFiles(tls)), { host: '127.0.0.1', port: 7480 });
  assert.equal(httpListener('[::1]:7480', undefined), { host: '::1', port: 7480 });
  assert.throws(
    () => httpListener('192.0.2.1:7480', undefined),
    /listen\.http: found 192\.0\.2\.1:7480 without tls/,
  );
});

test.run();
