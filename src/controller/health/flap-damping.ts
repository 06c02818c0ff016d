/**
 * Members that keep failing and recovering are held back, as routes are in BGP (RFC 2439): they would come and go with
 * every probe, and each time cost a revision on every host and the flows that had just begun.
 *
 * Theory of operation. Each failure adds 1 to the member's penalty, which halves every `halfLifeMs`. At `suppress` the
 * member is held: failed, whatever the checks say, until the penalty has fallen below `reuse`. It goes on counting
 * meanwhile, up to what takes `maxHoldMs` to decay, so that a member that stays healthy comes back by then.
 */
import type { FlapDampingConfig } from '../../config/model/model.ts';

interface Flapping {
  /** At `atMs`. */
  penalty: number;
  atMs: number;
  wasFailed: boolean;
  isHeld: boolean;
}

export class FlapDamping {
  /** Members that have failed at least once, until they are forgotten. */
  private readonly members = new Map<string, Flapping>();

  /**
   * What the checks say now; answers whether the member is held. `wasHeld`: by the leader before this one, or by this one.
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

  /** How long the member is held if it stays healthy from now on; undefined: it is not. */
  heldForMs(key: string, nowMs: number, { halfLifeMs, reuse }: FlapDampingConfig): number | undefined {
    const member = this.members.get(key);
    if (member?.isHeld !== true) return undefined;
    const dueMs = member.atMs + halfLifeMs * Math.log2(member.penalty / reuse);
    return Math.max(0, Math.ceil(dueMs - nowMs));
  }

  /** Members that are no more. */
  keepOnly(known: ReadonlySet<string>): void {
    for (const key of this.members.keys()) if (!known.has(key)) this.members.delete(key);
  }
}

/** A penalty that no longer matters. */
const FORGOTTEN = 0.01;
