// timeout: 120s
/**
 * The fast path does exactly what the slow path does: two datapaths are fed the same batches, one
 * of them without the fast path, and after each batch they have sent the same bytes in the same order, and all of
 * their tables are the same to the byte.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Datapath, type FrameOutput } from '../../../src/datapath/datapath.ts';
import { FastPath } from '../../../src/datapath/fast-path/fast-path.ts';
import {
  CAPTURE_POINTS,
  type CapturedPacket,
  POINT,
  RingReader,
  ringBytes,
} from '../../../src/tables/capture-ring.ts';
import { FRAME_HEADROOM_BYTES, FrameArena, SLOT_BYTES } from '../../../src/tables/frame-arena.ts';
import { DEFAULT_LIMITS, type TableLimits, Tables } from '../../../src/tables/tables.ts';
import { tcpFrame, udpFrame, type Way, type WireFrame } from '../../support/packets.ts';
import { assertCovered, Random, runs, seed } from '../../support/seed.ts';
import {
  DEFAULT_TOPOLOGY,
  familyOf,
  type GroupDescription,
  members,
  PORTS,
  SETTINGS,
  SnapshotMaker,
  type Topology,
} from '../../support/topology.ts';

const LIMITS: TableLimits = {
  ...DEFAULT_LIMITS,
  maxConnections: 512,
  maxEndpoints: 256,
  maxStatSlots: 512,
  maxPorts: 16,
  maxMacs: 256,
  maxNeighbours: 256,
  maxAffinities: 64,
  maxDatagrams: 16,
};
const SLOTS = 512;
const VNET_BYTES = 12;

interface Arrival {
  readonly port: string;
  readonly wire: WireFrame;
}

interface Sent {
  readonly port: number;
  readonly wire: WireFrame;
}

/** What a client sends to a VIP is addressed to the router: second byte of its MAC. */
const ROUTER_MAC_BYTE = 1;
const ROUTER_MAC = 0x53;

/** A datapath whose frames come in batches. */
class Side implements FrameOutput {
  readonly arena = new FrameArena(new ArrayBuffer(SLOTS * SLOT_BYTES), SLOTS);
  readonly memory = new ArrayBuffer(Tables.bytesNeeded(LIMITS));
  readonly tables = new Tables(this.memory, 0, LIMITS, [7, 11]);
  readonly datapath: Datapath;
  sent: Sent[] = [];

  constructor(fastPath: boolean) {
    this.tables.initialise();
    this.datapath = new Datapath({ arena: this.arena, output: this, tables: this.tables, fastPath });
  }

  transmit(port: number, slot: number, offset: number, length: number): void {
    assert.ok(this.arena.referencesOf(slot) > 0, 'a frame that is sent has an owner');
    const bytes = this.arena.bytes.slice(offset, offset + length);
    this.sent.push({ port, wire: { bytes, vnet: this.arena.bytes.slice(offset - VNET_BYTES, offset) } });
  }

  handle(maker: SnapshotMaker, batch: readonly Arrival[], nowMs: number): void {
    const { arena } = this;
    const slots = batch.map(() => arena.take());
    const offsets = slots.map((slot) => arena.frameOffset(slot));
    batch.forEach(({ wire }, i) => {
      arena.bytes.fill(0xa5, slots[i] * SLOT_BYTES, slots[i] * SLOT_BYTES + FRAME_HEADROOM_BYTES + 2_048);
      arena.bytes.set(wire.vnet, offsets[i] - VNET_BYTES);
      arena.bytes.set(wire.bytes, offsets[i]);
    });
    const frames = {
      port: Int32Array.from(batch, ({ port }) => maker.portId(port)),
      slot: Int32Array.from(slots),
      offset: Int32Array.from(offsets),
      length: Int32Array.from(batch, ({ wire }) => wire.bytes.length),
    };
    this.sent = [];
    this.datapath.beginBatch(nowMs, 1_700_000_000_000 + nowMs);
    this.datapath.handleFrames(frames, batch.length);
    this.datapath.endBatch();
  }
}

