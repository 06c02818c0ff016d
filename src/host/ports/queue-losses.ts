/**
 * Counts frames that VMs sent but the datapath never saw: the kernel drops them when a TAP's queue is full, i.e. when
 * they arrive faster than they are read. It counts them as drops of the VM's interface, in the VM's namespace.
 *
 * Theory of operation. Each second reads the counters of a few ports in turn, so that the cost does not grow with the
 * number of ports; a listing shows the last values read. They count since the interface was created, across restarts
 * of the host.
 */

import { readSendingDrops } from '../../native/network/link-counters.ts';
import { namespacePath, withNamespace } from '../../native/network/netns.ts';
import type { Runtime, Timer } from '../../runtime/runtime.ts';

/** Name of the drop in listings. */
export const QUEUE_LOSS = 'vm-queue-full';

const INTERVAL_MS = 1_000;
/** About 0.1 ms each. */
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
        // The namespace was removed, and soon the port will be.
      }
    }
  }

  private beginRound(): void {
    this.waiting = [...this.taps()];
    const open = new Set(this.waiting.map(([port]) => port));
    for (const port of this.frames.keys()) if (!open.has(port)) this.frames.delete(port);
  }
}
