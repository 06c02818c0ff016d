/**
 * Connection records: flow → member, found from both directions.
 *
 * Theory of operation. A record has a hot row of 64 bytes, one cache line, with all that a packet needs: the
 * client's address, both port pairs, the endpoint numbers of VIP and member, protocol, state, last use and the
 * flow's counters; and a cold row of 64 bytes, touched when it is made, listed, and by TCP tracking.
 * Two entries of the bucket index lead to it. The forward key is (client address, client port, VIP, VIP port,
 * protocol), the reverse key (client address, translated client port, member, member port, protocol): both are
 * the client's address, two ports and an endpoint number, so one row layout and one lookup serve both.
 * The direction is part of the hashed key: a VIP may itself be a member of another group.
 *
 * Bounded: `create` answers NONE when no row is free. Ageing belongs to the caller, who walks rows
 * 1 … highWater a few at a time (`nextRow`). Row 0 is never used; its words keep the table's own counters, so
 * that a reader in another process sees them too.
 *
 * Times are milliseconds of a monotonic clock in 32 bits; differences are taken modulo 2^32 (49 days).
 */
import { BucketIndex, NONE } from './bucket-index.ts';
import { Hasher } from './hash.ts';

export const HOT_WORDS = 16;
export const COLD_WORDS = 16;
/** All bits that row numbers have: what has passed it, V8 knows the range of. */
export const ROW_MASK = 0x1ff_ffff;

/** Words of the hot row. */
export const HOT = {
  /** 0-3: client address, IPv4 as ::ffff:a.b.c.d. */
  client: 0,
  /** client port << 16 | VIP port; for echo, identifier << 16. */
  forwardPorts: 4,
  /** client port as the member sees it << 16 | member port. */
  reversePorts: 5,
  /** VIP endpoint << 16 | member endpoint. */
  endpoints: 6,
  /** flags << 16 | state << 8 | protocol; 0: the row is free. */
  kind: 7,
  lastSeenMs: 8,
  statSlot: 9,
  /** 64-bit floats at words 10 and 12. */
  bytesForward: 10,
  bytesReverse: 12,
  packetsForward: 14,
  packetsReverse: 15,
} as const;

/** Words of the cold row. */
export const COLD = {
  createdMs: 0,
  /** load balancer << 16 | source port (switch port). */
  owner: 1,
  rule: 2,
  revision: 3,
  /** what chose the member (CHOSEN_BY) << 28 | criteria set number << 16 | group. */
  decision: 4,
  /** next free row. */
  nextFree: 5,
  network: 6,
  /** Endpoint of the chosen member: where a MAC redirect delivers to. */
  via: 7,
  /** 8-12: what FlowMeter keeps; as long as the first is 0 the others say nothing. */
  meter: 8,
  /** 13, 14: VLAN tags of the first packet, outermost first, each TPID << 16 | TCI; 0: none. */
  tags: 13,
} as const;

/** Tags that a record keeps. */
export const COLD_TAGS = 2;

/** What the LB changes on the way to the member; the way back undoes it. MAC: the IP stays the VIP. */
export const REWRITE_ADDRESS = 1;
export const REWRITE_PORTS = 2;
export const REWRITE_MAC = 4;
/** Hairpin: the client is the member, so it sees the VIP as the source of its own packets. */
export const REWRITE_SOURCE = 8;
/** The client tags and its member is behind the router: the tags go on the way there, and come back on the way back. */
export const REWRITE_TAGS = 16;

/** Connection states; TCP ones follow the segments seen, not an endpoint's own state machine. */
export const STATE = {
  free: 0,
  /** SYN from the client. */
  synSent: 1,
  /** SYN/ACK from the member. */
  synReceived: 2,
  established: 3,
  /** One side has sent FIN. */
  finClient: 4,
  finMember: 5,
  /** Both have. */
  timeWait: 6,
  /** RST seen from the client, or in its name. */
  resetByClient: 7,
  /** UDP and others: only the client has sent. */
  unreplied: 8,
  replied: 9,
  /** RST seen from the member, or in its name. */
  resetByMember: 10,
} as const;

export const STATE_NAMES = [
  'free',
  'syn-sent',
  'syn-received',
  'established',
  'fin-client',
  'fin-member',
  'time-wait',
  'reset-by-client',
  'unreplied',
  'replied',
  'reset-by-member',
] as const;

const FORWARD = 0;
const REVERSE = 1;

