/**
 * Ejects members whose connection attempts fail: they get no new flows for a while.
 *
 * A member is an outlier if the fraction of failed connection attempts in the last interval reaches a limit. The duration
 * of its ejection grows with every ejection soon after the last; then it is tried again. Two limits: at most a fraction
 * of the members is ejected at a time, the worst first; and if too few would be left, none is ejected (panic mode), as a
 * failure everywhere is not these members' fault, and the remaining ones would be overloaded.
 */
import type { MemberLoad } from './policy.ts';
import type { OutlierEjectionConfig } from './policy-config.ts';

const MAX_MULTIPLE = 10;

interface Ejection {
  untilMs: number;
  /** Number of ejections in a row. */
  count: number;
}

export class OutlierEjection {
  private readonly settings: OutlierEjectionConfig;
  private readonly ejections = new Map<string, Ejection>();

  constructor(settings: OutlierEjectionConfig) {
    this.settings = settings;
  }

  /** Whether each of the usable members is ejected now. `total`: all members of the group, usable or not. */
  ejected(usable: readonly MemberLoad[], total: number, nowMs: number): boolean[] {
    this.forget(usable, nowMs);
    const isOut = ({ name }: MemberLoad): boolean => (this.ejections.get(name)?.untilMs ?? 0) > nowMs;
    const { maximumShare, panicThreshold } = this.settings;
    const allowed = usable.length < 2 ? 0 : Math.max(1, Math.floor(maximumShare * usable.length));
    let out = usable.filter(isOut).length;
    const outliers = usable
      .filter((member) => !isOut(member) && this.isOutlier(member))
      .sort((a, b) => failureRatio(b) - failureRatio(a));
    for (const { name } of outliers) {
      if (out >= allowed) break;
      this.eject(name, nowMs);
      out++;
    }
    if (usable.length - out < panicThreshold * total) return usable.map(() => false);
    return usable.map(isOut);
  }

  private isOutlier(member: MemberLoad): boolean {
    const { minimumFlowsPerSecond, failureRatio: limit } = this.settings;
    return attempts(member) >= minimumFlowsPerSecond && failureRatio(member) >= limit;
  }

  private eject(name: string, nowMs: number): void {
    const count = Math.min(MAX_MULTIPLE, (this.ejections.get(name)?.count ?? 0) + 1);
    this.ejections.set(name, { untilMs: nowMs + count * this.settings.ejectionMs, count });
  }

  /** Members that left the group, or have been well for as long as their longest ejection. */
  private forget(usable: readonly MemberLoad[], nowMs: number): void {
    const names = new Set(usable.map(({ name }) => name));
    for (const [name, { untilMs }] of this.ejections) {
      if (!names.has(name) || nowMs > untilMs + MAX_MULTIPLE * this.settings.ejectionMs) {
        this.ejections.delete(name);
      }
    }
  }
}

/** A failed connect was a new flow too, but may have been counted in another interval. */
const attempts = ({ newFlowsPerSecond, failedConnectsPerSecond }: MemberLoad): number =>
  Math.max(newFlowsPerSecond, failedConnectsPerSecond);

const failureRatio = (member: MemberLoad): number => {
  const all = attempts(member);
  return all === 0 ? 0 : member.failedConnectsPerSecond / all;
};
