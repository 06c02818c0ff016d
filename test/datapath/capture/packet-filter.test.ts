/**
 * Filters give what libpcap's own interpreter gives: for expressions in tcpdump's language on packets of all kinds, whole,
 * cut and spoilt, and for random programs of all operations. Programs that could run wild are refused.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type FilterInstruction,
  MAX_INSTRUCTIONS,
  PacketFilter,
  problemOf,
} from '../../../src/datapath/capture/packet-filter.ts';
import { koffi } from '../../../src/native/bindings.ts';
import { compileFilter } from '../../../src/native/network/pcap.ts';
import { icmpFrame, tcpFrame, udpFrame, type Way } from '../../support/packets.ts';
import { assertCovered, Random, runs, seed } from '../../support/seed.ts';

const test = suite('capture: filters');

const SNAP_LENGTH = 262_144;

/** u_int bpf_filter(const struct bpf_insn *, const u_char *packet, u_int wireLength, u_int length) */
const bpfFilter = koffi
  .load('libpcap.so.0.8')
  .func('bpf_filter', 'uint32_t', ['void *', 'void *', 'uint32_t', 'uint32_t']) as (
  program: Uint8Array,
  packet: Uint8Array,
  wireLength: number,
  length: number,
) => number;

function asStructures(program: readonly FilterInstruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([operation, whenTrue, whenFalse, operand], i) => {
    bytes.writeUInt16LE(operation, i * 8);
    bytes.writeUInt8(whenTrue, i * 8 + 2);
    bytes.writeUInt8(whenFalse, i * 8 + 3);
    bytes.writeUInt32LE(operand, i * 8 + 4);
  });
  return bytes;
}

/** Both interpreters' answers; ours is given a packet in the middle of other bytes. */
function bothAnswers(
  program: readonly FilterInstruction[],
  packet: Uint8Array,
  wireLength: number,
): boolean[] {
  const around = Buffer.concat([Buffer.alloc(13, 0xff), packet, Buffer.alloc(64, 0xff)]);
  const view = new DataView(around.buffer, around.byteOffset, around.length);
  const ours = new PacketFilter(program).matches(view, 13, packet.length, wireLength);
  // A pointer to no bytes at all is not passed on.
  const bytes = packet.length === 0 ? new Uint8Array(1) : packet;
  return [ours, bpfFilter(asStructures(program), bytes, wireLength, packet.length) !== 0];
}

const EXPRESSIONS = [
  '',
  'ip',
  'ip6',
  'arp',
  'tcp',
  'udp port 53',
  'tcp port 80 or udp port 80',
  'host 10.1.0.11',
  'src net 10.1.0.0/24 and not dst host 10.1.0.100',
  'net fd00:1::/64',
  'ip6 host fd00:1::b',
  'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0',
  'tcp[tcpflags] & tcp-syn != 0 and tcp[tcpflags] & tcp-ack == 0',
  'icmp[icmptype] == icmp-echo',
  'icmp6',
  'icmp6 and ip6[40] == 128',
  'portrange 40000-40005',
  'src portrange 1-1023',
  'ether host 02:00:00:00:01:0b',
  'ether broadcast or ether multicast',
  'vlan',
  'vlan 7',
  'vlan and tcp',
  'ip[6:2] & 0x1fff != 0',
  'ip[6:2] & 0x2000 != 0 and ip[6:2] & 0x1fff = 0',
  'less 64',
  'greater 100',
  'len - 14 > ip[2:2]',
  'ip proto 17',
  'ip[8] < 5',
  'tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420',
  '(ip[2:2] - ((ip[0] & 0xf) << 2)) - ((tcp[12] & 0xf0) >> 2) != 0',
  'ip[ip[0] & 0xf] * 3 / 7 > 5',
  'ip[1] % 3 = 1 or ip[1] ^ 0x55 = 0',
  'ether[0] & 1 = 0 and ip[16] >= 224',
  'not (tcp or udp or arp)',
];

