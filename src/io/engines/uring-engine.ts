/**
 * Frame I/O by io_uring: one system call per batch submits all writes and reaps all reads.
 *
 * Theory of operation.
 *
 * Reads. Every port has one multishot read, which takes empty slots from one ring of provided buffers that all
 * ports share. Only RING_DEPTH slots lie in that ring; the others rest on the arena's last-in first-out stack,
 * so that the slots that are filled next are those that were touched last (cache). When a read finds the ring
 * empty it ends with ENOBUFS; `receive` refills the ring and starts it again, in the order in which reads ended,
 * so that no port starves another. A slot in the ring holds one reference, which passes to the batch.
 *
 * Writes. `transmit` prepares a write and takes a reference. Writes carry RWF_NOWAIT, so the kernel carries each
 * one out, or fails it, while it takes the entry: once io_uring_enter has taken an entry its slot is ours again,
 * and only failures need a completion (CQE_SKIP_SUCCESS). A full submission queue is submitted and goes on.
 *
 * Time. `receive` submits and looks for completions in one call. When nothing has come it spins on the ring's
 * TASKRUN flag in shared memory (no calls, so the CPU's other thread is not disturbed) for busyPollUs, then sleeps
 * in the kernel, with a timeout. Another thread's write to the eventfd completes a read of it and ends the sleep.
 *
 * Stale completions. A request's tag names kind, port and the port's generation, which `detach` advances: what a previous
 * owner of a port index left behind only brings its slot home.
 *
 * Bounds: RING_DEPTH reads and SUBMISSION_ENTRIES writes per call; the completion queue has room for both and for
 * an end of read per port. Nothing is allocated after construction, but for the list of ports that have gone.
 */

import { closeDescriptor, createEvent, IOVEC_BYTES, setIovec } from '../../native/libc.ts';
import { discard, type Mapping, mapAnonymous } from '../../native/memory.ts';
import { EAGAIN, ENOBUFS } from '../../native/system-error.ts';
import { BufferRing } from '../../native/uring/buffer-ring.ts';
import { IoUring } from '../../native/uring/io-uring.ts';
import {
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_FIXED_FILE,
} from '../../native/uring/io-uring-abi.ts';
import { FRAME_HEADROOM_BYTES, FrameArena, NO_SLOT, SLOT_BYTES } from '../../tables/frame-arena.ts';
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
import { CANCEL, generationOf, kindOf, portOf, READ, tagOf, WAKE, WRITE } from './uring-tag.ts';
import { completeVnetHeader, VNET_HEADER_BYTES } from './vnet-header.ts';

/**
 * Slots offered to the kernel at a time. From 32 to 512 neither TCP nor UDP throughput differs by more than the
 * noise (5 %); 64 super-segments of 64 KB are 4 MB of memory in turn, 256 are 16 MB.
 */
const RING_DEPTH = 64;
const SUBMISSION_ENTRIES = 256;
const BUFFER_GROUP = 0;

/** Where a read starts in a slot: a 12-byte vnet header ends right in front of the Ethernet header. */
const READ_OFFSET = FRAME_HEADROOM_BYTES - VNET_HEADER_BYTES;
const READ_BYTES = SLOT_BYTES - READ_OFFSET;

export class UringEngine implements FrameEngine {
  readonly name = 'uring';
  readonly arena: FrameArena;
  readonly batch: FrameBatch;
  readonly counters: EngineCounters = createCounters();
  readonly wakeFd: number;

  private readonly memory: Mapping;
  private readonly uring: IoUring;
  private readonly buffers: BufferRing;
  private readonly ports: PortTable;
  private readonly generation: Uint16Array;
  private readonly busyPoll: BusyPoll;
  private readonly hasWork: () => boolean;
  private readonly ringDepth: number;
  private slotsInRing = 0;
  private isReading = true;

  /** Ports whose read is to be started. */
  private readonly toArm: PortQueue;

  /** By place in the submission queue: the slot that a write refers to, or NO_SLOT. */
  private readonly slotOfEntry: Int32Array;
  private readonly entryMask: number;
  private oldestEntry = 0;
  /** Two struct iovec per place in the submission queue. */
  private readonly iovecs: Mapping;
  private readonly iovecWords: Int32Array;
  /** Behind the arena's slots: one head of a tagged frame per place in the submission queue. */
  private readonly heads: number;
  private readonly memoryBytes: Uint8Array;
  private readonly memoryView: DataView;

