/**
 * The real datapath between a memory of frames and nothing: one client port, five members behind one VIP, a
 * load balancer on every port, as the host sets them up by default. No I/O, no kernel.
 *
 * Frames are complete: 64 bytes of Ethernet, IPv4 and TCP with right checksums, in slots of the arena like
 * those that an engine fills. They arrive in batches, and every frame is written anew before it is handled,
 * because the datapath rewrites it in place; the caller measures that writing alone and subtracts it.
 */
import { Datapath, type FrameOutput } from '../../src/datapath/datapath.ts';
import type { DatapathSnapshot } from '../../src/datapath/snapshot.ts';
import { mapAnonymous } from '../../src/native/memory.ts';
import type { RuleSpec } from '../../src/tables/balancing/rule-spec.ts';
import { compileRules } from '../../src/tables/balancing/rule-table.ts';
import { FrameArena, SLOT_BYTES } from '../../src/tables/frame-arena.ts';
import { DEFAULT_LIMITS, Tables } from '../../src/tables/tables.ts';
import { checkOf, delta16, fold, replace, sumBytes } from '../../src/wire/checksum.ts';
import * as ethernet from '../../src/wire/ethernet.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as tcp from '../../src/wire/tcp.ts';

export const BATCH_FRAMES = 64;
export const MEMBERS = 5;
/** The clock that the datapath is given runs with the batches: the same in every run, and no system call. */
const BATCHES_PER_MS = 64;
const WALL_CLOCK_MS = Date.parse('2025-01-01T00:00:00Z');
const FRAME_BYTES = 64;
const FRAME_WORDS = FRAME_BYTES / 4;
const IP_OFFSET = ethernet.HEADER_BYTES;
const TCP_OFFSET = IP_OFFSET + ipv4.MIN_HEADER_BYTES;
const IP_BYTES = FRAME_BYTES - IP_OFFSET;

const CLIENT_PORT = 0;
const ROUTER = { high: 0x0200, low: 0x0000_00fe };
const CLIENT_ADDRESS = 0x0a09_0001;
const VIP_ADDRESS = 0x0a09_0064;

/** Station 0 is the client; members sit behind ports 1 … 5. */
const stations = Array.from({ length: MEMBERS + 1 }, (_, station) => station);
const stationAddress = (station: number): number => CLIENT_ADDRESS + station;
const stationMacLow = (station: number): number => 0x0000_0101 + station;

/** Client ports 16384 … 49151, and as many VIP ports from 1 on as that takes. */
const FIRST_CLIENT_PORT = 16_384;
const CLIENT_PORT_BITS = 15;
const clientPort = (flow: number): number => FIRST_CLIENT_PORT + (flow & ((1 << CLIENT_PORT_BITS) - 1));
const vipPort = (flow: number): number => 1 + (flow >>> CLIENT_PORT_BITS);
const flowOf = (source: number, destination: number): number =>
  ((destination - 1) << CLIENT_PORT_BITS) | (source - FIRST_CLIENT_PORT);

const allMembers = stations.slice(1);

/** One frame as words in memory order, ports and TCP checksum as if both ports were 0. */
interface Template {
  readonly words: Int32Array;
  readonly check: number;
}

/** Keeps what the datapath sends until the batch is over, as an engine does until its writes complete. */
class MemoryOutput implements FrameOutput {
  sent = 0;
  pending = 0;
  readonly slots = new Int32Array(4 * BATCH_FRAMES);
  readonly offsets = new Int32Array(4 * BATCH_FRAMES);
  private readonly arena: FrameArena;

  constructor(arena: FrameArena) {
    this.arena = arena;
  }

  transmit(_port: number, slot: number, offset: number, length: number): void {
    if (length !== FRAME_BYTES || this.pending === this.slots.length) {
      throw new Error(`unexpected frame of ${length} bytes after ${this.pending} in one batch`);
    }
    this.arena.retain(slot);
    this.slots[this.pending] = slot;
    this.offsets[this.pending++] = offset;
    this.sent++;
  }

  complete(): void {
    for (let i = 0; i < this.pending; i++) this.arena.release(this.slots[i]!);
    this.pending = 0;
  }
}

/** Like the configuration, a power of two; one port alone may fill three quarters of a table. */
function tableSizeFor(flows: number): number {
  let rows = DEFAULT_LIMITS.maxConnections;
  while (rows * 0.75 < flows) rows *= 2;
  return rows;
}

/** Which frame of a flow is written. */
export type Direction = 'syn' | 'synAck' | 'forward' | 'reverse';

export class MicroBed {
  readonly flows: number;
  readonly tables: Tables;
  readonly arena: FrameArena;
  private readonly output: MemoryOutput;
  private readonly datapath: Datapath;
  private readonly arenaWords: Int32Array;
  private readonly frames = {
    port: new Int32Array(BATCH_FRAMES),
    slot: new Int32Array(BATCH_FRAMES),
    offset: new Int32Array(BATCH_FRAMES),
    length: new Int32Array(BATCH_FRAMES).fill(FRAME_BYTES),
  };
  private batches = 0;
  /** Flow → station of the member that it was given; 0: none yet. */
  private readonly memberOf: Uint8Array;
  private readonly templates: Readonly<Record<Direction, readonly Template[]>>;

