// The calls themselves: against a real etcd, endpoints that are gone, silent, or speak something else.
// timeout: 120s

import { createServer, type Server, type Socket } from 'node:net';
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CALL_TIMEOUT_MS, EtcdClient, EtcdError } from '../../../src/controller/store/etcd-client.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { EtcdServer, freePorts } from '../../support/etcd.ts';
import { rejection, until } from './support.ts';

const test = suite('etcd client');

const server = await EtcdServer.start();
const key = (name: string) => Buffer.from(name);

const toClose: (() => void)[] = [];
test.after.each(() => {
  for (const close of toClose.splice(0)) close();
});

function connect(...endpoints: string[]): EtcdClient {
  const client = new EtcdClient({ endpoints }, systemRuntime);
  toClose.push(() => client.close());
  return client;
}

/** A server that treats each connection like this. */
async function peer(greet: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const listener: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    greet(socket);
  }).listen(0, '127.0.0.1');
  await until(() => listener.listening, 'it listens');
  toClose.push(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = listener.address() as { port: number };
  return `127.0.0.1:${port}`;
}

const stored = async (name: string): Promise<string> =>
  (await server.control('get', '--print-value-only', name)).trimEnd();

test('what is put is what etcdctl finds, and the other way round', async () => {
  const client = connect(`http://${server.endpoint}`);
  const { header, prevKv } = await client.put({ key: key('/a/1'), value: Buffer.from('one ✓') });
  assert.is(prevKv, null);
  assert.is(await stored('/a/1'), 'one ✓');
  await server.control('put', '/a/2', 'two');
  const { kvs } = await client.list('/a/');
  assert.equal(
    kvs.map((kv) => [kv.key.toString(), kv.value.toString()]),
    [
      ['/a/1', 'one ✓'],
      ['/a/2', 'two'],
    ],
  );
  assert.is(kvs[0]!.createRevision, header.revision);
  const again = await client.put({ key: key('/a/1'), value: Buffer.from('uno'), prevKv: true });
  assert.is(again.prevKv!.value.toString(), 'one ✓');
});

test('a transaction takes one branch, by the revision at which a key was created', async () => {
  const client = connect(server.endpoint);
  const once = (value: string) =>
    client.transact({
      compare: [{ key: key('/t/x'), createRevision: 0 }],
      success: [{ requestPut: { key: key('/t/x'), value: Buffer.from(value) } }],
      failure: [{ requestRange: { key: key('/t/x') } }, { requestDeleteRange: { key: key('/t/x') } }],
    });
  assert.ok((await once('first')).succeeded);
  const { succeeded, responses } = await once('second');
  assert.not.ok(succeeded);
  assert.is(responses[0]!.responseRange!.kvs[0]!.value.toString(), 'first');
  assert.is(responses[1]!.responseDeleteRange!.deleted, '1');
  assert.is(await stored('/t/x'), '');
});

test('a lease holds its keys while it is renewed; its identifier needs all 64 bits', async () => {
  const client = connect(server.endpoint);
  const lease = await client.grantLease(30);
  assert.ok(BigInt(lease) > BigInt(Number.MAX_SAFE_INTEGER), lease);
  await client.put({ key: key('/l/x'), value: Buffer.from('held'), lease });
  assert.is(await client.renewLease(lease, CALL_TIMEOUT_MS), true);
  assert.match(await server.control('lease', 'timetolive', '--keys', BigInt(lease).toString(16)), '/l/x');
  await client.revokeLease(lease);
  assert.is(await stored('/l/x'), '');
  assert.is(await client.renewLease(lease, CALL_TIMEOUT_MS), false);
  const refused = await rejection(client.revokeLease(lease));
  assert.ok(refused instanceof EtcdError && refused.isLeaseGone, refused.message);
});

test('a watch brings whole transactions, from a revision in the past on; a compacted one says so', async () => {
  const client = connect(server.endpoint);
  const { header } = await client.put({ key: key('/w/1'), value: Buffer.from('a') });
  await server.control('del', '/w/1');
  const seen: string[] = [];
  let compacted = '0';
  const events = {
    received: (answer: {
      compactRevision: string;
      events: readonly { type: string; kv: { key: Buffer } }[];
    }) => {
      compacted = answer.compactRevision;
      seen.push(...answer.events.map(({ type, kv }) => `${type} ${kv.key}`));
    },
    ended: () => {},
  };
  const watch = client.watch('/w/', Number(header.revision), events);
  await until(() => seen.length === 2, 'what happened before');
  await server.control('put', '/w/2', 'b');
  await server.control('put', '/other', 'b');
  await until(() => seen.length === 3, 'what happens now');
  assert.equal(seen, ['PUT /w/1', 'DELETE /w/1', 'PUT /w/2']);
  watch.cancel();
  await server.control('compact', String(Number(header.revision) + 1));
  const late = client.watch('/w/', Number(header.revision), events);
  await until(() => compacted !== '0', 'the compaction is reported');
  assert.is(compacted, String(Number(header.revision) + 1));
  late.cancel();
});

test('an endpoint that refuses connections: the call goes to the next one at once', async () => {
  const [free] = await freePorts(1);
  const client = connect(`127.0.0.1:${free}`, server.endpoint);
  await client.put({ key: key('/f/1'), value: Buffer.from('x') });
  const alone = connect(`127.0.0.1:${free}`);
  const refused = await rejection(alone.put({ key: key('/f/1'), value: Buffer.from('y') }));
  assert.match(refused.message, `127.0.0.1:${free}: `);
  assert.match(refused.message, 'ECONNREFUSED');
});

test('a silent endpoint: the call ends at its deadline, the next one and a watch go elsewhere', async () => {
  const client = connect(await peer(() => {}), server.endpoint);
  const late = await rejection(client.put({ key: key('/s/1'), value: Buffer.from('x') }));
  assert.match(late.message, 'no answer in time');
  await client.put({ key: key('/s/1'), value: Buffer.from('x') });
  assert.is(await stored('/s/1'), 'x');

  const watching = connect(await peer(() => {}), server.endpoint);
  let ended: Error | undefined;
  watching.watch('/s/', 1, { received: () => {}, ended: (error) => (ended = error) });
  await until(() => ended !== undefined, 'the watch is given up');
  let answers = 0;
  const second = watching.watch('/s/', 1, { received: () => answers++, ended: () => {} });
  await until(() => answers > 0, 'the other endpoint answers');
  second.cancel();
});

test('a peer that is no etcd ends the call, and nothing else', async () => {
  const babbling = connect(await peer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
  assert.instance(await rejection(babbling.list('/')), EtcdError);

  const odd = new GrpcServer();
  const bytes = (value: Buffer) => value;
  const unary = (path: string) => ({
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  });
  odd.addService(
    { range: unary('/etcdserverpb.KV/Range'), put: unary('/etcdserverpb.KV/Put') },
    {
      range: (_call: unknown, answer: (error: null, value: Buffer) => void) =>
        answer(null, Buffer.from([0xff, 0xff, 0xff])),
      put: (_call: unknown, answer: (error: null, value: Buffer) => void) => answer(null, Buffer.alloc(0)),
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    odd.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  toClose.push(() => odd.forceShutdown());
  const client = connect(`127.0.0.1:${port}`);
  assert.instance(await rejection(client.list('/')), EtcdError);
  assert.match((await rejection(client.put({ key: key('a'), value: key('b') }))).message, 'no header');
});

test.after(() => server.remove());

test.run();
