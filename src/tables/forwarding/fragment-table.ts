/**
 * Fragmented datagrams that pass an LB: the received parts, the verdict on the first fragment, and the fragments that
 * wait for it.
 *
 * Theory of operation. A row represents one datagram in one direction at one port's chain: (chain, source,
 * destination, protocol, identification), RFC 791 §3.2; the IPv6 key omits the protocol, as only the first fragment's
 * next header counts (RFC 8200 §4.5). It is created by the fragment that comes first, and removed when all parts were
 * seen, or when it expires: fragments in order need a row for microseconds only.
 *
 * States. WAITING: the first fragment has not come; later ones are chained here, and the caller keeps a reference on
 * the slot of each. FOLLOW: the first passed as a packet with these ports; the rest is handled as the same packet.
 * PASS: the first was not for the LB. REFUSED: the first was dropped, or fragments overlapped; the rest is dropped
 * too.
 *
 * Bounds. `capacity` rows, of which one ingress port may hold a quarter, and WAITING_TOTAL frames, shared by the
 * ports (port-shares.ts): a VM can forge addresses, but not its port. A port that has used up its share replaces its
 * oldest datagram by a new one; if the whole table is full, the port with the most rows does (`victim`).
 *
 * Released frames are in one queue, `released`, from when their first fragment is decided until the caller takes
 * them: they carry their datagram's verdict, so the row may be removed by then.
 *
 * Row, 32 words: 0-3 source, 4-7 destination, 8 chain, 9 protocol of the key, 10 identification, 11 state, 12 made at
 * (ms), 13 ingress port, 14 what the first fragment's transport header says (Frame.firstWord), 15 its protocol, 16 end in bytes or -1, 17 units
 * seen, 18 highest unit seen + 1, 19 reason (REFUSED), 20-21 waiting queue, 22-23 neighbours in the port's list,
 * 24 next free row, 25 connection record that the first fragment has named, or -1. Row 0 holds the table's own counters.
 */
import { BucketIndex, NONE } from '../common/bucket-index.ts';
import { Hasher, mix32 } from '../common/hash.ts';
import { PortShares } from '../common/port-shares.ts';
import { FRESH, ReceivedUnits, UNIT_WORDS } from './received-units.ts';

export const FRAGMENT_WORDS = 32;

export const DATAGRAM = { free: 0, waiting: 1, follow: 2, pass: 3, refused: 4 } as const;

export const WAITING_TOTAL = 256;

const SOURCE = 0;
const DESTINATION = 4;
const CHAIN = 8;
const PROTOCOL = 9;
const IDENTIFICATION = 10;
const STATE = 11;
const MADE_MS = 12;
const INGRESS = 13;
const FIRST_WORD = 14;
const FIRST_PROTOCOL = 15;
const END = 16;
const SEEN = 17;
const HIGHEST = 18;
const REASON = 19;
const HEAD = 20;
const TAIL = 21;
const OLDER = 22;
const YOUNGER = 23;
const NEXT_FREE = 24;
const RECORD = 25;

/** Words of row 0, beside NEXT_FREE. */
const HIGH_WATER = 0;
const IN_USE = 1;

export class FragmentTable {
  readonly rows: Int32Array;
  readonly capacity: number;
  private readonly units: ReceivedUnits;
  private readonly unitWords: Int32Array;
  private readonly index: BucketIndex;
  private readonly hasher: Hasher;
  /** Per port: oldest and youngest row, rows, waiting frames. */
  private readonly oldest: Int32Array;
  private readonly youngest: Int32Array;
  private readonly rowsOfPort: Int32Array;
  private readonly waitingShares: PortShares;

