/**
 * A datapath with memory at both ends: frames go in at a named port, and what comes out is copied, parsed and
 * judged by `parseFrame`. After every frame the books are checked: buffers have come home, the frame has an
 * outcome, and the ports' counters say what the collector saw. A test that uses the bed checks all this by the way.
 */
import { Datapath, type FrameOutput } from '../../src/datapath/datapath.ts';
import { PacketTracer, type TraceResult } from '../../src/datapath/tracing/packet-tracer.ts';
import {
  COLD,
  COLD_WORDS,
  HOT,
  HOT_WORDS,
  STATE_NAMES,
} from '../../src/tables/balancing/connection-record.ts';
import { ENDPOINT_WORDS } from '../../src/tables/balancing/endpoint-table.ts';
import { NONE } from '../../src/tables/common/bucket-index.ts';
import { CopiedMemory } from '../../src/tables/copied-memory.ts';
import { NEIGHBOUR_WORDS } from '../../src/tables/forwarding/neighbour-table.ts';
import { FrameArena, SLOT_BYTES } from '../../src/tables/frame-arena.ts';
import { PORT, PORT_FIELDS, type PortStats } from '../../src/tables/port-counters.ts';
import { type MemberStats, NO_STATS } from '../../src/tables/stat-table.ts';
import { DEFAULT_LIMITS, type TableLimits, Tables } from '../../src/tables/tables.ts';
import { wordsToAddress } from '../../src/wire/address.ts';
import type { Way, WireFrame } from './packets.ts';
import { type ParsedFrame, parseFrame } from './parse-frame.ts';
import { differenceOf, type State, stateOf } from './state-of.ts';
import {
  DEFAULT_TOPOLOGY,
  familyOf,
  type PortDescription,
  SnapshotMaker,
  type Topology,
} from './topology.ts';

/** A frame that came out. */
export interface Sent {
  readonly port: string;
  readonly frame: ParsedFrame;
  readonly wire: WireFrame;
}

/** A connection record in words. */
export interface Flow {
  readonly protocol: number;
  /** `address:port` or `[address]:port`. */
  readonly client: string;
  readonly vip: string;
  /** The client as the member sees it. */
  readonly translated: string;
  readonly member: string;
  readonly state: string;
  readonly packets: number;
  readonly bytes: number;
  readonly replyPackets: number;
  readonly replyBytes: number;
  readonly revision: number;
  readonly criteria: number;
  /** What chose the member: CHOSEN_BY. */
  readonly chosenBy: number;
  readonly port: string;
}

export interface BedOptions extends Partial<Topology> {
  readonly limits?: Partial<TableLimits>;
  /** Frame buffers; default 64. */
  readonly slots?: number;
  readonly hashKey?: readonly [number, number];
  /** Default: the datapath's. */
  readonly meterPacketsPerMs?: number;
  readonly nowMs?: number;
  readonly wallMs?: number;
  /**
   * Each frame is traced before it is sent: the trace must foretell what comes out, and leave nothing behind. Default:
   * SLUICE_TEST_TRACES.
   */
  readonly traces?: boolean;
  /** Goes on with the flows in the tables of a bed that has ended, at its ports of these names. */
  readonly follows?: {
    readonly bed: DatapathBed;
    readonly tables?: Tables;
    readonly ports: readonly string[];
  };
}

const LIMITS: TableLimits = {
  ...DEFAULT_LIMITS,
  maxConnections: 4_096,
  maxEndpoints: 1_024,
  maxStatSlots: 2_048,
  maxPorts: 24,
  maxMacs: 1_024,
  maxNeighbours: 1_024,
  maxAffinities: 1_024,
};

const VNET_BYTES = 12;
/** Around every frame handed in: what a read out of bounds would find. */
const CANARY = 0xa5;

export class DatapathBed implements FrameOutput {
  readonly tables: Tables;
  readonly arena: FrameArena;
  readonly datapath: Datapath;
  readonly maker: SnapshotMaker;
  topology: Topology;
  /** May have a fraction: what is measured in microseconds sees it. */
  nowMs: number;
  wallMs: number;
  revision = 0;
  /** False: what comes out of broken frames is collected and counted, but not judged. */
  judges = true;
  private readonly tracer: PacketTracer;
  private readonly traces: boolean;
  private sent: Sent[] = [];
  private readonly transmitted: { frames: number; bytes: number }[];

