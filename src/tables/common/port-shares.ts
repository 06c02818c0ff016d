/**
 * Shares of a bounded resource per port: rows of a table, places in a queue, tokens of a rate limit.
 *
 * Theory of operation. Dynamic thresholds (Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory
 * Packet Switches", IEEE/ACM Transactions on Networking, 1998): a port may hold at most `weight` times the free part.
 * With weight 1 one greedy port gets half of the resource, n greedy ports get 1/(n + 1) each, and as much stays free
 * for the next port. Nothing is reserved, and the number of ports need not be known.
 *
 * A limit that shrinks takes nothing away: a port above it gets nothing more until it has returned some. An entry in use
 * is therefore never replaced by another port's new one.
 *
 * `PortShares` counts what is held until it is returned. `PortRates` counts use that decays exponentially: a token
 * bucket per port whose depth depends on how many ports use theirs.
 *
 * Counters belong to the writer of the resource, like its table; each of several writers has its own part of both.
 */
export class PortShares {
  readonly capacity: number;
  /** Multiple of the free part that one port may hold. */
  private readonly weight: number;
  private readonly heldBy: Int32Array;
  private held = 0;

  constructor(ports: number, capacity: number, weight = 1) {
    this.capacity = capacity;
    this.weight = weight;
    this.heldBy = new Int32Array(ports);
  }

  /** Resets all shares. */
  clear(): void {
    this.heldBy.fill(0);
    this.held = 0;
  }

  /** Amount held by one port. */
  of(port: number): number {
    return this.heldBy[port]!;
  }

  /** Amount held by all ports. */
  get inUse(): number {
    return this.held;
  }

  /** Whether a port may take one more. */
  hasRoom(port: number): boolean {
    return this.heldBy[port]! < this.weight * (this.capacity - this.held);
  }

  /** Takes one for a port; false if its share does not allow it. */
  take(port: number): boolean {
    if (!this.hasRoom(port)) return false;
    this.hold(port);
    return true;
  }

  /** Counts one as held by a port regardless of its share: configured, or taken over from the previous datapath. */
  hold(port: number): void {
    this.heldBy[port]!++;
    this.held++;
  }

  give(port: number): void {
    this.heldBy[port]!--;
    this.held--;
  }
}

/** Events per second and port, with a burst; see PortShares for how ports share. */
export class PortRates {
  /** Sum over all ports: twice the burst, so that a single port gets its burst and its rate. */
  private readonly capacity: number;
  private readonly drainMs: number;
  private readonly usedBy: Float64Array;
  private readonly usedAtMs: Int32Array;
  private used = 0;
  private atMs = 0;

  /** `burst` and `perSecond`: allowance of one port while no other uses any. */
  constructor(ports: number, burst: number, perSecond: number) {
    this.capacity = 2 * burst;
    this.drainMs = (burst * 1000) / perSecond;
    this.usedBy = new Float64Array(ports);
    this.usedAtMs = new Int32Array(ports);
  }

  /** Whether a port may use `amount` now. */
  hasRoom(port: number, amount: number, nowMs: number): boolean {
    if (this.atMs !== nowMs) {
      this.used *= this.left(nowMs, this.atMs);
      this.atMs = nowMs;
    }
    if (this.usedAtMs[port] !== nowMs) {
      this.usedBy[port]! *= this.left(nowMs, this.usedAtMs[port]!);
      this.usedAtMs[port] = nowMs;
    }
    return this.usedBy[port]! + amount <= this.capacity - this.used - amount;
  }

  /** Uses `amount` for a port; false, without using any, if its share does not allow it. */
  take(port: number, amount: number, nowMs: number): boolean {
    if (!this.hasRoom(port, amount, nowMs)) return false;
    this.usedBy[port]! += amount;
    this.used += amount;
    return true;
  }

  /** Fraction that remains after the time since then. */
  private left(nowMs: number, thenMs: number): number {
    return Math.exp(-((nowMs - thenMs) >>> 0) / this.drainMs);
  }
}
