/** A packet that is read as plain is one that the frame cursor accepts, and both read the same. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  PACKET,
  PACKET_IPV6,
  PACKET_PARTIAL,
  PACKET_WORDS,
  PlainPackets,
} from '../../../src/datapath/fast-path/plain-packets.ts';
import { FAMILY_IPV4, Frame } from '../../../src/datapath/frame/frame.ts';
import { FrameArena, SLOT_BYTES } from '../../../src/tables/frame-arena.ts';
import { DROP } from '../../../src/tables/port-counters.ts';
import { tcpFrame, udpFrame, type Way, type WireFrame } from '../../support/packets.ts';
import { check } from '../../support/seed.ts';

const arena = new FrameArena(new ArrayBuffer(SLOT_BYTES), 1);
const AT = arena.frameOffset(0);
const NUMBER = 3;

const WAY_4: Way = {
  fromMac: '02:00:00:00:00:01',
  toMac: '02:00:00:00:00:02',
  from: '10.1.0.11',
  to: '10.1.0.100',
};
const WAY_6: Way = { ...WAY_4, from: 'fd00:1::b', to: 'fd00:1::100' };
const PORTS = { sourcePort: 40_000, destinationPort: 80 };
const payload = new Uint8Array(7);

/** Frames of all kinds: plain ones, and ones that are not for one reason each. */
const FRAMES: readonly WireFrame[] = [WAY_4, WAY_6].flatMap((way) => [
  tcpFrame(way, { ...PORTS, flags: 'PA', payload }),
  tcpFrame(way, { ...PORTS, flags: 'S', options: new Uint8Array(8).fill(1), partial: true }),
  tcpFrame(way, { ...PORTS, flags: 'A', payload: new Uint8Array(300), partial: true, gsoSize: 100 }),
  tcpFrame({ ...way, vlan: 9 }, { ...PORTS, flags: 'A' }),
  udpFrame(way, { ...PORTS, payload }),
  udpFrame(way, { ...PORTS, payload, partial: true }),
  udpFrame({ ...way, padTo: 120 }, { ...PORTS }),
  udpFrame({ ...way, fragment: { offset: 0, more: true } }, { ...PORTS, payload: new Uint8Array(32) }),
]);

interface Change {
  readonly at: number;
  readonly mask: number;
}

function judge(wire: WireFrame, changes: readonly Change[], length: number): boolean {
  arena.bytes.fill(0xa5, 0, AT + 512);
  arena.bytes.set(wire.vnet, AT - wire.vnet.length);
  arena.bytes.set(wire.bytes, AT);
  for (const { at, mask } of changes) arena.bytes[AT - wire.vnet.length + at] ^= mask;
  const packets = new PlainPackets(arena.view, NUMBER + 1);
  const isPlain = packets.parse(NUMBER, AT, length);
  if (!isPlain) return false;
  const frame = new Frame(arena);
  assert.is(frame.load(0, AT, length, 0, 0), DROP.none, 'a plain packet is accepted');
  const word = (name: keyof typeof PACKET, i = 0): number =>
    packets.words[NUMBER * PACKET_WORDS + PACKET[name] + i];
  const isIpv4 = frame.family === FAMILY_IPV4;
  assert.is((word('kind') & PACKET_IPV6) === 0, isIpv4);
  assert.is(frame.l4, AT + (isIpv4 ? 34 : 54));
  assert.is(frame.fragment || frame.tagged || frame.gsoType !== 0, false);
  assert.is(frame.segments, 1);
  assert.is(word('kind') & 0xff, frame.protocol);
  assert.is((word('kind') >>> 8) & 0xff, frame.tcpFlags);
  assert.is((word('kind') & PACKET_PARTIAL) !== 0, frame.partial);
  assert.is(frame.needsChecksum, frame.partial);
  assert.is(word('ports'), frame.ports);
  assert.is(word('ipBytes'), frame.l3End - frame.l3);
  const from = isIpv4 ? 3 : 0;
  const read = (name: 'source' | 'destination'): number[] =>
    [0, 1, 2, 3].map((i) => word(name, i)).slice(from);
  assert.equal(read('source'), [frame.s0, frame.s1, frame.s2, frame.s3].slice(from));
  assert.equal(read('destination'), [frame.d0, frame.d1, frame.d2, frame.d3].slice(from));
  return true;
}

const test = suite('plain packets');

test('TCP and UDP without anything else are plain; tagged, GSO and fragments are not', () => {
  const plain = FRAMES.map((wire) => judge(wire, [], wire.bytes.length));
  const expected = [true, true, false, false, true, true, true, false];
  assert.equal(plain, [...expected, ...expected]);
});

test('whatever is changed in a frame: if it is still plain, the frame cursor reads the same', () => {
  // Vnet header, Ethernet, IP and transport headers.
  const change = fc.record({
    at: fc.integer({ min: 0, max: 12 + 14 + 40 + 20 }),
    mask: fc.integer({ min: 1, max: 255 }),
  });
  const length = fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 80 }) },
  );
  const wire = fc.constantFrom(...FRAMES);
  check(
    fc.property(wire, fc.array(change, { maxLength: 2 }), length, (sent, changes, less) => {
      judge(sent, changes, Math.max(0, sent.bytes.length - less));
    }),
    20_000,
  );
});

test.run();