  constructor(options: BedOptions = {}) {
    const {
      limits,
      slots = 64,
      hashKey = [0x5eed, 0xfeed],
      meterPacketsPerMs,
      nowMs = 1_000,
      wallMs = 1_700_000_000_000,
      traces = process.env.SLUICE_TEST_TRACES === '1',
      follows,
    } = options;
    const tableLimits = { ...LIMITS, ...limits };
    this.arena = new FrameArena(new ArrayBuffer(slots * SLOT_BYTES), slots);
    this.tables = new Tables(new ArrayBuffer(Tables.bytesNeeded(tableLimits)), 0, tableLimits, hashKey);
    this.tables.initialise();
    const parts = { arena: this.arena, output: this, tables: this.tables, meterPacketsPerMs };
    this.datapath = new Datapath(parts);
    this.tracer = new PacketTracer(this.datapath, parts, new CopiedMemory(this.tables.memory));
    this.traces = traces;
    this.transmitted = Array.from({ length: tableLimits.maxPorts }, () => ({ frames: 0, bytes: 0 }));
    this.nowMs = nowMs;
    this.wallMs = wallMs;
    this.maker = follows?.bed.maker ?? new SnapshotMaker();
    if (follows !== undefined) {
      const kept = new Set(follows.ports.map((name) => this.maker.portId(name)));
      const previous = follows.tables ?? follows.bed.tables;
      // In parts, as a host does.
      const some = 100;
      for (let first = 0; first <= previous.limits.maxConnections; first += some)
        this.datapath.follow(previous, kept, nowMs, first, first + some);
      this.revision = follows.bed.revision;
    }
    const { networks, ports, groups, settings, balancer } = { ...DEFAULT_TOPOLOGY, ...options };
    this.topology = { networks, ports, groups, settings, balancer };
    const problems = this.configure({});
    if (problems.length > 0) throw new Error(`datapath bed: ${problems.join(', ')}`);
  }

  /** Puts a changed topology in force, between two batches; returns the datapath's problems. */
  configure(change: Partial<Topology>): string[] {
    this.topology = { ...this.topology, ...change };
    return this.datapath.apply(this.maker.snapshot(this.topology, ++this.revision), this.nowMs);
  }

  /** Ports get their devices, as they do on a host; in most tests nothing depends on it. */
  attach(...ports: string[]): void {
    for (const port of ports) this.datapath.portAttached(this.maker.portId(port), this.nowMs);
  }

  /** One frame from the VM of a port, in a batch of its own; what comes out, in order. */
  send(port: string, wire: WireFrame): Sent[] {
    const { arena } = this;
    const id = this.maker.portId(port);
    const foretold = this.traces ? this.traceCarefully(port, wire) : undefined;
    const before = this.books();
    const slot = arena.take();
    if (slot < 0) throw new Error('datapath bed: no free slot, expected all at home');
    const offset = arena.frameOffset(slot);
    const end = offset + wire.bytes.length;
    arena.bytes.fill(CANARY, slot * SLOT_BYTES, Math.min(end + 512, (slot + 1) * SLOT_BYTES));
    arena.bytes.set(wire.vnet, offset - VNET_BYTES);
    arena.bytes.set(wire.bytes, offset);
    this.beginBatch();
    this.datapath.handleFrame(id, slot, offset, wire.bytes.length);
    const sent = this.take();
    this.checkBooks(before, sent);
    if (foretold !== undefined) this.checkForetold(foretold, sent, before);
    return sent;
  }

  /** What would become of a frame; nothing is sent and nothing changes. */
  trace(port: string, wire: WireFrame, { reply = false, resolves = false } = {}): TraceResult {
    const request = { port: this.maker.portId(port), frame: wire, reply, resolves };
    const { nowMs, wallMs } = this;
    const nowUs = Math.round(nowMs * 1_000) | 0;
    return this.tracer.trace(request, { nowMs: Math.floor(nowMs), wallMs: Math.floor(wallMs), nowUs });
  }

