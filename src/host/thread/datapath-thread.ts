/**
 * The main thread's handle of the datapath thread: requests that resolve when the datapath has completed
 * them, and detection of its death or hang.
 *
 * A dead thread is not restarted: the engine's state is lost with it, and a host whose datapath is down must
 * fail visibly. `onDeath` is called once, and the owner ends the process.
 */
import { Worker } from 'node:worker_threads';
import { messageOf } from '../../config/problems/host-error.ts';
import type { CaptureSpec } from '../../datapath/capture/capture-points.ts';
import type { DatapathSnapshot } from '../../datapath/snapshot.ts';
import type { TraceRequest, TraceResult } from '../../datapath/tracing/packet-tracer.ts';
import type { EngineCounters } from '../../io/engine.ts';
import { signalEvent } from '../../native/libc.ts';
import type { Mapping } from '../../native/memory.ts';
import type { TableLimits } from '../../tables/tables.ts';
import { inPieces, SnapshotSender } from './snapshot-transfer.ts';
import { threadCpuSeconds } from './thread-cpu.ts';
import {
  type AttachedPort,
  type Report,
  type Request,
  readEngineCounters,
  VITALS,
  VITALS_BYTES,
  type WorkerStart,
} from './worker-protocol.ts';

/**
 * Consecutive checks without progress before the loop counts as hung; it turns at least twice per interval.
 */
const HEARTBEAT_INTERVAL_MS = 1_000;
const MISSED_HEARTBEATS = 10;
/** Longest time for opening the engine. */
const START_TIMEOUT_MS = 10_000;
/** Requests take microseconds to milliseconds; the largest snapshot well below a second. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Rows of the left tables per request: a second or two, well below the heartbeat's limit. */
const FOLLOWED_ROWS = 1 << 19;

/** Reports that answer a request. */
type Answer = Extract<Report, { kind: 'done' | 'traced' }>;

interface Pending {
  readonly timer: NodeJS.Timeout;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

export interface ThreadEvents {
  /** Ports whose devices have disappeared; the datapath has dropped them already. */
  onPortsGone(ports: readonly number[]): void;
  /** The thread has ended unexpectedly or hangs. Called once. */
  onDeath(reason: string): void;
}

export class DatapathThread {
  readonly engine: 'uring' | 'syscall';
  readonly engineReason: string;
  private readonly worker: Worker;
  private readonly wakeFd: number;
  private readonly events: ThreadEvents;
  private readonly vitals: Float64Array;
  private readonly snapshots = new SnapshotSender();
  private readonly pending = new Map<number, Pending>();
  private readonly heartbeat: NodeJS.Timeout;
  private lastId = 0;
  private lastTurns = -1;
  private missed = 0;
  private over = false;

  /** Resolves when the thread runs its loop; rejects with the reason when it cannot. */
  static async start(start: Omit<WorkerStart, 'vitals'>, events: ThreadEvents): Promise<DatapathThread> {
    const vitals = new SharedArrayBuffer(VITALS_BYTES);
    const worker = new Worker(new URL('./worker.bundle.js', import.meta.url), {
      name: 'datapath',
      workerData: { ...start, vitals } satisfies WorkerStart,
    });
    const ready = await firstReport(worker);
    return new DatapathThread(worker, ready, new Float64Array(vitals), events);
  }

  private constructor(
    worker: Worker,
    ready: Report & { kind: 'ready' },
    vitals: Float64Array,
    events: ThreadEvents,
  ) {
    this.worker = worker;
    this.engine = ready.engine;
    this.engineReason = ready.engineReason;
    this.wakeFd = ready.wakeFd;
    this.vitals = vitals;
    this.events = events;
    worker.on('message', (message: Report) => this.take(message));
    worker.on('error', (error) => this.die(error.stack ?? messageOf(error)));
    worker.on('exit', (code) => this.die(`it ended with code ${code}`));
    this.heartbeat = setInterval(() => this.checkHeartbeat(), HEARTBEAT_INTERVAL_MS);
    this.heartbeat.unref();
  }

  /** Starts reading all devices at once, so that frames from one port reach the others. */
  async attach(ports: readonly AttachedPort[]): Promise<void> {
    if (ports.length > 0) await this.ask({ kind: 'attach', ports });
  }

  /** After this the device's descriptor may be closed. */
  async detach(port: number): Promise<void> {
    await this.ask({ kind: 'detach', port });
  }

  /** Swaps a snapshot in; returns the parts that could not be applied, in words. */
  async apply(snapshot: DatapathSnapshot): Promise<readonly string[]> {
    const { pieces, rest } = inPieces(this.snapshots.delta(snapshot), snapshot);
    for (const groups of pieces) await this.ask({ kind: 'prepare', groups });
    return this.change({ kind: 'apply', delta: rest });
  }

  /** Takes over the flows of the previous process; call before the first snapshot. */
  async takeOver(previous: Mapping, limits: TableLimits, keptPorts: readonly number[]): Promise<void> {
    const tables = { address: previous.address, length: previous.length };
    for (let first = 0; first <= limits.maxConnections; first += FOLLOWED_ROWS) {
      await this.ask({ kind: 'takeOver', tables, limits, keptPorts, first, end: first + FOLLOWED_ROWS });
    }
  }

