// timeout: 240s
/**
 * Fragments in any order, repeated, overlapping, lost, of many datagrams at once, against the naive twin: what leaves,
 * byte for byte and in order, and why what does not leave was dropped. What left is put together again by a reassembler
 * that knows neither, and must be the datagram that the other end is to get.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WAITING_TOTAL } from '../../../src/tables/forwarding/fragment-table.ts';
import { hexOf } from '../../support/addresses.ts';
import { DatapathBed, type Sent } from '../../support/datapath-bed.ts';
import { concat, ipPacket, rawFrame, type Way, type WireFrame } from '../../support/packets.ts';
import { parsePacket } from '../../support/parse-frame.ts';
import { assertCovered, Random, runs, seed } from '../../support/seed.ts';
import { familyOf, SETTINGS } from '../../support/topology.ts';
import { GROUPS, type Path, pathsOf, protocolOf, transportOf, wholeFrame } from './fragment-paths.ts';
import { FragmentTwin, type Piece } from './fragment-twin.ts';

const test = suite('fragments of any datagram');

const FOREVER_MS = 1_000_000_000;
/** So few that some must be given up; or so many that none is. */
const MAX_DATAGRAMS = { few: 16, many: 4_096 };
const STEPS = Math.max(500, Math.min(6_000, runs(6_000)));
const ROUNDS = 5;

/** A datagram on its way in pieces. */
interface Datagram {
  readonly path: Path;
  readonly identification: number;
  /** What every fragment of it has: IPv4 options, or IPv6 extension headers in front of the fragment header. */
  readonly headers: Partial<Way>;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** Not sent yet, in order. */
  readonly pieces: Piece[];
  /** No piece is lost, repeated or made up. */
  readonly isIntact: boolean;
}

const pieceFrame = (one: Datagram, side: 'before' | 'after', { from, to, more }: Piece): WireFrame => {
  const { path, identification, headers } = one;
  const way = { ...path[side], ...headers, identification, fragment: { offset: from, more } };
  return rawFrame(way, protocolOf(path), one[side].subarray(from, to));
};

/** The guards of a VM's port drop first fragments of IPv6 that hide the upper layer (RFC 7113); nobody remembers them. */
const isStoppedByGuard = ({ kind, before }: Path, { from, to }: Piece): boolean =>
  from === 0 && familyOf(before.from) === 6 && to < { tcp: 20, udp: 8, echo: 0 }[kind];

class Round {
  readonly bed: DatapathBed;
  readonly paths: readonly Path[];
  readonly twin: FragmentTwin;
  readonly random: Random;
  /** Every datagram has an identification of its own. */
  readonly isUnique: boolean;
  readonly reassembler = new Reassembler();
  readonly intact: Datagram[] = [];
  private active: Datagram[] = [];
  private made = 0;
  private drops: Record<string, number> = {};
  /** Whose piece it is: two datagrams may have the same identification at a time. */
  private readonly owners = new Map<Piece, Datagram>();
  readonly seenReasons = new Set<string>();

  constructor(stream: number, isUnique: boolean) {
    this.random = new Random(seed, stream);
    this.isUnique = isUnique;
    const maxDatagrams = isUnique ? MAX_DATAGRAMS.many : MAX_DATAGRAMS.few;
    this.bed = new DatapathBed({
      groups: GROUPS,
      limits: { maxDatagrams },
      slots: 400,
      settings: { ...SETTINGS, udpIdleMs: FOREVER_MS, tcpTransitoryIdleMs: FOREVER_MS },
    });
    this.paths = pathsOf(this.bed);
    this.twin = new FragmentTwin({
      rows: maxDatagrams,
      rowsPerPort: maxDatagrams / 4,
      waiting: WAITING_TOTAL,
    });
    for (const path of this.paths) {
      if (path.fate !== 'refused') this.bed.send(path.port, wholeFrame(path, 'before', new Uint8Array(4)));
    }
    this.drops = this.bed.drops();
  }

  step(): void {
    const { random, active } = this;
    const choice = random.below(100);
    // Where all is to arrive, no first fragment is two seconds late.
    if (choice < 3)
      this.pass(this.isUnique ? random.below(20) * 25 : 250 * random.between(1, random.chance(20) ? 130 : 4));
    else if (choice < 25 && active.length < 12) this.begin();
    else if (active.length > 0) this.offer(random.pick(active));
  }

  /** Everything that is on its way comes in; then all time limits pass. */
  finish(): void {
    while (this.active.length > 0) this.offer(this.active[0]);
    this.pass(31_000);
    assert.is(this.twin.datagrams, 0);
    assert.is(this.bed.tables.fragments.inUse, 0, 'the table is empty in the end');
    assert.is(this.bed.arena.freeCount, this.bed.arena.slotCount, 'every buffer has come home');
  }

