/** How full the datapath's tables are that can run out, and events when one nearly does. */
import type { EventSink } from '../events/event.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';
import type { Tables } from '../tables/tables.ts';

export interface TableFill {
  readonly table: string;
  readonly inUse: number;
  readonly max: number;
  readonly advice: string;
}

/** Use above which a table is nearly full. */
const NEARLY_FULL = 0.9;
/** Use below which it has room again. */
const ROOMY = 0.8;
const INTERVAL_MS = 1_000;

const fills = ({ connections, endpoints, limits }: Tables): TableFill[] => [
  {
    table: 'connections',
    inUse: connections.inUse,
    max: connections.capacity,
    advice: 'raise datapath.maxConnections',
  },
  {
    table: 'addresses of VIPs and members',
    inUse: endpoints.inUse,
    max: limits.maxEndpoints,
    advice: 'use fewer members on this host',
  },
];

/** Tables that are nearly full. */
export const fullTables = (tables: Tables): TableFill[] =>
  fills(tables).filter(({ inUse, max }) => inUse >= NEARLY_FULL * max);

export class TableEvents {
  private readonly tables: Tables;
  private readonly events: EventSink;
  private readonly full = new Set<string>();
  private runtime: Runtime | undefined;
  private timer: Timer | undefined;

  constructor(tables: Tables, events: EventSink) {
    this.tables = tables;
    this.events = events;
  }

  start(runtime: Runtime): void {
    this.runtime = runtime;
    this.timer = runtime.setTicker(() => this.look(), INTERVAL_MS);
    this.timer.unref();
  }

  stop(): void {
    this.runtime?.clearTimer(this.timer);
  }

  private look(): void {
    for (const { table, inUse, max } of fills(this.tables)) {
      const isFull = this.full.has(table) ? inUse >= ROOMY * max : inUse >= NEARLY_FULL * max;
      if (isFull === this.full.has(table)) continue;
      if (isFull) this.full.add(table);
      else this.full.delete(table);
      const reason = `${inUse} of ${max} in use`;
      this.events.emit({ type: isFull ? 'table.full' : 'table.relieved', subject: table, reason });
    }
  }
}
