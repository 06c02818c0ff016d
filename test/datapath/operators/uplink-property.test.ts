/**
 * Random frames at an uplink and at VMs beside it, with the addresses that matter and with flipped bytes: the bed checks
 * that each is accounted for. Frames that leave by an uplink never carry what all hosts have in common, and never came
 * in by an uplink. A frame from an uplink may release packets that waited for a neighbour, so every packet carries a
 * mark in its payload by which the judge finds the port that it came from.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, type Sent } from '../../support/datapath-bed.ts';
import {
  advertisementFrame,
  arpFrame,
  BROADCAST,
  countingBytes,
  ethernetFrame,
  plain,
  solicitationFrame,
  tcpFrame,
  udpFrame,
  type Way,
  type WireFrame,
} from '../../support/packets.ts';
import { assertCovered, Random, runs, seed } from '../../support/seed.ts';
import { members, PORTS, type PortDescription } from '../../support/topology.ts';

const test = suite('uplinks: random frames');

const HOST_MAC = '02:aa:00:00:00:01';
const FAR_MAC = '02:bb:00:00:00:01';
const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::100';

const uplink = (name: string): PortDescription => ({
  name,
  network: 'app',
  mac: null,
  addresses: [],
  balanced: false,
  uplink: { hostMac: HOST_MAC },
});

const ADDRESSES = ['10.1.0.1', VIP, '10.1.0.11', '10.1.0.21', '10.1.0.51', '10.2.0.31', '0.0.0.0'];
const ADDRESSES6 = ['fd00:1::1', VIP6, 'fd00:1::b', 'fd00:1::15', 'fd00:1::51', 'fd00:2::1f', 'fe80::1'];
const FRAMES = 20_000;
const MAGIC = Buffer.from('a mark: ');
const MARK_BYTES = MAGIC.length + 4;

class Frames {
  private readonly random: Random;
  private readonly macs: readonly string[];
  /** Where each marked frame came from, by its number. */
  private readonly origins: string[] = [];

  constructor(bed: DatapathBed, random: Random) {
    this.random = random;
    const router = bed.maker.routerMac('app');
    this.macs = [router, HOST_MAC, FAR_MAC, BROADCAST, bed.mac('web1'), bed.mac('app1'), '33:33:00:00:00:01'];
  }

  next(from: string): WireFrame {
    const frame = this.make(from);
    if (!this.random.chance(25)) return frame;
    const bytes = frame.bytes.slice();
    const mark = Buffer.from(bytes).indexOf(MAGIC);
    const at = this.random.below(bytes.length);
    if (mark < 0 || at < mark || at >= mark + MARK_BYTES) bytes[at] = this.random.below(256);
    return { bytes, vnet: frame.vnet };
  }

  /** The port that a packet came from, if it is one of ours and not one of the datapath's. */
  originOf(bytes: Uint8Array): string | undefined {
    const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const mark = frame.indexOf(MAGIC);
    return mark < 0 ? undefined : this.origins[frame.readUInt32BE(mark + MAGIC.length)];
  }

  /** A datagram with a mark. */
  marked(from: string, way: Way): WireFrame {
    return udpFrame(way, { sourcePort: 5_000, destinationPort: 5_001, payload: this.mark(from) });
  }

  private mark(from: string): Uint8Array {
    const payload = Buffer.alloc(MARK_BYTES + 88, countingBytes(88));
    MAGIC.copy(payload);
    payload.writeUInt32BE(this.origins.push(from) - 1, MAGIC.length);
    return payload;
  }

  private make(from: string): WireFrame {
    const isIpv6 = this.random.chance(40);
    const addresses = isIpv6 ? ADDRESSES6 : ADDRESSES;
    const way = {
      fromMac: this.random.pick(this.macs),
      toMac: this.random.pick(this.macs),
      from: this.random.pick(addresses),
      to: this.random.pick(addresses),
      vlan: this.random.chance(5) ? 7 : undefined,
    };
    const kind = this.random.below(4);
    if (kind === 0) return plain(ethernetFrame(way, this.mark(from), 0x88b5));
    if (kind === 1) {
      if (!isIpv6)
        return arpFrame(way, this.random.pick(['request', 'reply']), {
          senderMac: this.random.pick(this.macs),
        });
      return this.random.chance(50)
        ? solicitationFrame(
            way,
            this.random.pick(addresses),
            this.random.chance(70) ? this.random.pick(this.macs) : undefined,
          )
        : advertisementFrame(way, this.random.pick(addresses), this.random.pick(this.macs), 'SO');
    }
    const ports = {
      sourcePort: this.random.pick([80, 5_000, 8_080]),
      destinationPort: this.random.pick([80, 5_000, 8_080]),
    };
    return kind === 2
      ? udpFrame(way, { ...ports, payload: this.mark(from) })
      : tcpFrame(way, {
          ...ports,
          flags: this.random.pick(['S', 'SA', 'A', 'R']),
          payload: this.mark(from),
        });
  }
}