  /** Frames that wait or have been released. Entry 0 is unused; its `next` is the head of the free list. */
  readonly waitingSlot = new Int32Array(WAITING_TOTAL + 1);
  readonly waitingOffset = new Int32Array(WAITING_TOTAL + 1);
  readonly waitingLength = new Int32Array(WAITING_TOTAL + 1);
  readonly waitingIngress = new Int32Array(WAITING_TOTAL + 1);
  readonly waitingChain = new Int32Array(WAITING_TOTAL + 1);
  /** MTU of the outgoing network if the frame exceeds it; else 0. */
  readonly waitingMtu = new Int32Array(WAITING_TOTAL + 1);
  /** 1: other frames share the bytes. */
  readonly waitingShared = new Uint8Array(WAITING_TOTAL + 1);
  /** For released frames: the state of their datagram, first word and protocol of its transport header, record. */
  readonly releasedState = new Uint8Array(WAITING_TOTAL + 1);
  readonly releasedFirstWord = new Int32Array(WAITING_TOTAL + 1);
  readonly releasedProtocol = new Int32Array(WAITING_TOTAL + 1);
  readonly releasedRecord = new Int32Array(WAITING_TOTAL + 1);
  private readonly waitingNext = new Int32Array(WAITING_TOTAL + 1);
  /** Waiting frames, and released ones not yet taken: each holds a slot. */
  waitingFrames = 0;
  private releasedHead = 0;
  private releasedTail = 0;

  static wordsNeeded(maxDatagrams: number): { rows: number; units: number; index: number } {
    return {
      rows: (maxDatagrams + 1) * FRAGMENT_WORDS,
      units: (maxDatagrams + 1) * UNIT_WORDS,
      index: BucketIndex.wordsNeeded(maxDatagrams),
    };
  }

  /** `rows` and `units` hold capacity + 1 rows; the key is the hash seed. */
  constructor(
    rows: Int32Array,
    units: Int32Array,
    indexWords: Int32Array,
    maxPorts: number,
    key: readonly [number, number],
  ) {
    this.rows = rows;
    this.capacity = rows.length / FRAGMENT_WORDS - 1;
    this.unitWords = units;
    this.units = new ReceivedUnits(units);
    this.index = new BucketIndex(indexWords);
    this.hasher = new Hasher(key);
    this.oldest = new Int32Array(maxPorts);
    this.youngest = new Int32Array(maxPorts);
    this.rowsOfPort = new Int32Array(maxPorts);
    this.waitingShares = new PortShares(maxPorts, WAITING_TOTAL);
  }

  /** Empties the table; fresh memory is written as little as possible. */
  initialise(): void {
    const used = this.highWater;
    this.rows.fill(0, 0, (used + 1) * FRAGMENT_WORDS);
    if (used > 0) {
      this.unitWords.fill(0, 0, (used + 1) * UNIT_WORDS);
      this.index.clear();
    }
    for (const list of [this.oldest, this.youngest, this.rowsOfPort]) list.fill(0);
    this.waitingShares.clear();
    for (let entry = 0; entry < WAITING_TOTAL; entry++) this.waitingNext[entry] = entry + 1;
    this.waitingNext[WAITING_TOTAL] = 0;
    this.waitingFrames = 0;
    this.releasedHead = 0;
    this.releasedTail = 0;
  }

  /** Datagrams in the table. */
  get inUse(): number {
    return this.rows[IN_USE]!;
  }

  /** Rows 1 … highWater have been used. */
  get highWater(): number {
    return this.rows[HIGH_WATER]!;
  }

  /** Maximum number of rows of one port. */
  get portShare(): number {
    return Math.max(1, this.capacity >>> 2);
  }

  /** Row of a datagram, or NONE. The key's words are key[0 … 10], as in a row. */
  find(key: Int32Array): number {
    const { rows } = this;
    const hash = this.hash(key, 0);
    for (let row = this.index.find(hash); row !== NONE; row = this.index.next(hash)) {
      const at = row * FRAGMENT_WORDS;
      let word = 0;
      while (word <= IDENTIFICATION && rows[at + word] === key[word]) word++;
      if (word > IDENTIFICATION) return row;
    }
    return NONE;
  }

  /** Row that must be removed before a port can have one more, or NONE. */
  victim(ingress: number): number {
    if (this.rowsOfPort[ingress]! >= this.portShare) return this.oldest[ingress]!;
    if (this.inUse < this.capacity) return NONE;
    let port = 0;
    for (let i = 1; i < this.rowsOfPort.length; i++) {
      if (this.rowsOfPort[i]! > this.rowsOfPort[port]!) port = i;
    }
    return this.oldest[port]!;
  }