const GROUPS: readonly GroupDescription[] = [
  { name: 'tcp4', vip: '10.1.0.100', protocol: 'tcp', port: 80, members: members([1, 2], { port: 8080 }) },
  { name: 'udp4', vip: '10.1.0.101', protocol: 'udp', members: members([1, 1, 1]) },
  { name: 'any6', vip: 'fd00:1::100', members: members([1, 1], { family: 6 }) },
  { name: 'port6', vip: 'fd00:1::101', port: 53, members: members([1, 1], { family: 6, port: 5353 }) },
  { name: 'routed', vip: '10.1.0.102', members: [{ name: 'db1', address: '10.2.0.31' }] },
  { name: 'hairpin', vip: '10.1.0.103', members: [{ name: 'web1', address: '10.1.0.11' }] },
  { name: 'mac', vip: '10.1.0.104', rewrite: 'mac', members: members([1, 1]) },
  { name: 'shared', vip: '10.1.0.105', members: members([1, 2]) },
];

/** Ports as they come: with and without anti-spoofing, without a load balancer, without offloads, of unknown MAC. */
const topologyOf = (random: Random): Topology => ({
  ...DEFAULT_TOPOLOGY,
  groups: GROUPS,
  networks: DEFAULT_TOPOLOGY.networks.map((network) => ({ ...network, mtu: random.pick([1500, 1500, 400]) })),
  ports: PORTS.map((port) => ({
    ...port,
    allowedSources: random.chance(50)
      ? port.addresses.map((a) => `${a}/${familyOf(a) === 4 ? 32 : 128}`)
      : undefined,
    guards: random.chance(30) ? { dhcp: false, reservedMulticast: false } : {},
    balanced: !random.chance(10),
    offloads: !random.chance(20),
    mac: random.chance(10) ? null : undefined,
  })),
  settings: { ...SETTINGS, failFast: random.chance(50), activeFlowIdleMs: 500, udpIdleMs: 3_000 },
});

/** Group addresses, one of which is reserved. */
const GROUPS_OF_MACS = ['01:80:c2:00:00:0e', '01:00:5e:00:00:09'];
const CLIENTS = ['web1', 'web2', 'web3', 'app1'];
/** Most segments carry data or acknowledge it. */
const FLAGS = ['A', 'A', 'A', 'A', 'A', 'A', 'PA', 'PA', 'PA', 'S', 'S', 'S', 'FA', 'R', 'SA', 'AE', 'AC'];

class Traffic {
  private readonly random: Random;
  private readonly maker: SnapshotMaker;
  /** What was delivered lately: what answers are made from. */
  delivered: Sent[] = [];

  constructor(random: Random, maker: SnapshotMaker) {
    this.random = random;
    this.maker = maker;
  }

  next(): Arrival {
    const { random } = this;
    const arrival = random.chance(50) && this.delivered.length > 0 ? this.answer() : this.request();
    return random.chance(6) ? { ...arrival, wire: this.spoilt(arrival.wire) } : arrival;
  }

  private request(): Arrival {
    const { random } = this;
    const port = random.pick(CLIENTS);
    const { vip, port: vipPort = 1_000 + random.below(3), protocol } = random.pick(GROUPS);
    const { addresses, network } = PORTS.find(({ name }) => name === port)!;
    const way: Way = {
      fromMac: this.maker.macOf({ name: port, network, addresses }),
      toMac: random.chance(2) ? random.pick(GROUPS_OF_MACS) : this.maker.routerMac(network),
      from: addresses.find((address) => familyOf(address) === familyOf(vip))!,
      to: vip,
      ttl: random.pick([1, 64, 64, 64]),
      vlan: random.chance(6) ? random.pick([7, 0, 0xe000]) : undefined,
      ipOptions: random.chance(3) && familyOf(vip) === 4 ? new Uint8Array(4) : undefined,
      padTo: random.chance(20) ? 60 : undefined,
    };
    const ports = {
      sourcePort: random.chance(3) ? random.pick([68, 546]) : 40_000 + random.below(12),
      destinationPort: vipPort,
    };
    const payload = random.bytes(random.chance(10) ? 500 : random.below(40));
    const offload = this.offload(payload.length);
    const isUdp = protocol === 'udp' || (protocol === undefined && random.chance(50));
    const noChecksum = familyOf(vip) === 4 && random.chance(10);
    const wire = isUdp
      ? udpFrame(way, { ...ports, payload, noChecksum, ...(noChecksum ? {} : offload) })
      : tcpFrame(way, { ...ports, flags: random.pick(FLAGS), payload, ...offload });
    return { port, wire };
  }