const isUplink = (port: string): boolean => port === 'up' || port === 'other';
const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');

test('whatever comes, it is accounted for, and an uplink shows only the MAC of the host', () => {
  const group = { name: 'web', port: 80, members: members([1, 1]) };
  const far = { name: 'far', address: '10.1.0.51', port: 8080 };
  const bed = new DatapathBed({
    ports: [...PORTS, uplink('up'), uplink('other')],
    groups: [
      { ...group, vip: VIP, members: [...group.members, far] },
      { ...group, vip: VIP6, members: members([1, 1], { family: 6 }) },
    ],
  });
  bed.judges = false; // broken frames are bridged as they are
  const random = new Random(seed);
  const frames = new Frames(bed, random);
  const router = macBytes(bed.maker.routerMac('app'));
  const own = macBytes(HOST_MAC);
  let atUplinks = 0;
  let released = 0;
  const judge = (sent: readonly Sent[], from: string): void => {
    for (const { port, wire } of sent) {
      if (!isUplink(port)) continue;
      atUplinks++;
      const { bytes } = wire;
      if (isUplink(from)) {
        const origin = frames.originOf(bytes);
        assert.ok(
          origin !== undefined && !isUplink(origin),
          `a frame from ${from} made one from ${origin ?? 'the host'} leave by ${port}`,
        );
        const to = bytes.subarray(0, 6);
        assert.is(to[0]! & 1, 0, 'a packet that waited went to a group MAC');
        for (const mac of [own, router])
          assert.is.not(Buffer.compare(to, mac), 0, 'a packet that waited went back to this host');
        released++;
      }
      assert.is.not(Buffer.compare(bytes.subarray(6, 12), router), 0, "the router's MAC as source");
      assert.is.not((bytes[12]! << 8) | bytes[13]!, 0x8100, 'a tag of a VM');
    }
  };
  /** A routed packet to a station of which nothing is known, and the station's answer to the question for it. */
  const firstContact = (n: number): void => {
    const to = `10.1.0.${120 + (n % 100)}`;
    judge(bed.send('db1', frames.marked('db1', bed.way('db1', to))), 'db1');
    const answer = { fromMac: FAR_MAC, toMac: HOST_MAC, from: to, to: '10.1.0.1' };
    judge(bed.send('up', arpFrame(answer, 'reply')), 'up');
  };
  for (let i = 0; i < runs(FRAMES); i++) {
    const from = random.pick(['up', 'up', 'other', 'web1', 'app1', 'db1']);
    judge(bed.send(from, frames.next(from)), from);
    if (i % 500 === 0) firstContact(i / 500);
    if (i % 50 === 0) judge(bed.pass(300), 'timers');
  }
  judge(bed.passSlowly(30_000), 'timers');
  assertCovered(atUplinks > 100, `${atUplinks} frames left by uplinks`);
  assertCovered(released > 0, 'no packet waited for a neighbour behind an uplink');
  const drops = bed.drops();
  for (const reason of [
    'own-frame-returned',
    'router-mac-outside',
    'vlan-not-allowed',
    'not-for-us',
    'spoofed-arp',
  ])
    assertCovered((drops[reason] ?? 0) > 0, `${reason}: ${JSON.stringify(drops)}`);
});

test.run();
