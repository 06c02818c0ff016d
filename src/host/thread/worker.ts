/**
 * The datapath's thread: frames in, frames out, for as long as the host runs.
 *
 * Theory of operation. The thread never returns to its event loop, so nothing but this loop runs in it. One
 * turn: wait for frames (at most MAX_WAIT_MS, or until the datapath's next timer), handle requests if the
 * main thread wrote the eventfd, set the clocks, process each frame of the batch, run timers and ageing.
 * Requests are handled between two batches, so a snapshot never changes while a frame is processed. The
 * thread is the only writer of the tables; the main thread requests changes (e.g. clearing a row).
 *
 * No packet causes an exception. An exception here is a bug: it ends the thread and the host (host.ts).
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../config/problems/host-error.ts';
import { Datapath } from '../../datapath/datapath.ts';
import { PacketTracer, type TraceClocks } from '../../datapath/tracing/packet-tracer.ts';
import type { FrameEngine } from '../../io/engine.ts';
import { selectEngine } from '../../io/engines/select-engine.ts';
import { threadId } from '../../native/libc.ts';
import { RevertibleMapping, viewMapping } from '../../native/memory.ts';
import { monotonicMs32, readClock, readMs32, readUs32 } from '../../native/monotonic-clock.ts';
import { wallClock } from '../../native/wall-clock.ts';
import { Tables } from '../../tables/tables.ts';
import { setCompilerFlags } from './compiler-flags.ts';
import { SnapshotReceiver } from './snapshot-transfer.ts';
import {
  type AttachedPort,
  type NumberedRequest,
  type Report,
  VITALS,
  type WorkerStart,
  writeVitals,
} from './worker-protocol.ts';

/** Longest wait: bounds the cost of a lost wake-up and the heartbeat interval of an idle host. */
const MAX_WAIT_MS = 500;
/** Interval for reading the wall clock; in between it advances with the monotonic clock. */
const WALL_CLOCK_MS = 100;

class DatapathLoop {
  private readonly engine: FrameEngine;
  private readonly tables: Tables;
  private readonly datapath: Datapath;
  private readonly tracer: PacketTracer;
  private readonly snapshots = new SnapshotReceiver();
  /** Ports that go on with the counts of the previous process when they are attached. */
  private readonly countedBefore = new Set<number>();
  private stopped = false;
  private maxWaitMs = MAX_WAIT_MS;
  /** When the wall clock was last read, by the monotonic clock, and its value. */
  private wallReadMs = 0;
  private wallMs = 0;

  constructor(engine: FrameEngine, tables: Tables, memory: RevertibleMapping, meterPacketsPerMs: number) {
    this.engine = engine;
    this.tables = tables;
    const parts = { arena: engine.arena, output: engine, tables, meterPacketsPerMs, captureClock: wallClock };
    this.datapath = new Datapath(parts);
    this.tracer = new PacketTracer(this.datapath, parts, memory);
  }

  run(vitals: Float64Array): void {
    const { engine } = this;
    vitals[VITALS.threadId] = threadId();
    this.wallReadMs = monotonicMs32();
    this.wallMs = Date.now();
    while (!this.stopped) {
      const count = this.turn();
      writeVitals(vitals, engine.counters, count);
    }
    this.finish();
    engine.close();
  }

  /** Handles what has been taken from the devices; what arrives from now on is the next process's. */
  private finish(): void {
    this.engine.stopReading();
    this.maxWaitMs = 0;
    for (let emptyTurns = 0; emptyTurns < 2; ) {
      emptyTurns = this.turn() === 0 ? emptyTurns + 1 : 0;
      this.maxWaitMs = 0;
    }
  }

  /**
   * A separate function, as this loop itself is never compiled by the optimising compiler (compiler-flags.ts).
   * Returns the number of frames.
   */
  private turn(): number {
    const { engine, datapath } = this;
    const count = engine.receive(this.maxWaitMs * 1000);
    if (engine.takeWake()) this.takeRequests();
    if (engine.gonePorts > 0) this.takeGonePorts();
    const nowMs = this.readClocks();
    datapath.beginBatch(nowMs, this.wallMs + ((nowMs - this.wallReadMs) | 0), readUs32());
    datapath.handleFrames(engine.batch, count);
    this.maxWaitMs = Math.min(datapath.endBatch(), MAX_WAIT_MS);
    return count;
  }

