/**
 * The network between the simulated machines: connections as TCP makes them.
 *
 * Theory of operation. What is sent on a connection arrives in order, each piece after a delay; connections are
 * independent of each other, so between two of them anything may overtake anything. While two machines are cut off from each other,
 * what was sent waits, as TCP would send it again, and goes on when they are joined. When that lasts longer than the
 * keepalive of both ends, the connection breaks. A process that dies closes its connections; a machine that loses its power
 * says nothing, and its peers find out by their keepalive.
 */
import type { SimulatedProcess, VirtualTime } from './virtual-time.ts';

/** After this time without a sign of life from the other end, an end gives up. */
export const KEEPALIVE_MS = 4_000;

export interface EndEvents {
  received(payload: unknown): void;
  /** `isLost`: by its keepalive, not by a word of the other end. */
  ended(isLost: boolean): void;
}

/** One end of a connection. */
export interface End {
  /** `arrived`: it is no longer on its way, and there is room for the next. */
  send(payload: unknown, arrived?: () => void): void;
  /** After what was sent. */
  close(): void;
}

/** Where a process listens. */
export interface Listener {
  readonly process: SimulatedProcess;
  accept(end: End, from: string): EndEvents;
}

interface Side {
  readonly machine: string;
  readonly process: SimulatedProcess;
  events: EndEvents | undefined;
  /** On its way to this side. */
  readonly coming: {
    readonly payload: unknown;
    readonly arrived: (() => void) | undefined;
    isClose: boolean;
  }[];
  isBusy: boolean;
  hasEnded: boolean;
}

export class Network {
  private readonly time: VirtualTime;
  private readonly cuts = new Map<string, number>();
  private readonly listeners = new Map<string, Listener>();
  private readonly connections = new Set<Connection>();
  /** Machines without power. */
  private readonly dark = new Set<string>();

  constructor(time: VirtualTime) {
    this.time = time;
  }

  get openConnections(): number {
    return this.connections.size;
  }

  delayMs(): number {
    const { random } = this.time;
    return random.chance(3) ? random.between(50, 400) : 0.2 + random.below(1000) / 100;
  }

  isCut(a: string, b: string): boolean {
    return this.cuts.has(pair(a, b)) || this.dark.has(a) || this.dark.has(b);
  }

  cut(a: string, b: string): void {
    if (this.cuts.has(pair(a, b))) return;
    const sinceMs = this.time.nowMs;
    this.cuts.set(pair(a, b), sinceMs);
    this.time.plan(KEEPALIVE_MS, `keepalive ${pair(a, b)}`, () => {
      if (this.cuts.get(pair(a, b)) !== sinceMs) return;
      for (const connection of [...this.connections]) if (connection.isBetween(a, b)) connection.lose();
    });
  }

  join(a: string, b: string): void {
    if (!this.cuts.delete(pair(a, b))) return;
    for (const connection of this.connections) if (connection.isBetween(a, b)) connection.flow();
  }

  joinAll(): void {
    for (const cut of [...this.cuts.keys()]) this.join(...(cut.split(' ') as [string, string]));
  }

  listen(address: string, listener: Listener): void {
    this.listeners.set(address, listener);
  }

  /** The machine loses its power, or gets it back. */
  setDark(machine: string, isDark: boolean): void {
    if (isDark) {
      this.dark.add(machine);
      for (const connection of [...this.connections]) connection.lostPower(machine);
    } else this.dark.delete(machine);
  }

  /** A process has died, and its kernel closes what it had open. */
  died(process: SimulatedProcess): void {
    for (const connection of [...this.connections]) connection.died(process);
  }

