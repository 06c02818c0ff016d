/** The page's listener towards browsers and clients that mean no good. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { get } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeCertificates, parseHolders } from '../../src/cli/development-ca.ts';
import { loadTlsFiles } from '../../src/config/tls-files.ts';
import { CONTENT_SECURITY_POLICY } from '../../src/page/page.ts';
import { MAX_STREAMS, PATIENCE_MS } from '../../src/page/viewers.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { until } from '../support/command.ts';
import { groupLoad, PageBed } from '../support/page-bed.ts';

const test = suite('page: listener');

/** Shorter intervals in place of a second, and a clock that goes as much faster. */
const faster = (factor: number): Runtime => ({
  ...systemRuntime,
  monotonicMs: () => systemRuntime.monotonicMs() * factor,
  setTicker: (act, intervalMs) => systemRuntime.setTicker(act, intervalMs / factor),
});
const fast = faster(50);

let bed: PageBed;
test.before.each(() => {
  bed = new PageBed();
  bed.overview = { groups: [groupLoad('web')], senders: [] };
});
test.after.each(async () => {
  await bed.close();
  assert.equal(bed.failures, []);
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asking = request(
      { host: '127.0.0.1', port: bed.port, path, headers, method, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
      },
    );
    asking.on('error', reject);
    asking.end();
  });

/** A stream, read or not. */
class Viewer {
  /** As far as it is kept. */
  text = '';
  frames = 0;
  wholeStates = 0;
  isClosed = false;
  readonly socket: Socket;
  /** The end of what has come, which may be half of something that is counted. */
  private end = '';

  constructor(path = '/page/state') {
    this.socket = connect(bed.port, '127.0.0.1');
    this.socket.setEncoding('utf8').on('data', (text: string) => {
      if (this.text.length < 10_000) this.text += text;
      const seen = this.end + text;
      this.frames += seen.split('data: {').length - 1;
      this.wholeStates += seen.split('"isWhole":true').length - 1;
      this.end = seen.slice(
        Math.max(seen.lastIndexOf('data: {') + 7, seen.lastIndexOf('"isWhole":true') + 14, seen.length - 14),
      );
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.isClosed = true;
    });
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  }
}

test('page, style, script and icon come with a policy that allows nothing else', async () => {
  await bed.open();
  for (const [path, type] of [
    ['/', 'text/html; charset=utf-8'],
    ['/page/page.css', 'text/css; charset=utf-8'],
    ['/page/page.js', 'text/javascript; charset=utf-8'],
    ['/page/icon.svg', 'image/svg+xml'],
  ] as const) {
    const { status, headers } = await ask(path);
    assert.is(status, 200, path);
    assert.is(headers['content-type'], type);
    assert.is(headers['content-security-policy'], CONTENT_SECURITY_POLICY);
    assert.is(headers['x-content-type-options'], 'nosniff');
    assert.is(headers['cache-control'], 'no-store');
    assert.is(headers['access-control-allow-origin'], undefined);
  }
  assert.not.match(CONTENT_SECURITY_POLICY, /unsafe|https?:|\*/);
  const { body } = await ask('/');
  assert.not.match(body, /<script(?![^>]* src=)|<style|\son\w+=|https?:/i);
});

test('the API at this listener is not for other sites either', async () => {
  await bed.open();
  const { headers } = await ask('/v1/status', { origin: 'https://evil.example' });
  assert.is(headers['x-content-type-options'], 'nosniff');
  assert.is(headers['cross-origin-resource-policy'], 'same-origin');
  assert.is(headers['access-control-allow-origin'], undefined);
});

test('a name that an attacker made resolve to loopback is refused; addresses and localhost are not', async () => {
  await bed.open();
  for (const path of ['/', '/page/state', '/v1/status', '/metrics'])
    for (const host of [
      'evil.example',
      `evil.example:${bed.port}`,
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '[evil]',
    ])
      assert.is((await ask(path, { host })).status, 403, `${path} ${host}`);
  for (const host of ['localhost', `LOCALHOST:${bed.port}`, '127.0.0.1:1', '[::1]:7480', '127.0.0.2'])
    assert.is((await ask('/', { host })).status, 200, host);
});