  private readonly wakeValue: Mapping;
  private wakeArmed = false;
  private woken = false;
  /** Ports found gone among the completions being handled, to be detached after them. */
  private readonly justGone: Uint8Array;
  private anyGone = false;

  constructor(options: EngineOptions) {
    checkOptions(options);
    const { maxPorts, slots } = options;
    this.busyPoll = new BusyPoll(options.busyPollUs);
    this.hasWork = () => this.uring.hasWork();
    // Huge pages bring nothing here (measured: 0.99 of the CPU time per byte), and would be resident sooner.
    this.heads = slots * SLOT_BYTES;
    this.memory = mapAnonymous(this.heads + SUBMISSION_ENTRIES * TAGGED_HEAD_BYTES, { noReserve: true });
    this.memoryBytes = new Uint8Array(this.memory.bytes);
    this.memoryView = new DataView(this.memory.bytes);
    this.arena = new FrameArena(this.memory.bytes, slots);
    this.ringDepth = Math.min(RING_DEPTH, slots);
    this.batch = createBatch(this.ringDepth);
    this.ports = new PortTable(maxPorts, slots);
    this.generation = new Uint16Array(maxPorts);
    this.toArm = new PortQueue(maxPorts);
    this.justGone = new Uint8Array(maxPorts);
    this.uring = new IoUring({
      submissionEntries: SUBMISSION_ENTRIES,
      completionEntries: powerOfTwo(2 * (RING_DEPTH + SUBMISSION_ENTRIES + maxPorts)),
    });
    this.uring.registerFileTable(maxPorts);
    this.buffers = new BufferRing(this.uring, this.memory, powerOfTwo(this.ringDepth), BUFFER_GROUP);
    this.slotOfEntry = new Int32Array(SUBMISSION_ENTRIES).fill(NO_SLOT);
    this.entryMask = SUBMISSION_ENTRIES - 1;
    this.iovecs = mapAnonymous(SUBMISSION_ENTRIES * 2 * IOVEC_BYTES);
    this.iovecWords = new Int32Array(this.iovecs.bytes);
    this.wakeValue = mapAnonymous(8);
    this.wakeFd = createEvent();
  }

  // --- ports -----------------------------------------------------------------------------------------------

  attach(port: number, device: FrameDevice): void {
    this.ports.add(port, device);
    this.uring.setFile(port, device.fd);
    this.toArm.add(port);
  }

  detach(port: number): void {
    if (!this.ports.isAttached(port)) return;
    // The kernel must take what refers to this descriptor before the caller closes it.
    this.submit();
    this.uring.prepareCancel(tagOf(READ, port, this.generation[port]!), tagOf(CANCEL, port, 0));
    this.submit();
    this.uring.setFile(port, -1);
    this.generation[port]!++; // a Uint16Array: wraps around
    this.ports.remove(port);
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
    for (let port = 0; port < this.ports.maxPorts; port++) {
      if (!this.ports.isAttached(port)) continue;
      this.uring.prepareCancel(tagOf(READ, port, this.generation[port]!), tagOf(CANCEL, port, 0));
      this.submit();
    }
  }

  receive(maxWaitUs: number): number {
    const batch = this.batch;
    batch.count = 0;
    this.prepareReads();
    const spins = maxWaitUs > 0 && this.busyPoll.wanted();
    this.enter(spins ? 0 : maxWaitUs);
    if (this.reap() || !spins) return batch.count;
    this.enter(this.busyPoll.spin(this.hasWork, maxWaitUs) ? 0 : maxWaitUs);
    this.reap();
    return batch.count;
  }

  /** Empty slots in the ring for reads to fill. */
  get slotsOffered(): number {
    return this.slotsInRing;
  }

  takeWake(): boolean {
    const woken = this.woken;
    this.woken = false;
    return woken;
  }