  /** `connected` is given the end; `refused`: nobody listens. While the machines are cut off neither happens. */
  connect(
    from: { readonly machine: string; readonly process: SimulatedProcess },
    address: string,
    events: EndEvents,
    connected: (end: End) => void,
    refused: () => void,
  ): void {
    const machine = machineOf(address);
    this.time.plan(2 * this.delayMs(), `connect ${from.machine} ${address}`, () => {
      if (this.isCut(from.machine, machine) || from.process.isDead) return;
      const listener = this.listeners.get(address);
      if (listener === undefined || listener.process.isDead) {
        this.time.plan(0, 'refused', refused, from.process);
        return;
      }
      const connection = new Connection(this.time, this, from, { machine, process: listener.process });
      this.connections.add(connection);
      connection.ends[0].events = events;
      this.time.plan(0, 'connected', () => connected(connection.endOf(0)), from.process);
      this.time.plan(
        0,
        'accept',
        () => {
          connection.ends[1].events = listener.accept(connection.endOf(1), from.machine);
          connection.flow();
        },
        listener.process,
      );
    });
  }

  forget(connection: Connection): void {
    this.connections.delete(connection);
  }
}

class Connection {
  readonly ends: readonly [Side, Side];
  private readonly time: VirtualTime;
  private readonly network: Network;

  constructor(
    time: VirtualTime,
    network: Network,
    client: { readonly machine: string; readonly process: SimulatedProcess },
    server: { readonly machine: string; readonly process: SimulatedProcess },
  ) {
    this.time = time;
    this.network = network;
    const side = (of: typeof client): Side => ({
      ...of,
      events: undefined,
      coming: [],
      isBusy: false,
      hasEnded: false,
    });
    this.ends = [side(client), side(server)];
  }

  endOf(at: 0 | 1): End {
    const own = this.ends[at];
    const other = this.ends[1 - at]!;
    const push = (payload: unknown, arrived: (() => void) | undefined, isClose: boolean): void => {
      if (own.hasEnded) return;
      other.coming.push({ payload, arrived, isClose });
      this.transmit(other);
    };
    return {
      send: (payload, arrived) => push(payload, arrived, false),
      close: () => {
        push(undefined, undefined, true);
        own.hasEnded = true;
        own.coming.length = 0;
        this.check();
      },
    };
  }

  isBetween(a: string, b: string): boolean {
    return pair(this.ends[0].machine, this.ends[1].machine) === pair(a, b);
  }

  flow(): void {
    for (const end of this.ends) this.transmit(end);
  }

  lose(): void {
    for (const end of this.ends) this.end(end, true);
  }

  died(process: SimulatedProcess): void {
    this.ends.forEach((end, at) => {
      if (end.process === process && !end.hasEnded) this.endOf(at as 0 | 1).close();
    });
  }

  /** Nothing more comes from there, not even the rest of what an earlier process had sent. */
  lostPower(machine: string): void {
    this.ends.forEach((end, at) => {
      if (end.machine !== machine) return;
      end.hasEnded = true;
      const other = this.ends[1 - at]!;
      this.time.plan(KEEPALIVE_MS, 'keepalive', () => this.end(other, true), other.process);
    });
  }

  /** One piece at a time is on its way in each direction. */
  private transmit(to: Side): void {
    const [a, b] = this.ends;
    if (to.isBusy || to.coming.length === 0 || to.events === undefined || to.hasEnded) return;
    if (this.network.isCut(a.machine, b.machine)) return;
    to.isBusy = true;
    this.time.plan(this.network.delayMs(), `to ${to.machine}`, () => {
      to.isBusy = false;
      if (this.network.isCut(a.machine, b.machine)) return;
      const piece = to.coming.shift();
      if (piece === undefined) return;
      if (piece.arrived !== undefined) {
        const from = to === a ? b : a;
        this.time.plan(0, 'sent', piece.arrived, from.process);
      }
      this.time.plan(
        0,
        piece.isClose ? 'closed' : 'received',
        () => (piece.isClose ? this.end(to, false) : to.hasEnded || to.events?.received(piece.payload)),
        to.process,
      );
      this.transmit(to);
    });
  }

  private end(side: Side, isLost: boolean): void {
    if (side.hasEnded) return;
    side.hasEnded = true;
    if (isLost) this.time.plan(0, 'lost', () => side.events?.ended(true), side.process);
    else side.events?.ended(false);
    this.check();
  }

  private check(): void {
    if (this.ends.every(({ hasEnded, process }) => hasEnded || process.isDead)) this.network.forget(this);
  }
}

export const machineOf = (address: string): string => address.slice(0, address.lastIndexOf(':'));

const pair = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`);