test("other sites' pages can make nothing but a link", async () => {
  await bed.open();
  for (const site of ['cross-site', 'same-site']) {
    assert.is((await ask('/page/state', { 'sec-fetch-site': site, 'sec-fetch-mode': 'cors' })).status, 403);
    const frame = { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' };
    assert.is((await ask('/', frame)).status, 403);
    assert.is((await ask('/', { ...frame, 'sec-fetch-dest': 'document' })).status, 200);
  }
  assert.is((await ask('/v1/status', { 'sec-fetch-site': 'same-origin' })).status, 200);
});

test('there are no other files, and nothing is changed', async () => {
  await bed.open();
  for (const path of [
    '/page/',
    '/page/page.html/',
    '/page/..%2fpage.ts',
    '/page/%2e%2e/page.js',
    '/page/constructor',
    '/page/__proto__',
    '/page/groups/',
    `/page/groups/${'a'.repeat(300)}`,
    '/page/state/x',
  ]) {
    const { status, body } = await ask(path);
    assert.ok([400, 404].includes(status) || body === '', `${path}: ${status}`);
  }
  for (const method of ['POST', 'DELETE', 'PUT']) assert.is((await ask('/', {}, method)).status, 400);
});

test('the state is read once for all who look, and not at all when nobody does', async () => {
  await bed.open(fast);
  assert.is(bed.reads, 0);
  const viewers = Array.from({ length: 8 }, () => new Viewer());
  await until('frames', () => viewers.every(({ frames }) => frames > 5));
  const most = Math.max(...viewers.map(({ frames }) => frames));
  assert.ok(bed.reads <= most + 2, `${bed.reads} reads for ${most} frames`);
  for (const { socket } of viewers) socket.destroy();
  let before = -1;
  await until('no more reads', async () => {
    const isQuiet = before === bed.reads;
    before = bed.reads;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return isQuiet && before === bed.reads;
  });
});

test('streams are bounded; while all are taken, everything else is answered; one that goes makes room', async () => {
  await bed.open(fast);
  bed.members.set('web', []);
  const viewers = Array.from(
    { length: MAX_STREAMS },
    (_, i) => new Viewer(i % 2 === 0 ? '/page/state' : '/page/groups/web'),
  );
  await until('streams', () => viewers.every(({ frames }) => frames > 0));
  const refused = await ask('/page/state');
  assert.is(refused.status, 503);
  assert.match(refused.body, /streams are open already/);
  assert.is((await ask('/v1/status')).status, 200);
  assert.is((await ask('/')).status, 200);
  viewers[0]!.socket.destroy();
  const next = await until('room', async () => {
    const viewer = new Viewer();
    await until('an answer', () => viewer.text !== '' || viewer.isClosed);
    return viewer.text.startsWith('HTTP/1.1 200') && viewer;
  });
  for (const { socket } of [...viewers, next]) socket.destroy();
});

test('a viewer that does not read is cut off, and others do not notice', async () => {
  // Every group changes in each frame: half a megabyte.
  let round = 0;
  Object.defineProperty(bed, 'overview', {
    get: () => ({
      groups: Array.from({ length: 2_000 }, (_, i) => groupLoad(`group-${i}`, { activeFlows: round++ })),
      senders: [],
    }),
  });
  await bed.open(faster(10));
  const slow = new Viewer();
  await until('its first frame', () => slow.frames > 0);
  slow.socket.pause();
  const good = new Viewer();
  const since = systemRuntime.monotonicMs();
  await until('others see frames meanwhile', () => good.frames > 3);
  await until('the slow one is cut off', async () => (await bed.connections()) === 1);
  assert.ok((systemRuntime.monotonicMs() - since) * 10 >= PATIENCE_MS, 'not before its time');
  const before = good.frames;
  await until('further frames', () => good.frames > before);
  good.socket.destroy();
  slow.socket.destroy();
});

test('a viewer that reads again gets the whole state in place of what it missed', async () => {
  bed.overview = { groups: Array.from({ length: 4_000 }, (_, i) => groupLoad(`group-${i}`)), senders: [] };
  // A patient clock, or it would be cut off.
  await bed.open({ ...faster(10), monotonicMs: () => systemRuntime.monotonicMs() });
  const viewer = new Viewer();
  await until('its first frame', () => viewer.frames > 0);
  viewer.socket.pause();
  let round = 0;
  const change = setInterval(() => {
    round++;
    bed.overview = {
      groups: Array.from({ length: 4_000 }, (_, i) => groupLoad(`group-${i}`, { activeFlows: round })),
      senders: [],
    };
  }, 10);
  await until('much has happened', () => round > 60);
  clearInterval(change);
  viewer.socket.resume();
  await until('a second whole state', () => viewer.wholeStates > 1);
  viewer.socket.destroy();
});

test('off loopback there is nothing without a certificate of the authority: no page, no stream', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-page-'));
  const file = (name: string): string => join(directory, name);
  try {
    await makeCertificates(directory, [...parseHolders('h1', 'controllers'), ...parseHolders('h2', 'hosts')]);
    const { ca, cert, key } = loadTlsFiles({ ca: file('ca.pem'), cert: file('h1.pem'), key: file('h1.key') });
    await bed.open(systemRuntime, { ca, cert, key });
    const secure = (path: string, own: object): Promise<number | 'refused'> =>
      new Promise((resolve) => {
        const options = {
          host: '127.0.0.1',
          port: bed.port,
          path,
          ca,
          servername: 'h1',
          agent: false,
          ...own,
        };
        get(options, (response) => {
          response.destroy();
          resolve(response.statusCode!);
        }).on('error', () => resolve('refused'));
      });
    const certificate = { cert: readFileSync(file('h2.pem')), key: readFileSync(file('h2.key')) };
    for (const path of ['/', '/page/page.js', '/page/state', '/page/groups/web', '/v1/flows']) {
      assert.is(await secure(path, {}), 'refused', path);
      assert.is(await secure(path, certificate), 200, path);
      const plain = await fetch(`http://127.0.0.1:${bed.port}${path}`).then(
        () => 'answered',
        () => 'refused',
      );
      assert.is(plain, 'refused', path);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.run();