  /** Creates a row, WAITING, for a new datagram; `victim` has returned NONE. */
  create(key: Int32Array, ingress: number, nowMs: number): number {
    const { rows } = this;
    let row = rows[NEXT_FREE]!;
    if (row !== 0) rows[NEXT_FREE] = rows[row * FRAGMENT_WORDS + NEXT_FREE]!;
    else row = ++rows[HIGH_WATER]!;
    const at = row * FRAGMENT_WORDS;
    rows.fill(0, at, at + FRAGMENT_WORDS);
    for (let word = 0; word <= IDENTIFICATION; word++) rows[at + word] = key[word]!;
    rows[at + MADE_MS] = nowMs;
    rows[at + INGRESS] = ingress;
    rows[at + END] = -1;
    rows[at + OLDER] = this.youngest[ingress]!;
    if (this.youngest[ingress] === 0) this.oldest[ingress] = row;
    else rows[this.youngest[ingress]! * FRAGMENT_WORDS + YOUNGER] = row;
    this.youngest[ingress] = row;
    this.rowsOfPort[ingress]!++;
    rows[IN_USE]!++;
    this.index.insert(this.hash(rows, at), row);
    rows[at + STATE] = DATAGRAM.waiting;
    return row;
  }

  /** Frees a row with an empty waiting queue. */
  remove(row: number): void {
    const { rows } = this;
    const at = row * FRAGMENT_WORDS;
    this.index.remove(this.hash(rows, at), row);
    this.units.clear(row, rows[at + HIGHEST]!);
    const ingress = rows[at + INGRESS]!;
    const older = rows[at + OLDER]!;
    const younger = rows[at + YOUNGER]!;
    if (older === 0) this.oldest[ingress] = younger;
    else rows[older * FRAGMENT_WORDS + YOUNGER] = younger;
    if (younger === 0) this.youngest[ingress] = older;
    else rows[younger * FRAGMENT_WORDS + OLDER] = older;
    this.rowsOfPort[ingress]!--;
    rows[IN_USE]!--;
    rows[at + STATE] = DATAGRAM.free;
    rows[at + NEXT_FREE] = rows[NEXT_FREE]!;
    rows[NEXT_FREE] = row;
  }

  /** Records the units of a fragment: FRESH, DUPLICATE or OVERLAP. */
  addUnits(row: number, from: number, to: number): number {
    const answer = this.units.add(row, from, to);
    if (answer === FRESH) {
      const at = row * FRAGMENT_WORDS;
      this.rows[at + SEEN]! += to - from;
      if (to > this.rows[at + HIGHEST]!) this.rows[at + HIGHEST] = to;
    }
    return answer;
  }

  /** Whether every part has been seen. */
  isComplete(row: number): boolean {
    const end = this.end(row);
    return end >= 0 && this.rows[row * FRAGMENT_WORDS + SEEN] === (end + 7) >>> 3;
  }

  state(row: number): number {
    return this.rows[row * FRAGMENT_WORDS + STATE]!;
  }

  setState(row: number, state: number): void {
    this.rows[row * FRAGMENT_WORDS + STATE] = state;
  }

  chain(row: number): number {
    return this.rows[row * FRAGMENT_WORDS + CHAIN]!;
  }

  ingress(row: number): number {
    return this.rows[row * FRAGMENT_WORDS + INGRESS]!;
  }

  madeMs(row: number): number {
    return this.rows[row * FRAGMENT_WORDS + MADE_MS]!;
  }

  /** Why the rest of a REFUSED datagram is dropped. */
  reason(row: number): number {
    return this.rows[row * FRAGMENT_WORDS + REASON]!;
  }

  setReason(row: number, reason: number): void {
    this.rows[row * FRAGMENT_WORDS + REASON] = reason;
  }

  /** Payload bytes of the whole datagram, or -1 until the last fragment has come. */
  end(row: number): number {
    return this.rows[row * FRAGMENT_WORDS + END]!;
  }

  setEnd(row: number, bytes: number): void {
    this.rows[row * FRAGMENT_WORDS + END] = bytes;
  }

  /** The highest unit seen, plus one. */
  highestUnit(row: number): number {
    return this.rows[row * FRAGMENT_WORDS + HIGHEST]!;
  }

  firstWord(row: number): number {
    return this.rows[row * FRAGMENT_WORDS + FIRST_WORD]!;
  }

  firstProtocol(row: number): number {
    return this.rows[row * FRAGMENT_WORDS + FIRST_PROTOCOL]!;
  }