  constructor(flows: number) {
    this.flows = flows;
    const limits = { ...DEFAULT_LIMITS, maxConnections: tableSizeFor(flows) };
    const arenaSlots = 4 * BATCH_FRAMES;
    const arenaMemory = new SharedArrayBuffer(arenaSlots * SLOT_BYTES);
    this.arena = new FrameArena(arenaMemory, arenaSlots);
    this.arenaWords = new Int32Array(arenaMemory);
    this.tables = new Tables(
      mapAnonymous(Tables.bytesNeeded(limits), { noReserve: true, hugePages: true }).bytes,
      0,
      limits,
      [0x5eed_0001, 0x5eed_0002],
    );
    this.tables.initialise();
    this.output = new MemoryOutput(this.arena);
    this.datapath = new Datapath({ arena: this.arena, output: this.output, tables: this.tables });
    const problems = this.datapath.apply(snapshot(), 0);
    if (problems.length > 0) throw new Error(`snapshot refused: ${problems.join('; ')}`);
    this.memberOf = new Uint8Array(flows);
    this.templates = {
      syn: [fromClient(tcp.SYN)],
      forward: [fromClient(tcp.ACK | tcp.PSH)],
      synAck: stations.map((station) => fromMember(station, tcp.SYN | tcp.ACK)),
      reverse: stations.map((station) => fromMember(station, tcp.ACK | tcp.PSH)),
    };
  }

  get sent(): number {
    return this.output.sent;
  }

  private get nowMs(): number {
    return Math.trunc(this.batches / BATCHES_PER_MS);
  }

  /** Fills the batch with one frame each of `count` ≤ BATCH_FRAMES flows, read from `order` from `first` on. */
  fill(direction: Direction, order: Int32Array, first: number, count: number): void {
    const toClient = direction === 'reverse' || direction === 'synAck';
    const templates = this.templates[direction];
    for (let i = 0; i < count; i++) {
      const flow = order[first + i]!;
      const station = toClient ? this.memberOf[flow]! : 0;
      const slot = this.arena.take();
      this.frames.slot[i] = slot;
      this.frames.offset[i] = this.arena.frameOffset(slot);
      this.frames.port[i] = toClient ? station : CLIENT_PORT;
      if (toClient) this.write(templates[station]!, slot, vipPort(flow), clientPort(flow));
      else this.write(templates[0]!, slot, clientPort(flow), vipPort(flow));
    }
  }

  /** Lets the datapath handle the batch. */
  handle(count: number): void {
    this.drive(count);
    this.finish();
  }

  /** Takes every record away again, as when all members leave. */
  forgetConnections(): void {
    const { connections } = this.tables;
    this.datapath.purge(allMembers, 'all', this.nowMs);
    for (let batches = 0; connections.inUse > 0; batches++) {
      if (batches > this.tables.limits.maxConnections) {
        throw new Error(`purge: ${connections.inUse} connections left after ${batches} batches`);
      }
      this.drive(0);
      this.finish();
    }
  }

  /** Gives the batch back unhandled. */
  discard(count: number): void {
    for (let i = 0; i < count; i++) this.arena.release(this.frames.slot[i]!);
  }

  /**
   * Handles a batch and looks at every frame that comes out: translated, with right checksums, one for one.
   * Remembers the member that each flow was given. Slow: for setting up, not for measuring.
   */
  handleChecked(direction: Direction, count: number): void {
    this.drive(count);
    const { output } = this;
    if (output.pending !== count) {
      throw new Error(`${direction}: ${count} frames handled, ${output.pending} sent`);
    }
    for (let i = 0; i < count; i++) this.check(direction, output.offsets[i]!);
    this.finish();
  }

  private drive(count: number): void {
    this.batches++;
    this.datapath.beginBatch(this.nowMs, WALL_CLOCK_MS);
    this.datapath.handleFrames(this.frames, count);
  }

  private finish(): void {
    this.datapath.endBatch();
    this.output.complete();
  }

  private check(direction: Direction, offset: number): void {
    const { view } = this.arena;
    const ip = offset + IP_OFFSET;
    const source = ipv4.source(view, ip);
    const destination = ipv4.destination(view, ip);
    const ports = tcp.ports(view, offset + TCP_OFFSET);
    const [low, high] = [ports & 0xffff, ports >>> 16];
    const toClient = direction === 'reverse' || direction === 'synAck';
    const flow = toClient ? flowOf(low, high) : flowOf(high, low);
    const station = destination - CLIENT_ADDRESS;
    const translated = toClient
      ? source === VIP_ADDRESS && destination === CLIENT_ADDRESS
      : source === CLIENT_ADDRESS && station >= 1 && station <= MEMBERS;
    if (!translated || flow >= this.flows || !checksumsAreRight(view, ip)) {
      const words = [source, destination, ports].map((word) => (word >>> 0).toString(16));
      throw new Error(`${direction}: wrong frame: ${words.join(' → ')}`);
    }
    if (!toClient) this.memberOf[flow] = station;
  }

