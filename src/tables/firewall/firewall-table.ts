/**
 * Flows that firewalls have allowed: one row per flow and firewall of a port.
 *
 * Theory of operation. A row's key is the flow as the port sees it: address and port of the VM (local) and of its peer
 * (remote), protocol, port of the switch, and place of the firewall in the port's chain. Both directions have the same
 * key, so one lookup tells whether a packet belongs to an allowed flow. A row exists from the first packet of a flow that
 * a rule allows until the flow has been idle for its timeout, or its rule no longer allows it.
 *
 * Bounds. `capacity` rows with a share per port (port-shares.ts). A port without room replaces one of its own flows that
 * has not been answered; answered flows are never replaced.
 *
 * Row, 16 words, one cache line: 0-3 remote address, 4-7 local address, 8 local port << 16 | remote port, 9 place << 24 |
 * port << 8 | protocol, 10 last packet (ms), 11 flags, 12 value that rules match (ICMP type), 13 connection record that
 * the flow follows, 14 client's ports of that record, 15 next free row. Row 0 has the table's own counters.
 */
import { BucketIndex, NONE } from '../common/bucket-index.ts';
import { Hasher } from '../common/hash.ts';
import { PortShares } from '../common/port-shares.ts';

export const FIREWALL_FLOW_WORDS = 16;

const KEY_WORDS = 10;
const PORTS = 8;
const OWNER = 9;
const LAST_MS = 10;
const FLAGS = 11;
const VALUE = 12;
const RECORD = 13;
const RECORD_PORTS = 14;
const NEXT_FREE = 15;

/** Words of row 0, besides NEXT_FREE. */
const HIGH_WATER = 0;
const IN_USE = 1;

const USED = 1;
/** The first packet came from the VM. */
export const BEGUN_BY_VM = 2;
/** Both sides have sent. */
export const ANSWERED = 4;
/** TCP: a FIN or RST has been seen. */
export const CLOSING = 8;

/** Rows examined to find one that can be replaced. */
const RECLAIM_ROWS = 32;

export class FirewallTable {
  readonly capacity: number;
  private readonly rows: Int32Array;
  private readonly index: BucketIndex;
  private readonly hasher: Hasher;
  private readonly shares: PortShares;
  /** Next row examined by `reclaim`. */
  private hand = 1;

  static wordsNeeded(maxFlows: number): { rows: number; index: number } {
    return { rows: (maxFlows + 1) * FIREWALL_FLOW_WORDS, index: BucketIndex.wordsNeeded(maxFlows) };
  }

  /** `rows` holds capacity + 1 rows; `key`: hash seed. */
  constructor(rows: Int32Array, indexWords: Int32Array, maxPorts: number, key: readonly [number, number]) {
    this.rows = rows;
    this.capacity = rows.length / FIREWALL_FLOW_WORDS - 1;
    this.index = new BucketIndex(indexWords);
    this.hasher = new Hasher(key);
    this.shares = new PortShares(maxPorts, this.capacity);
  }

  /** Empties the table; fresh memory is written as little as possible. */
  initialise(): void {
    const used = this.highWater;
    this.rows.fill(0, 0, (used + 1) * FIREWALL_FLOW_WORDS);
    if (used > 0) this.index.clear();
    this.shares.clear();
    this.hand = 1;
  }

  get inUse(): number {
    return this.rows[IN_USE]!;
  }

  /** Rows 1 … highWater have been used. */
  get highWater(): number {
    return this.rows[HIGH_WATER]!;
  }

  /** Row of a flow, or NONE. The key's words are key[0 … 9], as in a row. */
  find(key: Int32Array): number {
    const { rows } = this;
    const hash = this.hash(key, 0);
    for (let row = this.index.find(hash); row !== NONE; row = this.index.next(hash)) {
      const at = row * FIREWALL_FLOW_WORDS;
      let word = 0;
      while (word < KEY_WORDS && rows[at + word] === key[word]) word++;
      if (word === KEY_WORDS) return row;
    }
    return NONE;
  }

  /** Adds the flow of a key that is not in the table; NONE if its port has no room. */
  add(key: Int32Array, flags: number, value: number, nowMs: number): number {
    const { rows } = this;
    const port = (key[OWNER]! >>> 8) & 0xffff;
    if (!this.shares.hasRoom(port) && !this.reclaim(port)) return NONE;
    let row = rows[NEXT_FREE]!;
    if (row !== 0) rows[NEXT_FREE] = rows[row * FIREWALL_FLOW_WORDS + NEXT_FREE]!;
    else if (rows[HIGH_WATER]! < this.capacity) row = ++rows[HIGH_WATER]!;
    else return NONE;
    const at = row * FIREWALL_FLOW_WORDS;
    for (let word = 0; word < KEY_WORDS; word++) rows[at + word] = key[word]!;
    rows[at + LAST_MS] = nowMs;
    rows[at + FLAGS] = USED | flags;
    rows[at + VALUE] = value;
    rows[at + RECORD] = NONE;
    rows[IN_USE]!++;
    this.shares.hold(port);
    this.index.insert(this.hash(rows, at), row);
    return row;
  }