  /** The same; throws if anything is different afterwards, in the tables, the frame buffers in use or any object. */
  traceCarefully(port: string, wire: WireFrame, options: { reply?: boolean } = {}): TraceResult {
    const { arena, tables } = this;
    const memory = new Uint8Array(tables.memory);
    const state = (): State => stateOf(this.datapath, [this, tables.memory, arena.bytes.buffer]);
    const before = { memory: memory.slice(), buffers: this.buffersInUse(), state: state() };
    const sent = this.sent.length;
    const trace = this.trace(port, wire, options);
    if (Buffer.compare(before.memory, memory) !== 0) throw new Error('trace: the tables have changed');
    if (Buffer.compare(before.buffers, this.buffersInUse()) !== 0)
      throw new Error('trace: the bytes of a waiting frame have changed');
    const difference = differenceOf(before.state, state());
    if (difference !== undefined) throw new Error(`trace: the datapath has changed: ${difference}`);
    if (this.sent.length !== sent) throw new Error('trace: a frame was sent');
    return trace;
  }

  private buffersInUse(): Buffer {
    const { arena } = this;
    const slots = Array.from({ length: arena.slotCount }, (_, slot) => slot);
    const used = slots.filter((slot) => arena.referencesOf(slot) > 0);
    return Buffer.concat(used.map((slot) => arena.bytes.slice(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES)));
  }

  private checkForetold(
    { verdict, reason, sent }: TraceResult,
    real: readonly Sent[],
    before: ReturnType<DatapathBed['books']>,
  ): void {
    const inHex = (frames: readonly { port: string; bytes: Uint8Array; vnet: Uint8Array }[]): string =>
      frames.map((one) => `${one.port} ${hex(one.vnet)} ${hex(one.bytes)}`).join('\n');
    const nameOf = (port: number): string =>
      this.topology.ports.find(({ name }) => this.maker.portId(name) === port)?.name ?? '';
    const expected = inHex(sent.map((frame) => ({ ...frame, port: nameOf(frame.port) })));
    const found = inHex(real.map(({ port, wire }) => ({ port, ...wire })));
    if (found !== expected) throw new Error(`trace said\n${expected}\nfound\n${found}`);
    const after = this.books();
    const grown = (key: keyof typeof after): boolean => after[key] > before[key];
    const isTold =
      verdict === 'dropped'
        ? grown('drops') && reason > 0
        : verdict === 'delivered'
          ? real.length > 0
          : grown(({ answered: 'answered', flooded: 'flooded', waiting: 'waiting' } as const)[verdict]);
    if (!isTold)
      throw new Error(`trace said ${verdict} (${reason}), found ${JSON.stringify([before, after])}`);
  }

  /** Lets time go by, ends the batch, and returns what timers sent. */
  pass(ms: number): Sent[] {
    this.nowMs += ms;
    this.wallMs += ms;
    this.beginBatch();
    this.datapath.endBatch();
    const sent = this.take();
    this.checkArena();
    return sent;
  }

  /** Lets time go by in small steps, as a running host does. */
  passSlowly(ms: number, stepMs = 1_000): Sent[] {
    const sent: Sent[] = [];
    for (let left = ms; left > 0; left -= stepMs) sent.push(...this.pass(Math.min(left, stepMs)));
    return sent;
  }

  private beginBatch(): void {
    const nowUs = Math.round(this.nowMs * 1_000) | 0;
    this.datapath.beginBatch(Math.floor(this.nowMs), Math.floor(this.wallMs), nowUs);
  }

  transmit(port: number, slot: number, offset: number, length: number): void {
    // By value: the datapath may reuse the slot as soon as it has let go of it.
    const bytes = this.arena.bytes.slice(offset, offset + length);
    const vnet = this.arena.bytes.slice(offset - VNET_BYTES, offset);
    if (this.arena.referencesOf(slot) < 1) throw new Error(`transmit: slot ${slot} has no owner`);
    const name = this.topology.ports.find((spec) => this.maker.portId(spec.name) === port)?.name;
    if (name === undefined) throw new Error(`transmit: port ${port} does not exist`);
    this.transmitted[port].frames++;
    this.transmitted[port].bytes += length;
    const frame = this.judges ? parseFrame(bytes, vnet) : unjudged(bytes);
    this.sent.push({ port: name, frame, wire: { bytes, vnet } });
  }

  // -------------------------------------------------------------------------------------------------------
  // Names of things

  port(name: string): PortDescription {
    const port = this.topology.ports.find((spec) => spec.name === name);
    if (port === undefined) throw new Error(`found no port ${name}`);
    return port;
  }

