/**
 * Endpoints: the addresses on the service side of balanced flows (VIPs and members), each as a small number.
 *
 * Theory of operation. A connection's service side is always one of few addresses, so connection rows and keys
 * contain a 16-bit endpoint number instead of a 128-bit address: an IPv6 connection with both of its directions fits
 * into one cache line, and "is this destination a VIP?" is one lookup in a table that stays in L2. An endpoint is
 * (network, address), as tenants may use the same addresses. It lives while rules or connections hold references to
 * it; the last release frees its number. Bounded: `intern` returns NONE when it is full.
 *
 * Row, 16 words: 0-3 address (IPv4 as ::ffff:a.b.c.d), 4 network, 5 references, 6 roles, 7 MAC high 16 bits,
 * 8 MAC low 32 bits, 9 next free row; 10-13 the cached way to it: generation, port, MAC high, MAC low; 14 the address's
 * one's-complement sum; 15 the network of an IPv4 address, else -1.
 *
 * The index is open addressing over row numbers, at most half full, with linear probing; a removal moves up the
 * entries after it. The row that a probe reads has the address that a rewrite needs next.
 */
import { isIpv4Mapped, MAPPED_WORD } from '../../wire/address.ts';
import { fold } from '../../wire/checksum.ts';
import { NONE } from '../common/bucket-index.ts';
import { mix32 } from '../common/hash.ts';

export const ENDPOINT_WORDS = 16;
/** Endpoint numbers are stored in 16 bits, and 0 is never used. */
export const MAX_ENDPOINTS = 65_535;

const NETWORK = 4;
const REFERENCES = 5;
const ROLES = 6;
const MAC_HIGH = 7;
const MAC_LOW = 8;
const NEXT_FREE = 9;
/** Words of a row that FastPath reads directly. */
export const ENDPOINT = { wayGeneration: 10, wayPort: 11, wayMacHigh: 12, wayMacLow: 13, sum: 14 } as const;
const WAY_GENERATION = ENDPOINT.wayGeneration;
const WAY_PORT = ENDPOINT.wayPort;
const WAY_MAC_HIGH = ENDPOINT.wayMacHigh;
const WAY_MAC_LOW = ENDPOINT.wayMacLow;
const SUM = ENDPOINT.sum;
/** The network number of an IPv4 address, else -1: one comparison replaces those of words 0-2 and 4. */
const IPV4_NETWORK = 15;

/** A role stays while the endpoint lives, that is, while rules or connections refer to it. */
export const ROLE_VIP = 1;
export const ROLE_MEMBER = 2;
/** The member's MAC is configured: words 7 and 8 hold it. */
export const ROLE_FIXED_MAC = 4;
/** A VIP without an owner: the datapath answers ARP and ND for it. */
export const ROLE_ANSWERED = 8;

export class EndpointTable {
  readonly rows: Int32Array;
  /** Changes whenever an endpoint is created or freed: earlier results of `find` may then be stale. */
  changes = 0;
  private readonly index: Int32Array;
  private readonly mask: number;
  private readonly capacity: number;

  static indexWordsNeeded(maxEndpoints: number): number {
    let words = 16;
    while (words < maxEndpoints * 2) words *= 2;
    return words;
  }

  /** Word 9 of row 0 is the head of the free list, word 5 of row 0 counts the rows in use. */
  constructor(rows: Int32Array, index: Int32Array) {
    this.rows = rows;
    this.capacity = rows.length / ENDPOINT_WORDS - 1;
    this.index = index;
    this.mask = index.length - 1;
  }

  initialise(): void {
    this.rows.fill(0);
    this.index.fill(0);
    for (let id = 0; id < this.capacity; id++) this.rows[id * ENDPOINT_WORDS + NEXT_FREE] = id + 1;
  }

  get inUse(): number {
    return this.rows[REFERENCES]!;
  }

  /** Number of the endpoint, or NONE. */
  find(network: number, w0: number, w1: number, w2: number, w3: number): number {
    const rows = this.rows;
    const index = this.index;
    for (let i = homeOf(network, w0, w1, w2, w3) & this.mask; ; i = (i + 1) & this.mask) {
      const id = index[i]!;
      if (id === 0) return NONE;
      const at = id * ENDPOINT_WORDS;
      if (
        rows[at + 3] === w3 &&
        rows[at] === w0 &&
        rows[at + 1] === w1 &&
        rows[at + 2] === w2 &&
        rows[at + NETWORK] === network
      ) {
        return id;
      }
    }
  }

  /** `find` for an IPv4 address, with fewer comparisons. */
  findIpv4(network: number, address: number): number {
    const { rows, index, mask } = this;
    for (let i = homeOf(network, 0, 0, MAPPED_WORD, address) & mask; ; i = (i + 1) & mask) {
      const id = index[i]! & MAX_ENDPOINTS;
      if (id === 0) return NONE;
      const at = id * ENDPOINT_WORDS;
      if (rows[at + 3] === address && rows[at + IPV4_NETWORK] === network) return id;
    }
  }

