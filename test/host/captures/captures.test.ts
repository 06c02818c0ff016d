/** Captures of a host: who may start one, how many there may be, and how each ends, whatever its reader does. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ByteStream, CAPTURE_AT, captureStart, checked } from '../../../src/api/routes.ts';
import { loadConfiguration } from '../../../src/config/load.ts';
import { type CaptureSpec, MAX_CAPTURES } from '../../../src/datapath/capture/capture-points.ts';
import { Captures } from '../../../src/host/captures/captures.ts';
import { type ApiContext, hostAnswerer } from '../../../src/host/listings/api-routes.ts';
import { DatapathIds } from '../../../src/host/publishing/datapath-ids.ts';
import { PcapngReader } from '../../../src/io/captures/pcapng-reader.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { CAPTURE_POINTS, FROM_PORT, POINT, RingWriter, VERDICT } from '../../../src/tables/capture-ring.ts';
import { DROP } from '../../../src/tables/port-counters.ts';
import { CHECKOUT } from '../../support/paths.ts';

const test = suite('captures of a host');

const MAX_PORTS = 16;
const PACKET = new Uint8Array(64).map((_, i) => i);

/** A datapath that writes what a test tells it to. */
class Thread {
  readonly running = new Map<number, { readonly spec: CaptureSpec; readonly writer: RingWriter }>();
  isDead = false;

  async startCapture(spec: CaptureSpec): Promise<void> {
    this.running.set(spec.id, {
      spec,
      writer: new RingWriter(spec.ring, MAX_PORTS, PACKET, spec.snapLength),
    });
  }

  async stopCapture(id: number): Promise<void> {
    if (this.isDead) throw new Error('the datapath has ended');
    this.running.delete(id);
  }

  write(id: number, count = 1): void {
    const { writer } = this.running.get(id)!;
    const base = { frame: 1, seconds: 5, nanoseconds: 6, group: 0, member: -1, offset: 0, length: 60 };
    for (let i = 0; i < count; i++) {
      writer.add({
        ...base,
        ...{ port: 0, point: POINT.dropped, direction: FROM_PORT },
        ...{ verdict: VERDICT.dropped, reason: DROP.noMember },
      });
      writer.publish();
    }
  }
}

function captures() {
  const thread = new Thread();
  const ids = new DatapathIds({ maxPorts: MAX_PORTS });
  const configuration = loadConfiguration(join(CHECKOUT, 'examples/one-host.yaml'));
  for (const port of configuration.ports) ids.port(port);
  for (const { name } of configuration.groups) ids.group(name);
  const made = new Captures({
    thread,
    ids,
    maxPorts: MAX_PORTS,
    runtime: systemRuntime,
    configuration: () => configuration,
  });
  const start = (request: object = {}) => made.start(checked(captureStart, request));
  return { thread, made, start };
}

async function readAll(blocks: AsyncIterable<Uint8Array>): Promise<PcapngReader> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of blocks) chunks.push(chunk);
  return new PcapngReader(Buffer.concat(chunks));
}

test('the points of the API are those of the datapath', () => {
  assert.equal(CAPTURE_AT, [...CAPTURE_POINTS, 'all']);
});

test('packets come as pcapng with names, a comment and statistics, and end after their number', async () => {
  const { thread, start } = captures();
  const capture = await start({ count: 3, at: 'dropped', snapLength: 20 });
  const { spec } = thread.running.get(capture.id)!;
  assert.equal([spec.points, spec.snapLength], [[POINT.dropped], 20]);
  thread.write(capture.id, 5);
  const reader = await readAll(capture.blocks());
  const packets = [...reader];
  assert.is(packets.length, 3);
  const [{ bytes, originalLength, time, comment, direction, packetId }] = packets;
  assert.equal(Buffer.from(bytes), Buffer.from(PACKET.subarray(0, 20)));
  assert.equal([originalLength, time.seconds, time.nanoseconds], [60, 5, 6]);
  assert.equal([comment, direction, packetId], ['verdict=dropped reason=no-member group=api', 'in', 1]);
  assert.equal(
    reader.interfaces.map(({ name, snapLength }) => [name, snapLength]),
    [['web1:dropped', 20]],
  );
  assert.equal(reader.statistics.get(0), { received: 5, dropped: 0 });
  assert.is(thread.running.size, 0, 'the datapath has been stopped');
});