const MACS = ['02:00:00:00:01:0b', '02:53:00:00:00:01', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:09'];

function randomPacket(random: Random): Uint8Array {
  const isIpv4 = random.chance(60);
  const addresses = isIpv4
    ? ['10.1.0.11', '10.1.0.100', '10.2.0.1', '224.0.0.9']
    : ['fd00:1::b', 'fd00:1::100', 'fe80::1', 'ff02::1'];
  const way: Way = {
    fromMac: random.pick(MACS),
    toMac: random.pick(MACS),
    from: random.pick(addresses),
    to: random.pick(addresses),
    vlan: random.chance(20) ? random.pick([0, 7, 8]) : undefined,
    ttl: random.pick([1, 4, 64]),
    ipOptions: isIpv4 && random.chance(15) ? new Uint8Array(random.pick([4, 40])) : undefined,
    fragment: random.chance(15) ? { offset: 8 * random.below(3), more: random.chance(50) } : undefined,
    padTo: random.chance(20) ? 60 : undefined,
  };
  const payload = random.chance(10) ? Buffer.from('GET / HTTP/1.1') : random.bytes(random.below(80));
  const ports = {
    sourcePort: random.pick([53, 80, 40_000, 40_006]),
    destinationPort: random.pick([53, 80, 443]),
  };
  const flags = random.pick(['S', 'SA', 'A', 'PA', 'F', 'R', 'SFRPAUEC']);
  const frame = random.pick([
    () => tcpFrame(way, { ...ports, flags, payload }),
    () => udpFrame(way, { ...ports, payload }),
    () => icmpFrame(way, random.pick([0, 3, 8, 128, 129]), 0, random.word(), payload),
  ])();
  const bytes = frame.bytes.slice();
  if (random.chance(5)) bytes.set([0x08, 0x06], 12);
  for (let spoilt = random.chance(40) ? random.below(4) : 0; spoilt > 0; spoilt--)
    bytes[random.below(Math.min(bytes.length, 60))] = random.word() & 0xff;
  return random.chance(20) ? bytes.slice(0, random.below(bytes.length)) : bytes;
}

test("filters of tcpdump's language match what libpcap's interpreter matches", () => {
  const random = new Random(seed, 1);
  const matched = new Map(EXPRESSIONS.map((expression) => [expression, { yes: 0, no: 0 }]));
  const programs = EXPRESSIONS.map((expression) => ({
    expression,
    program: compileFilter(expression, SNAP_LENGTH),
  }));
  for (const { expression, program } of programs) assert.is(problemOf(program), undefined, expression);
  for (let i = 0; i < runs(4_000); i++) {
    const packet = randomPacket(random);
    const wireLength = packet.length + (random.chance(20) ? random.below(100) : 0);
    for (const { expression, program } of programs) {
      const [ours, theirs] = bothAnswers(program, packet, wireLength);
      assert.is(ours, theirs, `seed ${seed}, "${expression}" on ${Buffer.from(packet).toString('hex')}`);
      matched.get(expression)![ours ? 'yes' : 'no']++;
    }
  }
  for (const [expression, { yes, no }] of matched) {
    assertCovered(yes > 0 && (no > 0 || expression === ''), `"${expression}" matched ${yes}, not ${no}`);
  }
});

const ALU = [0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0x94, 0xa4];
const LOADS = [0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x00, 0x80, 0x01, 0x81, 0xb1];
const MEMORY = [0x60, 0x61, 0x02, 0x03];
const SHIFTS = [0x64, 0x74];
const DIVISIONS = [0x34, 0x94];

/** All 16 words of memory are set first: what they hold before is undefined in libpcap. */
function randomProgram(random: Random): FilterInstruction[] {
  const program: FilterInstruction[] = Array.from({ length: 16 }, (_, i) => [0x02, 0, 0, i]);
  const count = random.between(1, 40);
  for (let i = 0; i < count; i++) program.push(randomInstruction(random, count - i));
  program.push([0x16, 0, 0, 0]);
  return program;
}

/** `behind`: number of instructions that follow. */
function randomInstruction(random: Random, behind: number): FilterInstruction {
  const value = random.pick([
    random.word() >>> 0,
    random.below(64),
    random.pick([0, 1, 0xffff_ffff, 0x8000_0000]),
  ]);
  const jump = (): number => random.below(Math.min(behind, 6));
  switch (random.below(6)) {
    case 0:
      return [random.pick(MEMORY), 0, 0, random.below(16)];
    case 1:
      return [random.pick([0x07, 0x87, 0x84]), 0, 0, 0];
    case 2:
      return [random.pick([0x15, 0x25, 0x35, 0x45]) | (random.chance(50) ? 8 : 0), jump(), jump(), value];
    case 3: {
      const operation = random.pick(ALU);
      if (random.chance(50)) return [operation | 8, 0, 0, 0];
      // A shift by a constant of 32 or more is undefined in C; a division by 0 is refused.
      if (SHIFTS.includes(operation)) return [operation, 0, 0, random.below(32)];
      return [operation, 0, 0, DIVISIONS.includes(operation) ? value || 1 : value];
    }
    case 4:
      return random.chance(80) ? [0x05, 0, 0, jump()] : [0x06, 0, 0, value];
    default:
      return [random.pick(LOADS), 0, 0, random.chance(90) ? random.below(64) : value];
  }
}

test("random programs of all operations end as in libpcap's interpreter", () => {
  const random = new Random(seed, 2);
  const answers = [0, 0];
  for (let i = 0; i < runs(20_000); i++) {
    const program = randomProgram(random);
    assert.is(problemOf(program), undefined, JSON.stringify(program));
    const packet = random.bytes(random.below(64));
    const [ours, theirs] = bothAnswers(program, packet, packet.length + random.below(9));
    assert.is(
      ours,
      theirs,
      `seed ${seed}: ${JSON.stringify(program)} on ${Buffer.from(packet).toString('hex')}`,
    );
    answers[Number(ours)]++;
  }
  assertCovered(Math.min(...answers) > 1_000, `${answers[1]} of all programs matched`);
});

test('programs that could loop, leave their memory or not end are refused, and say where', () => {
  const ret: FilterInstruction = [0x06, 0, 0, 1];
  const refused: [FilterInstruction[], RegExp][] = [
    [[], /found 0 instructions/],
    [Array.from({ length: MAX_INSTRUCTIONS + 1 }, () => ret), /found 4097 instructions/],
    [[[0x15, 1, 0, 0], ret], /instruction 0: found jumps by 1 and 0/],
    [[[0x15, 0, 255, 0], ret], /instruction 0: found jumps by 0 and 255/],
    [[[0x05, 0, 0, 1], ret], /instruction 0: found a jump by 1/],
    [[ret, [0x05, 0, 0, 0xffff_fffe], ret], /instruction 1: found a jump back/],
    [compileFilter('ip6 protochain 17', SNAP_LENGTH), /protochain/],
    [[[0x60, 0, 0, 16], ret], /memory word 16/],
    [[[0x02, 0, 0, 0xffff_ffff], ret], /memory word/],
    [[[0x34, 0, 0, 0], ret], /division by 0/],
    [[[0x94, 0, 0, 0], ret], /division by 0/],
    [[[0x20, 0, 0, -1], ret], /operand -1/],
    [[[0x15, 0.5, 0, 0], ret, ret], /jumps by 0.5/],
    [[[0xff, 0, 0, 0], ret], /operation 255/],
    [[ret, [0x00, 0, 0, 0]], /no return/],
  ];
  for (const [program, expected] of refused) {
    assert.match(problemOf(program)!, expected);
    assert.throws(() => new PacketFilter(program), expected);
  }
});

test('loads beyond the packet are no match, wherever they point to', () => {
  const view = new DataView(new ArrayBuffer(64));
  for (const k of [60, 61, 0x7fff_ffff, 0xffff_fffc, 0xffff_ffff]) {
    for (const operation of [0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xb1]) {
      const filter = new PacketFilter([
        [0x01, 0, 0, 0xffff_fff0],
        [operation, 0, 0, k],
        [0x06, 0, 0, 1],
      ]);
      assert.is(filter.matches(view, 0, 60, 60), false, `${operation} ${k}`);
    }
  }
});

test.run();
