/**
 * Flap damping: members that keep failing and recovering are suppressed, as routes are in BGP (RFC 2439). Otherwise
 * they would come and go with every probe, each time costing a revision on every host and the flows just started.
 *
 * Theory of operation. Each failure adds 1 to the member's penalty, which halves every `halfLifeMs`. At `suppress`
 * the member is held: failed, whatever the checks say, until the penalty falls below `reuse`. Failures keep counting
 * in the meantime, but the penalty is capped at what decays within `maxHoldMs`, so a member that stays healthy
 * returns by then.
 */
import type { FlapDampingConfig } from '../../config/model/model.ts';

interface Flapping {
  /** As of `atMs`. */
  penalty: number;
  atMs: number;
  wasFailed: boolean;
  isHeld: boolean;
}

export class FlapDamping {
  /** Members that have failed at least once, until their penalty has decayed. */
  private readonly members = new Map<string, Flapping>();

  /**
   * Applies the checks' current result and returns whether the member is held. `wasHeld`: by this or the previous
   * leader.
   */
  judge(key: string, isFailed: boolean, wasHeld: boolean, nowMs: number, config: FlapDampingConfig): boolean {
    let member = this.members.get(key);
    if (member === undefined) {
      if (!isFailed && !wasHeld) return false;
      member = { penalty: wasHeld ? config.suppress : 0, atMs: nowMs, wasFailed: wasHeld, isHeld: wasHeld };
      this.members.set(key, member);
    }
    const ceiling = config.reuse * 2 ** (config.maxHoldMs / config.halfLifeMs);
    member.penalty *= 2 ** ((member.atMs - nowMs) / config.halfLifeMs);
    member.atMs = nowMs;
    if (isFailed && !member.wasFailed) member.penalty = Math.min(member.penalty + 1, ceiling);
    member.wasFailed = isFailed;
    if (member.penalty >= Math.min(config.suppress, ceiling)) member.isHeld = true;
    else if (member.penalty < config.reuse) member.isHeld = false;
    if (!member.isHeld && !isFailed && member.penalty < FORGOTTEN) this.members.delete(key);
    return member.isHeld;
  }

  /** Remaining hold time if the member stays healthy; undefined: it is not held. */
  heldForMs(key: string, nowMs: number, { halfLifeMs, reuse }: FlapDampingConfig): number | undefined {
    const member = this.members.get(key);
    if (member?.isHeld !== true) return undefined;
    const dueMs = member.atMs + halfLifeMs * Math.log2(member.penalty / reuse);
    return Math.max(0, Math.ceil(dueMs - nowMs));
  }

  /** Forgets members that no longer exist. */
  keepOnly(known: ReadonlySet<string>): void {
    for (const key of this.members.keys()) if (!known.has(key)) this.members.delete(key);
  }
}

/** A penalty below this is negligible. */
const FORGOTTEN = 0.01;