  /** Returns monotonic milliseconds. */
  private readClocks(): number {
    readClock();
    const nowMs = readMs32();
    if (((nowMs - this.wallReadMs) | 0) > WALL_CLOCK_MS) {
      this.wallReadMs = nowMs;
      this.wallMs = Date.now();
    }
    return nowMs;
  }

  private get clocks(): TraceClocks {
    const nowMs = this.readClocks();
    return { nowMs, wallMs: this.wallMs + ((nowMs - this.wallReadMs) | 0), nowUs: readUs32() };
  }

  private takeRequests(): void {
    for (;;) {
      const received = receiveMessageOnPort(parentPort!);
      if (received === undefined) return;
      const request = received.message as NumberedRequest;
      try {
        if (request.kind === 'trace') {
          const trace = this.tracer.trace(request.request, this.clocks);
          report({ kind: 'traced', id: request.id, trace });
        } else {
          report({ kind: 'done', id: request.id, problems: this.handle(request) });
        }
      } catch (error) {
        report({ kind: 'failed', id: request.id, message: messageOf(error) });
      }
    }
  }

  private handle(request: Exclude<NumberedRequest, { kind: 'trace' }>): string[] {
    switch (request.kind) {
      case 'attach':
        this.attach(request.ports);
        return [];
      case 'detach':
        this.engine.detach(request.port);
        this.datapath.portGone(request.port);
        return [];
      case 'prepare':
        this.snapshots.takeAhead(request.groups);
        this.datapath.prepare(request.groups);
        return [];
      case 'apply':
        return this.datapath.apply(this.snapshots.take(request.delta), monotonicMs32());
      case 'takeOver': {
        const { address, length } = request.tables;
        const previous = new Tables(viewMapping(address, length).bytes, 0, request.limits, [0, 0]);
        const { first, end, keptPorts } = request;
        if (first === 0) this.followCounters(previous, keptPorts);
        this.datapath.follow(previous, new Set(keptPorts), monotonicMs32(), first, end);
        return [];
      }
      case 'purge':
        this.datapath.purge(request.members, request.which, monotonicMs32());
        return [];
      case 'release':
        this.datapath.releaseStatRows(request.rows, request.notedAt);
        return [];
      case 'startCapture':
        this.datapath.captures.start(request.capture);
        return [];
      case 'stopCapture':
        this.datapath.captures.stop(request.capture);
        return [];
      case 'stop':
        this.stopped = true;
        return [];
    }
  }

  private followCounters({ portCounters }: Tables, ports: readonly number[]): void {
    for (const port of ports) {
      this.tables.portCounters.follow(portCounters, port);
      this.countedBefore.add(port);
    }
  }

  /** All of them or none. */
  private attach(ports: readonly AttachedPort[]): void {
    const attached: number[] = [];
    try {
      for (const { port, device } of ports) {
        this.engine.attach(port, device);
        attached.push(port);
      }
    } catch (error) {
      for (const port of attached) this.engine.detach(port);
      throw error;
    }
    for (const port of attached) {
      if (!this.countedBefore.delete(port)) this.tables.portCounters.clear(port);
      this.datapath.portAttached(port, monotonicMs32());
    }
  }

  private takeGonePorts(): void {
    const ports = this.engine.takeGonePorts();
    for (const port of ports) this.datapath.portGone(port);
    report({ kind: 'gone', ports });
  }
}

const report = (message: Report): void => parentPort!.postMessage(message);

function main(): void {
  setCompilerFlags();
  const start = workerData as WorkerStart;
  const { engine, reason } = selectEngine(start.engine, {
    maxPorts: start.limits.maxPorts,
    slots: start.slots,
    busyPollUs: start.busyPollUs,
  });
  const memory = new RevertibleMapping(start.tables.path, start.tables.length);
  const tables = new Tables(memory.mapping.bytes, 0, start.limits, start.hashKey);
  tables.initialise();
  const loop = new DatapathLoop(engine, tables, memory, start.meterPacketsPerMs);
  report({
    kind: 'ready',
    engine: engine.name === 'uring' ? 'uring' : 'syscall',
    engineReason: reason,
    wakeFd: engine.wakeFd,
  });
  loop.run(new Float64Array(start.vitals));
  memory.close();
}

main();