  /** Transport header fields of the first fragment. */
  setFirst(row: number, word: number, protocol: number): void {
    this.rows[row * FRAGMENT_WORDS + FIRST_WORD] = word;
    this.rows[row * FRAGMENT_WORDS + FIRST_PROTOCOL] = protocol;
  }

  record(row: number): number {
    return this.rows[row * FRAGMENT_WORDS + RECORD]!;
  }

  setRecord(row: number, record: number): void {
    this.rows[row * FRAGMENT_WORDS + RECORD] = record;
  }

  /** Whether one more frame may wait for a datagram's first fragment. */
  mayWait(row: number): boolean {
    return this.waitingNext[0] !== 0 && this.waitingShares.hasRoom(this.ingress(row));
  }

  /** Appends an entry to a datagram's queue, for the caller to fill; one more frame must be allowed to wait. */
  enqueue(row: number): number {
    const { rows } = this;
    const at = row * FRAGMENT_WORDS;
    const entry = this.waitingNext[0]!;
    this.waitingNext[0] = this.waitingNext[entry]!;
    this.waitingNext[entry] = 0;
    this.waitingShares.hold(rows[at + INGRESS]!);
    this.waitingFrames++;
    this.waitingChain[entry] = rows[at + CHAIN]!;
    if (rows[at + HEAD] === 0) rows[at + HEAD] = entry;
    else this.waitingNext[rows[at + TAIL]!] = entry;
    rows[at + TAIL] = entry;
    return entry;
  }

  /** Takes the first frame off a datagram's queue: entry, valid until the next enqueue; 0 if none. */
  dequeue(row: number): number {
    const { rows } = this;
    const at = row * FRAGMENT_WORDS;
    const entry = rows[at + HEAD]!;
    if (entry === 0) return 0;
    rows[at + HEAD] = this.waitingNext[entry]!;
    this.waitingShares.give(rows[at + INGRESS]!);
    this.free(entry);
    return entry;
  }

  /** Moves a datagram's queue to the end of the released frames, with its verdict. */
  release(row: number): void {
    const { rows } = this;
    const at = row * FRAGMENT_WORDS;
    const head = rows[at + HEAD]!;
    if (head === 0) return;
    for (let entry = head; entry !== 0; entry = this.waitingNext[entry]!) {
      this.releasedState[entry] = rows[at + STATE]!;
      this.releasedFirstWord[entry] = rows[at + FIRST_WORD]!;
      this.releasedProtocol[entry] = rows[at + FIRST_PROTOCOL]!;
      this.releasedRecord[entry] = rows[at + RECORD]!;
      this.waitingShares.give(rows[at + INGRESS]!);
    }
    if (this.releasedHead === 0) this.releasedHead = head;
    else this.waitingNext[this.releasedTail] = head;
    this.releasedTail = rows[at + TAIL]!;
    rows[at + HEAD] = 0;
  }

  /** Takes the first released frame: entry, valid until the next enqueue; 0 if none. */
  takeReleased(): number {
    const entry = this.releasedHead;
    if (entry === 0) return 0;
    this.releasedHead = this.waitingNext[entry]!;
    this.free(entry);
    return entry;
  }

  get hasReleased(): boolean {
    return this.releasedHead !== 0;
  }

  private free(entry: number): void {
    this.waitingNext[entry] = this.waitingNext[0]!;
    this.waitingNext[0] = entry;
    this.waitingFrames--;
  }

  /** Hash of the key at words[at …]: addresses that a sender may choose, under a secret. */
  private hash(words: Int32Array, at: number): number {
    const identification = words[at + IDENTIFICATION]!;
    const service = (words[at + CHAIN]! << 8) | words[at + PROTOCOL]!;
    const s3 = words[at + SOURCE + 3]!;
    const d3 = words[at + DESTINATION + 3]!;
    if ((words[at]! | words[at + 1]!) === 0) {
      return this.hasher.hash6(s3, identification, service, d3, words[at + 2]!, words[at + 6]!);
    }
    const source = this.hasher.hash6(s3, identification, service, words[at]!, words[at + 1]!, words[at + 2]!);
    const { hasher } = this;
    return mix32(source) ^ hasher.hash6(d3, words[at + 4]!, words[at + 5]!, words[at + 6]!, 0, 0);
  }
}
