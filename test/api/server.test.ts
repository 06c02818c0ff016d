/** The API over its unix socket, with clients that mean no good. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startApiServer, stopApiServer } from '../../src/api/server.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';

const test = suite('API server');

const lines: string[] = [];
const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
const directory = mkdtempSync(join(tmpdir(), 'sluice-api-'));
const path = join(directory, 'api.sock');
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

const ask = (target: string): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const asking = request({ socketPath: path, path: target, agent: false }, (response) => {
      let body = '';
      response.on('data', (bytes: Buffer) => {
        body += bytes.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode!, body }));
    });
    asking.on('error', reject);
    asking.end();
  });

const idle = (count: number): Promise<Socket[]> =>
  Promise.all(
    Array.from({ length: count }, () => {
      const socket = connect(path);
      socket.on('error', () => {});
      return new Promise<Socket>((resolve) => socket.once('connect', () => resolve(socket)));
    }),
  );

test('idle connections, however many, lock nobody out', async () => {
  const server = await startApiServer(path, ({ path: asked }) => ({ asked }), log, systemRuntime);
  const silent = await idle(300);
  for (let i = 0; i < 10; i++) assert.is((await ask('/v1/status')).status, 200);
  for (const socket of silent) socket.destroy();
  await stopApiServer(server, systemRuntime);
});

test('paths that are none are refused, and no failure of the API', async () => {
  const server = await startApiServer(path, ({ path: asked }) => ({ asked }), log, systemRuntime);
  for (const target of ['//%00', '/%00', '//', '//[', '/v1/%', '/v1/%0a', '*', 'http://[', '//user@:99999/'])
    assert.is((await ask(target)).status, 400, target);
  assert.equal(JSON.parse((await ask('/v1/groups/a%2Fb')).body), { asked: ['v1', 'groups', 'a/b'] });
  assert.equal(lines, []);
  await stopApiServer(server, systemRuntime);
});

test.run();