  /** Refill the ring of empty slots, start reads that have ended, listen for a wake-up. */
  private prepareReads(): void {
    const { arena, buffers } = this;
    if (this.slotsInRing < this.ringDepth) {
      while (this.slotsInRing < this.ringDepth) {
        const slot = arena.take();
        if (slot === NO_SLOT) break;
        buffers.add(slot, slot * SLOT_BYTES + READ_OFFSET, READ_BYTES);
        this.slotsInRing++;
      }
      buffers.publish();
    }
    if (this.canArm()) this.armReads();
    if (!this.wakeArmed && this.reserveEntry()) {
      this.uring.prepareRead(0, this.wakeFd, this.wakeValue, 0, 8, tagOf(WAKE, 0, 0));
      this.wakeArmed = true;
    }
  }

  /** Whether reads are to be started, and have slots to read into. */
  private canArm(): boolean {
    return this.isReading && this.toArm.count > 0 && (this.slotsInRing > 0 || this.arena.freeCount > 0);
  }

  private armReads(): void {
    const { ports, toArm, uring, generation } = this;
    while (toArm.count > 0 && this.reserveEntry()) {
      const port = toArm.take();
      if (!ports.isAttached(port)) continue;
      const tag = tagOf(READ, port, generation[port]!);
      uring.prepareReadMultishot(IOSQE_FIXED_FILE, port, BUFFER_GROUP, tag);
    }
  }

  /** Handle all completions; true if there was anything that the caller of `receive` should see. */
  private reap(): boolean {
    // A failed write completes as deferred work, of which one call runs 20 pieces (IO_LOCAL_TW_DEFAULT_MAX):
    // go on until all are in, or a device that stays full would pile them up in the kernel.
    while (this.reapOnce() && this.uring.hasWork()) this.enter(0);
    if (this.anyGone) this.detachGone();
    return this.batch.count > 0 || this.woken || this.canArm() || this.ports.goneCount > 0;
  }

  /** True if writes have failed. */
  private reapOnce(): boolean {
    const { uring } = this;
    let writesFailed = false;
    while (uring.next()) {
      const tag = uring.tag;
      const kind = kindOf(tag);
      if (kind === READ) this.onRead(tag, uring.result, uring.flags);
      else if (kind === WRITE) {
        this.onWriteFailed(tag, uring.result);
        writesFailed = true;
      } else if (kind === WAKE) {
        this.wakeArmed = false;
        this.woken = true;
      }
    }
    uring.releaseCompletions();
    return writesFailed;
  }

  private onRead(tag: number, result: number, flags: number): void {
    const port = portOf(tag);
    const stale = generationOf(tag) !== this.generation[port];
    if (flags & IORING_CQE_F_BUFFER) {
      const slot = flags >>> IORING_CQE_BUFFER_SHIFT;
      this.slotsInRing--;
      if (stale || result < 0) this.arena.release(slot);
      else this.addFrame(port, slot, result);
    }
    if (stale || !this.isReading || flags & IORING_CQE_F_MORE) return;
    if (result > 0) this.toArm.add(port);
    else this.onReadEnded(port, -result);
  }

  private addFrame(port: number, slot: number, readBytes: number): void {
    const { batch } = this;
    const headerBytes = this.ports.vnetHeaderBytes[port] as 0 | 10 | 12;
    const offset = slot * SLOT_BYTES + READ_OFFSET + headerBytes;
    completeVnetHeader(this.arena.bytes, offset, headerBytes);
    const i = batch.count++;
    batch.port[i] = port;
    batch.slot[i] = slot;
    batch.offset[i] = offset;
    batch.length[i] = readBytes > headerBytes ? readBytes - headerBytes : 0;
    this.ports.readErrorsInARow[port] = 0;
  }

  private onReadEnded(port: number, errno: number): void {
    if (errno === ENOBUFS) {
      // The ring ran empty: usual under load, worth counting only when no slot was left to refill it.
      if (this.arena.freeCount === 0) this.counters.outOfBuffers++;
    } else if (isGone(errno)) {
      this.noteGone(port);
      return;
    } else {
      this.counters.readErrors++;
      if (this.ports.noteReadError(port)) {
        this.noteGone(port);
        return;
      }
    }
    this.toArm.add(port);
  }

  private noteGone(port: number): void {
    this.justGone[port] = 1;
    this.anyGone = true;
  }

  private detachGone(): void {
    this.anyGone = false;
    for (let port = 0; port < this.ports.maxPorts; port++) {
      if (this.justGone[port] === 0) continue;
      this.justGone[port] = 0;
      this.detach(port);
      this.ports.addGone(port);
    }
  }

