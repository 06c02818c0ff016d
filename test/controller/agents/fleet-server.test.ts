import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createControllerLink } from '../../../src/agent/controller-link.ts';
import { type FleetServer, startFleetServer } from '../../../src/controller/agents/fleet-server.ts';
import { AgentEncoder, decodeFromController } from '../../../src/messages/codec.ts';
import { ATTACH } from '../../../src/messages/fleet-service.ts';
import type { FromAgent, FromController, GlobalStats } from '../../../src/messages/messages.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { sleep, until } from '../../support/command.ts';
import { helloOf, TestAgent, TestController, TestLog } from '../../support/link.ts';

/** An agent made of bare gRPC, which does what ours would not. */
class BareAgent {
  readonly messages: FromController[] = [];
  details = '';
  private readonly client: Client;
  private readonly call: ClientDuplexStream<Buffer, Buffer>;
  private readonly encoder = new AgentEncoder();

  constructor(address: string) {
    this.client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    this.call = this.client.makeBidiStreamRequest(
      ATTACH.path,
      ATTACH.requestSerialize,
      ATTACH.responseDeserialize,
    );
    this.call.on('error', (error) => {
      this.details = (error as { details?: string }).details ?? '';
    });
  }

  send(message: FromAgent): void {
    this.bytes(this.encoder.encode(message));
  }

  bytes(bytes: Uint8Array): void {
    this.call.write(Buffer.from(bytes));
  }

  /** From now on; before, nothing is read. */
  read(): void {
    this.call.on('data', (bytes: Buffer) => this.messages.push(decodeFromController(bytes)!));
  }

  /** Reads Welcome and no more. (A gRPC client that has never read anything buffers without bound.) */
  async stopReading(): Promise<void> {
    this.read();
    await until('welcome', () => this.messages.length === 1);
    this.call.pause();
  }

  resume(): void {
    this.call.resume();
  }

  close(): void {
    this.call.cancel();
    this.client.close();
  }
}

interface Bed {
  log: TestLog;
  controller: TestController;
  server: FleetServer;
  agent: BareAgent;
}

const server = suite<Bed>('fleet server');

server.before.each(async (bed) => {
  bed.controller = new TestController();
  bed.log = new TestLog();
  bed.server = await startFleetServer({
    runtime: systemRuntime,
    listen: '127.0.0.1:0',
    handler: bed.controller,
    log: bed.log,
  });
  bed.agent = new BareAgent(bed.server.address);
});

server.after.each(async (bed) => {
  bed.agent.close();
  await bed.server.close();
});

const filler = 'x'.repeat(4000);

