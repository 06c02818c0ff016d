/** Events of criteria sets that begin by time alone. */
import { setKey, setsInForce } from '../../config/model/criteria-sets.ts';
import type { GroupConfig } from '../../config/model/model.ts';
import type { EventSink } from '../../events/event.ts';

export class SetEvents {
  private readonly events: EventSink;
  /** By group: the set that was in force. */
  private inForce = new Map<string, string>();

  constructor(events: EventSink) {
    this.events = events;
  }

  /** Reports sets that have begun since the last call; groups that are new then are not told of. */
  look(groups: ReadonlyMap<string, GroupConfig>, wallMs: number): void {
    const inForce = new Map<string, string>();
    for (const [subject, group] of groups) {
      if (!hasPeriods(group)) continue;
      const [set] = setsInForce(group, wallMs);
      const key = set === undefined ? '' : setKey(set);
      const before = this.inForce.get(subject);
      inForce.set(subject, key);
      if (before === undefined || before === key) continue;
      this.events.emit({
        type: 'set.begun',
        subject,
        reason: set === undefined ? 'no set is in force' : 'its time has come',
        actor: 'time',
        details: {
          from: isoOf(set?.fromMs),
          until: isoOf(set?.untilMs),
          members: Object.fromEntries((set?.members ?? []).map(({ name, weight }) => [name, weight])),
        },
      });
    }
    this.inForce = inForce;
  }
}

const hasPeriods = ({ criteria }: GroupConfig): boolean =>
  criteria.some(({ fromMs, untilMs }) => fromMs !== undefined || untilMs !== undefined);

const isoOf = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString();
