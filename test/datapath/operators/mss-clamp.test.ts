/** The MSS that a SYN or SYN/ACK announces is lowered, never raised, never added; checksums stay right. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, only, type Sent } from '../../support/datapath-bed.ts';
import { tcpFrame } from '../../support/packets.ts';
import { APP, DB, members, PORTS } from '../../support/topology.ts';

const clamp = suite('MSS clamp');

const VIPS = { 4: '10.1.0.100', 6: 'fd00:1::64' } as const;
const CLAMPED = { ipv4: 1_300, ipv6: 1_280 };

const bedOf = (offloads = true): DatapathBed =>
  new DatapathBed({
    networks: [{ ...APP, mssClamp: CLAMPED }, DB],
    ports: PORTS.map((port) => ({ ...port, offloads })),
    groups: [
      { name: 'api', vip: VIPS[4], members: members([1]) },
      { name: 'api6', vip: VIPS[6], members: members([1], { family: 6 }) },
    ],
  });

const mss = (bytes: number): number[] => [2, 4, bytes >> 8, bytes & 0xff];
const WINDOW_SCALE = [3, 3, 7];
const SACK_PERMITTED = [4, 2];
const NOP = [1];

interface Syn {
  readonly to?: string;
  readonly port?: string;
  readonly flags?: string;
  readonly partial?: boolean;
}

function send(bed: DatapathBed, options: readonly number[], syn: Syn = {}): Sent {
  const { to = VIPS[4], port = 'web1', flags = 'S', partial = false } = syn;
  const padded = new Uint8Array(Math.ceil(options.length / 4) * 4);
  padded.set(options);
  const fields = { sourcePort: 1_000, destinationPort: 80, flags, options: padded, partial };
  return only(bed.send(port, tcpFrame(bed.way(port, to), fields)));
}

/** Options of the one frame that came out; its checksum has been judged by then. */
function optionsOf({ frame }: Sent): number[] {
  const packet = frame.packet;
  assert.ok(packet);
  const l4 = packet.from.includes(':') ? 40 : 20;
  const headerBytes = (packet.bytes[l4 + 12]! >> 4) * 4;
  return [...packet.bytes.subarray(l4 + 20, l4 + headerBytes)];
}

clamp(
  'a larger one is lowered, IPv4 and IPv6, complete and partial checksums, finished by us or by the device',
  () => {
    for (const partial of [false, true]) {
      for (const offloads of [false, true]) {
        const bed = bedOf(offloads);
        assert.equal(optionsOf(send(bed, mss(1_460), { partial })), mss(1_300));
        assert.equal(optionsOf(send(bed, mss(1_440), { to: VIPS[6], partial })), mss(1_280));
      }
    }
  },
);

clamp('a smaller one, the same, and none are left as they are', () => {
  const bed = bedOf();
  for (const options of [mss(536), mss(1_300), [], [...NOP, ...NOP, ...SACK_PERMITTED]]) {
    assert.equal(optionsOf(send(bed, options, { to: '10.1.0.12' })), options);
  }
});

clamp('wherever it stands among the options, at odd places too', () => {
  for (const before of [
    NOP,
    SACK_PERMITTED,
    WINDOW_SCALE,
    [...NOP, ...SACK_PERMITTED],
    [...WINDOW_SCALE, ...NOP],
  ]) {
    for (const to of [VIPS[4], VIPS[6], '10.1.0.12']) {
      const bytes = to === VIPS[6] ? 1_280 : 1_300;
      const found = optionsOf(send(bedOf(), [...before, ...mss(9_000)], { to }));
      assert.equal(found.slice(0, before.length + 4), [...before, ...mss(bytes)]);
    }
  }
});

clamp('behind the end of the options, in a broken list, or of a wrong length it is none', () => {
  for (const options of [
    [0, ...mss(9_000)],
    [5, 0, ...mss(9_000)],
    [8, 40, ...mss(9_000)],
    [2, 6, 35, 40, 0, 0],
  ]) {
    const found = optionsOf(send(bedOf(), options));
    assert.equal(found.slice(0, options.length), options);
  }
});

clamp('a SYN/ACK is told too, and what comes in from another network', () => {
  const bed = bedOf();
  assert.equal(optionsOf(send(bed, mss(1_460), { port: 'app1', to: '10.1.0.11', flags: 'SA' })), mss(1_300));
  assert.equal(optionsOf(send(bed, mss(1_460), { port: 'db1', to: '10.1.0.11', flags: 'S' })), mss(1_300));
});

clamp('other segments and other networks are let be', () => {
  const bed = bedOf();
  assert.equal(optionsOf(send(bed, mss(1_460), { to: '10.1.0.12', flags: 'A' })), mss(1_460));
  assert.equal(optionsOf(send(bed, mss(1_460), { port: 'db1', to: '10.2.0.32', flags: 'S' })), mss(1_460));
});

clamp('a new setting holds from the next connection on', () => {
  const bed = bedOf();
  bed.configure({ networks: [APP, DB] });
  assert.equal(optionsOf(send(bed, mss(1_460))), mss(1_460));
});

clamp.run();
