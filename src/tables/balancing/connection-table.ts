/**
 * Connection records: flow → member, found from both directions.
 *
 * Theory of operation. A record (connection-record.ts) is a hot row, which every packet of the flow reads and writes,
 * and a cold one. Two entries of the bucket index refer to it. The forward key is (client address, client port, VIP,
 * VIP port, protocol), the reverse key (client address, translated client port, member, member port, protocol): both
 * consist of the client's address, two ports and an endpoint number, so one row layout and one lookup serve both. The
 * direction is part of the hashed key, as a VIP may itself be a member of another group.
 *
 * Only the load balancer that created a record finds it: a packet that its member forwards is subject to the rules of
 * the member's own port. The load balancer is compared but not hashed: the few records of one flow on its way through
 * several load balancers share a hash, so `nextForward` can walk them.
 *
 * Bounded: `create` returns NONE when no row is free. Ageing is up to the caller, who walks rows 1 … highWater a few
 * at a time (`nextRow`). Row 0 is never used; its words are the table's own counters, so that a reader in another
 * process sees them too.
 *
 * Times are milliseconds of a monotonic clock in 32 bits; differences are taken modulo 2^32 (49 days).
 */
import { isIpv4Mapped } from '../../wire/address.ts';
import { BucketIndex, NONE } from '../common/bucket-index.ts';
import { DEBUG, debugAssert } from '../common/debug.ts';
import { Hasher } from '../common/hash.ts';
import {
  ADOPTED_COLD,
  BALANCER_SHIFT,
  COLD,
  COLD_WORDS,
  FLOW_NOTE,
  HOT,
  HOT_WORDS,
  PER_DATAGRAM,
  ROW_MASK,
  STAT_SLOT_MASK,
  STATE,
} from './connection-record.ts';
import type { FlowKey } from './flow-key.ts';

/** For each direction: the hashed word with service and protocol also encodes the direction. */
const FORWARD = 0;
const REVERSE = 1 << 8;

