/**
 * What would happen to a packet now, by the datapath itself, with nothing left behind.
 *
 * Theory of operation. Between two batches the packet goes the slow path of the live datapath, over the live tables, as if
 * it had come in by its port. What that changes is undone at once:
 * - the tables are one block of memory, which is isolated before and reverted afterwards (`TablesMemory`);
 * - objects outside the block are copied before they change, and put back (checkpoint.ts);
 * - frames that waited, and which the packet would release, get their bytes back;
 * - what leaves by a port goes to the recorder instead of the engine.
 * So a trace and a packet share every line of code, and a trace costs some milliseconds of forwarding, not more memory.
 *
 * For the reply's way, the answer of the receiver is handled as a second packet before anything is undone: it finds the
 * record of the first.
 */

import { RuleTable } from '../../tables/balancing/rule-table.ts';
import { type FrameArena, NO_SLOT } from '../../tables/frame-arena.ts';
import * as ethernet from '../../wire/ethernet.ts';
import { replyTo } from '../../wire/packets/reply.ts';
import { HEADER_BYTES as VNET_BYTES } from '../../wire/virtio-net.ts';
import { LoadBalancer } from '../balancing/load-balancer.ts';
import { GroupRules, RuleSet } from '../balancing/rule-sets.ts';
import { Selection } from '../balancing/selection/selection.ts';
import { CapturePoints } from '../capture/capture-points.ts';
import type { Datapath, DatapathOptions } from '../datapath.ts';
import { Firewall } from '../firewall/firewall.ts';
import { frameList } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import type { TracedOperator } from '../frame/trace-sink.ts';
import { Network, Networks } from '../ports/networks.ts';
import { Port } from '../ports/port.ts';
import { Checkpoint } from './checkpoint.ts';
import { nextHopMac } from './next-hop.ts';
import { StepRecorder, type Trace, type TracedFrame } from './step-recorder.ts';

/** Memory of tables whose changes can be undone as a whole. */
export interface TablesMemory {
  /** What is written from now on is undone by `revert`. */
  isolate(): void;
  revert(): void;
}

export interface TraceRequest {
  /** Number of the port that the frame comes in by. */
  readonly port: number;
  readonly frame: TracedFrame;
  /** The destination MAC is to become the one that the port's VM would have resolved. */
  readonly resolves: boolean;
  /** Also trace the receiver's answer. */
  readonly reply: boolean;
}

/** Times as for Datapath.beginBatch. */
export interface TraceClocks {
  readonly nowMs: number;
  readonly wallMs: number;
  readonly nowUs: number;
}

export interface TraceResult extends Trace {
  /** Bytes that came in. */
  readonly frame: Uint8Array;
  /** False: the next hop's MAC was asked for and is not known. */
  readonly isResolved: boolean;
  /** What the answer of the receiver, at the port where it is, meets; absent: not asked for, or it sends none. */
  readonly reply?: TraceResult & { readonly port: number };
}

/** Classes of objects that packets do not change, or that are saved when a packet comes to them. */
const FIXED = [
  CapturePoints,
  Port,
  LoadBalancer,
  Firewall,
  Selection,
  Networks,
  Network,
  RuleSet,
  GroupRules,
  RuleTable,
];

/** Bytes that have to go back where they were. */
interface KeptBytes {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export class PacketTracer {
  private readonly datapath: Datapath;
  private readonly options: DatapathOptions;
  private readonly memory: TablesMemory;
  private readonly list = frameList(1);

  /** `options`: those of the datapath. `memory`: of its tables. */
  constructor(datapath: Datapath, options: DatapathOptions, memory: TablesMemory) {
    this.datapath = datapath;
    this.options = options;
    this.memory = memory;
  }

  /** Call between two batches. Throws RangeError if no frame buffer is free. */
  trace(request: TraceRequest, { nowMs, wallMs, nowUs }: TraceClocks): TraceResult {
    const { datapath, memory } = this;
    const { arena, tables, output } = this.options;
    const checkpoint = new Checkpoint(FIXED, [output], [tables.memory, arena.bytes.buffer]);
    for (const part of datapath.parts) checkpoint.save(part);
    const kept: KeptBytes[] = [];
    memory.isolate();
    try {
      datapath.beginBatch(nowMs, wallMs, nowUs);
      return this.follow(request, (ingress) => new UndoneRecorder(arena, ingress, checkpoint, kept));
    } finally {
      datapath.report(null);
      memory.revert();
      checkpoint.restore();
      for (const { offset, bytes } of kept) arena.bytes.set(bytes, offset);
    }
  }

  private follow(request: TraceRequest, recorderFor: (port: number) => StepRecorder): TraceResult {
    const { port, reply } = request;
    const resolved = request.resolves ? this.resolved(request) : request.frame.bytes;
    const frame = resolved ?? request.frame.bytes;
    const recorder = recorderFor(port);
    this.handle(port, { ...request.frame, bytes: frame }, recorder);
    const trace = { ...recorder.result, frame, isResolved: resolved !== undefined };
    const delivered = trace.sent.find(({ own }) => own);
    if (!reply || trace.verdict !== 'delivered' || delivered === undefined) return trace;
    const answer = replyTo(delivered.bytes);
    if (answer === undefined) return trace;
    const back = { bytes: answer, vnet: new Uint8Array(VNET_BYTES) };
    const next = { port: delivered.port, frame: back, resolves: false, reply: false };
    return { ...trace, reply: { ...this.follow(next, recorderFor), port: delivered.port } };
  }

  private handle(port: number, { bytes, vnet }: TracedFrame, recorder: StepRecorder): void {
    const { arena } = this.options;
    const slot = arena.take();
    if (slot === NO_SLOT) throw new RangeError('trace: all frame buffers are in use');
    const offset = arena.frameOffset(slot);
    arena.bytes.set(vnet, offset - VNET_BYTES);
    arena.bytes.set(bytes, offset);
    this.datapath.report(recorder);
    const { list } = this;
    list.port[0] = port;
    list.slot[0] = slot;
    list.offset[0] = offset;
    list.length[0] = bytes.length;
    this.datapath.handleFrames(list, 1);
  }

  /** The frame with the MAC of its next hop as destination; undefined: that is not known. */
  private resolved({ port, frame }: TraceRequest): Uint8Array | undefined {
    const bytes = frame.bytes.slice();
    const network = this.datapath.networkOf(port);
    const mac = network === undefined ? undefined : nextHopMac(network, this.options.tables, bytes);
    if (mac === undefined) return undefined;
    ethernet.setDestination(new DataView(bytes.buffer), 0, mac[0], mac[1]);
    return bytes;
  }
}

/** Records, and lets the checkpoint know what will have to be put back. */
class UndoneRecorder extends StepRecorder {
  private readonly checkpoint: Checkpoint;
  private readonly kept: KeptBytes[];

  constructor(arena: FrameArena, ingress: number, checkpoint: Checkpoint, kept: KeptBytes[]) {
    super(arena, ingress, false);
    this.checkpoint = checkpoint;
    this.kept = kept;
  }

  override handing(frame: Frame, operator: TracedOperator): void {
    this.checkpoint.save(operator);
    super.handing(frame, operator);
  }

  override touch(object: object): void {
    this.checkpoint.save(object);
  }

  override keep(offset: number, length: number): void {
    const from = offset - VNET_BYTES;
    this.kept.push({ offset: from, bytes: this.arena.bytes.slice(from, offset + length) });
  }
}
