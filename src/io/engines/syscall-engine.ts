/**
 * Frame I/O by read(2), write(2) and ppoll(2), for kernels without multishot reads and for places where io_uring
 * is forbidden. Same interface and same guarantees as the io_uring engine, at one call per frame and direction.
 *
 * Theory of operation. Ports that ppoll found readable form a list; `receive` reads from them in turn, at most
 * FRAMES_PER_TURN each, until each has answered EAGAIN or the batch is full; ppoll is asked again when the list is
 * empty, first without waiting. A slot is taken from the arena per read; when there is none left, reading stops
 * until slots come home. `transmit` writes at once: no queue, and the slot is never referenced beyond the call.
 *
 * Spinning before sleep is ppoll without a timeout, over and over.
 */
import {
  closeDescriptor,
  createEvent,
  PollSet,
  readBytes,
  setNonBlocking,
  takeEvent,
  writeBytes,
  writePair,
} from '../../native/libc.ts';
import { discard, type Mapping, mapAnonymous } from '../../native/memory.ts';
import { EAGAIN, EINTR, ENOBUFS, SystemError } from '../../native/system-error.ts';
import { FrameArena, NO_SLOT, SLOT_BYTES } from '../../tables/frame-arena.ts';
import type { EngineCounters, FrameBatch, FrameDevice, FrameEngine } from '../engine.ts';
import { BusyPoll } from './busy-poll.ts';
import {
  checkOptions,
  countWriteError,
  createBatch,
  createCounters,
  type EngineOptions,
  isGone,
  PortTable,
} from './engine-state.ts';
import { PortQueue } from './port-queue.ts';
import { MACS_BYTES, TAGGED_HEAD_BYTES, TAGGED_MACS_BYTES, writeTaggedHead } from './tagged-head.ts';
import { completeVnetHeader, VNET_HEADER_BYTES } from './vnet-header.ts';

const BATCH_FRAMES = 64;
/** Frames read from one port before the next one has its turn. */
const FRAMES_PER_TURN = 16;

export class SyscallEngine implements FrameEngine {
  readonly name = 'syscall';
  readonly arena: FrameArena;
  readonly batch: FrameBatch = createBatch(BATCH_FRAMES);
  readonly counters: EngineCounters = createCounters();
  readonly wakeFd: number;

  private readonly memory: Mapping;
  private readonly memoryBytes: Uint8Array;
  private readonly memoryView: DataView;
  /** Behind the arena's slots: the head of the tagged frame that is being sent. */
  private readonly head: number;
  private readonly ports: PortTable;
  private readonly busyPoll: BusyPoll;
  private readonly pollNow: () => boolean;
  /** Place 0 is the eventfd, place p + 1 is port p. */
  private readonly polled: PollSet;
  private polledCount = 1;
  /** Ports that may have frames. */
  private readonly readable: PortQueue;
  private woken = false;
  private isReading = true;

  constructor(options: EngineOptions) {
    checkOptions(options);
    const { maxPorts, slots } = options;
    this.busyPoll = new BusyPoll(options.busyPollUs);
    this.pollNow = () => this.poll(0);
    this.head = slots * SLOT_BYTES;
    this.memory = mapAnonymous(this.head + TAGGED_HEAD_BYTES, { noReserve: true });
    this.memoryBytes = new Uint8Array(this.memory.bytes);
    this.memoryView = new DataView(this.memory.bytes);
    this.arena = new FrameArena(this.memory.bytes, slots);
    this.ports = new PortTable(maxPorts, slots);
    this.polled = new PollSet(maxPorts + 1);
    this.readable = new PortQueue(maxPorts);
    this.wakeFd = createEvent();
    this.polled.set(0, this.wakeFd);
  }

  attach(port: number, device: FrameDevice): void {
    this.ports.add(port, device);
    setNonBlocking(device.fd);
    this.polled.set(port + 1, device.fd);
    this.polledCount = Math.max(this.polledCount, port + 2);
  }

  detach(port: number): void {
    if (!this.ports.isAttached(port)) return;
    this.ports.remove(port);
    this.polled.clear(port + 1);
  }

  get gonePorts(): number {
    return this.ports.goneCount;
  }

  takeGonePorts(): number[] {
    return this.ports.takeGone();
  }

  // --- receive ---------------------------------------------------------------------------------------------

  stopReading(): void {
    this.isReading = false;
  }

  receive(maxWaitUs: number): number {
    const { batch } = this;
    batch.count = 0;
    if (!this.isReading) return 0;
    this.readPorts();
    if (batch.count > 0) {
      // Ports that are not in the list wait for this look, so none starves behind a busy one.
      if (this.readable.count === 0) this.poll(0);
      return batch.count;
    }
    if (!this.waitReadable(maxWaitUs)) return 0;
    this.readPorts();
    return batch.count;
  }

