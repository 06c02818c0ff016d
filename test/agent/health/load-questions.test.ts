// Questions for load to real servers over loopback: good ones, and ones that are out to do harm.
// timeout: 60s
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { askLoad, type LoadAnswer } from '../../../src/agent/health/load-questions.ts';
import type { LoadSpec } from '../../../src/agent/health/prober-protocol.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';

const test = suite('questions for load');

const servers: { server: Server; sockets: Set<Socket> }[] = [];

test.after.each(() => {
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  servers.push({ server, sockets });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const http = (listener: RequestListener): Promise<number> => listen(createHttpServer(listener));
const tcp = (accepted: (socket: Socket) => void): Promise<number> => listen(createServer(accepted));

const ask = (port: number, spec: Partial<LoadSpec>): Promise<LoadAnswer> =>
  askLoad({ kind: 'http', address: '127.0.0.1', port, path: '/', timeoutMs: 20_000, ...spec }, systemRuntime);

test('Prometheus text, JSON, ORCA and the words of an agent', async () => {
  const port = await http((request, response) => {
    if (request.url === '/orca') response.setHeader('endpoint-load-metrics', 'JSON {"cpu_utilization": 0.4}');
    response.end(
      request.url === '/metrics' ? 'a 1\nload{cpu="0"} 2\nload{cpu="1"} 3.5\n' : '{"stats":{"load":0.25}}',
    );
  });
  assert.equal(await ask(port, { path: '/metrics', metric: 'load' }), { load: 5.5, detail: 'load 5.5' });
  assert.is((await ask(port, { pointer: '/stats/load' })).load, 0.25);
  assert.is((await ask(port, { kind: 'orca', path: '/orca' })).load, 0.4);
  const agent = await tcp((socket) => socket.end('up ready 30%\n'));
  assert.equal(await ask(agent, { kind: 'agent-check' }), { load: 70, detail: '"up ready 30%"' });
  const busy = await tcp((socket) => socket.write('0%\r\n and more, which is not read'));
  assert.is((await ask(busy, { kind: 'agent-check' })).load, 100);
  const idle = await tcp((socket) => socket.end('250%'));
  assert.is((await ask(idle, { kind: 'agent-check' })).load, 0);
});

test('a metric that is cut anywhere between two packets', async () => {
  const page = 'x 9\nload 12.5\ny 8\n';
  for (let cut = 1; cut < page.length; cut++) {
    const port = await http((_request, response) => {
      response.write(page.slice(0, cut));
      setImmediate(() => response.end(page.slice(cut)));
    });
    assert.is((await ask(port, { metric: 'load' })).load, 12.5, `cut at ${cut}`);
  }
});

test('a value that is no load is refused with the reason', async () => {
  for (const [value, detail] of [
    ['NaN', /found NaN/],
    ['+Inf', /found Infinity/],
    ['-1', /found -1/],
    ['1e16', /expected 0 to 1000000000000000/],
    ['1e999', /found Infinity/],
    ['0x', /found NaN/],
    ['none', /found NaN/],
  ] as const) {
    const port = await http((_request, response) => response.end(`load ${value}\n`));
    const answer = await ask(port, { metric: 'load' });
    assert.is(answer.load, undefined, value);
    assert.match(answer.detail, detail);
  }
  for (const value of ['"5"', 'null', '[]', '{}', 'true', '-0.1', '1e400']) {
    const port = await http((_request, response) => response.end(`{"load":${value}}`));
    assert.is((await ask(port, { pointer: '/load' })).load, undefined, value);
  }
});

test('errors, statuses, redirects, garbage', async () => {
  const closed = await http(() => {});
  for (const { server } of servers) server.close();
  assert.equal(await ask(closed, { metric: 'a' }), { load: undefined, detail: 'connection refused' });
  let asked = 0;
  const elsewhere = await http((request, response) => {
    asked++;
    if (request.url === '/') response.writeHead(302, { location: '/other' });
    response.end('a 1\n');
  });
  assert.is((await ask(elsewhere, { metric: 'a' })).detail, 'HTTP status 302');
  assert.is(asked, 1);
  const garbage = await tcp((socket) => socket.end(Buffer.from(Array.from({ length: 4096 }, (_, i) => i))));
  assert.is((await ask(garbage, { metric: 'a' })).load, undefined);
  assert.is((await ask(garbage, { kind: 'agent-check' })).load, undefined);
  const ends = await tcp((socket) => socket.end());
  assert.is((await ask(ends, { metric: 'a' })).load, undefined);
  assert.equal(await ask(ends, { kind: 'agent-check' }), { load: undefined, detail: 'no percentage in ""' });
});

test('an endless answer is cut off, by its length or in time, and takes no memory', async () => {
  const line = Buffer.from(`other{a="${'x'.repeat(500)}"} 1\n`.repeat(100));
  const endless = await http((_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(line));
      response.once('drain', more);
    };
    more();
  });
  assert.match((await ask(endless, { metric: 'load' })).detail, /^more than 4194304 characters$/);
  assert.match((await ask(endless, { pointer: '/load' })).detail, /^more than 65536 characters$/);
  const oneLine = await http((_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
      response.once('drain', more);
    };
    more();
  });
  assert.match((await ask(oneLine, { metric: 'load' })).detail, /^more than 4194304 characters$/);
  const headers = await tcp((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    const more = (): void => {
      while (!socket.destroyed && socket.write(`x-a: ${'a'.repeat(1_000)}\r\n`));
      socket.once('drain', more);
    };
    more();
  });
  assert.is((await ask(headers, { metric: 'load' })).load, undefined);
  const talkative = await tcp((socket) => {
    const more = (): void => {
      while (!socket.destroyed && socket.write('a'.repeat(65_536)));
      socket.once('drain', more);
    };
    more();
  });
  assert.is((await ask(talkative, { kind: 'agent-check' })).load, undefined);
});

test('a slow answer is not waited for, byte by byte or not at all', async () => {
  const drip = await http((_request, response) => {
    const timer = setInterval(() => response.write('a'), 20);
    response.once('close', () => clearInterval(timer));
  });
  const silent = await tcp(() => {});
  const timeoutMs = 300;
  for (const spec of [{ metric: 'load' }, { pointer: '/a' }, { kind: 'orca' }] as const)
    assert.is((await ask(drip, { ...spec, timeoutMs })).detail, 'no complete answer within 300 ms');
  for (const spec of [{ metric: 'load' }, { kind: 'agent-check' }] as const)
    assert.is((await ask(silent, { ...spec, timeoutMs })).detail, 'no complete answer within 300 ms');
});

test('nested JSON as deep as fits, and an object with a name of the language', async () => {
  const deep = await http((_request, response) => response.end('['.repeat(60_000)));
  assert.is((await ask(deep, { pointer: '/0' })).load, undefined);
  const nested = await http((_request, response) =>
    response.end(`${'['.repeat(30_000)}1${']'.repeat(30_000)}`),
  );
  assert.is((await ask(nested, { pointer: '/0/0' })).load, undefined);
  const named = await http((_request, response) => response.end('{"__proto__":{"load":1}}'));
  assert.is((await ask(named, { pointer: '/load' })).load, undefined);
});

test.run();