  /** Drops the connection records of these members: all, or those that are no TCP. */
  async purge(members: readonly number[], which: 'all' | 'datagrams'): Promise<void> {
    if (members.length > 0) await this.ask({ kind: 'purge', members, which });
  }

  /** Frees statistics rows that have not changed since these positions of the journal. */
  async releaseRows(rows: readonly number[], notedAt: readonly number[]): Promise<void> {
    if (rows.length > 0) await this.ask({ kind: 'release', rows, notedAt });
  }

  /** Captured packets are in the capture's ring from now on. */
  async startCapture(capture: CaptureSpec): Promise<void> {
    await this.ask({ kind: 'startCapture', capture });
  }

  /** The capture's ring is not written to once this has resolved. */
  async stopCapture(capture: number): Promise<void> {
    if (!this.over) await this.ask({ kind: 'stopCapture', capture });
  }

  /** Turns of the loop, batches with frames, and the frames in them, since the start. */
  get work(): { readonly turns: number; readonly batches: number; readonly frames: number } {
    const [turns, batches, frames] = [VITALS.turns, VITALS.batches, VITALS.frames].map(
      (at) => this.vitals[at]!,
    );
    return { turns: turns!, batches: batches!, frames: frames! };
  }

  /** CPU time of the thread in seconds; undefined: it is not running. */
  get cpuSeconds(): { readonly user: number; readonly system: number } | undefined {
    const id = this.vitals[VITALS.threadId]!;
    return id === 0 ? undefined : threadCpuSeconds(id);
  }

  get engineCounters(): EngineCounters {
    return readEngineCounters(this.vitals);
  }

  /** Resolves when the thread has ended. */
  async stop(): Promise<void> {
    if (this.over) return;
    const ended = new Promise((resolve) => this.worker.once('exit', resolve));
    const asked = this.ask({ kind: 'stop' });
    this.over = true;
    clearInterval(this.heartbeat);
    await asked;
    await ended;
  }

  /** What would become of a frame; nothing of it remains. */
  async trace(request: TraceRequest): Promise<TraceResult> {
    const answer = await this.ask({ kind: 'trace', request });
    if (answer.kind !== 'traced') throw new Error(`the datapath answered "trace" with ${answer.kind}`);
    return answer.trace;
  }

  /** Returns the problems. */
  private async change(request: Request): Promise<readonly string[]> {
    const answer = await this.ask(request);
    return answer.kind === 'done' ? answer.problems : [];
  }

  private ask(request: Request): Promise<Answer> {
    if (this.over) return Promise.reject(new Error('the datapath has ended'));
    const id = ++this.lastId;
    const answer = new Promise<Answer>((resolve, reject) => {
      const timer = setTimeout(() => {
        const waited = `the datapath has not answered "${request.kind}" within ${REQUEST_TIMEOUT_MS} ms`;
        this.settle(id)?.reject(new Error(waited));
      }, REQUEST_TIMEOUT_MS);
      this.pending.set(id, { resolve, reject, timer });
    });
    this.worker.postMessage({ ...request, id });
    signalEvent(this.wakeFd);
    return answer;
  }

  private take(message: Report): void {
    switch (message.kind) {
      case 'done':
      case 'traced':
        this.settle(message.id)?.resolve(message);
        break;
      case 'failed':
        this.settle(message.id)?.reject(new Error(message.message));
        break;
      case 'gone':
        this.events.onPortsGone(message.ports);
        break;
      case 'ready':
        break;
    }
  }

  private settle(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    clearTimeout(pending?.timer);
    return pending;
  }

  private checkHeartbeat(): void {
    const turns = this.vitals[VITALS.turns]!;
    this.missed = turns === this.lastTurns ? this.missed + 1 : 0;
    this.lastTurns = turns;
    if (this.missed >= MISSED_HEARTBEATS) this.die(`it has not moved for ${MISSED_HEARTBEATS} s`);
  }

  private die(reason: string): void {
    for (const id of [...this.pending.keys()]) this.settle(id)?.reject(new Error('the datapath has ended'));
    if (this.over) return;
    this.over = true;
    clearInterval(this.heartbeat);
    void this.worker.terminate();
    this.events.onDeath(reason);
  }
}

async function firstReport(worker: Worker): Promise<Report & { kind: 'ready' }> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      worker.once('error', reject);
      worker.once('exit', (code) =>
        reject(new Error(`the datapath's thread ended with code ${code} at its start`)),
      );
      worker.once('message', (message: Report) => {
        if (message.kind === 'ready') resolve(message);
        else reject(new Error(`the datapath's thread said ${message.kind}, expected ready`));
      });
      timer = setTimeout(
        () => reject(new Error(`the datapath's thread was not ready within ${START_TIMEOUT_MS} ms`)),
        START_TIMEOUT_MS,
      );
    });
  } catch (error) {
    await worker.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
    // Removed by name: removeAllListeners() would also remove Worker's internal listeners.
    for (const event of ['error', 'exit', 'message']) worker.removeAllListeners(event);
  }
}