  private write(template: Template, slot: number, source: number, destination: number): void {
    const { arena, arenaWords } = this;
    const offset = arena.frameOffset(slot);
    const { words } = template;
    const at = offset >> 2;
    for (let i = 0; i < FRAME_WORDS; i++) arenaWords[at + i] = words[i]!;
    const header = offset + TCP_OFFSET;
    arena.view.setUint32(header, (source << 16) | destination);
    tcp.setCheck(arena.view, header, replace(template.check, delta16(0, source) + delta16(0, destination)));
  }
}

const fromClient = (flags: number): Template =>
  template(0, { low: ROUTER.low, high: ROUTER.high }, CLIENT_ADDRESS, VIP_ADDRESS, flags);

const fromMember = (station: number, flags: number): Template =>
  template(
    station,
    { low: stationMacLow(0), high: ROUTER.high },
    stationAddress(station),
    CLIENT_ADDRESS,
    flags,
  );

function template(
  station: number,
  towards: { high: number; low: number },
  source: number,
  destination: number,
  flags: number,
): Template {
  const bytes = new ArrayBuffer(FRAME_BYTES);
  const view = new DataView(bytes);
  ethernet.setDestination(view, 0, towards.high, towards.low);
  ethernet.setSource(view, 0, ROUTER.high, stationMacLow(station));
  ethernet.setEtherType(view, 0, ethernet.TYPE_IPV4);
  ipv4.setSource(view, IP_OFFSET, source);
  ipv4.setDestination(view, IP_OFFSET, destination);
  ipv4.write(view, IP_OFFSET, IP_BYTES, 64, ipv4.PROTOCOL_TCP);
  tcp.write(view, TCP_OFFSET, 0, 1, 1, flags);
  view.setUint16(TCP_OFFSET + 14, 65_535); // the window
  const check = checkOf(view, TCP_OFFSET, FRAME_BYTES - TCP_OFFSET, pseudoHeaderSum(view, IP_OFFSET));
  return { words: new Int32Array(bytes), check };
}

function pseudoHeaderSum(view: DataView, ip: number): number {
  const tcpBytes = ipv4.totalLength(view, ip) - ipv4.MIN_HEADER_BYTES;
  return fold(sumBytes(view, ip + 12, 8, ipv4.PROTOCOL_TCP + tcpBytes));
}

/** By full recomputation, not by the deltas that the datapath uses. */
function checksumsAreRight(view: DataView, ip: number): boolean {
  const tcpAt = ip + ipv4.MIN_HEADER_BYTES;
  const tcpBytes = ipv4.totalLength(view, ip) - ipv4.MIN_HEADER_BYTES;
  return (
    checkOf(view, ip, ipv4.MIN_HEADER_BYTES, 0) === 0 &&
    checkOf(view, tcpAt, tcpBytes, pseudoHeaderSum(view, ip)) === 0
  );
}

const addressText = (address: number): string =>
  [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');

const macText = (low: number): string =>
  `02:00:${[24, 16, 8, 0].map((shift) => ((low >>> shift) & 0xff).toString(16).padStart(2, '0')).join(':')}`;

/** What the publisher makes of a network with six ports and one group, with one load balancer per port. */
function snapshot(): DatapathSnapshot {
  return {
    revision: 1,
    networks: [
      {
        id: 0,
        name: 'bench',
        vni: 1,
        mtu: 1500,
        subnets: ['10.9.0.0/24'],
        gateways: [],
        routerMac: macText(ROUTER.low),
        routes: [],
      },
    ],
    ports: stations.map((station) => ({
      id: station,
      name: `port${station}`,
      network: 0,
      mac: macText(stationMacLow(station)),
      addresses: [addressText(stationAddress(station))],
      loadBalancer: station,
      offloads: true,
    })),
    loadBalancers: stations.map((station) => ({
      id: station,
      scope: 'port',
      name: `port${station}`,
      groups: GROUPS,
    })),
    settings: {
      udpIdleMs: 120_000,
      tcpEstablishedIdleMs: 7_440_000,
      tcpTransitoryIdleMs: 240_000,
      activeFlowIdleMs: 60_000,
      answerEchoToVip: true,
      // Records are taken away between measurements, and nobody is to be told.
      failFast: false,
      onTableFull: 'refuse',
    },
  };
}

/** The VIP, any protocol and port, with five equal members. */
const rule: RuleSpec = {
  id: 1,
  group: 1,
  vip: addressText(VIP_ADDRESS),
  protocol: 'any',
  sources: [],
  rewrite: 'address',
  algorithm: 'weighted-round-robin',
  onEmpty: 'reject',
  criteria: [
    {
      members: stations.slice(1).map((member) => ({
        id: member,
        name: `member${member}`,
        address: addressText(stationAddress(member)),
        weight: 1,
        state: 'active',
      })),
    },
  ],
};
const GROUPS = [compileRules([rule])];
