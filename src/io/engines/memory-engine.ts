/**
 * Frame I/O without devices: frames are injected and sent ones collected by the caller. For replay of captures
 * and for tests of whatever sits on a FrameEngine. Deterministic: `receive` never waits, frames come in the order
 * in which they were injected, and `sent` lists frames in the order of `transmit`.
 *
 * Both queues are bounded: `inject` refuses when `slots` frames wait, `transmit` drops (writeQueueFull) when
 * `maxSent` collected frames have not been taken.
 */
import { FrameArena, MAX_FRAME_BYTES, NO_SLOT, SLOT_BYTES } from '../../tables/frame-arena.ts';
import type { EngineCounters, FrameBatch, FrameDevice, FrameEngine } from '../engine.ts';
import {
  checkOptions,
  countWriteError,
  createBatch,
  createCounters,
  type EngineOptions,
  PortTable,
} from './engine-state.ts';
import { VNET_HEADER_BYTES } from './vnet-header.ts';

/** A frame as bytes of its own. */
export interface MemoryFrame {
  readonly port: number;
  /** struct virtio_net_hdr_v1, 12 bytes. */
  readonly vnetHeader: Uint8Array;
  /** From the Ethernet header on. */
  readonly bytes: Uint8Array;
}

const BATCH_FRAMES = 64;
const NO_OFFLOADS = new Uint8Array(VNET_HEADER_BYTES);

/** What `attach` wants where there is no descriptor. */
export const memoryDevice = (maxFrameBytes = MAX_FRAME_BYTES): FrameDevice => ({
  fd: 0,
  vnetHeaderBytes: 12,
  maxFrameBytes,
});

export interface MemoryEngineOptions extends Omit<EngineOptions, 'busyPollUs'> {
  /** Sent frames kept until `takeSent`; default 65536. */
  readonly maxSent?: number;
}

export class MemoryEngine implements FrameEngine {
  readonly name = 'memory';
  readonly arena: FrameArena;
  readonly batch: FrameBatch = createBatch(BATCH_FRAMES);
  readonly counters: EngineCounters = createCounters();
  readonly wakeFd = -1;

  private readonly ports: PortTable;
  private readonly maxWaiting: number;
  private readonly maxSent: number;
  private waiting: MemoryFrame[] = [];
  private sent: MemoryFrame[] = [];
  private woken = false;
  private isReading = true;

  constructor(options: MemoryEngineOptions) {
    checkOptions({ ...options, busyPollUs: 0 });
    this.arena = new FrameArena(new ArrayBuffer(options.slots * SLOT_BYTES), options.slots);
    this.ports = new PortTable(options.maxPorts, options.slots);
    this.maxWaiting = options.slots;
    this.maxSent = options.maxSent ?? 65_536;
  }

  attach(port: number, device: FrameDevice): void {
    this.ports.add(port, device);
  }

  /** Frames that wait to be received from the port are dropped. */
  detach(port: number): void {
    if (!this.ports.isAttached(port)) return;
    this.ports.remove(port);
    this.waiting = this.waiting.filter((frame) => frame.port !== port);
  }

  /** As when a device disappears. */
  removePort(port: number): void {
    if (!this.ports.isAttached(port)) return;
    this.detach(port);
    this.ports.addGone(port);
  }

  get gonePorts(): number {
    return this.ports.goneCount;
  }

  takeGonePorts(): number[] {
    return this.ports.takeGone();
  }

  /** Have a frame received from `port`; the bytes are kept, not copied, until then. False: too many wait. */
  inject(port: number, bytes: Uint8Array, vnetHeader: Uint8Array = NO_OFFLOADS): boolean {
    if (!this.ports.isAttached(port)) throw new RangeError(`memory engine: port ${port} is not attached`);
    if (bytes.length > MAX_FRAME_BYTES)
      throw new RangeError(`memory engine: frame of ${bytes.length} bytes, at most ${MAX_FRAME_BYTES} fit`);
    if (vnetHeader.length !== VNET_HEADER_BYTES)
      throw new RangeError(`memory engine: vnet header of ${vnetHeader.length} bytes, expected 12`);
    if (this.waiting.length >= this.maxWaiting) return false;
    this.waiting.push({ port, vnetHeader, bytes });
    return true;
  }

  stopReading(): void {
    this.isReading = false;
  }

  receive(_maxWaitUs: number): number {
    const { arena, batch, waiting } = this;
    batch.count = 0;
    if (!this.isReading) return 0;
    while (batch.count < Math.min(BATCH_FRAMES, waiting.length)) {
      const slot = arena.take();
      if (slot === NO_SLOT) {
        this.counters.outOfBuffers++;
        break;
      }
      const i = batch.count++;
      const frame = waiting[i]!;
      const offset = arena.frameOffset(slot);
      arena.bytes.set(frame.vnetHeader, offset - VNET_HEADER_BYTES);
      arena.bytes.set(frame.bytes, offset);
      batch.port[i] = frame.port;
      batch.slot[i] = slot;
      batch.offset[i] = offset;
      batch.length[i] = frame.bytes.length;
    }
    waiting.splice(0, batch.count);
    return batch.count;
  }

  transmit(port: number, slot: number, offset: number, length: number): void {
    if (!this.ports.accepts(port, slot, offset, length)) {
      countWriteError(this.counters, 0);
      return;
    }
    if (this.sent.length >= this.maxSent) {
      this.counters.writeQueueFull++;
      return;
    }
    const { bytes } = this.arena;
    this.sent.push({
      port,
      vnetHeader: bytes.slice(offset - VNET_HEADER_BYTES, offset),
      bytes: bytes.slice(offset, offset + length),
    });
  }

  /** All frames that were sent since the last call, in order. */
  takeSent(): MemoryFrame[] {
    const { sent } = this;
    this.sent = [];
    return sent;
  }

  /** End the next `receive` with `takeWake() === true`, as a write to an eventfd would. */
  wake(): void {
    this.woken = true;
  }

  takeWake(): boolean {
    const woken = this.woken;
    this.woken = false;
    return woken;
  }

  close(): void {
    this.waiting = [];
    this.sent = [];
  }
}