  private begin(): void {
    const { random } = this;
    const path = random.pick(this.paths);
    const size = random.pick(this.isUnique ? [300, 300, 2_000] : [300, 300, 4_000, 20_000]);
    const payload = random.bytes(random.between(16, size));
    const before = transportOf(path, 'before', payload);
    const pieces = this.order(this.cut(before.length));
    const isMangled = random.chance(40);
    const identification = this.isUnique ? ++this.made : random.below(4);
    const isIpv4 = familyOf(path.before.from) === 4;
    const options = isIpv4 ? { ipOptions: Uint8Array.of(0x94, 4, 0, 0) } : { extensions: [PADDING] };
    const made: Datagram = {
      path,
      identification,
      headers: random.chance(30) ? options : {},
      before,
      after: transportOf(path, 'after', payload),
      pieces: isMangled ? this.mangled(pieces, before.length) : pieces,
      isIntact: !isMangled && pieces[0] !== undefined,
    };
    if (made.pieces.length === 0) return;
    this.active.push(made);
    if (made.isIntact && path.fate === 'follow') this.intact.push(made);
  }

  private cut(length: number): Piece[] {
    const pieces: Piece[] = [];
    const most = this.random.pick(this.isUnique ? [20, 175] : [2, 20, 175]);
    for (let from = 0; from < length; ) {
      const to = Math.min(length, from + 8 * this.random.between(1, most));
      // What is left must not be a whole packet.
      pieces.push({ from, to, more: to < length });
      from = to;
    }
    return pieces.length === 1
      ? [
          { from: 0, to: 16, more: true },
          { from: 16, to: length, more: false },
        ]
      : pieces;
  }

  private order(pieces: Piece[]): Piece[] {
    const { random } = this;
    const kind = random.below(4);
    if (kind === 0) return pieces;
    if (kind === 1) return pieces.reverse();
    if (kind === 2) return [...pieces.slice(1), pieces[0]];
    for (let i = pieces.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [pieces[i], pieces[j]] = [pieces[j], pieces[i]];
    }
    return pieces;
  }

  private mangled(pieces: readonly Piece[], length: number): Piece[] {
    const { random } = this;
    const units = Math.floor(length / 8);
    return pieces.flatMap((piece) => {
      const kind = random.below(30);
      if (kind === 0) return [];
      if (kind === 1) return [piece, piece];
      if (kind === 2) return [piece, { ...piece, more: !piece.more }];
      if (kind === 3 && piece.more) return [{ ...piece, to: piece.to - 3 }];
      if (kind > 4) return [piece];
      const from = 8 * random.below(units);
      return [
        piece,
        { from, to: Math.min(length, from + 8 * random.between(1, 10)), more: random.chance(90) },
      ];
    });
  }

  private offer(one: Datagram): void {
    const { bed, twin } = this;
    const piece = one.pieces.shift()!;
    if (one.pieces.length === 0) this.active = this.active.filter((other) => other !== one);
    if (piece.from === 0 && !piece.more) return; // that is no fragment
    this.owners.set(piece, one);
    const { path } = one;
    if (isStoppedByGuard(path, piece)) {
      const sent = bed.send(path.port, pieceFrame(one, 'before', piece));
      return this.compare(sent, [], ['fragment-too-small'], `${path.name} ${JSON.stringify(piece)}`);
    }
    const isTooSmall = piece.from === 0 && path.kind === 'tcp' && piece.to < 20;
    const fate = isTooSmall ? 'refused' : path.fate;
    const reason = isTooSmall ? 'fragment-too-small' : path.reason;
    const { from, to } = path.before;
    const protocol = familyOf(from) === 4 ? protocolOf(path) : '';
    const key = `${path.port} ${from} ${to} ${protocol} ${one.identification}`;
    const port = bed.maker.portId(path.port);
    const verdict = twin.offer(key, port, piece, fate, reason, bed.nowMs);
    const sent = bed.send(path.port, pieceFrame(one, 'before', piece));
    this.compare(sent, verdict.out, verdict.drops, `${key} ${JSON.stringify(piece)}`);
    assert.is(bed.tables.fragments.inUse, twin.datagrams, 'datagrams known');
    assert.is(bed.tables.fragments.waitingFrames, twin.waitingFrames, 'frames that wait');
    // What is none of the LB's crosses as it came.
    if (!this.isUnique || path.fate === 'pass') return;
    for (const frame of sent) this.reassembler.add(frame, bed.nowMs);
  }

  private compare(sent: Sent[], out: readonly Piece[], drops: readonly string[], what: string): void {
    const found = sent.map(({ port, wire }) => `${port} ${hexOf(wire.vnet)} ${hexOf(wire.bytes)}`);
    const wanted = out.map((piece) => {
      const one = this.owners.get(piece)!;
      const { vnet, bytes } = pieceFrame(one, 'after', piece);
      return `${one.path.egress} ${hexOf(vnet)} ${hexOf(bytes)}`;
    });
    assert.equal(found, wanted, what);
    this.checkDrops(drops, what);
  }

