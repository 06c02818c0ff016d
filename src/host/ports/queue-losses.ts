/**
 * Frames that VMs have sent and that no datapath has seen: the kernel drops them when the queue of a TAP is full, because
 * they come faster than they are read. It counts them as drops of the VM's interface, in the VM's namespace.
 *
 * Theory of operation. Each second the counters of a few ports are read, in turn, so that a host with many ports spends
 * no more time on it; a listing has the values that were read last. They count since the interface was made, also
 * over a restart of the host.
 */

import { readSendingDrops } from '../../native/network/link-counters.ts';
import { namespacePath, withNamespace } from '../../native/network/netns.ts';
import type { Runtime, Timer } from '../../runtime/runtime.ts';

/** Name of the drop in listings. */
export const QUEUE_LOSS = 'vm-queue-full';

const INTERVAL_MS = 1_000;
/** Some 0.1 ms each. */
const READ_AT_A_TIME = 32;

export interface CountedTap {
  readonly netns: string;
  readonly index: number;
}

export class QueueLosses {
  private readonly taps: () => Iterable<readonly [port: string, tap: CountedTap]>;
  private readonly frames = new Map<string, number>();
  private waiting: (readonly [port: string, tap: CountedTap])[] = [];
  private runtime: Runtime | undefined;
  private timer: Timer | undefined;

  /** `taps`: of the open ports, by port name. */
  constructor(taps: () => Iterable<readonly [port: string, tap: CountedTap]>) {
    this.taps = taps;
  }

  start(runtime: Runtime): void {
    this.runtime = runtime;
    this.timer = runtime.setTicker(() => this.readSome(), INTERVAL_MS);
    this.timer.unref();
  }

  stop(): void {
    this.runtime?.clearTimer(this.timer);
  }

  /** Adds the port's lost frames, if any, to its drops by reason. */
  addTo(drops: Record<string, number>, port: string): void {
    const frames = this.frames.get(port) ?? 0;
    if (frames > 0) drops[QUEUE_LOSS] = (drops[QUEUE_LOSS] ?? 0) + frames;
  }

  private readSome(): void {
    if (this.waiting.length === 0) this.beginRound();
    for (const [port, { netns, index }] of this.waiting.splice(0, READ_AT_A_TIME)) {
      try {
        const frames = withNamespace(namespacePath(netns), () => readSendingDrops(index));
        if (frames !== undefined) this.frames.set(port, frames);
      } catch {
        // The namespace has gone, and soon the port.
      }
    }
  }

  private beginRound(): void {
    this.waiting = [...this.taps()];
    const open = new Set(this.waiting.map(([port]) => port));
    for (const port of this.frames.keys()) if (!open.has(port)) this.frames.delete(port);
  }
}