  /** Finds or creates the endpoint and takes a reference; NONE when the table is full. */
  intern(network: number, w0: number, w1: number, w2: number, w3: number): number {
    const rows = this.rows;
    let id = this.find(network, w0, w1, w2, w3);
    if (id !== NONE) {
      rows[id * ENDPOINT_WORDS + REFERENCES]!++;
      return id;
    }
    id = rows[NEXT_FREE]!;
    if (id === 0) return NONE;
    let i = homeOf(network, w0, w1, w2, w3) & this.mask;
    while (this.index[i] !== 0) i = (i + 1) & this.mask;
    this.index[i] = id;
    this.changes++;
    const at = id * ENDPOINT_WORDS;
    rows[NEXT_FREE] = rows[at + NEXT_FREE]!;
    rows[at] = w0;
    rows[at + 1] = w1;
    rows[at + 2] = w2;
    rows[at + 3] = w3;
    rows[at + NETWORK] = network;
    rows[at + REFERENCES] = 1;
    rows[at + ROLES] = 0;
    rows[at + WAY_GENERATION] = 0;
    rows[at + IPV4_NETWORK] = isIpv4Mapped(w0, w1, w2) ? network : -1;
    rows[at + SUM] = fold(halves(w0) + halves(w1) + halves(w2) + halves(w3));
    rows[REFERENCES]!++;
    return id;
  }

  /** Whether a number is an endpoint's; accepts any 32 bits. */
  isUsed(id: number): boolean {
    return id > 0 && id <= this.capacity && this.rows[id * ENDPOINT_WORDS + REFERENCES]! > 0;
  }

  /**
   * Takes a reference on the endpoint that has a number in another table, with its roles; NONE when this table is
   * full.
   */
  internLike(other: EndpointTable, otherId: number): number {
    const at = otherId * ENDPOINT_WORDS;
    const { rows } = other;
    const id = this.intern(rows[at + NETWORK]!, rows[at]!, rows[at + 1]!, rows[at + 2]!, rows[at + 3]!);
    if (id === NONE) return NONE;
    if (other.hasRole(otherId, ROLE_FIXED_MAC))
      this.setMac(id, other.macHigh(otherId), other.macLow(otherId));
    this.addRole(id, rows[at + ROLES]!);
    return id;
  }

  retain(id: number): void {
    this.rows[id * ENDPOINT_WORDS + REFERENCES]!++;
  }

  release(id: number): void {
    const rows = this.rows;
    const at = id * ENDPOINT_WORDS;
    if (--rows[at + REFERENCES]! > 0) return;
    this.unindex(id);
    this.changes++;
    rows[at + ROLES] = 0;
    rows[at + NEXT_FREE] = rows[NEXT_FREE]!;
    rows[NEXT_FREE] = id;
    rows[REFERENCES]!--;
  }

  /** Removes a row from the index and closes the gap, so that no probe ends before a later entry. */
  private unindex(id: number): void {
    const { index, mask } = this;
    let gap = this.home(id);
    while (index[gap] !== id) gap = (gap + 1) & mask;
    for (let i = (gap + 1) & mask; index[i] !== 0; i = (i + 1) & mask) {
      // An entry may move to the gap unless that is before its home.
      const distance = (i - this.home(index[i]!)) & mask;
      if (distance < ((i - gap) & mask)) continue;
      index[gap] = index[i]!;
      gap = i;
    }
    index[gap] = 0;
  }

  private home(id: number): number {
    const { rows } = this;
    const at = id * ENDPOINT_WORDS;
    return homeOf(rows[at + NETWORK]!, rows[at]!, rows[at + 1]!, rows[at + 2]!, rows[at + 3]!) & this.mask;
  }

  /** Port of the cached path to an endpoint, or NONE if it was cached in another generation. */
  wayPort(id: number, generation: number): number {
    const at = id * ENDPOINT_WORDS;
    return this.rows[at + WAY_GENERATION] === generation ? this.rows[at + WAY_PORT]! : NONE;
  }

  wayMacHigh(id: number): number {
    return this.rows[id * ENDPOINT_WORDS + WAY_MAC_HIGH]!;
  }

  wayMacLow(id: number): number {
    return this.rows[id * ENDPOINT_WORDS + WAY_MAC_LOW]!;
  }

  /** Caches the path to an endpoint; `generation` is not 0. */
  setWay(id: number, generation: number, port: number, macHigh: number, macLow: number): void {
    const at = id * ENDPOINT_WORDS;
    this.rows[at + WAY_GENERATION] = generation;
    this.rows[at + WAY_PORT] = port;
    this.rows[at + WAY_MAC_HIGH] = macHigh;
    this.rows[at + WAY_MAC_LOW] = macLow;
  }

  network(id: number): number {
    return this.rows[id * ENDPOINT_WORDS + NETWORK]!;
  }

  hasRole(id: number, role: number): boolean {
    return (this.rows[id * ENDPOINT_WORDS + ROLES]! & role) !== 0;
  }

  addRole(id: number, role: number): void {
    this.rows[id * ENDPOINT_WORDS + ROLES]! |= role;
  }

  clearRole(id: number, role: number): void {
    this.rows[id * ENDPOINT_WORDS + ROLES]! &= ~role;
  }

  setMac(id: number, high16: number, low32: number): void {
    this.rows[id * ENDPOINT_WORDS + MAC_HIGH] = high16;
    this.rows[id * ENDPOINT_WORDS + MAC_LOW] = low32;
    this.addRole(id, ROLE_FIXED_MAC);
  }

  macHigh(id: number): number {
    return this.rows[id * ENDPOINT_WORDS + MAC_HIGH]!;
  }

  macLow(id: number): number {
    return this.rows[id * ENDPOINT_WORDS + MAC_LOW]!;
  }
}

/** Sum of a word's two halves. */
const halves = (word: number): number => (word >>> 16) + (word & 0xffff);

/** One multiplication of the differing word, IPv4 or not, is enough for addresses chosen by an operator. */
const homeOf = (network: number, w0: number, w1: number, w2: number, w3: number): number =>
  mix32(w3 ^ Math.imul(w0 ^ (w1 << 7) ^ w2 ^ (network << 20), 0x9e3779b1));