test('packets that were missed are in the statistics, also where none was written', async () => {
  const { thread, start } = captures();
  const capture = await start({ snapLength: 262_144 });
  thread.write(capture.id, 150_000);
  capture.end();
  const reader = await readAll(capture.blocks());
  const written = [...reader].length;
  const { received, dropped } = reader.statistics.get(0)!;
  assert.is(received, 150_000);
  assert.ok(dropped > 0 && written === received - dropped, `${written} written, ${dropped} dropped`);
});

test('a fifth capture is refused; one that is not read to its end makes room, its memory too', async () => {
  const { thread, made, start } = captures();
  const running: AsyncIterableIterator<Uint8Array>[] = [];
  for (let i = 0; i < MAX_CAPTURES; i++) running.push((await start()).blocks());
  for (const blocks of running) await blocks.next();
  const rings = new Set([...thread.running.values()].map(({ spec }) => spec.ring));
  await assertRefused(() => start(), 409, /found 4 captures/);
  await running[1]!.return!();
  for (let i = 0; i < 5; i++) {
    const blocks = (await start()).blocks();
    await blocks.next();
    assert.ok(rings.has([...thread.running.values()].at(-1)!.spec.ring), 'a ring is used again');
    // The reader leaves while it waits for a packet.
    const pending = blocks.next();
    await blocks.return!();
    await pending;
  }
  made.endAll();
  for (const blocks of [0, 2, 3].map((at) => running[at]!)) for await (const _ of blocks);
  assert.is(thread.running.size, 0);
});

test('the ring of a datapath that does not answer is not used again', async () => {
  const { thread, start } = captures();
  const blocks = (await start()).blocks();
  await blocks.next();
  const { spec } = [...thread.running.values()][0]!;
  thread.isDead = true;
  await blocks.return!();
  thread.isDead = false;
  await start();
  assert.is.not([...thread.running.values()].at(-1)!.spec.ring, spec.ring);
});

test('unknown ports and groups, and programs that are none, are refused before anything begins', async () => {
  const { thread, made, start } = captures();
  await assertRefused(() => start({ port: 'wbe1' }), 404, /found wbe1, expected one of web1/);
  await assertRefused(() => start({ group: 'apo' }), 404, /found apo, expected/);
  await assertRefused(() => start({ program: [[0x05, 0, 0, 7]] }), 400, /program: instruction 0/);
  await assertRefused(async () => start({ program: [[1, 2, 3]] }), 400, /not as expected/);
  await assertRefused(async () => start({ at: 'elsewhere', snapLength: 0 }), 400, /not as expected/);
  await assertRefused(async () => made.end('7'), 404, /found 7/);
  assert.is(thread.running.size, 0);
});

test('only a request over the unix socket, which knows who asks, starts a capture', async () => {
  const { made, thread } = captures();
  const answer = hostAnswerer({ host: { captures: made } } as unknown as ApiContext);
  const request = { method: 'POST', path: ['v1', 'captures'], query: new URLSearchParams(), body: {} };
  await assertRefused(async () => answer(request), 403, /over the host's own socket/);
  assert.is(thread.running.size, 0);
  const stream = (await answer({ ...request, actor: 'uid 0 (root)' })) as ByteStream;
  assert.instance(stream, ByteStream);
  const id = stream.headers['sluice-capture'];
  await answer({ ...request, method: 'DELETE', path: ['v1', 'captures', id!], actor: 'uid 0 (root)' });
  await readAll(stream.chunks);
});

async function assertRefused(act: () => Promise<unknown>, status: number, message: RegExp): Promise<void> {
  try {
    await act();
  } catch (error) {
    assert.is((error as { status: number }).status, status, String(error));
    return assert.match((error as Error).message, message);
  }
  assert.unreachable('it was not refused');
}

test.run();
