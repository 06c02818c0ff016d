// Certificates in use: read again when their files change, kept when the files are wrong, reported before they end.
// timeout: 60s
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeCertificates, parseHolders } from '../../src/cli/development-ca.ts';
import { Certificates } from '../../src/config/certificates.ts';
import { loadTlsFiles } from '../../src/config/tls-files.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { until } from '../controller/until.ts';

const DAY_MS = 86_400_000;

const test = suite('certificates');

const directory = mkdtempSync(join(tmpdir(), 'sluice-certificates-'));
const at = (...path: string[]) => join(directory, ...path);
const inUse = { ca: at('ca.pem'), cert: at('h1.pem'), key: at('h1.key') };

test.before(async () => {
  for (const authority of ['old', 'new']) await makeCertificates(at(authority), parseHolders('h1', 'hosts'));
});
test.after(() => rmSync(directory, { recursive: true }));
test.before.each(() => {
  for (const file of ['ca.pem', 'h1.pem', 'h1.key']) copyFileSync(at('old', file), at(file));
});

class Log {
  readonly lines: string[] = [];
  info(line: string): void {
    this.lines.push(line);
  }
  warn(line: string): void {
    this.lines.push(line);
  }
}

const fingerprint = (pem: Buffer | string) => new X509Certificate(pem).fingerprint256;

function scene(now = Date.now) {
  const runtime = { ...systemRuntime, wallMs: now };
  const log = new Log();
  const certificates = new Certificates(log, runtime);
  const entry = certificates.add('tls', [inUse.cert, inUse.key, inUse.ca], () =>
    loadTlsFiles(inUse, now(), 'tls'),
  );
  const changes: string[] = [];
  entry.onChange(({ cert }) => changes.push(fingerprint(cert)));
  return { log, certificates, entry, changes };
}

test('changed files are in use a moment later, without being asked for', async () => {
  const { certificates, entry, changes } = scene();
  try {
    const before = fingerprint(entry.current.cert);
    for (const file of ['ca.pem', 'h1.pem', 'h1.key']) copyFileSync(at('new', file), at(file));
    const after = fingerprint(readFileSync(at('new', 'h1.pem')));
    await until(() => changes.length > 0);
    assert.equal(changes, [after]);
    assert.is(fingerprint(entry.current.cert), after);
    assert.is.not(before, after);
  } finally {
    certificates.close();
  }
});

test('files that do not fit together leave the previous certificate in use, which is said once', () => {
  const { log, certificates, entry, changes } = scene();
  try {
    const before = fingerprint(entry.current.cert);
    copyFileSync(at('new', 'h1.key'), at('h1.key'));
    certificates.reread();
    certificates.reread();
    assert.is(fingerprint(entry.current.cert), before);
    assert.equal(changes, []);
    assert.is(log.lines.length, 1);
    assert.match(log.lines[0]!, 'the previous certificate stays in use');
    assert.match(log.lines[0]!, 'found the key of another certificate');
    copyFileSync(at('old', 'h1.key'), at('h1.key'));
    certificates.reread();
    assert.is(log.lines.length, 1, 'the same content again is no news');
  } finally {
    certificates.close();
  }
});

test('during a change of authorities the file has both, in either order and under one name', () => {
  const pem = (authority: string) => readFileSync(at(authority, 'ca.pem'), 'utf8');
  for (const order of [
    ['old', 'new'],
    ['new', 'old'],
  ]) {
    writeFileSync(inUse.ca, order.map(pem).join(''));
    for (const holder of ['old', 'new']) {
      for (const file of ['h1.pem', 'h1.key']) copyFileSync(at(holder, file), at(file));
      const { identity } = loadTlsFiles(inUse);
      assert.equal(identity.names, ['h1']);
    }
  }
});

test('30 and 7 days before the end, and after it, the log has a line, once each; status has it all the time', () => {
  const { expiresMs } = loadTlsFiles(inUse);
  let nowMs = expiresMs - 40 * DAY_MS;
  const { log, certificates } = scene(() => nowMs);
  try {
    assert.equal(certificates.warnings, []);
    assert.equal(certificates.list, [
      { setting: 'tls', file: inUse.cert, expires: new Date(expiresMs).toISOString() },
    ]);
    const said: (string | undefined)[] = [];
    for (const days of [31, 29.5, 20, 6.5, 1.5, 0.5]) {
      nowMs = expiresMs - days * DAY_MS;
      const before = log.lines.length;
      certificates.reread();
      said.push(log.lines.slice(before).join('; ') || undefined);
      assert.is(certificates.warnings.length, days > 30 ? 0 : 1);
    }
    assert.equal(
      said.map((line) => line && /expires in [^,]*/.exec(line)![0]),
      [undefined, 'expires in 29 days', undefined, 'expires in 6 days', undefined, undefined],
    );
    assert.match(certificates.warnings[0]!, `tls: ${inUse.cert} or its authority expires in less than a day`);
  } finally {
    certificates.close();
  }
});

test.run();
