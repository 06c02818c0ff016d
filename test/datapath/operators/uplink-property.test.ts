/**
 * Random frames at an uplink and at VMs beside it, with the addresses that matter and with flipped bytes: the bed checks
 * that each is accounted for, and what leaves by an uplink never bears what all hosts have in common.
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
  type WireFrame,
} from '../../support/packets.ts';
import { Random, runs, seed } from '../../support/seed.ts';
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

class Frames {
  private readonly random: Random;
  private readonly macs: readonly string[];

  constructor(bed: DatapathBed, random: Random) {
    this.random = random;
    const router = bed.maker.routerMac('app');
    this.macs = [router, HOST_MAC, FAR_MAC, BROADCAST, bed.mac('web1'), bed.mac('app1'), '33:33:00:00:00:01'];
  }

  next(): WireFrame {
    const frame = this.make();
    if (!this.random.chance(25)) return frame;
    const bytes = frame.bytes.slice();
    bytes[this.random.below(bytes.length)] = this.random.below(256);
    return { bytes, vnet: frame.vnet };
  }

  private make(): WireFrame {
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
    if (kind === 0) return plain(ethernetFrame(way, countingBytes(60), 0x88b5));
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
      ? udpFrame(way, { ...ports, payload: countingBytes(100) })
      : tcpFrame(way, { ...ports, flags: this.random.pick(['S', 'SA', 'A', 'R']) });
  }
}

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
  const router = Buffer.from(bed.maker.routerMac('app').replaceAll(':', ''), 'hex');
  let atUplinks = 0;
  const judge = (sent: readonly Sent[], from: string): void => {
    for (const { port, wire } of sent) {
      if (port !== 'up' && port !== 'other') continue;
      atUplinks++;
      const { bytes } = wire;
      assert.not.ok(from === 'up' || from === 'other', `a frame from ${from} left by ${port}`);
      assert.is.not(Buffer.compare(bytes.subarray(6, 12), router), 0, "the router's MAC as source");
      assert.is.not((bytes[12]! << 8) | bytes[13]!, 0x8100, 'a tag of a VM');
    }
  };
  for (let i = 0; i < runs(FRAMES); i++) {
    const from = random.pick(['up', 'up', 'other', 'web1', 'app1', 'db1']);
    judge(bed.send(from, frames.next()), from);
    if (i % 50 === 0) judge(bed.pass(300), 'timers');
  }
  judge(bed.passSlowly(30_000), 'timers');
  assert.ok(atUplinks > 100, `${atUplinks} frames left by uplinks`);
  const drops = bed.drops();
  for (const reason of [
    'own-frame-returned',
    'router-mac-outside',
    'vlan-not-allowed',
    'not-for-us',
    'spoofed-arp',
  ])
    assert.ok((drops[reason] ?? 0) > 0, `${reason}: ${JSON.stringify(drops)}`);
});

test.run();