/** Words of cold row 0; its `nextFree` heads the free list. */
const TABLE_HIGH_WATER = 8;
const TABLE_IN_USE = 9;
const TABLE_CREATED = 10;
const TABLE_EXPIRED = 11;
const TABLE_REFUSED = 12;
const TABLE_EVICTED = 13;

export class ConnectionTable {
  readonly hot: Int32Array;
  readonly hotFloats: Float64Array;
  readonly cold: Int32Array;
  readonly capacity: number;
  private readonly index: BucketIndex;
  private readonly hasher: Hasher;

  /** `hot` and `cold` hold capacity + 1 rows; the key is the hash seed. */
  constructor(hot: Int32Array, cold: Int32Array, indexWords: Int32Array, key: readonly [number, number]) {
    this.hot = hot;
    this.cold = cold;
    this.hotFloats = new Float64Array(hot.buffer, hot.byteOffset, hot.length >> 1);
    this.capacity = hot.length / HOT_WORDS - 1;
    this.index = new BucketIndex(indexWords);
    this.hasher = new Hasher(key);
  }

  /** Empties the table. Pages that no record ever used are not touched: fresh memory stays unmapped. */
  initialise(): void {
    const used = this.highWater;
    this.cold.fill(0, 0, COLD_WORDS);
    if (used === 0) return;
    this.hot.fill(0, 0, (used + 1) * HOT_WORDS);
    this.index.clear();
  }

  get inUse(): number {
    return this.cold[TABLE_IN_USE]!;
  }

  get isFull(): boolean {
    return this.cold[COLD.nextFree] === 0 && this.cold[TABLE_HIGH_WATER]! >= this.capacity;
  }

  /** Counts a flow that got no row. */
  refuse(): void {
    this.cold[TABLE_REFUSED]!++;
  }

  /** Counts a flow that lost its row to a new one. */
  countEvicted(): void {
    this.cold[TABLE_EVICTED]!++;
  }

  /** Rows above this one were never used. */
  get highWater(): number {
    return this.cold[TABLE_HIGH_WATER]!;
  }

  /** Monotonic counts modulo 2^32. */
  get totals(): { created: number; expired: number; refused: number; evicted: number } {
    return {
      created: this.cold[TABLE_CREATED]! >>> 0,
      expired: this.cold[TABLE_EXPIRED]! >>> 0,
      refused: this.cold[TABLE_REFUSED]! >>> 0,
      evicted: this.cold[TABLE_EVICTED]! >>> 0,
    };
  }

  /** Row of the flow from a client to a VIP, or NONE. */
  findForward(
    c0: number,
    c1: number,
    c2: number,
    c3: number,
    ports: number,
    vip: number,
    protocol: number,
  ): number {
    const hash = this.forwardKeyHash(c0, c1, c2, c3, ports, vip, protocol);
    for (let row = this.index.find(hash); row !== NONE; row = this.index.next(hash)) {
      if (this.isForward(row, c0, c1, c2, c3, ports, vip, protocol)) return row;
    }
    return NONE;
  }

  /** Whether a row is that of the flow from a client to a VIP. */
  isForward(
    row: number,
    c0: number,
    c1: number,
    c2: number,
    c3: number,
    ports: number,
    vip: number,
    protocol: number,
  ): boolean {
    const hot = this.hot;
    const at = row * HOT_WORDS;
    return (
      hot[at + HOT.forwardPorts] === ports &&
      hot[at + HOT.client + 3] === c3 &&
      hot[at + HOT.endpoints]! >>> 16 === vip &&
      (hot[at + HOT.kind]! & 0xff) === protocol &&
      hot[at + HOT.client + 2] === c2 &&
      hot[at + HOT.client + 1] === c1 &&
      hot[at + HOT.client] === c0
    );
  }

  /** Row of the flow whose member answers a client, or NONE. `ports`: client's as the member sees it << 16 | member's. */
  findReverse(
    c0: number,
    c1: number,
    c2: number,
    c3: number,
    ports: number,
    member: number,
    protocol: number,
  ): number {
    const hash = this.reverseKeyHash(c0, c1, c2, c3, ports, member, protocol);
    for (let row = this.index.find(hash); row !== NONE; row = this.index.next(hash)) {
      if (this.isReverse(row, c0, c1, c2, c3, ports, member, protocol)) return row;
    }
    return NONE;
  }

