/** The ring against a list: what was published comes out, in order and whole; what was taken back does not; the rest was missed. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type CapturedPacket,
  FROM_PORT,
  POINT,
  RING_DATA_BYTES,
  RingReader,
  RingWriter,
  ringBytes,
  TO_PORT,
  VERDICT,
} from '../../src/tables/capture-ring.ts';
import { assertCovered, Random, runs, seed } from '../support/seed.ts';

const test = suite('capture ring');

const MAX_PORTS = 4;
const SOURCE_BYTES = 1 << 17;
const PACKET = { group: -1, member: -1, verdict: 0, reason: 0, frame: 1, seconds: 7, nanoseconds: 8 };

interface Expected {
  readonly port: number;
  readonly point: number;
  readonly bytes: string;
  readonly originalLength: number;
  readonly verdict: number;
  readonly group: number;
}

const isSame = (a: Expected, b: Expected): boolean =>
  a.port === b.port &&
  a.point === b.point &&
  a.originalLength === b.originalLength &&
  a.verdict === b.verdict &&
  a.group === b.group &&
  a.bytes === b.bytes;

const seen = ({ port, point, bytes, originalLength, verdict, group }: CapturedPacket): Expected => ({
  port,
  point,
  bytes: Buffer.from(bytes).toString('latin1'),
  originalLength,
  verdict,
  group,
});

test('published packets come out as they went in, taken back ones do not, and those without room are counted', () => {
  const random = new Random(seed);
  const source = random.bytes(SOURCE_BYTES);
  const memory = new SharedArrayBuffer(ringBytes(MAX_PORTS));
  const snapLength = 60_000;
  const writer = new RingWriter(memory, MAX_PORTS, source, snapLength);
  const reader = new RingReader(memory, MAX_PORTS);
  const queue: Expected[] = [];
  let held = 0;
  let missed = 0;
  let accepted = 0;
  let wraps = 0;
  for (let round = 0; round < runs(8_000); round++) {
    const open: (Expected & { readonly direction: number })[] = [];
    let lost = 0;
    for (let i = random.below(4); i > 0; i--) {
      const length = random.chance(60) ? random.below(1_600) : random.below(66_000);
      const offset = random.below(SOURCE_BYTES - 66_000);
      const port = random.below(MAX_PORTS);
      const direction = random.pick([FROM_PORT, TO_PORT, 0]);
      const point = direction === TO_PORT ? POINT.toVm : random.pick([POINT.fromVm, POINT.balanced]);
      const room = RING_DATA_BYTES - held;
      const captured = Math.min(length, snapLength);
      const before = writer.hasOpen;
      writer.add({ ...PACKET, port, point, direction, offset, length });
      assert.ok(writer.hasOpen || before);
      const bytes = Buffer.from(source.subarray(offset, offset + captured)).toString('latin1');
      open.push({ port, point, direction, bytes, originalLength: length, verdict: 0, group: -1 });
      // Whether there was room is the ring's to say where it is nearly full; far from that it must not lose any.
      if (room < 200_000) lost++;
      held += captured + 64;
    }
    if (random.chance(20)) {
      writer.takeBack();
      for (const { bytes } of open) held -= bytes.length + 64;
    } else {
      writer.complete(3, 4, VERDICT.delivered, 0);
      writer.publish();
      const after = [...reader.counts()].reduce((sum, source) => sum + source.missed, 0);
      const newlyMissed = after - missed;
      assert.ok(newlyMissed <= lost, `seed ${seed}: ${newlyMissed} missed although there was room`);
      missed = after;
      accepted += open.length - newlyMissed;
      // Those with room are in order, but which of them had is only known when they are read.
      for (const { direction, ...one } of open)
        queue.push({ ...one, group: 3, verdict: direction === TO_PORT ? 0 : VERDICT.delivered });
    }
    // A reader that falls behind, and catches up.
    for (let i = random.below(round % 4_000 < 3_000 ? 2 : 8); i > 0; i--) {
      const before = held;
      const isThere = reader.next((packet) => {
        const found = seen(packet);
        // Missed ones are skipped.
        let expected = queue.shift();
        while (expected !== undefined && !isSame(expected, found)) {
          held -= expected.bytes.length + 64;
          expected = queue.shift();
        }
        assert.ok(expected !== undefined, `seed ${seed}: a packet that was not written, or is out of order`);
        held -= expected.bytes.length + 64;
      });
      if (!isThere) break;
      if (held < before) wraps++;
    }
  }
  let rest = 0;
  while (reader.next(() => rest++));
  const counted = [...reader.counts()].reduce((sum, source) => sum + source.accepted, 0);
  assert.is(counted, accepted);
  assertCovered(missed > 0 && wraps > 1_000, `${missed} missed, ${wraps} read`);
});

test('a full ring stays as it is until it is read, and has room again afterwards', () => {
  const memory = new SharedArrayBuffer(ringBytes(MAX_PORTS));
  const writer = new RingWriter(memory, MAX_PORTS, new Uint8Array(SOURCE_BYTES), 65_536);
  const reader = new RingReader(memory, MAX_PORTS);
  const packet = { ...PACKET, port: 1, point: POINT.dropped, direction: 0, offset: 0, length: 65_000 };
  for (let i = 0; i < 300; i++) {
    writer.add(packet);
    writer.publish();
  }
  const { accepted, missed } = [...reader.counts()][0]!;
  assert.is(accepted + missed, 300);
  assert.ok(missed > 0 && accepted > 200, `${accepted} accepted`);
  let read = 0;
  while (reader.next(({ bytes }) => assert.is(bytes.length, 65_000))) read++;
  assert.is(read, accepted);
  writer.add(packet);
  writer.publish();
  assert.ok(reader.next(() => {}));
  reader.reset();
  assert.equal([...reader.counts()], []);
});

test('positions go on over 2^32 bytes', () => {
  const memory = new SharedArrayBuffer(ringBytes(MAX_PORTS));
  const writer = new RingWriter(memory, MAX_PORTS, new Uint8Array(SOURCE_BYTES).fill(7), 65_536);
  const reader = new RingReader(memory, MAX_PORTS);
  const packet = { ...PACKET, port: 0, point: POINT.toVm, direction: TO_PORT, offset: 4, length: 65_536 };
  for (let i = 0; i < 70_000; i++) {
    writer.add(packet);
    writer.publish();
    if (!reader.next(({ bytes }) => assert.is(bytes[65_535], 7))) throw new Error(`packet ${i} is missing`);
  }
  assert.equal([...reader.counts()], [{ port: 0, point: POINT.toVm, accepted: 70_000, missed: 0 }]);
});

test.run();
