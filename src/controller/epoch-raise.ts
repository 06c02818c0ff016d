/**
 * A new epoch where hosts have seen greater ones than the leader's.
 *
 * Theory of operation. A store that was restored from a backup gives epochs that it has given before, and hosts refuse
 * rules of epochs older than theirs. Each host says at its attachment which epoch its rules are of; the leader then
 * begins an epoch above all of them. Hosts that attach at about the same time cost one new epoch together, and there is
 * at most one per RAISE_INTERVAL_MS, as each ends the leader's term. An epoch that no store can have given (they begin
 * with the time of day and grow by one per write) is not followed: a host could use them up.
 */
import type { Logger } from 'pino';
import { messageOf } from '../config/model/refusal.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';

const RAISE_INTERVAL_MS = 10_000;
/** For the others that attach now. */
const GATHER_MS = 100;
/** Ten years in milliseconds: no store has written more often than once per millisecond for so long. */
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

  /** `host` has rules of this epoch, which is not below the leader's. */
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
