/**
 * Frame I/O as the datapath's worker sees it: one engine moves frames of all ports, a batch in, a batch out.
 *
 * A frame is (slot, offset, length): `offset` is the byte offset of its Ethernet header in the arena and
 * `length` counts from there. The 12 bytes in front of the Ethernet header always hold a virtio_net_hdr_v1
 * (little-endian, linux/virtio_net.h), all zero where the device has no offloads.
 *
 * Ownership: a frame in the batch holds one reference on its slot, and the caller releases it with
 * `arena.release(slot)` when it is done. `transmit` takes a reference of its own and drops it when the write
 * has completed, failed or was discarded; so a frame may be sent to several ports, and a frame that goes
 * nowhere costs one release.
 */
import type { FrameArena } from '../tables/frame-arena.ts';

export type EngineName = 'uring' | 'syscall' | 'memory';

/** A file descriptor that moves whole Ethernet frames. */
export interface FrameDevice {
  readonly fd: number;
  /** 12 for TAP with vnet header, 10 for packet sockets with PACKET_VNET_HDR, 0 without offloads. */
  readonly vnetHeaderBytes: 0 | 10 | 12;
  /** Longest frame that the device accepts, Ethernet header included (GSO frames count whole). */
  readonly maxFrameBytes: number;
  /**
   * VLAN of a packet socket, 1 to 4094: frames are sent with its 802.1Q tag, and come without it, as the socket's
   * filter lets no others in. 0 or absent: as they are.
   */
  readonly vlan?: number;
  /**
   * An error of a read is about one frame or one moment, however often it comes: a packet socket's (ENETDOWN while the
   * interface is down, EINVAL for a segmentation that virtio has no name for). It is counted, and reading goes on.
   */
  readonly survivesReadErrors?: boolean;
}

/** What `receive` brought in; the arrays are reused by the next call. */
export interface FrameBatch {
  count: number;
  /** Engine port index, as given to `attach`. */
  readonly port: Int32Array;
  readonly slot: Int32Array;
  /** Byte offset of the Ethernet header in the arena. */
  readonly offset: Int32Array;
  /** Frame bytes from the Ethernet header on. 0 and short values do occur: judge them, don't trust them. */
  readonly length: Int32Array;
}

/** Errnos that are counted each by itself: all of Linux (asm-generic/errno.h). */
export const ERRNOS = 134;

/** Engine counters, monotonic, per engine (per-port ones are kept by `portCounters`). */
export interface EngineCounters {
  /** io_uring_enter calls, or poll/readv/writev calls. */
  systemCalls: number;
  /** Reads stopped because no buffer was free, and were resumed. */
  outOfBuffers: number;
  /** Frames dropped because the write queue or the device's queue was full (EAGAIN). */
  writeQueueFull: number;
  /** Writes that failed for another reason (EIO, EINVAL, a port that has gone). */
  writeErrors: number;
  /** `writeErrors` by errno; 0: the port was not attached, or the frame too large for it. Larger errnos count as the last. */
  readonly writeErrnos: Float64Array;
  /** Reads that failed for another reason than a port that has gone. */
  readErrors: number;
}

export interface FrameEngine {
  readonly name: EngineName;
  readonly arena: FrameArena;
  readonly batch: FrameBatch;
  readonly counters: EngineCounters;
  /** Ports whose device has disappeared (EBADFD, ENODEV) since the last `takeGonePorts`. */
  readonly gonePorts: number;

  /** Start to read from a device as port `port` (0 … maxPorts-1). Throws if the index is in use. */
  attach(port: number, device: FrameDevice): void;
  /** Stop reading and writing; slots in flight come home later. The caller closes the descriptor afterwards. */
  detach(port: number): void;
  /** Indices of ports that have gone; they are already detached. */
  takeGonePorts(): number[];

  /**
   * Send what was queued, wait at most `maxWaitUs` (0: don't wait) for frames or a wake-up, and fill `batch`.
   * Returns batch.count. Before sleeping the engine spins for the configured busyPollUs.
   */
  receive(maxWaitUs: number): number;
  /**
   * Take nothing more from the devices, whose next reader gets what arrives from now on. What has been taken still
   * comes by `receive`.
   */
  stopReading(): void;
  /** Queue a frame for a port. Never throws, never blocks: what cannot be sent is counted and dropped. */
  transmit(port: number, slot: number, offset: number, length: number): void;

  /** File descriptor (eventfd) whose write of 8 bytes ends a `receive` in another thread, or -1. */
  readonly wakeFd: number;
  /** True if the last `receive` was ended by a wake-up; reset by reading it. */
  takeWake(): boolean;
  close(): void;
}