/** Words of cold row 0; its `nextFree` is the head of the free list. */
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
  /** `findForward` has found a record of the same flow made by another load balancer, or a key with the same hash. */
  passedOver = false;
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

  /** Empties the table. Pages that no record has used are not written: fresh memory stays unmapped. */
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

  /** Counts a flow that was refused a row. */
  refuse(): void {
    this.cold[TABLE_REFUSED]!++;
  }

  /** Counts a flow whose row was given to a new one. */
  countEvicted(): void {
    this.cold[TABLE_EVICTED]!++;
  }

  /** Highest row ever used. */
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

  /** Row of a load balancer's flow from a client to a VIP, or NONE. */
  findForward(key: FlowKey): number {
    const hash = this.hash(key, FORWARD);
    key.hash = hash;
    for (let row = this.index.find(hash); row !== NONE; row = this.index.next(hash)) {
      if (this.isForward(row, key)) return row;
      this.passedOver = true;
    }
    return NONE;
  }

  /** Whether a row belongs to a load balancer's flow from a client to a VIP. */
  isForward(row: number, key: FlowKey): boolean {
    return this.balancer(row) === key.balancer && this.isForwardOfAny(row, key);
  }

  /** The same for any load balancer. */
  private isForwardOfAny(row: number, key: FlowKey): boolean {
    const at = row * HOT_WORDS;
    return (
      this.hot[at + HOT.forwardPorts] === key.ports &&
      this.hot[at + HOT.endpoints]! >>> 16 === key.service &&
      this.isOfClient(at, key)
    );
  }

  /** Row of a load balancer's flow whose member answers a client, or NONE. `key.ports`: client's as the member sees it << 16 | member's. */
  findReverse(key: FlowKey): number {
    const hash = this.hash(key, REVERSE);
    key.hash = hash;
    for (let row = this.index.find(hash); row !== NONE; row = this.index.next(hash)) {
      if (this.isReverse(row, key)) return row;
    }
    return NONE;
  }

  private isReverse(row: number, key: FlowKey): boolean {
    const at = row * HOT_WORDS;
    return (
      this.hot[at + HOT.reversePorts] === key.ports &&
      (this.hot[at + HOT.endpoints]! & 0xffff) === key.service &&
      this.balancer(row) === key.balancer &&
      this.isOfClient(at, key)
    );
  }

  /** Whether the record at a place has a key's client and protocol. */
  private isOfClient(at: number, key: FlowKey): boolean {
    const { hot } = this;
    return (
      hot[at + HOT.client + 3] === key.c3 &&
      (hot[at + HOT.kind]! & 0xff) === key.protocol &&
      hot[at + HOT.client + 2] === key.c2 &&
      hot[at + HOT.client + 1] === key.c1 &&
      hot[at + HOT.client] === key.c0
    );
  }

  /**
   * Iterates over the rows of a flow to a VIP at all load balancers that it passes: starts with NONE, continues with
   * the previous row. No other lookup may happen in between.
   */
  nextForward(before: number, key: FlowKey): number {
    const hash = this.hash(key, FORWARD);
    for (;;) {
      const row = before === NONE ? this.index.find(hash) : this.index.next(hash);
      if (row === NONE || this.isForwardOfAny(row, key)) return row;
      before = row;
    }
  }

  /**
   * Hash of the key of a plain packet over IPv4, for prefetching: `isReply` says whether the packet comes from the
   * service, which is `service << 16 | protocol`.
   */
  hashIpv4(client: number, ports: number, service: number, isReply: boolean): number {
    return this.hasher.hash3(client, ports, isReply ? service | REVERSE : service | FORWARD);
  }

  /** The same over IPv6; the client's address is four words of memory. */
  hashIpv6(words: Int32Array, client: number, ports: number, service: number, isReply: boolean): number {
    return this.hasher.hash6(
      words[client + 3]!,
      words[client + 2]!,
      words[client + 1]!,
      words[client]!,
      ports,
      isReply ? service | REVERSE : service | FORWARD,
    );
  }

  /** Prefetches the index bucket of a hash; the return value has no meaning. */
  touchIndex(hash: number): number {
    return this.index.touch(hash);
  }

  /** A row stored under a hash, or NONE; it may have another key, and the wanted row may be elsewhere. */
  guess(hash: number): number {
    return this.index.findAtHome(hash);
  }

  /** Prefetches a row; the return value has no meaning. */
  touch(row: number): number {
    return this.hot[(row & ROW_MASK) * HOT_WORDS]!;
  }

  /**
   * Creates the row of a new flow, indexed from both directions (PER_DATAGRAM: only by its replies), or NONE if the
   * table is full. The caller has looked up both keys without success since filling them, so their hashes are valid.
   * The caller holds the references on both endpoints, and fills the cold row.
   */
  create(
    forward: FlowKey,
    reverse: FlowKey,
    state: number,
    rewrite: number,
    statSlot: number,
    nowMs: number,
  ): number {
    const { hot, cold } = this;
    if (DEBUG) {
      debugAssert(forward.hash === this.hash(forward, FORWARD), 'the forward key was not looked up');
      debugAssert(reverse.hash === this.hash(reverse, REVERSE), 'the reverse key was not looked up');
    }
    const row = this.takeFree();
    if (row === NONE) return NONE;
    const at = row * HOT_WORDS;
    hot[at + HOT.client] = forward.c0;
    hot[at + HOT.client + 1] = forward.c1;
    hot[at + HOT.client + 2] = forward.c2;
    hot[at + HOT.client + 3] = forward.c3;
    hot[at + HOT.forwardPorts] = forward.ports;
    hot[at + HOT.reversePorts] = reverse.ports;
    hot[at + HOT.endpoints] = (forward.service << 16) | reverse.service;
    hot[at + HOT.lastSeenMs] = nowMs;
    hot[at + HOT.balancerSlot] = (forward.balancer << BALANCER_SHIFT) | statSlot;
    this.hotFloats[(at + HOT.bytesForward) >> 1] = 0;
    this.hotFloats[(at + HOT.bytesReverse) >> 1] = 0;
    hot[at + HOT.packetsForward] = 0;
    hot[at + HOT.packetsReverse] = 0;
    cold[row * COLD_WORDS + COLD.createdMs] = nowMs;
    cold[row * COLD_WORDS + COLD.meter] = 0;
    // The word that makes the row valid to readers comes last.
    hot[at + HOT.kind] = (rewrite << 16) | (state << 8) | forward.protocol;
    if ((rewrite & PER_DATAGRAM) === 0) this.index.insert(forward.hash, row);
    this.index.insert(reverse.hash, row);
    cold[TABLE_IN_USE]!++;
    cold[TABLE_CREATED]!++;
    return row;
  }

  private takeFree(): number {
    const { cold } = this;
    const row = cold[COLD.nextFree]!;
    if (row !== 0) {
      cold[COLD.nextFree] = cold[row * COLD_WORDS + COLD.nextFree]!;
      return row;
    }
    return cold[TABLE_HIGH_WATER]! < this.capacity ? ++cold[TABLE_HIGH_WATER]! : NONE;
  }

  /**
   * Copies a flow from another table, except the reply that it waits for; NONE if this table is full. The keys have this
   * table's endpoint numbers, as does `via`; the caller has checked that no row has them.
   */
  inherit(
    other: ConnectionTable,
    otherRow: number,
    forward: FlowKey,
    reverse: FlowKey,
    via: number,
    statSlot: number,
  ): number {
    const { hot, cold } = other;
    const at = otherRow * HOT_WORDS;
    const coldAt = otherRow * COLD_WORDS;
    const lastSeenMs = hot[at + HOT.lastSeenMs]!;
    const row = this.create(
      forward,
      reverse,
      other.state(otherRow),
      other.rewrite(otherRow),
      statSlot,
      lastSeenMs,
    );
    if (row === NONE) return NONE;
    this.hot.set(hot.subarray(at + HOT.bytesForward, at + HOT_WORDS), row * HOT_WORDS + HOT.bytesForward);
    for (const word of ADOPTED_COLD) this.cold[row * COLD_WORDS + word] = cold[coldAt + word]!;
    this.cold[row * COLD_WORDS + COLD.meter] = cold[coldAt + COLD.meter]! & ~FLOW_NOTE.pending;
    this.cold[row * COLD_WORDS + COLD.via] = via;
    return row;
  }

  /** Frees a row; the caller releases the endpoints and counts the end. */
  remove(row: number): void {
    const { hot, cold } = this;
    if ((this.rewrite(row) & PER_DATAGRAM) === 0) this.index.remove(this.forwardHash(row), row);
    this.index.remove(this.reverseHash(row), row);
    hot[row * HOT_WORDS + HOT.kind] = 0;
    cold[row * COLD_WORDS + COLD.via] = 0;
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

  /** Both FINs or a reset have been seen: the record remains for late packets, and its ports may be reused. */
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
    return this.hot[row * HOT_WORDS + HOT.balancerSlot]! & STAT_SLOT_MASK;
  }

  /** Load balancer that created the record. */
  balancer(row: number): number {
    return this.hot[row * HOT_WORDS + HOT.balancerSlot]! >>> BALANCER_SHIFT;
  }

  /** Packets sent by the client, modulo 2^32. */
  packetsForward(row: number): number {
    return this.hot[row * HOT_WORDS + HOT.packetsForward]!;
  }

  /** Ingress port of the flow. */
  ownerPort(row: number): number {
    return this.cold[row * COLD_WORDS + COLD.owner]! & 0xffff;
  }

  /** Endpoint of the selected member: the forwarding element's destination. */
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
    const at = row * HOT_WORDS;
    const service = (this.vip(row) << 16) | this.protocol(row);
    return this.rowHash(at, this.hot[at + HOT.forwardPorts]!, service | FORWARD);
  }

  private reverseHash(row: number): number {
    const at = row * HOT_WORDS;
    const service = (this.member(row) << 16) | this.protocol(row);
    return this.rowHash(at, this.hot[at + HOT.reversePorts]!, service | REVERSE);
  }

  private rowHash(at: number, ports: number, service: number): number {
    const { hot, hasher } = this;
    const c0 = hot[at + HOT.client]!;
    const c1 = hot[at + HOT.client + 1]!;
    const c2 = hot[at + HOT.client + 2]!;
    const c3 = hot[at + HOT.client + 3]!;
    return isIpv4Mapped(c0, c1, c2)
      ? hasher.hash3(c3, ports, service)
      : hasher.hash6(c3, c2, c1, c0, ports, service);
  }

  private hash({ c0, c1, c2, c3, ports, service, protocol }: FlowKey, direction: number): number {
    const word = (service << 16) | direction | protocol;
    return isIpv4Mapped(c0, c1, c2)
      ? this.hasher.hash3(c3, ports, word)
      : this.hasher.hash6(c3, c2, c1, c0, ports, word);
  }
}