  /** Whether a row is that of the flow whose member answers a client. */
  isReverse(
    row: number,
    c0: number,
    c1: number,
    c2: number,
    c3: number,
    ports: number,
    member: number,
    protocol: number,
  ): boolean {
    const hot = this.hot;
    const at = row * HOT_WORDS;
    return (
      hot[at + HOT.reversePorts] === ports &&
      hot[at + HOT.client + 3] === c3 &&
      (hot[at + HOT.endpoints]! & 0xffff) === member &&
      (hot[at + HOT.kind]! & 0xff) === protocol &&
      hot[at + HOT.client + 2] === c2 &&
      hot[at + HOT.client + 1] === c1 &&
      hot[at + HOT.client] === c0
    );
  }

  /** Hash of a flow's key, as `findForward` has it; for a look ahead. */
  forwardKeyHash(
    c0: number,
    c1: number,
    c2: number,
    c3: number,
    ports: number,
    vip: number,
    protocol: number,
  ): number {
    return this.hash(c0, c1, c2, c3, ports, (vip << 16) | (FORWARD << 8) | protocol);
  }

  reverseKeyHash(
    c0: number,
    c1: number,
    c2: number,
    c3: number,
    ports: number,
    member: number,
    protocol: number,
  ): number {
    return this.hash(c0, c1, c2, c3, ports, (member << 16) | (REVERSE << 8) | protocol);
  }

  /** Brings the place of a hash in the index into the cache; what it returns says nothing. */
  touchIndex(hash: number): number {
    return this.index.touch(hash);
  }

  /** A row stored under a hash, or NONE; its key may be another one, and the one looked for may lie elsewhere. */
  guess(hash: number): number {
    return this.index.findAtHome(hash);
  }

  /** Brings a row into the cache; what it returns says nothing. */
  touch(row: number): number {
    return this.hot[(row & ROW_MASK) * HOT_WORDS]!;
  }

  /**
   * A row for a new flow, indexed from both directions, or NONE if the table is full. The caller has made sure
   * that neither key is in use, holds the references on both endpoints, and fills the cold row.
   */
  create(
    c0: number,
    c1: number,
    c2: number,
    c3: number,
    forwardPorts: number,
    reversePorts: number,
    vip: number,
    member: number,
    protocol: number,
    state: number,
    rewrite: number,
    statSlot: number,
    nowMs: number,
  ): number {
    const { hot, cold } = this;
    let row = cold[COLD.nextFree]!;
    if (row !== 0) {
      cold[COLD.nextFree] = cold[row * COLD_WORDS + COLD.nextFree]!;
    } else if (cold[TABLE_HIGH_WATER]! < this.capacity) {
      row = ++cold[TABLE_HIGH_WATER]!;
    } else {
      return NONE;
    }
    const at = row * HOT_WORDS;
    hot[at + HOT.client] = c0;
    hot[at + HOT.client + 1] = c1;
    hot[at + HOT.client + 2] = c2;
    hot[at + HOT.client + 3] = c3;
    hot[at + HOT.forwardPorts] = forwardPorts;
    hot[at + HOT.reversePorts] = reversePorts;
    hot[at + HOT.endpoints] = (vip << 16) | member;
    hot[at + HOT.lastSeenMs] = nowMs;
    hot[at + HOT.statSlot] = statSlot;
    this.hotFloats[(at + HOT.bytesForward) >> 1] = 0;
    this.hotFloats[(at + HOT.bytesReverse) >> 1] = 0;
    hot[at + HOT.packetsForward] = 0;
    hot[at + HOT.packetsReverse] = 0;
    cold[row * COLD_WORDS + COLD.createdMs] = nowMs;
    cold[row * COLD_WORDS + COLD.meter] = 0;
    // The word that makes the row valid to readers comes last.
    hot[at + HOT.kind] = (rewrite << 16) | (state << 8) | protocol;
    this.index.insert(this.forwardHash(row), row);
    this.index.insert(this.reverseHash(row), row);
    cold[TABLE_IN_USE]!++;
    cold[TABLE_CREATED]!++;
    return row;
  }

  /** Frees a row; the caller releases the endpoints and counts the end. */
  remove(row: number): void {
    const { hot, cold } = this;
    this.index.remove(this.forwardHash(row), row);
    this.index.remove(this.reverseHash(row), row);
    hot[row * HOT_WORDS + HOT.kind] = 0;
    cold[row * COLD_WORDS + COLD.nextFree] = cold[COLD.nextFree]!;
    cold[COLD.nextFree] = row;
    cold[TABLE_IN_USE]!--;
    cold[TABLE_EXPIRED]!++;
  }

