/**
 * Starts a new epoch when hosts have seen greater ones than the leader's.
 *
 * Theory of operation. A store restored from a backup reissues epochs, and hosts refuse rules of epochs older than
 * theirs. Each host reports the epoch of its rules when it attaches; the leader then starts an epoch above all of
 * them. Hosts that attach at about the same time cause one new epoch together, at most one per RAISE_INTERVAL_MS, as
 * each ends the leader's term. An epoch that no store can have issued (epochs start at the time of day and grow by
 * one per write) is ignored: otherwise a host could exhaust them.
 */
import type { Logger } from 'pino';
import { messageOf } from '../config/problems/refusal.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';

const RAISE_INTERVAL_MS = 10_000;
/** Time for other attaching hosts to report theirs. */
const GATHER_MS = 100;
/** Ten years in milliseconds: no store has written once per millisecond for that long. */
const LIKELY_GROWTH = 315_360_000_000;

export class EpochRaise {
  private readonly raise: (above: number) => Promise<void>;
  private readonly log: Logger;
  private readonly runtime: Runtime;
  private greatest = 0;
  private timer: Timer | undefined;
  private lastMs = Number.NEGATIVE_INFINITY;

  constructor(raise: (above: number) => Promise<void>, log: Logger, runtime: Runtime) {
    this.raise = raise;
    this.log = log;
    this.runtime = runtime;
  }

  /** `host` has rules of this epoch, which is at least the leader's. */
  seen(host: string, epoch: number): void {
    const what = `host ${host} has rules of epoch ${epoch}, which this store has not given`;
    if (epoch > this.runtime.wallMs() + LIKELY_GROWTH) {
      this.log.error(`${what}, and no other can have: not followed; the host refuses what it is sent`);
      return;
    }
    if (epoch > this.greatest) this.log.warn(`${what}: a newer epoch begins, as after a restore`);
    this.greatest = Math.max(this.greatest, epoch);
    if (this.timer !== undefined) return;
    const waitMs = Math.max(GATHER_MS, this.lastMs + RAISE_INTERVAL_MS - this.runtime.monotonicMs());
    this.timer = this.runtime.setTimer(() => {
      this.timer = undefined;
      this.lastMs = this.runtime.monotonicMs();
      this.raise(this.greatest).catch((error) => {
        this.log.warn(`the newer epoch could not be written: ${messageOf(error)}`);
        this.seen(host, epoch);
      });
    }, waitMs);
    this.timer.unref();
  }

  stop(): void {
    this.runtime.clearTimer(this.timer);
    this.timer = undefined;
  }
}