  private offload(payloadBytes: number): { partial?: boolean; gsoSize?: number } {
    const { random } = this;
    if (random.chance(50)) return {};
    return payloadBytes > 100 && random.chance(50) ? { partial: true, gsoSize: 100 } : { partial: true };
  }

  /** What was delivered, sent back: MACs, addresses and ports change places. */
  private answer(): Arrival {
    const { random } = this;
    const { port, wire } = random.pick(this.delivered);
    const bytes = wire.bytes.slice();
    swap(bytes, 0, 6, 6);
    const isIpv4 = bytes[12] === 8 && bytes[14] === 0x45;
    if (isIpv4) swap(bytes, 26, 30, 4);
    else swap(bytes, 22, 38, 16);
    const l4 = isIpv4 ? 34 : 54;
    if (bytes.length >= l4 + 4) swap(bytes, l4, l4 + 2, 2);
    if ((isIpv4 ? bytes[23] : bytes[20]) === 6 && bytes.length > l4 + 13 && random.chance(70)) {
      bytes[l4 + 13] = random.pick([0x10, 0x10, 0x10, 0x18, 0x18, 0x12, 0x12, 0x11, 0x04]);
    }
    return {
      port: PORTS.find(({ name }) => this.maker.portId(name) === port)!.name,
      wire: { ...wire, bytes },
    };
  }

  private spoilt({ bytes, vnet }: WireFrame): WireFrame {
    const { random } = this;
    const spoilt = { bytes: bytes.slice(), vnet: vnet.slice() };
    if (random.chance(20)) return { ...spoilt, bytes: spoilt.bytes.slice(0, random.below(bytes.length)) };
    const part = random.chance(20) ? spoilt.vnet : spoilt.bytes;
    part[random.below(Math.min(part.length, 80))] ^= 1 << random.below(8);
    return spoilt;
  }
}

function swap(bytes: Uint8Array, a: number, b: number, length: number): void {
  const kept = bytes.slice(a, a + length);
  bytes.copyWithin(a, b, b + length);
  bytes.set(kept, b);
}

/** Everything that a side's datapath captures. */
class CaptureOfSide {
  private readonly side: Side;
  private readonly reader: RingReader;

  constructor(side: Side) {
    const ring = new SharedArrayBuffer(ringBytes(LIMITS.maxPorts));
    side.datapath.captures.start({ id: 1, points: [...CAPTURE_POINTS.keys()], snapLength: 65_536, ring });
    this.side = side;
    this.reader = new RingReader(ring, LIMITS.maxPorts);
  }

  take(): CapturedPacket[] {
    const packets: CapturedPacket[] = [];
    while (this.reader.next((packet) => packets.push({ ...packet, bytes: packet.bytes.slice() })));
    return packets;
  }

  stop(): void {
    this.side.datapath.captures.stop(1);
  }
}

