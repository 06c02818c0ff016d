/**
 * Events of dropped packets: once a second, one per port and reason that has counted any since. The datapath only
 * counts, as always.
 */
import type { Configuration } from '../config/model/model.ts';
import { uplinkLegs } from '../config/model/uplink-legs.ts';
import type { EventSink } from '../events/event.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';
import { DROP_REASONS, PORT, PORT_FIELDS, type PortCounters } from '../tables/port-counters.ts';
import type { DatapathIds } from './publishing/datapath-ids.ts';

const INTERVAL_MS = 1_000;

export interface DropSource {
  readonly counters: PortCounters;
  readonly ids: DatapathIds;
  /** In force. */
  configuration(): Configuration;
}

export class DropEvents {
  private readonly source: DropSource;
  private readonly events: EventSink;
  /** By the port's number: drops by reason when they were last read. */
  private readonly seen = new Map<number, Float64Array>();
  private runtime: Runtime | undefined;
  private timer: Timer | undefined;

  constructor(source: DropSource, events: EventSink) {
    this.source = source;
    this.events = events;
  }

  start(runtime: Runtime): void {
    this.runtime = runtime;
    this.timer = runtime.setTicker(() => this.look(), INTERVAL_MS);
    this.timer.unref();
  }

  stop(): void {
    this.runtime?.clearTimer(this.timer);
    this.look();
  }

  /** Reports what has been dropped since the last call. */
  look(): void {
    const { ids } = this.source;
    const configuration = this.source.configuration();
    const open = new Set<number>();
    for (const port of configuration.ports) this.lookAt(ids.findPort(port), port.name, open);
    for (const leg of uplinkLegs(configuration)) this.lookAt(ids.findUplinkLeg(leg), leg.uplink, open);
    for (const id of this.seen.keys()) if (!open.has(id)) this.seen.delete(id);
  }

  private lookAt(id: number | undefined, name: string, open: Set<number>): void {
    if (id === undefined) return;
    open.add(id);
    const { fields } = this.source.counters;
    const base = id * PORT_FIELDS + PORT.drops;
    const seen = this.seen.get(id) ?? new Float64Array(DROP_REASONS.length);
    this.seen.set(id, seen);
    for (let reason = 1; reason < seen.length; reason++) {
      const count = fields[base + reason]!;
      // A port that takes the number of a previous one begins at 0.
      const packets = count < seen[reason]! ? count : count - seen[reason]!;
      seen[reason] = count;
      if (packets > 0)
        this.events.emit({
          type: 'drop',
          subject: name,
          reason: DROP_REASONS[reason]!,
          details: { packets },
        });
    }
  }
}