  takeWake(): boolean {
    const woken = this.woken;
    this.woken = false;
    return woken;
  }

  private waitReadable(maxWaitUs: number): boolean {
    if (this.poll(0)) return true;
    if (maxWaitUs <= 0) return false;
    if (this.busyPoll.wanted() && this.busyPoll.spin(this.pollNow, maxWaitUs)) return true;
    return this.poll(maxWaitUs);
  }

  /** Note who is readable; true if there was anything. */
  private poll(waitUs: number): boolean {
    const { polled, ports } = this;
    // Without a slot to read into, readable ports would end every wait at once.
    const starved = this.arena.freeCount === 0;
    this.counters.systemCalls++;
    let left = polled.wait(starved ? 1 : this.polledCount, waitUs);
    if (left < 0 && left !== -EINTR) throw new SystemError('ppoll', -left);
    if (left <= 0) return false;
    if (polled.ready(0) !== 0) {
      left--;
      this.counters.systemCalls++;
      if (takeEvent(this.wakeFd)) this.woken = true;
    }
    if (starved) return true;
    for (let port = 0; left > 0 && port < ports.maxPorts; port++) {
      if (polled.ready(port + 1) === 0) continue;
      left--;
      this.readable.add(port);
    }
    return true;
  }

  private readPorts(): void {
    const { batch, ports, readable } = this;
    while (readable.count > 0 && batch.count < BATCH_FRAMES) {
      const port = readable.take();
      if (ports.isAttached(port) && this.readPort(port)) readable.add(port);
    }
  }

  /** Read one turn's frames; true if the port may have more. */
  private readPort(port: number): boolean {
    const { arena, batch, ports, counters } = this;
    const headerBytes = ports.vnetHeaderBytes[port] as 0 | 10 | 12;
    for (let i = 0; i < FRAMES_PER_TURN && batch.count < BATCH_FRAMES; i++) {
      const slot = arena.take();
      if (slot === NO_SLOT) {
        counters.outOfBuffers++;
        return false;
      }
      const offset = arena.frameOffset(slot);
      const start = offset - headerBytes;
      const count = readBytes(ports.fd[port]!, this.memory, start, (slot + 1) * SLOT_BYTES - start);
      counters.systemCalls++;
      if (count <= 0) {
        arena.release(slot);
        if (count !== -EAGAIN && count !== -EINTR) this.onReadFailed(port, -count);
        return false;
      }
      ports.readErrorsInARow[port] = 0;
      completeVnetHeader(arena.bytes, offset, headerBytes);
      const at = batch.count++;
      batch.port[at] = port;
      batch.slot[at] = slot;
      batch.offset[at] = offset;
      batch.length[at] = Math.max(0, count - headerBytes);
    }
    return true;
  }

  private onReadFailed(port: number, errno: number): void {
    if (!isGone(errno)) {
      this.counters.readErrors++;
      if (!this.ports.noteReadError(port)) return;
    }
    this.detach(port);
    this.ports.addGone(port);
  }

  // --- transmit --------------------------------------------------------------------------------------------

  transmit(port: number, slot: number, offset: number, length: number): void {
    const { ports, counters } = this;
    if (!ports.accepts(port, slot, offset, length)) {
      countWriteError(counters, 0);
      return;
    }
    counters.systemCalls++;
    const result = this.write(port, offset, length);
    if (result >= 0) return;
    if (result === -EAGAIN || result === -ENOBUFS) {
      counters.writeQueueFull++;
      return;
    }
    countWriteError(counters, -result);
    if (isGone(-result)) {
      this.detach(port);
      this.ports.addGone(port);
    }
  }

  /** Bytes, or -errno. */
  private write(port: number, offset: number, length: number): number {
    const { ports, memory } = this;
    const fd = ports.fd[port]!;
    const headerBytes = ports.vnetHeaderBytes[port] as 0 | 10 | 12;
    const vlan = ports.vlan[port]!;
    if (vlan !== 0) {
      const { memoryBytes, memoryView } = this;
      const head = writeTaggedHead(memoryBytes, memoryView, this.head, offset, headerBytes, vlan);
      const headBytes = headerBytes + TAGGED_MACS_BYTES;
      return writePair(fd, memory, head, headBytes, offset + MACS_BYTES, length - MACS_BYTES);
    }
    return headerBytes === 10
      ? writePair(fd, memory, offset - VNET_HEADER_BYTES, 10, offset, length)
      : writeBytes(fd, memory, offset - headerBytes, length + headerBytes);
  }

  close(): void {
    for (let port = 0; port < this.ports.maxPorts; port++) this.detach(port);
    this.busyPoll.close();
    closeDescriptor(this.wakeFd);
    discard(this.memory);
  }
}
