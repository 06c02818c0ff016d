/**
 * For any packet: translation gives exactly the bytes that the naive twin makes from scratch for the translated
 * description, and translating the answer back gives exactly the answer that the VIP would have sent.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as checksum from '../../src/wire/checksum.ts';
import { assertCovered, runs, seed } from '../support/seed.ts';
import { Testbed } from './testbed.ts';
import { type ChecksumKind, type Description, frameOf, mirrored, onesSum, vnetHeaderOf } from './twin.ts';

/** Not those of DHCP clients: the guards drop what VMs send there. */
const anyServicePort = fc.integer({ min: 1, max: 65535 }).filter((port) => port !== 68 && port !== 546);

const RUNS = runs(3000);

const WEB1 = '02:00:00:00:01:0b';
const ROUTER = '02:53:4c:00:13:89';
const ROUTER_DB = '02:53:4c:00:13:8a';

interface Path {
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  readonly client: string;
  readonly vip: string;
  /** Absent: any port. */
  readonly vipPort?: number;
  readonly member: string;
  readonly memberPort?: number;
  readonly memberName: string;
  readonly memberMac: string;
  /** The member is behind the logical router. */
  readonly routed: boolean;
}

const APP1 = { memberName: 'app1', memberMac: '02:00:00:00:01:15', routed: false };
const APP2 = { memberName: 'app2', memberMac: '02:00:00:00:01:16', routed: false };
const DB1 = { memberName: 'db1', memberMac: '02:00:00:00:02:1f', routed: true };
const V4 = { family: 4, client: '10.1.0.11' } as const;
const V6 = { family: 6, client: 'fd00:1::b' } as const;
const TCP = { protocol: 'tcp', vipPort: 80, memberPort: 8080 } as const;
const UDP = { protocol: 'udp', vipPort: 53, memberPort: 5353 } as const;

const PATHS: Path[] = [
  { ...V4, ...TCP, ...APP1, vip: '10.1.0.100', member: '10.1.0.21' },
  { ...V6, ...TCP, ...APP1, vip: 'fd00:1::100', member: 'fd00:1::15' },
  { ...V4, ...UDP, ...APP2, vip: '10.1.0.100', member: '10.1.0.22' },
  { ...V6, ...UDP, ...APP2, vip: 'fd00:1::100', member: 'fd00:1::16' },
  { ...V4, ...TCP, ...DB1, vip: '10.1.0.130', member: '10.2.0.31' },
  { ...V6, ...TCP, ...DB1, vip: 'fd00:1::130', member: 'fd00:2::1f' },
  { ...V4, ...UDP, ...DB1, vip: '10.1.0.130', member: '10.2.0.31' },
  { ...V6, ...UDP, ...DB1, vip: 'fd00:1::130', member: 'fd00:2::1f' },
  { ...V4, ...APP1, protocol: 'udp', vip: '10.1.0.120', member: '10.1.0.21' },
  { ...V6, ...APP1, protocol: 'tcp', vip: 'fd00:1::120', member: 'fd00:1::15' },
];

/** No flags that would make the datapath answer a first segment instead of passing it. */
const SYN = 2;

const bytes = (unit: number, max: number): fc.Arbitrary<Uint8Array> =>
  fc.integer({ min: 0, max }).chain((n) => fc.uint8Array({ minLength: n * unit, maxLength: n * unit }));

const checksumKind = (path: Path): fc.Arbitrary<ChecksumKind> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant<ChecksumKind>('complete') },
    { weight: 4, arbitrary: fc.constant<ChecksumKind>('partial') },
    { weight: 1, arbitrary: fc.record({ wrongBy: fc.integer({ min: 1, max: 0xfffe }) }) },
    {
      weight: path.family === 4 && path.protocol === 'udp' ? 2 : 0,
      arbitrary: fc.constant<ChecksumKind>('absent'),
    },
  );

/** Source routes (RFC 791 §3.1) and the home address (RFC 6275 §6.3) name other addresses: such packets are not translated. */
const withoutOtherAddresses = (options: Uint8Array): Uint8Array =>
  options.map((byte) => ([131, 137, 201].includes(byte) ? 1 : byte));

/** A packet from web1 to the VIP of a path. */
const request = (path: Path): fc.Arbitrary<Description> =>
  fc.record({
    family: fc.constant(path.family),
    protocol: fc.constant(path.protocol),
    sourceMac: fc.constant(WEB1),
    destinationMac: fc.constant(ROUTER),
    // The logical router does not take tagged packets.
    tags: path.routed
      ? fc.constant([])
      : fc.oneof(fc.constant([]), fc.constant([0x81000007]), fc.constant([0x88a80064, 0x81006007])),
    source: fc.constant(path.client),
    destination: fc.constant(path.vip),
    sourcePort: fc.integer({ min: 1024, max: 65535 }),
    destinationPort: path.vipPort === undefined ? anyServicePort : fc.constant(path.vipPort),
    hops: fc.integer({ min: 2, max: 255 }),
    options: (path.family === 4 ? bytes(4, 10) : bytes(8, 4)).map(withoutOtherAddresses),
    sequence: fc.integer({ min: 0, max: 0xffffffff }),
    flags: fc.constantFrom(SYN, SYN | 8, SYN | 0x20, SYN | 0xc0),
    tcpOptions: bytes(4, 10),
    payload: fc.uint8Array({ maxLength: 200 }),
    trailer: fc.uint8Array({ maxLength: 20 }),
    checksum: checksumKind(path),
  });

