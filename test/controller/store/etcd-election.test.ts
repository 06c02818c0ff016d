// timeout: 300s
/** Controllers as processes of their own over a real etcd: killed, paused, resigning. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../../src/controller/store/open-store.ts';
import { Fenced } from '../../../src/controller/store/store.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { EtcdServer } from '../../support/etcd.ts';
import { rejection, Standing, TestLog, until } from './support.ts';
import { WriterProcess } from './writer-process.ts';

const NEW_LEADER_MS = 5000;
const TRIALS = 3;

const test = suite('etcd election');

const server = await EtcdServer.start();
let tests = 0;
let writers: WriterProcess[];
let config: { kind: 'etcd'; endpoints: string[]; prefix: string };
test.before.each(() => {
  config = { kind: 'etcd', endpoints: [server.endpoint], prefix: `/sluice-test/${tests++}/` };
  writers = [];
});
test.after.each(async () => {
  for (const writer of writers) await writer.kill();
});

function start(id: string): WriterProcess {
  const writer = new WriterProcess(config, id);
  writers.push(writer);
  return writer;
}

/** Who wrote last. */
async function writtenBy(): Promise<string> {
  const json = await server.control('get', '--print-value-only', `${config.prefix}state/a`);
  return (JSON.parse(json) as { by: string }).by;
}

const epochOf = (line: string): number => Number(line.split(' ')[1]);

test('kill -9 of the leader: another one leads within 5 s, with all that was promised', async () => {
  let leader = start('w0');
  let epoch = epochOf((await leader.saying('elected')).line);
  for (let trial = 1; trial <= TRIALS; trial++) {
    const next = start(`w${trial}`);
    await next.following(`w${trial - 1}`);
    await delay(1000 * Math.random()); // any moment between two renewals of the lease
    assert.not.ok(next.said.some(({ line }) => line.startsWith('elected')));
    const killedAt = performance.now();
    await leader.kill();
    const promised = leader.lastWritten().number;
    assert.ok(promised > 0);
    const elected = await next.saying('elected', { timeoutMs: NEW_LEADER_MS });
    assert.ok(elected.at - killedAt < NEW_LEADER_MS);
    assert.ok(epochOf(elected.line) > epoch);
    const first = await next.saying('written');
    const went = Number(first.line.split(' ')[1]);
    assert.ok(went === promised + 1 || went === promised + 2, `${went} after ${promised}`);
    leader = next;
    epoch = epochOf(elected.line);
  }
});

/** An old leader that is paused by this signal until another one leads and writes; then both go on for a second. */
async function pauseTheLeader(signal: 'SIGSTOP' | 'SIGHUP') {
  const old = start('old');
  const epoch = epochOf((await old.saying('elected')).line);
  await old.saying('written 20 ');
  const other = start('other');
  await other.following('old');

  old.signal(signal);
  const elected = await other.saying('elected', { timeoutMs: NEW_LEADER_MS });
  assert.ok(epochOf(elected.line) > epoch);
  await other.saying('written');
  const before = old.said.length;
  const othersBefore = other.lastWritten().number;
  old.signal('SIGCONT');
  await old.saying(`rejected Fenced ${epoch} `, { from: before });
  await old.saying('lost', { from: before });
  await delay(1000);

  const after = old.said.slice(before).map(({ line }) => line);
  assert.not.ok(after.some((line) => line.startsWith('elected')));
  // The other one's numbers have no gap: nobody wrote in between.
  const numbers = other.said
    .filter(({ line }) => line.startsWith('written'))
    .map(({ line }) => Number(line.split(' ')[1]));
  assert.equal(
    numbers,
    numbers.map((_, index) => numbers[0]! + index),
  );
  assert.ok(numbers.at(-1)! > othersBefore, 'the other one goes on');
  assert.is(await writtenBy(), 'other');
  return { after, othersFirst: numbers[0]! };
}

test('a leader paused at any moment cannot write when it goes on', async () => {
  const { after, othersFirst } = await pauseTheLeader('SIGSTOP');
  // One write may have reached etcd before the pause, and its answer been read only after it.
  const acknowledged = after.filter((line) => line.startsWith('written'));
  assert.ok(acknowledged.length <= 1, acknowledged.join(', '));
  for (const line of acknowledged) assert.ok(Number(line.split(' ')[1]) < othersFirst);
});

test('a leader paused right before a write, so that it believes itself the leader, is refused by etcd', async () => {
  const { after } = await pauseTheLeader('SIGHUP');
  const [first] = after.filter((line) => line.startsWith('rejected'));
  assert.match(first!, /^rejected Fenced \d+ etcd: refused/);
  assert.not.ok(after.some((line) => line.startsWith('written')));
});

test('a leader whose address refuses connections is deposed without waiting for its lease; alive, it cannot write', async () => {
  const listener = createServer((socket) => {
    socket.on('error', () => {});
    connections.add(socket);
  });
  const connections = new Set<Socket>();
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const log = new TestLog();
  const [first, second] = [
    await openStore(config, new TestLog(), systemRuntime),
    await openStore(config, log, systemRuntime),
  ];
  try {
    const a = new Standing(first, { id: 'a', address: `127.0.0.1:${port}` });
    const epoch = await a.elected();
    const b = new Standing(second, { id: 'b', address: 'b:1' });
    await until(() => connections.size > 0, 'the follower watches the leader');
    await first.write([{ key: 'a', value: 'in time' }], epoch);
    listener.close();
    for (const socket of connections) socket.resetAndDestroy();
    const next = await b.elected();
    assert.ok(next > epoch);
    assert.match(log.infos.join('\n'), `the leader at 127.0.0.1:${port} is gone`);
    assert.instance(await rejection(first.write([{ key: 'a', value: 'late' }], epoch)), Fenced);
    await until(() => a.epoch === undefined, 'it knows');
    await second.write([{ key: 'b', value: 'next' }], next);
    assert.equal(Object.fromEntries(second.snapshot().entries), { a: 'in time', b: 'next' });
    assert.is(a.epochs.length, 1);
  } finally {
    listener.close();
    await Promise.all([first.close(), second.close()]);
  }
});

test('resigning hands over in a moment', async () => {
  const old = start('old');
  await old.saying('written');
  const other = start('other');
  await other.following('old');
  const resignedAt = performance.now();
  old.signal('SIGUSR2');
  const elected = await other.saying('elected');
  assert.ok(elected.at - resignedAt < 1000, `${elected.at - resignedAt} ms`);
  await other.saying('written');
  assert.is(await writtenBy(), 'other');
});

test('of five at once one leads, and each that is killed has one successor', async () => {
  const all = ['v', 'w', 'x', 'y', 'z'].map(start);
  const leading = () => all.filter(({ said }) => said.some(({ line }) => line.startsWith('elected')));
  const killed = new Set<WriterProcess>();
  for (let gone = 0; gone < 3; gone++) {
    const deadline = performance.now() + 12 * NEW_LEADER_MS;
    while (leading().length <= gone && performance.now() < deadline) await delay(10);
    await delay(300);
    assert.is(leading().length, gone + 1);
    const leader = leading().find((writer) => !killed.has(writer))!;
    killed.add(leader);
    await leader.kill();
  }
  const epochs = leading().map(({ said }) =>
    epochOf(said.find(({ line }) => line.startsWith('elected'))!.line),
  );
  assert.is(new Set(epochs).size, 3);
});

test.run();