  mac(port: string): string {
    return this.maker.macOf(this.port(port));
  }

  /** The port's address of a family. */
  address(port: string, family: 4 | 6 = 4): string {
    const address = this.port(port).addresses.find((text) => familyOf(text) === family);
    if (address === undefined) throw new Error(`port ${port} has no IPv${family} address`);
    return address;
  }

  /** The way of a packet from a port to an address: to the owner's MAC on the same network, else the router's. */
  way(port: string, to: string, more: Partial<Way> = {}): Way {
    const { network } = this.port(port);
    const owner = this.topology.ports.find((spec) => spec.network === network && spec.addresses.includes(to));
    return {
      fromMac: this.mac(port),
      toMac: owner === undefined ? this.maker.routerMac(network) : this.maker.macOf(owner),
      from: this.address(port, familyOf(to)),
      to,
      ...more,
    };
  }

  stats(port: string, group: string, member: string): MemberStats {
    const balancer = this.maker.balancerOf(this.topology, port);
    return this.statsAt(balancer, group, member);
  }

  /** What a load balancer has counted for a member; zeros if it has no row. */
  statsAt(balancer: number, group: string, member: string): MemberStats {
    const { stats } = this.tables;
    const row = stats.find(balancer, this.maker.memberId(group, member));
    return row === NONE ? { ...NO_STATS } : stats.read(row);
  }

  counters(port: string): PortStats {
    return this.tables.portCounters.read(this.maker.portId(port));
  }

  /** Drops of all ports and of the datapath's own frames, by reason. */
  drops(): Record<string, number> {
    const all: Record<string, number> = {};
    for (let port = 0; port < this.tables.limits.maxPorts; port++) {
      for (const [reason, count] of Object.entries(this.tables.portCounters.read(port).drops)) {
        all[reason] = (all[reason] ?? 0) + count;
      }
    }
    return all;
  }

  /** All connection records, in the order of their rows. */
  flows(): Flow[] {
    const { connections, endpoints } = this.tables;
    const { hot, cold } = connections;
    const flows: Flow[] = [];
    const text = (words: Int32Array, at: number, port: number): string => {
      const address = wordsToAddress(words, at);
      return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    };
    for (let row = 1; row <= connections.highWater; row++) {
      if (!connections.isUsed(row)) continue;
      const at = row * HOT_WORDS;
      const forward = hot[at + HOT.forwardPorts];
      const reverse = hot[at + HOT.reversePorts];
      flows.push({
        protocol: connections.protocol(row),
        client: text(hot, at, forward >>> 16),
        vip: text(endpoints.rows, connections.vip(row) * ENDPOINT_WORDS, forward & 0xffff),
        translated: text(hot, at, reverse >>> 16),
        member: text(endpoints.rows, connections.member(row) * ENDPOINT_WORDS, reverse & 0xffff),
        state: STATE_NAMES[connections.state(row)],
        packets: hot[at + HOT.packetsForward],
        bytes: connections.hotFloats[(at + HOT.bytesForward) / 2],
        replyPackets: hot[at + HOT.packetsReverse],
        replyBytes: connections.hotFloats[(at + HOT.bytesReverse) / 2],
        revision: cold[row * COLD_WORDS + COLD.revision],
        criteria: (cold[row * COLD_WORDS + COLD.decision] >>> 16) & 0xfff,
        chosenBy: cold[row * COLD_WORDS + COLD.decision] >>> 28,
        port:
          this.topology.ports.find(
            (spec) => this.maker.portId(spec.name) === (cold[row * COLD_WORDS + COLD.owner] & 0xffff),
          )?.name ?? '',
      });
    }
    return flows;
  }

  /** Frames that wait for a neighbour or for their first fragment, each holding one slot. */
  waiting(): number {
    const { rows, highWater } = this.tables.neighbours;
    let frames = this.tables.fragments.waitingFrames;
    for (let id = 0; id < highWater; id++) frames += rows[id * NEIGHBOUR_WORDS + 12];
    return frames;
  }

  // -------------------------------------------------------------------------------------------------------
  // The books

  private take(): Sent[] {
    const { sent } = this;
    this.sent = [];
    return sent;
  }