  /** Counts a packet from the client; returns the row's kind word: flags << 16 | state << 8 | protocol. */
  countForward(row: number, packets: number, bytes: number, nowMs: number): number {
    const { hot } = this;
    const at = row * HOT_WORDS;
    hot[at + HOT.lastSeenMs] = nowMs;
    hot[at + HOT.packetsForward]! += packets;
    this.hotFloats[(at + HOT.bytesForward) >> 1]! += bytes;
    return hot[at + HOT.kind]!;
  }

  /** Counts a packet from the member; returns the row's kind word. */
  countReverse(row: number, packets: number, bytes: number, nowMs: number): number {
    const { hot } = this;
    const at = row * HOT_WORDS;
    hot[at + HOT.lastSeenMs] = nowMs;
    hot[at + HOT.packetsReverse]! += packets;
    this.hotFloats[(at + HOT.bytesReverse) >> 1]! += bytes;
    return hot[at + HOT.kind]!;
  }

  /** flags << 16 | state << 8 | protocol. */
  kind(row: number): number {
    return this.hot[row * HOT_WORDS + HOT.kind]!;
  }

  isUsed(row: number): boolean {
    return this.hot[row * HOT_WORDS + HOT.kind] !== 0;
  }

  protocol(row: number): number {
    return this.hot[row * HOT_WORDS + HOT.kind]! & 0xff;
  }

  state(row: number): number {
    return (this.hot[row * HOT_WORDS + HOT.kind]! >>> 8) & 0xff;
  }

  /** Both FINs or a reset have been seen: the record waits for stragglers, and its ports may be used again. */
  hasEnded(row: number): boolean {
    const state = this.state(row);
    return state === STATE.timeWait || state === STATE.resetByClient || state === STATE.resetByMember;
  }

  setState(row: number, state: number): void {
    const at = row * HOT_WORDS + HOT.kind;
    this.hot[at] = (this.hot[at]! & ~0xff00) | (state << 8);
  }

  rewrite(row: number): number {
    return this.hot[row * HOT_WORDS + HOT.kind]! >>> 16;
  }

  /** Offset in `hot` of the client's address, four words. */
  clientAt(row: number): number {
    return row * HOT_WORDS + HOT.client;
  }

  /** Ports as the member sees them: client's << 16 | member's. */
  reversePorts(row: number): number {
    return this.hot[row * HOT_WORDS + HOT.reversePorts]!;
  }

  /** Ports as the client sees them: client's << 16 | VIP's. */
  forwardPorts(row: number): number {
    return this.hot[row * HOT_WORDS + HOT.forwardPorts]!;
  }

  statSlot(row: number): number {
    return this.hot[row * HOT_WORDS + HOT.statSlot]!;
  }

  /** Packets that the client has sent, modulo 2^32. */
  packetsForward(row: number): number {
    return this.hot[row * HOT_WORDS + HOT.packetsForward]!;
  }

  /** Port that the flow came in by. */
  ownerPort(row: number): number {
    return this.cold[row * COLD_WORDS + COLD.owner]! & 0xffff;
  }

  /** Endpoint of the chosen member: where the forwarding element delivers to. */
  via(row: number): number {
    return this.cold[row * COLD_WORDS + COLD.via]!;
  }

  vip(row: number): number {
    return this.hot[row * HOT_WORDS + HOT.endpoints]! >>> 16;
  }

  member(row: number): number {
    return this.hot[row * HOT_WORDS + HOT.endpoints]! & 0xffff;
  }

  private forwardHash(row: number): number {
    const hot = this.hot;
    const at = row * HOT_WORDS;
    return this.hash(
      hot[at]!,
      hot[at + 1]!,
      hot[at + 2]!,
      hot[at + 3]!,
      hot[at + HOT.forwardPorts]!,
      (this.vip(row) << 16) | (FORWARD << 8) | this.protocol(row),
    );
  }

  private reverseHash(row: number): number {
    const hot = this.hot;
    const at = row * HOT_WORDS;
    return this.hash(
      hot[at]!,
      hot[at + 1]!,
      hot[at + 2]!,
      hot[at + 3]!,
      hot[at + HOT.reversePorts]!,
      (this.member(row) << 16) | (REVERSE << 8) | this.protocol(row),
    );
  }

  private hash(c0: number, c1: number, c2: number, c3: number, ports: number, service: number): number {
    return (c0 | c1) === 0 && c2 === 0xffff
      ? this.hasher.hash3(c3, ports, service)
      : this.hasher.hash6(c3, c2, c1, c0, ports, service);
  }
}