const anyRequest: fc.Arbitrary<[Path, Description]> = fc
  .constantFrom(...PATHS)
  .chain((path) => fc.tuple(fc.constant(path), request(path)));

function atMember(path: Path, d: Description): Description {
  return {
    ...d,
    destination: path.member,
    destinationPort: path.memberPort ?? d.destinationPort,
    destinationMac: path.memberMac,
    sourceMac: path.routed ? ROUTER_DB : WEB1,
    hops: path.routed ? d.hops - 1 : d.hops,
  };
}

/** What a device without offloads is given. */
const finished = (d: Description): Description =>
  d.checksum === 'partial' ? { ...d, checksum: 'complete' } : d;

function check(bed: Testbed, offloads: boolean, path: Path, sent: Description): void {
  const leaves = offloads ? (d: Description): Description => d : finished;
  const forth = bed.exchange('web1', frameOf(sent), vnetHeaderOf(sent));
  const received = leaves(atMember(path, sent));
  assert.is(forth.length, 1, 'one frame leaves');
  assert.is(forth[0]!.port, path.memberName);
  assert.equal(forth[0]!.bytes, frameOf(received), 'as the twin makes it for the member');
  assert.equal(forth[0]!.vnetHeader, vnetHeaderOf(received));

  // The member sends the same contents back, and the VIP would have sent the same, but for the MACs and the hops.
  const answer = mirrored(atMember(path, sent), path.memberMac, path.routed ? ROUTER_DB : WEB1);
  if (answer.hops < 2) return;
  const back = bed.exchange(path.memberName, frameOf(answer), vnetHeaderOf(answer));
  const hops = path.routed ? answer.hops - 1 : answer.hops;
  const seen = leaves({ ...mirrored(sent, ROUTER, WEB1), hops });
  assert.is(back.length, 1, 'one frame comes back');
  assert.is(back[0]!.port, 'web1');
  assert.equal(back[0]!.bytes, frameOf(seen), 'as the twin makes it for the client');
  assert.equal(back[0]!.vnetHeader, vnetHeaderOf(seen));
}

const test = suite(`translation of any packet (SLUICE_TEST_SEED=${seed})`);

for (const offloads of [false, true]) {
  test(`there and back, ${offloads ? 'offloads kept' : 'offloads finished'}`, () => {
    const bed = new Testbed(offloads);
    fc.assert(
      fc.property(anyRequest, ([path, sent]) => check(bed, offloads, path, sent)),
      { seed, numRuns: RUNS },
    );
    assertCovered(bed.datapath.tables.connections.totals.created > 100, 'flows were made');
    assert.is(bed.datapath.arena.freeCount, bed.datapath.arena.slotCount, 'no frame buffer is lost');
  });
}

/** Words that carry, borrow and vanish. */
const word = fc.oneof(
  fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff),
  fc.integer({ min: 0, max: 0xffff }),
);

test('a delta gives what summing up again gives', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 4, maxLength: 40 }), word, word, word, (words, n0, n1, n2) => {
      const asBytes = (list: number[]): number[] => list.flatMap((value) => [value >> 8, value & 255]);
      const now = [n0, n1, n2, ...words.slice(3)];
      const check = 0xffff - onesSum(asBytes(words));
      const delta =
        checksum.delta32((words[0]! << 16) | words[1]!, (n0 << 16) | n1) + checksum.delta16(words[2]!, n2);
      // A one's-complement sum has two zeros; only a sum of nothing but zeros is the plain one.
      const expected = 0xffff - onesSum(asBytes(now));
      const found = checksum.replace(check, delta);
      assert.is(found % 0xffff, expected % 0xffff);
      if (words.slice(3).some((value) => value !== 0)) assert.is(found, expected, 'never the other zero');
      assert.is(checksum.replaceUdp(check || 0xffff, delta), found || 0xffff);
      assert.is(checksum.replaceUdp(0, delta), 0, 'no checksum stays none');
      assert.is(
        checksum.replacePartial(onesSum(asBytes(words)), delta) % 0xffff,
        onesSum(asBytes(now)) % 0xffff,
      );
    }),
    { seed, numRuns: runs(20_000) },
  );
});

test.run();