  // --- transmit --------------------------------------------------------------------------------------------

  transmit(port: number, slot: number, offset: number, length: number): void {
    const { ports, uring, memory } = this;
    const headerBytes = ports.vnetHeaderBytes[port]!;
    if (!ports.accepts(port, slot, offset, length)) {
      countWriteError(this.counters, 0);
      return;
    }
    if (!this.reserveEntry()) {
      this.counters.writeQueueFull++;
      return;
    }
    const place = uring.nextPlace;
    const tag = tagOf(WRITE, port, this.generation[port]!);
    const flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
    if (ports.vlan[port] !== 0) {
      this.prepareTaggedWrite(flags, port, offset, length, tag);
    } else if (headerBytes === 10) {
      // This form of the header lacks the last two of the 12 bytes: leave them out rather than move the others,
      // as the same frame may be on its way to a device of the other form.
      const word = place * 8;
      setIovec(this.iovecWords, word, memory.address + offset - VNET_HEADER_BYTES, 10);
      setIovec(this.iovecWords, word + 4, memory.address + offset, length);
      uring.prepareWritev(flags, port, this.iovecs, word * 4, 2, tag);
    } else {
      uring.prepareWrite(flags, port, memory, offset - headerBytes, length + headerBytes, tag);
    }
    this.arena.retain(slot);
    this.slotOfEntry[place] = slot;
  }

  private prepareTaggedWrite(flags: number, port: number, offset: number, length: number, tag: number): void {
    const { ports, uring, memory, memoryBytes, memoryView } = this;
    const headerBytes = ports.vnetHeaderBytes[port] as 0 | 10 | 12;
    const at = this.heads + uring.nextPlace * TAGGED_HEAD_BYTES;
    const head = writeTaggedHead(memoryBytes, memoryView, at, offset, headerBytes, ports.vlan[port]!);
    const word = uring.nextPlace * 8;
    setIovec(this.iovecWords, word, memory.address + head, headerBytes + TAGGED_MACS_BYTES);
    setIovec(this.iovecWords, word + 4, memory.address + offset + MACS_BYTES, length - MACS_BYTES);
    uring.prepareWritev(flags, port, this.iovecs, word * 4, 2, tag);
  }

  private onWriteFailed(tag: number, result: number): void {
    const errno = -result;
    if (errno === EAGAIN || errno === ENOBUFS) {
      this.counters.writeQueueFull++;
      return;
    }
    countWriteError(this.counters, errno);
    const port = portOf(tag);
    const stale = generationOf(tag) !== this.generation[port];
    if (!stale && isGone(errno)) this.noteGone(port);
  }

  // --- the ring --------------------------------------------------------------------------------------------

  /** Make room for one more submission; false when the kernel takes none at the moment. */
  private reserveEntry(): boolean {
    if (this.uring.submissionSpace > 0) return true;
    this.enter(0);
    return this.uring.submissionSpace > 0;
  }

  /** Have the kernel take everything that was prepared. */
  private submit(): void {
    for (let tries = 0; this.uring.pendingSubmissions > 0 && tries < 1000; tries++) this.enter(0);
    if (this.uring.pendingSubmissions > 0)
      throw new Error(
        `io_uring: ${this.uring.pendingSubmissions} entries not taken by the kernel in 1000 calls`,
      );
  }

  private enter(waitUs: number): void {
    const taken = this.uring.enter(waitUs);
    this.counters.systemCalls++;
    for (let i = 0; i < taken; i++) {
      const place = this.oldestEntry;
      this.oldestEntry = (place + 1) & this.entryMask;
      const slot = this.slotOfEntry[place]!;
      if (slot === NO_SLOT) continue;
      this.arena.release(slot);
      this.slotOfEntry[place] = NO_SLOT;
    }
  }

  close(): void {
    for (let port = 0; port < this.ports.maxPorts; port++) this.detach(port);
    this.uring.close();
    this.busyPoll.close();
    closeDescriptor(this.wakeFd);
    discard(this.memory);
  }
}

const powerOfTwo = (atLeast: number): number => 1 << (32 - Math.clz32(atLeast - 1));
