/**
 * The naive twin of fragment handling: what must leave for each fragment that comes, kept in Maps and lists, without
 * bitmaps, row numbers or buffers. It knows nothing of packets: a fragment is a range of a datagram's payload.
 */

export interface Piece {
  readonly from: number;
  readonly to: number;
  /** More fragments follow. */
  readonly more: boolean;
}

/** What the LB makes of a first fragment. */
export type Fate = 'follow' | 'pass' | 'refused';

export interface Verdict {
  /** What leaves, in order. */
  readonly out: readonly Piece[];
  /** Reasons of what is dropped, now and of those that waited. */
  readonly drops: readonly string[];
}

export interface Bounds {
  readonly rows: number;
  readonly rowsPerPort: number;
  readonly waiting: number;
}

interface Known {
  readonly key: string;
  readonly port: number;
  readonly madeMs: number;
  readonly seen: Piece[];
  waiting: Piece[];
  state: 'waiting' | 'follow' | 'pass' | 'refused';
  /** What the rest is dropped for. */
  reason: string;
}

const WAITING_MS = 2_000;
const DATAGRAM_MS = 30_000;
const AFTER_FIRST = 'first-fragment-dropped';

const units = ({ from, to }: Piece): number[] => {
  const list: number[] = [];
  for (let at = from; at < to; at += 8) list.push(at);
  return list;
};

const isSame = (a: Piece, b: Piece): boolean => units(a).join() === units(b).join();
const overlap = (a: Piece, b: Piece): boolean => units(a).some((unit) => units(b).includes(unit));

export class FragmentTwin {
  /** In the order in which they were made. */
  private known: Known[] = [];
  private readonly bounds: Bounds;

  constructor(bounds: Bounds) {
    this.bounds = bounds;
  }

  get datagrams(): number {
    return this.known.length;
  }

  get waitingFrames(): number {
    return this.known.reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  /** A fragment of the datagram `key` comes in by a port; `fate` is what a first one meets, if need be for a reason. */
  offer(key: string, port: number, piece: Piece, fate: Fate, reason: string, nowMs: number): Verdict {
    if (piece.to <= piece.from || (piece.more && piece.to % 8 !== 0)) {
      return { out: [], drops: ['fragment-malformed'] };
    }
    const made: string[] = [];
    const known = this.find(key, port, nowMs, made);
    const { out, drops } = this.judge(known, piece, fate, reason);
    if (this.isComplete(known) && known.waiting.length === 0 && known.state !== 'waiting') this.forget(known);
    return { out, drops: [...made, ...drops] };
  }

  /** Time is up for some: reasons of what is dropped. */
  tick(nowMs: number): string[] {
    const drops: string[] = [];
    for (const one of [...this.known]) {
      const limitMs = one.state === 'waiting' ? WAITING_MS : DATAGRAM_MS;
      if (nowMs - one.madeMs >= limitMs) drops.push(...this.abandon(one, 'fragment-timeout'));
    }
    return drops;
  }

  private find(key: string, port: number, nowMs: number, drops: string[]): Known {
    const old = this.known.find((one) => one.key === key);
    if (old !== undefined) return old;
    const ofPort = (one: number): Known[] => this.known.filter((known) => known.port === one);
    if (ofPort(port).length >= this.bounds.rowsPerPort) {
      drops.push(...this.abandon(ofPort(port)[0]!, 'fragment-table-full'));
    } else if (this.known.length >= this.bounds.rows) {
      const ports = [...new Set(this.known.map((one) => one.port))].sort((a, b) => a - b);
      const most = Math.max(...ports.map((one) => ofPort(one).length));
      const victim = ports.find((one) => ofPort(one).length === most)!;
      drops.push(...this.abandon(ofPort(victim)[0]!, 'fragment-table-full'));
    }
    const made: Known = { key, port, madeMs: nowMs, seen: [], waiting: [], state: 'waiting', reason: '' };
    this.known.push(made);
    return made;
  }

  private judge(known: Known, piece: Piece, fate: Fate, reason: string): Verdict {
    const isFirst = piece.from === 0;
    const trouble = this.troubleOf(known, piece);
    if (known.state === 'refused') {
      if (known.reason === AFTER_FIRST && trouble === undefined) known.seen.push(piece);
      return { out: [], drops: [known.reason] };
    }
    if (known.state === 'pass') {
      if (trouble === undefined) known.seen.push(piece);
      return { out: [piece], drops: [] };
    }
    const isEarly = known.state === 'waiting' && !isFirst;
    if (isEarly && !this.mayWait(known.port)) return { out: [], drops: ['fragment-table-full'] };
    if (trouble === 'duplicate') return { out: [], drops: ['fragment-duplicate'] };
    if (trouble === 'overlap') return this.refuse(known, 'fragment-overlap');
    known.seen.push(piece);
    if (isEarly) {
      known.waiting.push(piece);
      return { out: [], drops: [] };
    }
    if (!isFirst) return { out: [piece], drops: [] };
    if (fate === 'refused') {
      const { drops } = this.refuse(known, AFTER_FIRST);
      return { out: [], drops: [reason, ...drops.slice(1)] };
    }
    const released = known.waiting;
    known.waiting = [];
    known.state = fate;
    return { out: [piece, ...released], drops: [] };
  }

  private troubleOf(known: Known, piece: Piece): 'duplicate' | 'overlap' | undefined {
    const last = known.seen.find((one) => !one.more);
    if (last !== undefined && (piece.more ? piece.to >= last.to : piece.to !== last.to)) return 'overlap';
    const highest = Math.max(0, ...known.seen.map(({ to }) => Math.ceil(to / 8)));
    if (!piece.more && last === undefined && highest >= Math.ceil(piece.to / 8)) return 'overlap';
    const rivals = known.seen.filter((one) => overlap(one, piece));
    if (rivals.length === 0) return undefined;
    return isSame(rivals[0]!, piece) ? 'duplicate' : 'overlap';
  }

  private refuse(known: Known, reason: string): Verdict {
    const drops = [reason, ...known.waiting.map(() => reason)];
    known.waiting = [];
    known.state = 'refused';
    known.reason = reason;
    return { out: [], drops };
  }

  private mayWait(port: number): boolean {
    const ofPort = this.known.filter((one) => one.port === port).flatMap(({ waiting }) => waiting);
    // As much as is free.
    return ofPort.length < this.bounds.waiting - this.waitingFrames;
  }

  private isComplete({ seen, state, reason }: Known): boolean {
    if (state === 'refused' && reason !== AFTER_FIRST) return false;
    const last = seen.find((one) => !one.more);
    if (last === undefined) return false;
    return new Set(seen.flatMap(units)).size === Math.ceil(last.to / 8);
  }

  private abandon(known: Known, reason: string): string[] {
    this.forget(known);
    return known.waiting.map(() => reason);
  }

  private forget(known: Known): void {
    this.known = this.known.filter((one) => one !== known);
  }
}