/** Each frame that came in and each that went out was captured, in their order. */
function assertComplete(
  seen: readonly CapturedPacket[],
  batch: readonly Arrival[],
  sent: readonly Sent[],
  maker: SnapshotMaker,
  where: string,
): void {
  const at = (wanted: number) =>
    seen.filter(({ point }) => point === wanted).map(({ port, bytes }) => ({ port, bytes }));
  const received = batch.map(({ port, wire }) => ({ port: maker.portId(port), bytes: wire.bytes }));
  assert.equal(at(POINT.fromVm), received, `${where}: captured from VMs`);
  assert.equal(
    at(POINT.toVm),
    sent.map(({ port, wire }) => ({ port, bytes: wire.bytes })),
    `${where}: captured to VMs`,
  );
}

const test = suite('fast path');

test('the fast path sends and counts what the slow path does', () => {
  const { send } = FastPath.prototype;
  const short = { ipv4: 0, ipv6: 0 };
  const replies = { ipv4: 0, ipv6: 0 };
  let frames = 0;
  let bytes: Uint8Array = new Uint8Array();
  FastPath.prototype.send = function (list, first, from, count): number {
    const kinds = Array.from({ length: count }, (_, i) => {
      const offset = list.offset[first + i];
      const isReply = bytes[offset + ROUTER_MAC_BYTE] !== ROUTER_MAC;
      return { isReply, family: bytes[offset + 12] === 8 ? 'ipv4' : 'ipv6' } as const;
    });
    const to = send.call(this, list, first, from, count);
    for (const { family, isReply } of kinds.slice(from, to)) {
      short[family]++;
      if (isReply) replies[family]++;
    }
    return to;
  };
  for (let world = 0; world < runs(20); world++) {
    const random = new Random(seed, world);
    const maker = new SnapshotMaker();
    const traffic = new Traffic(random, maker);
    const sides = [new Side(true), new Side(false)] as const;
    bytes = sides[0].arena.bytes;
    const topology = topologyOf(random);
    const apply = (revision: number): void => {
      const snapshot = maker.snapshot(topology, revision);
      for (const { datapath } of sides) assert.equal(datapath.apply(snapshot, nowMs), []);
    };
    let nowMs = random.pick([1_000, 0x7fff_ff00]);
    apply(1);
    // A capture changes nothing, and sees the same on both paths.
    const captures = world % 3 === 0 ? [] : sides.map((side) => new CaptureOfSide(side));
    if (world % 3 === 1) captures.pop()?.stop();
    for (let round = 0; round < 60; round++) {
      const batch = Array.from({ length: 1 + random.below(random.chance(20) ? 150 : 20) }, () =>
        traffic.next(),
      );
      nowMs += random.chance(5) ? random.below(4_000) : random.below(3);
      if (random.chance(5)) apply(round + 2);
      if (random.chance(5)) {
        const members = [maker.memberId('shared', 'app1')];
        for (const { datapath } of sides) datapath.purge(members, 'all', nowMs);
      }
      for (const side of sides) side.handle(maker, batch, nowMs);
      const [quick, general] = sides;
      const where = `seed ${seed}, world ${world}, round ${round}`;
      const [seen, seenByOther = seen] = captures.map((capture) => capture.take());
      assert.equal(seenByOther, seen, `${where}: captured packets`);
      if (seen !== undefined) assertComplete(seen, batch, quick.sent, maker, where);
      assert.equal(quick.sent, general.sent, `${where}: frames sent`);
      assert.is(
        Buffer.compare(Buffer.from(quick.memory), Buffer.from(general.memory)),
        0,
        `${where}: tables`,
      );
      assert.is(quick.arena.freeCount, general.arena.freeCount, `${where}: buffers`);
      const answerable = quick.sent.filter(({ wire }) => wire.bytes.length >= 58);
      traffic.delivered = [...traffic.delivered, ...answerable].slice(-200);
      frames += batch.length;
    }
  }
  FastPath.prototype.send = send;
  // Otherwise the slow path would be compared with itself.
  const told = `of ${frames} frames took the fast path: ${JSON.stringify({ short, replies })}`;
  for (const family of ['ipv4', 'ipv6'] as const) {
    assertCovered(replies[family] > frames / 200, told);
    assertCovered(short[family] - replies[family] > frames / 100, told);
  }
});

test.run();
