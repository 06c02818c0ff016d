/** What the engines have in common: empty batches and counters, their options, the list of ports that have gone. */
import { EBADFD, ENODEV, ENXIO } from '../../native/system-error.ts';
import { SLOT_BYTES } from '../../tables/frame-arena.ts';
import { type EngineCounters, ERRNOS, type FrameBatch, type FrameDevice } from '../engine.ts';
import { MACS_BYTES } from './tagged-head.ts';
import { VNET_HEADER_BYTES } from './vnet-header.ts';

export interface EngineOptions {
  /** Port indices run from 0 to maxPorts - 1; at most 4096. */
  readonly maxPorts: number;
  /** Slots of the arena; at most 65535. 1024 slots are 67 MB of address space, resident as they are touched. */
  readonly slots: number;
  /** Spin this long before sleeping, microseconds; 0: never. */
  readonly busyPollUs: number;
}

export const MAX_PORTS = 4096;
/** Buffer ids of io_uring are 16 bits. */
export const MAX_SLOTS = 65_535;

export function checkOptions(options: EngineOptions): void {
  const { maxPorts, slots, busyPollUs } = options;
  if (!(Number.isInteger(maxPorts) && maxPorts >= 1 && maxPorts <= MAX_PORTS))
    throw new RangeError(`engine: maxPorts ${maxPorts}, expected 1 to ${MAX_PORTS}`);
  if (!(Number.isInteger(slots) && slots >= 2 && slots <= MAX_SLOTS))
    throw new RangeError(`engine: slots ${slots}, expected 2 to ${MAX_SLOTS}`);
  if (!(busyPollUs >= 0 && busyPollUs <= 1_000_000))
    throw new RangeError(`engine: busyPollUs ${busyPollUs}, expected 0 to 1000000`);
}

export const createBatch = (capacity: number): FrameBatch => ({
  count: 0,
  port: new Int32Array(capacity),
  slot: new Int32Array(capacity),
  offset: new Int32Array(capacity),
  length: new Int32Array(capacity),
});

export const createCounters = (): EngineCounters => ({
  systemCalls: 0,
  outOfBuffers: 0,
  writeQueueFull: 0,
  writeErrors: 0,
  writeErrnos: new Float64Array(ERRNOS),
  readErrors: 0,
});

/** Counts a write that failed; `errno`: 0 if it was not tried. */
export function countWriteError(counters: EngineCounters, errno: number): void {
  counters.writeErrors++;
  counters.writeErrnos[Math.min(errno, ERRNOS - 1)]!++;
}

/** Number of consecutive failed reads, without a frame, after which the port is unusable. */
const MAX_CONSECUTIVE_READ_ERRORS = 16;

/** errno of a port that will never work again: EBADFD and ENODEV from a TAP, ENXIO from a packet socket. */
export const isGone = (errno: number): boolean => errno === EBADFD || errno === ENODEV || errno === ENXIO;

/** Attached ports: one row of plain numbers each, so that a look-up on the hot path allocates nothing. */
export class PortTable {
  readonly maxPorts: number;
  private readonly slots: number;
  /** -1: not attached. */
  readonly fd: Int32Array;
  readonly vnetHeaderBytes: Uint8Array;
  readonly maxFrameBytes: Int32Array;
  /** 0: frames are sent as they are. */
  readonly vlan: Uint16Array;
  readonly readErrorsInARow: Int32Array;
  private readonly survivesReadErrors: Uint8Array;
  private gone: number[] = [];

  constructor(maxPorts: number, slots: number) {
    this.maxPorts = maxPorts;
    this.slots = slots;
    this.fd = new Int32Array(maxPorts).fill(-1);
    this.vnetHeaderBytes = new Uint8Array(maxPorts);
    this.maxFrameBytes = new Int32Array(maxPorts);
    this.vlan = new Uint16Array(maxPorts);
    this.readErrorsInARow = new Int32Array(maxPorts);
    this.survivesReadErrors = new Uint8Array(maxPorts);
  }

  add(port: number, device: FrameDevice): void {
    if (!(Number.isInteger(port) && port >= 0 && port < this.maxPorts))
      throw new RangeError(`engine: port ${port}, expected 0 to ${this.maxPorts - 1}`);
    if (this.fd[port] !== -1) throw new RangeError(`engine: port ${port} is attached already`);
    this.fd[port] = device.fd;
    this.vnetHeaderBytes[port] = device.vnetHeaderBytes;
    this.maxFrameBytes[port] = device.maxFrameBytes;
    this.vlan[port] = device.vlan ?? 0;
    this.readErrorsInARow[port] = 0;
    this.survivesReadErrors[port] = Number(device.survivesReadErrors ?? false);
  }

  /** Counts a failed read; true if the port is unusable. */
  noteReadError(port: number): boolean {
    if (this.survivesReadErrors[port] === 1) return false;
    return ++this.readErrorsInARow[port]! >= MAX_CONSECUTIVE_READ_ERRORS;
  }

  isAttached(port: number): boolean {
    return port >= 0 && port < this.maxPorts && this.fd[port] !== -1;
  }

  /** Whether a frame may be written: port attached, frame and vnet header inside the slot, not too long. */
  accepts(port: number, slot: number, offset: number, length: number): boolean {
    const slotStart = slot * SLOT_BYTES;
    return (
      this.isAttached(port) &&
      slot >= 0 &&
      slot < this.slots &&
      length > (this.vlan[port] === 0 ? 0 : MACS_BYTES) &&
      length <= this.maxFrameBytes[port]! &&
      offset - VNET_HEADER_BYTES >= slotStart &&
      offset + length <= slotStart + SLOT_BYTES
    );
  }

  remove(port: number): void {
    this.fd[port] = -1;
  }

  addGone(port: number): void {
    this.gone.push(port);
  }

  get goneCount(): number {
    return this.gone.length;
  }

  takeGone(): number[] {
    const gone = this.gone;
    if (gone.length > 0) this.gone = [];
    return gone;
  }
}
