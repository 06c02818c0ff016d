/**
 * A rate limit of a port: a token bucket for packets and one for bits, each direction its own.
 *
 * A packet passes if both buckets have room for it, else it is dropped (`rate-limited`); nothing is queued. A super-segment
 * counts as the packets that it stands for. Bits are those of Ethernet frames without checksum. A bucket holds what the
 * rate brings in the burst time, and always enough for one super-segment.
 */
import { DROP } from '../../tables/port-counters.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import { PASS } from '../frame/verdict.ts';
import type { Operator } from '../ports/operator.ts';

export interface RateLimitSpec {
  /** Absent: not limited. */
  readonly packetsPerSecond?: number;
  /** Absent: not limited. */
  readonly bitsPerSecond?: number;
  /** Time at full rate that a bucket holds, milliseconds. */
  readonly burstMs: number;
}

/** Largest super-segment: 64 KiB, in packets and in bits. */
const LARGEST_PACKETS = 128;
const LARGEST_BITS = 65_550 * 8;

/** The buckets of one direction; they outlive the operator, which each snapshot creates again. */
export class RateBuckets {
  packets = 0;
  bits = 0;
  atMs = Number.NaN;
}

export class RateLimit implements Operator {
  readonly name = 'rate-limit';
  readonly inspects = 'anything';
  private readonly context: Context;
  private readonly packetsPerMs: number;
  private readonly bitsPerMs: number;
  private readonly maxPackets: number;
  private readonly maxBits: number;
  private readonly fromVm: RateBuckets;
  private readonly toVm: RateBuckets;

  constructor(context: Context, spec: RateLimitSpec, fromVm: RateBuckets, toVm: RateBuckets) {
    this.context = context;
    this.packetsPerMs = (spec.packetsPerSecond ?? Number.POSITIVE_INFINITY) / 1000;
    this.bitsPerMs = (spec.bitsPerSecond ?? Number.POSITIVE_INFINITY) / 1000;
    this.maxPackets = Math.max(LARGEST_PACKETS, this.packetsPerMs * spec.burstMs);
    this.maxBits = Math.max(LARGEST_BITS, this.bitsPerMs * spec.burstMs);
    this.fromVm = fromVm;
    this.toVm = toVm;
  }

  ingress(frame: Frame): number {
    return this.take(frame, this.fromVm);
  }

  egress(frame: Frame): number {
    return this.take(frame, this.toVm);
  }

  private take(frame: Frame, buckets: RateBuckets): number {
    const { nowMs } = this.context;
    if (buckets.atMs !== nowMs) {
      // NaN, before the first packet: the buckets are full.
      const elapsedMs = Number.isNaN(buckets.atMs) ? Number.POSITIVE_INFINITY : (nowMs - buckets.atMs) >>> 0;
      buckets.packets = Math.min(this.maxPackets, buckets.packets + elapsedMs * this.packetsPerMs);
      buckets.bits = Math.min(this.maxBits, buckets.bits + elapsedMs * this.bitsPerMs);
      buckets.atMs = nowMs;
    }
    const bits = frame.length * 8;
    if (buckets.packets < frame.segments || buckets.bits < bits)
      return this.context.consume(frame, DROP.rateLimited);
    buckets.packets -= frame.segments;
    buckets.bits -= bits;
    return PASS;
  }
}
