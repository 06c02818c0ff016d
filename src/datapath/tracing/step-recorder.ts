/**
 * Records what happens to one packet, and what comes of it.
 *
 * Besides the packet itself, other frames are sent while it is handled: questions for a neighbour, ICMP errors, resets,
 * copies to mirrors, frames that waited. They are told apart by the cursor that is on its way when bytes leave: the
 * packet's own, or one of its copies.
 */
import type { FrameArena } from '../../tables/frame-arena.ts';
import { PORT } from '../../tables/port-counters.ts';
import { HEADER_BYTES as VNET_BYTES } from '../../wire/virtio-net.ts';
import type { Frame } from '../frame/frame.ts';
import type { TracedOperator, TraceFact, TraceSink } from '../frame/trace-sink.ts';
import { PASS } from '../frame/verdict.ts';

/** Ethernet frame with the 12 bytes of vnet header that a device with offloads is handed. */
export interface TracedFrame {
  readonly bytes: Uint8Array;
  readonly vnet: Uint8Array;
}

export type TraceStep =
  /** By a port, from its device or to it. */
  | { readonly kind: 'port'; readonly port: number; readonly direction: 'ingress' | 'egress' }
  /** `before` and `after`: the frame, if the operator has changed it. */
  | {
      readonly kind: 'operator';
      readonly port: number;
      readonly direction: 'ingress' | 'egress';
      readonly operator: string;
      readonly passed: boolean;
      readonly before?: Uint8Array;
      readonly after?: Uint8Array;
    }
  /** `operator` and `port`: the operator that reports it; absent: the forwarding element. */
  | {
      readonly kind: 'fact';
      readonly fact: TraceFact;
      readonly port?: number;
      readonly operator?: string;
    }
  | { readonly kind: 'dropped'; readonly reason: number; readonly port: number }
  | { readonly kind: 'sent'; readonly port: number; readonly own: boolean };

export interface SentFrame extends TracedFrame {
  readonly port: number;
  /** The packet itself, or a copy or part of it; otherwise sent because of it. */
  readonly own: boolean;
}

export type TraceVerdict = 'delivered' | 'answered' | 'flooded' | 'waiting' | 'dropped';

export interface Trace {
  readonly verdict: TraceVerdict;
  /** Number of the drop counter; 0: not dropped. */
  readonly reason: number;
  readonly steps: readonly TraceStep[];
  /** In the order in which they would have been sent. */
  readonly sent: readonly SentFrame[];
}

/** Bytes of a frame that are compared for changes: all headers that an operator may write. */
const HEADERS_BYTES = 256;

export class StepRecorder implements TraceSink {
  readonly steps: TraceStep[] = [];
  readonly sentFrames: SentFrame[] = [];
  protected readonly arena: FrameArena;
  private readonly ingress: number;
  private readonly isReal: boolean;
  /** The packet's cursor, known from its first step on, and that of its copies. */
  private subject: Frame | undefined;
  private copy: Frame | undefined;
  private leaving: Frame | null = null;
  /** The operator at work, and the frame before it. */
  private operator: TracedOperator | undefined;
  private before: Uint8Array | undefined;
  private port = 0;
  private direction: 'ingress' | 'egress' = 'ingress';
  private reason = 0;
  private isDropped = false;
  private isAnswered = false;
  private isFlooded = false;
  private isWaiting = false;

  /** `ingress`: the packet's port. `isReal`: what happens is to happen. */
  constructor(arena: FrameArena, ingress: number, isReal: boolean) {
    this.arena = arena;
    this.ingress = ingress;
    this.isReal = isReal;
  }

  enter(frame: Frame, port: number, direction: 'ingress' | 'egress'): void {
    this.subject ??= frame;
    if (!this.isOwn(frame)) return;
    this.port = port;
    this.direction = direction;
    this.steps.push({ kind: 'port', port, direction });
  }

  handing(frame: Frame, operator: TracedOperator): void {
    if (!this.isOwn(frame)) return;
    this.operator = operator;
    this.before = this.headersOf(frame);
  }

  judged(frame: Frame, verdict: number): void {
    const { operator, before, port, direction } = this;
    if (!this.isOwn(frame) || operator === undefined || before === undefined) return;
    this.operator = undefined;
    const after = this.headersOf(frame);
    const passed = verdict === PASS;
    const step = { kind: 'operator' as const, port, direction, operator: operator.name, passed };
    this.steps.push(isSame(before, after) ? step : { ...step, before, after });
  }

  fact(fact: TraceFact): void {
    if (fact.kind === 'waits') this.isWaiting = true;
    const { port, operator } = this;
    this.steps.push(
      operator === undefined ? { kind: 'fact', fact } : { kind: 'fact', fact, port, operator: operator.name },
    );
  }

  dropped(frame: Frame, reason: number): void {
    this.subject ??= frame;
    if (!this.isOwn(frame)) return;
    // The first reason is the packet's; a copy of a flooded one may be dropped for another at its port.
    if (this.reason === 0) this.reason = reason;
    if (frame === this.subject) this.isDropped = true;
    this.steps.push({ kind: 'dropped', reason, port: frame.ingress });
  }

  counted(port: number, field: number): void {
    if (port !== this.ingress) return;
    if (field === PORT.answered) this.isAnswered = true;
    if (field === PORT.flooded) this.isFlooded = true;
  }

  copied(frame: Frame, copy: Frame): void {
    this.copy = this.isOwn(frame) && frame !== copy ? copy : undefined;
  }

  delivers(frame: Frame | null): void {
    this.leaving = frame;
  }

  sent(port: number, offset: number, length: number): boolean {
    const { bytes } = this.arena;
    const own = this.leaving !== null && this.isOwn(this.leaving);
    this.steps.push({ kind: 'sent', port, own });
    this.sentFrames.push({
      port,
      own,
      bytes: bytes.slice(offset, offset + length),
      vnet: bytes.slice(offset - VNET_BYTES, offset),
    });
    return this.isReal;
  }

  touch(_object: object): void {}

  keep(_offset: number, _length: number): void {}

  /** What has come of the packet, once it has been handled. */
  get result(): Trace {
    const { steps, sentFrames: sent, reason } = this;
    const verdict = this.verdict;
    return { verdict, reason: verdict === 'dropped' ? reason : 0, steps, sent };
  }

  private get verdict(): TraceVerdict {
    if (this.isDropped) return 'dropped';
    if (this.isAnswered) return 'answered';
    if (this.isWaiting) return 'waiting';
    if (!this.sentFrames.some(({ own }) => own)) return 'dropped';
    return this.isFlooded ? 'flooded' : 'delivered';
  }

  private isOwn(frame: Frame): boolean {
    return frame === this.subject || frame === this.copy;
  }

  private headersOf({ offset, length }: Frame): Uint8Array {
    return this.arena.bytes.slice(offset, offset + Math.min(length, HEADERS_BYTES));
  }
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