  remove(row: number): void {
    const { rows } = this;
    const at = row * FIREWALL_FLOW_WORDS;
    this.index.remove(this.hash(rows, at), row);
    this.shares.give(this.port(row));
    rows[at + FLAGS] = 0;
    rows[at + NEXT_FREE] = rows[NEXT_FREE]!;
    rows[NEXT_FREE] = row;
    rows[IN_USE]!--;
  }

  /** Records a packet: time and flags to add. */
  touch(row: number, flags: number, nowMs: number): void {
    const at = row * FIREWALL_FLOW_WORDS;
    this.rows[at + LAST_MS] = nowMs;
    this.rows[at + FLAGS]! |= flags;
  }

  /** Sets the connection record that the flow follows, with the client's ports, which tell whether it is still the same. */
  follow(row: number, record: number, ports: number): void {
    const at = row * FIREWALL_FLOW_WORDS;
    this.rows[at + RECORD] = record;
    this.rows[at + RECORD_PORTS] = ports;
  }

  isUsed(row: number): boolean {
    return this.rows[row * FIREWALL_FLOW_WORDS + FLAGS] !== 0;
  }

  flags(row: number): number {
    return this.rows[row * FIREWALL_FLOW_WORDS + FLAGS]!;
  }

  /** Number of the port whose firewall allowed the flow. */
  port(row: number): number {
    return (this.rows[row * FIREWALL_FLOW_WORDS + OWNER]! >>> 8) & 0xffff;
  }

  /** Place of the firewall in the port's chain. */
  place(row: number): number {
    return this.rows[row * FIREWALL_FLOW_WORDS + OWNER]! >>> 24;
  }

  protocol(row: number): number {
    return this.rows[row * FIREWALL_FLOW_WORDS + OWNER]! & 0xff;
  }

  /** Local port << 16 | remote port. */
  ports(row: number): number {
    return this.rows[row * FIREWALL_FLOW_WORDS + PORTS]!;
  }

  value(row: number): number {
    return this.rows[row * FIREWALL_FLOW_WORDS + VALUE]!;
  }

  record(row: number): number {
    return this.rows[row * FIREWALL_FLOW_WORDS + RECORD]!;
  }

  recordPorts(row: number): number {
    return this.rows[row * FIREWALL_FLOW_WORDS + RECORD_PORTS]!;
  }

  /** Milliseconds since the flow's last packet. */
  idleMs(row: number, nowMs: number): number {
    return (nowMs - this.rows[row * FIREWALL_FLOW_WORDS + LAST_MS]!) >>> 0;
  }

  /** Copies the remote and the local address, four words each. */
  readAddresses(row: number, remote: Int32Array, local: Int32Array): void {
    const at = row * FIREWALL_FLOW_WORDS;
    for (let word = 0; word < 4; word++) {
      remote[word] = this.rows[at + word]!;
      local[word] = this.rows[at + 4 + word]!;
    }
  }

  /** Removes an unanswered flow of the port; false if none is found among the rows examined. */
  private reclaim(port: number): boolean {
    const { rows } = this;
    for (let i = 0; i < RECLAIM_ROWS; i++) {
      if (this.hand > this.highWater) this.hand = 1;
      const row = this.hand++;
      const flags = rows[row * FIREWALL_FLOW_WORDS + FLAGS]!;
      if (flags === 0 || (flags & ANSWERED) !== 0 || this.port(row) !== port) continue;
      this.remove(row);
      return true;
    }
    return false;
  }

  private hash(words: Int32Array, at: number): number {
    // Words 0-7 of IPv4 differ in 3 and 7 only; the other words of IPv6 addresses are folded into those.
    const remote = words[at]! ^ Math.imul(words[at + 1]!, 0x9e3779b1) ^ Math.imul(words[at + 2]!, 0x85ebca6b);
    const local =
      words[at + 4]! ^ Math.imul(words[at + 5]!, 0x9e3779b1) ^ Math.imul(words[at + 6]!, 0x85ebca6b);
    return this.hasher.hash6(
      words[at + 3]!,
      words[at + 7]!,
      words[at + PORTS]!,
      words[at + OWNER]!,
      remote,
      local,
    );
  }
}