/** Some 200 KB. */
const stats = (sequence: number): FromController => ({
  type: 'globalStats',
  epoch: 3,
  sequence,
  atMs: 0,
  groups: Array.from({ length: 1000 }, (_, i) => ({
    name: `group ${i} ${filler.slice(0, 200)}`,
    members: [],
  })),
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const bytesInUse = (): number => {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

server('an agent that does not read costs a bounded amount, and others nothing', async (bed) => {
  bed.agent.send({ type: 'hello', ...helloOf('slow') });
  const fast = new TestAgent(helloOf('fast'));
  const link = createControllerLink({
    runtime: systemRuntime,
    controllers: [bed.server.address],
    handler: fast,
    log: new TestLog(),
  });
  await until('both', () => bed.controller.sessions.size === 2 && link.state === 'attached');
  await bed.agent.stopReading();

  const count = 150;
  const before = bytesInUse();
  let longestMs = 0;
  for (let sequence = 1; sequence <= count; sequence++) {
    const sentAt = performance.now();
    const message = stats(sequence);
    for (const session of bed.controller.sessions.values()) session.send(message);
    const { length } = fast.messages;
    await until('the fast one', () => fast.messages.length > length);
    longestMs = Math.max(longestMs, performance.now() - sentAt);
    fast.messages.splice(0, fast.messages.length - 1);
  }
  const grownMegabytes = (bytesInUse() - before) / 2 ** 20;
  // Of 30 MB: sixteen messages that its gRPC reads ahead, one on its way, one that waits; and garbage.
  assert.ok(grownMegabytes < 20, `grown by ${grownMegabytes.toFixed(1)} MB`);
  assert.ok(longestMs < 5000, `the fast agent waited ${longestMs.toFixed(0)} ms`);
  const { mergedMessages } = bed.server.counters;
  assert.ok(mergedMessages > count - 40, `${mergedMessages} of ${count} merged`);

  bed.agent.resume();
  await until('the newest', () => (bed.agent.messages.at(-1) as GlobalStats).sequence === count);
  assert.is(bed.agent.messages.length, 1 + count - mergedMessages);
  await link.close();
});

server('an agent for which too much waits is sent away, others stay', async (bed) => {
  bed.agent.send({ type: 'hello', ...helloOf('slow') });
  const fast = new TestAgent(helloOf('fast'));
  const link = createControllerLink({
    runtime: systemRuntime,
    controllers: [bed.server.address],
    handler: fast,
    log: new TestLog(),
  });
  await until('both', () => bed.controller.sessions.size === 2 && link.state === 'attached');
  await bed.agent.stopReading();
  const slow = bed.controller.sessions.get('slow')!;
  for (let id = 0; id < 2000; id++)
    slow.send({ type: 'request', id, method: 'GET', path: '/', body: filler });
  assert.equal(bed.controller.detachments, ['slow: too many messages wait for the agent']);
  assert.is(bed.server.counters.overflows, 1);
  assert.is(bed.server.sessions.length, 1);
  slow.send({ type: 'request', id: 1, method: 'GET', path: '/', body: '' });
  assert.is(link.state, 'attached');
  bed.agent.resume();
  await until('the reason', () => bed.agent.details === 'too many messages wait for the agent');
  await link.close();
});

server('one message to many agents is encoded once', async (bed) => {
  const agents = ['a', 'b', 'c'].map((host) => new TestAgent(helloOf(host)));
  const links = agents.map((handler) =>
    createControllerLink({
      runtime: systemRuntime,
      controllers: [bed.server.address],
      handler,
      log: new TestLog(),
    }),
  );
  await until('all', () => bed.controller.sessions.size === 3);
  let reads = 0;
  const message: FromController = {
    type: 'rules',
    epoch: 3,
    revision: 1,
    baseRevision: 0,
    isFull: true,
    removed: [],
    get groups() {
      reads++;
      return [{ name: 'api', definition: '{}' }];
    },
  };
  bed.controller.sessions.get('a')!.send(message);
  await until('the first', () => agents[0]!.messages.length === 1);
  const readsOfOne = reads;
  assert.ok(readsOfOne > 0);
  for (const host of ['b', 'c']) bed.controller.sessions.get(host)!.send(message);
  await until('the others', () => agents.every(({ messages }) => messages.length === 1));
  assert.is(reads, readsOfOne);
  for (const link of links) await link.close();
});

server('a stream that does not begin with Hello is refused', async (bed) => {
  bed.agent.read();
  bed.agent.send({ type: 'ports', ports: [] });
  await until('the reason', () => bed.agent.details === 'a stream that does not begin with Hello');
  assert.is(bed.controller.sessions.size, 0);
});

server('a malformed message ends that stream, and is counted', async (bed) => {
  bed.agent.read();
  bed.agent.send({ type: 'hello', ...helloOf('h1') });
  await until('attached', () => bed.controller.sessions.size === 1);
  bed.agent.bytes(Uint8Array.from([0x12, 0x7f, 1]));
  await until('the reason', () => /a report of 127 bytes/.test(bed.agent.details));
  assert.is(bed.server.counters.malformed, 1);
  assert.is(bed.controller.sessions.size, 0);
});

/** Each ended a controller once: a row's key whose number does not end, and what a fuzzer found around it. */
const MALFORMED = ['12042a020880', '12042a021280', '3a020880', '0b0b0b', 'ffffffffffffffffffff01'];

for (const hex of MALFORMED) {
  server(`the bytes ${hex} end their own stream, with a reason, and nothing else`, async (bed) => {
    const other = new TestAgent(helloOf('h2'));
    const link = createControllerLink({
      runtime: systemRuntime,
      controllers: [bed.server.address],
      handler: other,
      log: new TestLog(),
    });
    await until('the other host', () => link.state === 'attached');
    bed.agent.read();
    bed.agent.send({ type: 'hello', ...helloOf('h1') });
    await until('attached', () => bed.controller.sessions.has('h1'));
    bed.agent.bytes(Buffer.from(hex, 'hex'));
    await until('the reason', () => bed.agent.details !== '');
    assert.is(bed.server.counters.malformed, 1);
    assert.equal([...bed.controller.sessions.keys()], ['h2']);
    assert.is(link.state, 'attached');
    await link.close();
  });
}

server(
  'a message that the controller fails to handle ends that stream, and the log says why',
  async (bed) => {
    bed.agent.read();
    bed.agent.send({ type: 'hello', ...helloOf('h1') });
    await until('attached', () => bed.controller.sessions.has('h1'));
    bed.controller.onMessage = () => {
      throw new TypeError('a bug');
    };
    bed.agent.send({ type: 'ports', ports: [] });
    await until('the reason', () => /failed to handle a message: a bug/.test(bed.agent.details));
    assert.is(bed.server.counters.failed, 1);
    assert.is(bed.controller.sessions.size, 0);
    assert.ok(
      bed.log.lines.some((line) => /^error a message \(ports\) of agent h1 .*TypeError: a bug\n/s.test(line)),
    );
  },
);

server('a host name of a megabyte is refused, and not repeated in the log', async (bed) => {
  bed.agent.read();
  bed.agent.send({ type: 'hello', ...helloOf('h'.repeat(1 << 20)) });
  await until('the reason', () => /host: found 1048576 characters/.test(bed.agent.details));
  assert.is(bed.server.counters.malformed, 1);
  assert.ok(bed.log.lines.every((line) => line.length < 1000));
});

server('a message of two million empty ports is refused before it becomes objects', async (bed) => {
  bed.agent.read();
  bed.agent.send({ type: 'hello', ...helloOf('h1') });
  await until('attached', () => bed.controller.sessions.has('h1'));
  const ports = new Uint8Array(2 * 2_000_000);
  for (let at = 0; at < ports.length; at += 2) ports[at] = 0x0a;
  const length = [
    (ports.length & 0x7f) | 0x80,
    ((ports.length >> 7) & 0x7f) | 0x80,
    ((ports.length >> 14) & 0x7f) | 0x80,
  ];
  const before = bytesInUse();
  bed.agent.bytes(Uint8Array.from([0x1a, ...length, ports.length >> 21, ...ports]));
  await until('the reason', () => /more than 262144 fields/.test(bed.agent.details));
  assert.ok(bytesInUse() - before < 50 << 20);
});

/**
 * Connections that the server's end has, by the kernel's table (proc(5)). A client whose connection did not fit into the
 * queue of those that wait to be accepted takes itself for connected all the same.
 */
function connectionsTo(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/self/net/tcp', 'latin1').split('\n').slice(1);
  return rows.filter((row) => {
    const [, here, , state] = row.trim().split(/\s+/);
    return here?.endsWith(local) && state === ESTABLISHED;
  }).length;
}
const ESTABLISHED = '01';

server('1500 connections that say nothing keep nobody out, and go', async (bed) => {
  const patient = await startFleetServer({
    runtime: systemRuntime,
    listen: '127.0.0.1:0',
    handler: bed.controller,
    log: new TestLog(),
    helloTimeoutMs: 3000,
  });
  const port = Number(patient.address.split(':')[1]);
  const silent: Socket[] = [];
  for (let i = 0; i < 1500; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    silent.push(socket);
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until('most are turned away', () => connectionsTo(port) <= 64);
  const link = createControllerLink({
    runtime: systemRuntime,
    controllers: [patient.address],
    handler: new TestAgent(helloOf('honest')),
    log: new TestLog(),
  });
  await until('the honest agent', () => link.state === 'attached');
  await until('the others are gone', () => connectionsTo(port) === 1);
  assert.is(link.state, 'attached', 'it had time to be taken for one of them');
  // On a busy machine the honest agent may have been turned away before, too.
  const closed = silent.filter((socket) => socket.closed).length;
  assert.ok(
    closed > 1000 && patient.counters.turnedAway >= closed,
    `${patient.counters.turnedAway} of ${closed}`,
  );
  for (const socket of silent) socket.destroy();
  await link.close();
  await patient.close();
});

server('a connection whose stream has ended must not stay for nothing', async (bed) => {
  const short = await startFleetServer({
    runtime: systemRuntime,
    listen: '127.0.0.1:0',
    handler: bed.controller,
    log: new TestLog(),
    helloTimeoutMs: 500,
  });
  const agent = new BareAgent(short.address);
  agent.read();
  agent.send({ type: 'hello', ...helloOf('h9') });
  await until('attached', () => bed.controller.sessions.has('h9'));
  await sleep(1000);
  assert.ok(bed.controller.sessions.has('h9'), 'an attached agent is no newcomer');
  short.sessions[0]!.close('enough');
  await until('its connection is turned away', () => short.counters.turnedAway === 1);
  agent.close();
  await short.close();
});

server('when it closes it tells its agents, and what was queued still arrives', async (bed) => {
  bed.agent.read();
  bed.agent.send({ type: 'hello', ...helloOf('h1') });
  await until('attached', () => bed.controller.sessions.size === 1);
  bed.controller.sessions.get('h1')!.send({ type: 'redirect', leader: 'elsewhere:1' });
  await bed.server.close();
  await sleep(20);
  assert.equal(
    bed.agent.messages.map(({ type }) => type),
    ['welcome', 'redirect'],
  );
  assert.is(bed.agent.details, 'the controller shuts down');
});

server.run();