  private books(): Record<'rx' | 'answered' | 'drops' | 'waiting' | 'flushed' | 'flooded', number> {
    const { fields } = this.tables.portCounters;
    const books = { rx: 0, answered: 0, drops: 0, waiting: this.waiting(), flushed: 0, flooded: 0 };
    for (let at = 0; at < fields.length; at += PORT_FIELDS) {
      books.rx += fields[at + PORT.rxPackets];
      books.answered += fields[at + PORT.answered];
      books.flushed += fields[at + PORT.queuedSent];
      books.flooded += fields[at + PORT.flooded];
      for (let field = PORT.drops; field < PORT_FIELDS; field++) books.drops += fields[at + field];
    }
    return books;
  }

  /** Every frame has an outcome: sent on, answered, waiting, or dropped under one reason. */
  private checkBooks(before: ReturnType<DatapathBed['books']>, sent: readonly Sent[]): void {
    this.checkArena();
    const after = this.books();
    const by = (key: keyof typeof after): number => after[key] - before[key];
    if (by('rx') !== 1) throw new Error(`received: counted ${by('rx')}, expected 1`);
    if (by('flushed') > 0) return;
    // Fragments that waited may have to go with the one that came; each copy of a flooded frame meets a port of its own.
    if (by('drops') > 1 + Math.max(0, -by('waiting')) && by('flooded') === 0)
      throw new Error(`dropped: one frame counted ${by('drops')} times`);
    if (by('drops') + by('answered') + by('waiting') + sent.length === 0) throw new Error('a frame vanished');
    this.transmitted.forEach(({ frames, bytes }, port) => {
      const { fields } = this.tables.portCounters;
      const txPackets = fields[port * PORT_FIELDS + PORT.txPackets];
      const txBytes = fields[port * PORT_FIELDS + PORT.txBytes];
      if (txPackets !== frames || txBytes !== bytes) {
        throw new Error(
          `port ${port} sent ${frames} frames, ${bytes} bytes; counted ${txPackets}, ${txBytes}`,
        );
      }
    });
  }

  /** Every waiting frame holds one reference, and nobody else any; copies of a flooded frame share a slot. */
  private checkArena(): void {
    const { arena } = this;
    let references = 0;
    for (let slot = 0; slot < arena.slotCount; slot++) references += arena.referencesOf(slot);
    if (references !== this.waiting()) {
      throw new Error(`${references} references on slots, expected ${this.waiting()}, one per waiting frame`);
    }
    if (references === 0 && arena.freeCount !== arena.slotCount) throw new Error('a slot has not come home');
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const unjudged = (bytes: Uint8Array): ParsedFrame => ({
  toMac: '',
  fromMac: '',
  etherType: 0,
  isPartial: false,
  gsoSize: 0,
  bytes,
});

/** By which ports frames left. */
export const portsOf = (sent: readonly Sent[]): string[] => sent.map(({ port }) => port);

/** The one frame that came out; throws if there were none or several. */
export function only(sent: readonly Sent[]): Sent {
  if (sent.length !== 1) throw new Error(`found ${sent.length} frames, expected one: ${describe(sent)}`);
  return sent[0];
}

/** `port: from > to`, for messages and for comparing at a glance. */
export const describe = (sent: readonly Sent[]): string => sent.map(describeOne).join(' | ');

export function describeOne({ port, frame }: Sent): string {
  const { packet, arp } = frame;
  if (arp !== undefined) return `${port}: arp ${arp.operation} ${arp.senderIp} > ${arp.targetIp}`;
  if (packet === undefined) return `${port}: type ${frame.etherType.toString(16)}`;
  const { tcp, udp, icmp } = packet;
  const end = (address: string, number: number | undefined): string =>
    number === undefined
      ? address
      : address.includes(':')
        ? `[${address}]:${number}`
        : `${address}:${number}`;
  const from = end(packet.from, (tcp ?? udp)?.sourcePort);
  const to = end(packet.to, (tcp ?? udp)?.destinationPort);
  if (tcp !== undefined) return `${port}: tcp ${from} > ${to} ${tcp.flags}`;
  if (udp !== undefined) return `${port}: udp ${from} > ${to}`;
  if (icmp !== undefined) return `${port}: icmp ${from} > ${to} ${icmp.type}/${icmp.code}`;
  return `${port}: ip ${packet.protocol} ${from} > ${to}`;
}