  private checkDrops(expected: readonly string[], what: string): void {
    const now = this.bed.drops();
    const found = Object.entries(now).flatMap(([reason, count]) =>
      new Array<string>(count - (this.drops[reason] ?? 0)).fill(reason),
    );
    assert.equal(found.sort(), [...expected].sort(), what);
    this.drops = now;
    for (const reason of found) this.seenReasons.add(reason);
  }

  /** Time in steps after which the datapath looks at what is late. */
  private pass(ms: number): void {
    if (ms < 250) {
      this.bed.nowMs += ms;
      return;
    }
    for (let left = ms; left > 0; left -= 250) {
      assert.equal(this.bed.pass(250), []);
      this.checkDrops(this.twin.tick(this.bed.nowMs), 'as time passes');
    }
  }
}

const PADDING = { type: 60, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) };

/** Before the datapath forgets what the receiver may have got of a datagram. */
const REASSEMBLY_MS = 25_000;

interface Part {
  readonly offset: number;
  readonly more: boolean;
  readonly bytes: Uint8Array;
}

/** Puts fragments together by what they say themselves, as a receiver does; two that overlap are an error. */
class Reassembler {
  private readonly parts = new Map<string, { sinceMs: number; list: Part[] }>();
  private readonly whole = new Map<string, Uint8Array>();

  add({ port, frame }: Sent, nowMs: number): void {
    const packet = frame.packet!;
    const { fragment, headerBytes, bytes } = packet;
    if (fragment === undefined) throw new Error('a whole packet left');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const identification = packet.version === 4 ? packet.identification : view.getUint32(headerBytes - 4);
    const key = `${port} ${packet.from} ${packet.to} ${identification}`;
    let known = this.parts.get(key);
    if (known === undefined || nowMs - known.sinceMs >= REASSEMBLY_MS) known = { sinceMs: nowMs, list: [] };
    const part = { ...fragment, bytes: bytes.subarray(headerBytes) };
    for (const { offset, bytes: other } of known.list) {
      const isApart = offset + other.length <= part.offset || part.offset + part.bytes.length <= offset;
      if (!isApart) throw new Error(`${key}: fragments that overlap left`);
    }
    known.list.push(part);
    this.parts.set(key, known);
    const all = joined(known.list);
    if (all === undefined) return;
    this.parts.delete(key);
    if (!this.whole.has(key)) this.whole.set(key, all);
  }

  /** Payload of a datagram that has arrived. */
  payload(port: string, way: Way, identification: number): Uint8Array | undefined {
    return this.whole.get(`${port} ${way.from} ${way.to} ${identification}`);
  }
}

function joined(parts: Part[]): Uint8Array | undefined {
  const sorted = [...parts].sort((a, b) => a.offset - b.offset);
  if (sorted.at(-1)?.more !== false) return undefined;
  let end = 0;
  for (const { offset, bytes } of sorted) {
    if (offset !== end) return undefined;
    end += bytes.length;
  }
  return concat(...sorted.map(({ bytes }) => bytes));
}

test('as the twin says, with identifications that are used again and again', () => {
  const reasons = new Set<string>();
  for (let i = 0; i < runs(ROUNDS); i++) {
    const round = new Round(i, false);
    for (let step = 0; step < STEPS; step++) round.step();
    round.finish();
    for (const reason of round.seenReasons) reasons.add(reason);
  }
  const expected = [
    'first-fragment-dropped',
    'fragment-duplicate',
    'fragment-malformed',
    'fragment-overlap',
    'fragment-table-full',
    'fragment-timeout',
    'fragment-too-small',
    'no-member',
  ];
  assert.equal(
    [...reasons].filter((reason) => !expected.includes(reason)),
    [],
  );
  assertCovered(reasons.size === expected.length, [...reasons].join(', '));
});

test('no two fragments overlap, and what arrived whole is what the other end was to get', () => {
  let whole = 0;
  let intact = 0;
  for (let i = 0; i < runs(ROUNDS); i++) {
    const round = new Round(1_000 + i, true);
    for (let step = 0; step < STEPS; step++) round.step();
    round.finish();
    for (const { path, after, identification } of round.intact) {
      const found = round.reassembler.payload(path.egress, path.after, identification);
      if (found === undefined) continue;
      whole++;
      assert.is(hexOf(found), hexOf(after));
      parsePacket(ipPacket(path.after, protocolOf(path), found), familyOf(path.after.from)); // checksums
    }
    intact += round.intact.length;
  }
  assertCovered(intact > runs(ROUNDS) * 50, `${intact} datagrams sent whole`);
  assertCovered(whole > intact * 0.9, `${whole} of ${intact} datagrams arrived whole`);
});

test.run();
