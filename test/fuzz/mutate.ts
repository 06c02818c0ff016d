/** Turns good frames into bad ones, and now and then makes one from nothing. */
import type { Xorshift } from './xorshift.ts';

export interface FuzzFrame {
  /** Name of the ingress port. */
  port: string;
  bytes: Uint8Array;
  vnetHeader: Uint8Array;
}

/** Longest frame that is made here; super-segments of the corpus may be longer. */
const MAX_BYTES = 4096;
const EDGE_BYTES = [0, 1, 0x7f, 0x80, 0xfe, 0xff, 4, 5, 6, 17, 41, 44, 58, 59, 60];
const ETHER_TYPES = [0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x88cc, 0];
/** Offsets at which the interesting fields of an untagged frame lie: EtherType, IP lengths, protocol, ports, offsets. */
const FIELDS = [
  12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 34, 36, 38, 46, 47, 54, 55, 58, 60, 66, 67,
];

type Mutation = (random: Xorshift, bytes: Uint8Array, other: Uint8Array) => Uint8Array;

const flipBit: Mutation = (random, bytes) => {
  if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  return bytes;
};

const setByte: Mutation = (random, bytes) => {
  if (bytes.length > 0) bytes[random.below(bytes.length)] = random.pick(EDGE_BYTES);
  return bytes;
};

const setField: Mutation = (random, bytes) => {
  const at = random.pick(FIELDS);
  if (at < bytes.length) bytes[at] = random.chance(50) ? random.pick(EDGE_BYTES) : random.below(256);
  return bytes;
};

const setEtherType: Mutation = (random, bytes) => {
  const type = random.pick(ETHER_TYPES);
  if (bytes.length >= 14) bytes.set([type >> 8, type & 255], 12);
  return bytes;
};

const truncate: Mutation = (random, bytes) => bytes.slice(0, random.below(bytes.length + 1));

const extend: Mutation = (random, bytes) => {
  const longer = new Uint8Array(Math.min(MAX_BYTES, bytes.length + random.below(64)));
  longer.set(bytes.subarray(0, longer.length));
  for (let i = bytes.length; i < longer.length; i++) longer[i] = random.below(256);
  return longer;
};

const insertTag: Mutation = (random, bytes) => {
  if (bytes.length < 14 || bytes.length + 4 > MAX_BYTES) return bytes;
  const tagged = new Uint8Array(bytes.length + 4);
  tagged.set(bytes.subarray(0, 12));
  tagged.set([random.chance(50) ? 0x81 : 0x88, random.chance(50) ? 0 : 0xa8, 0, random.below(256)], 12);
  tagged.set(bytes.subarray(12), 16);
  return tagged;
};

const spliceOther: Mutation = (random, bytes, other) => {
  const head = bytes.subarray(0, random.below(Math.min(MAX_BYTES, bytes.length) + 1));
  const tail = other.subarray(random.below(other.length + 1));
  const joined = new Uint8Array(Math.min(MAX_BYTES, head.length + tail.length));
  joined.set(head);
  joined.set(tail.subarray(0, joined.length - head.length), head.length);
  return joined;
};

const copyInside: Mutation = (random, bytes) => {
  const length = random.below(Math.min(40, bytes.length) + 1);
  if (length > 0) {
    const from = random.below(bytes.length - length + 1);
    bytes.copyWithin(random.below(bytes.length - length + 1), from, from + length);
  }
  return bytes;
};

/** Another client port: another flow. */
const setSourcePort: Mutation = (random, bytes) => {
  const at = bytes[12] === 0x86 ? 54 : 34;
  if (at + 2 <= bytes.length) bytes.set([random.below(256), random.below(256)], at);
  return bytes;
};

const MUTATIONS: Mutation[] = [
  setSourcePort,
  setSourcePort,
  flipBit,
  setByte,
  setField,
  setField,
  setEtherType,
  truncate,
  extend,
  insertTag,
  spliceOther,
  copyInside,
];

/** The next frame: a corpus frame as it is or mutated, or random bytes. The corpus is not changed. */
export function nextFrame(
  random: Xorshift,
  corpus: readonly FuzzFrame[],
  ports: readonly string[],
): FuzzFrame {
  const base = random.pick(corpus);
  const port = random.chance(85) ? base.port : random.pick(ports);
  const vnetHeader = base.vnetHeader.slice();
  if (random.chance(3)) {
    const bytes = Uint8Array.from({ length: random.below(200) }, () => random.below(256));
    return { port, bytes, vnetHeader };
  }
  let bytes: Uint8Array = base.bytes.slice();
  if (random.chance(95)) {
    for (let left = 1 + random.below(4); left > 0; left--) {
      bytes = random.pick(MUTATIONS)(random, bytes, random.pick(corpus).bytes);
    }
  }
  if (random.chance(10)) vnetHeader[random.below(10)] = random.pick(EDGE_BYTES);
  if (random.chance(70)) mendHeaderChecksum(bytes);
  return { port, bytes, vnetHeader };
}

/** Else hardly a mutated IPv4 frame would get past its header. */
function mendHeaderChecksum(bytes: Uint8Array): void {
  let l3 = 14;
  while (l3 <= 22 && (bytes[l3 - 2] === 0x81 || bytes[l3 - 2] === 0x88)) l3 += 4;
  const headerBytes = (bytes[l3]! & 15) * 4;
  if (bytes[l3]! >> 4 !== 4 || headerBytes < 20 || l3 + headerBytes > bytes.length) return;
  bytes.set([0, 0], l3 + 10);
  let sum = 0;
  for (let i = l3; i < l3 + headerBytes; i += 2) sum += bytes[i]! * 256 + bytes[i + 1]!;
  const check = 0xffff - (sum % 0xffff || 0xffff);
  bytes.set([check >> 8, check & 255], l3 + 10);
}
