/**
 * Every frame is accounted for: it was sent, answered, kept waiting for a neighbour, or dropped under one reason.
 * And whatever leaves is fit to leave.
 */
import { type FrameArena, MAX_FRAME_BYTES } from '../../src/tables/frame-arena.ts';
import { DROP_REASONS, PORT, PORT_FIELDS } from '../../src/tables/port-counters.ts';
import type { SentFrame, Testbed } from '../replay/testbed.ts';
import { onesSum } from '../replay/twin.ts';
import type { FuzzFrame } from './mutate.ts';

/** Behind which ports nothing of the other tenants may appear, and the other way round. */
const isIsland = (port: string): boolean => port.startsWith('isl') || port.endsWith(':island');

export class Accounting {
  private readonly bed: Testbed;
  private readonly fields: Float64Array;
  /** Drop counters of the ingress port, at the last two readings. */
  private readonly previous = new Float64Array(DROP_REASONS.length);
  private readonly current = new Float64Array(DROP_REASONS.length);
  /** Outcome in words → frames. */
  readonly outcomes = new Map<string, number>();

  constructor(bed: Testbed) {
    this.bed = bed;
    this.fields = bed.datapath.tables.portCounters.fields;
  }

  /** Feeds a frame and says what became of it. Throws if that cannot be said. */
  feed({ port, bytes, vnetHeader }: FuzzFrame): string {
    const { arena } = this.bed.datapath;
    const row = this.bed.portIds.get(port)! * PORT_FIELDS;
    this.bed.pass();
    this.bed.datapath.tick();
    const dropsBefore = this.drops(row);
    const answeredBefore = this.fields[row + PORT.answered]!;
    const receivedBefore = this.fields[row + PORT.rxPackets]!;
    const floodedBefore = this.fields[row + PORT.flooded]!;
    const freeBefore = arena.freeCount;
    const sent = this.bed.feed(port, bytes, vnetHeader);
    const dropped = this.drops(row) - dropsBefore;
    const answered = this.fields[row + PORT.answered]! - answeredBefore;
    const held = freeBefore - arena.freeCount;

    if (this.fields[row + PORT.rxPackets]! - receivedBefore !== 1)
      throw new Error('not counted as received once');
    if (held > 1) throw new Error(`${held} frame buffers kept for one frame`);
    // A neighbour's answer lets others go: what they come to is theirs.
    // So does a fragment: its first one lets the others go, an overlap or a full queue costs those that wait.
    const released = isFragment(bytes) ? Number.POSITIVE_INFINITY : Math.max(0, -held);
    // Each copy of a flooded frame meets the chain of its own port.
    const flooded = this.fields[row + PORT.flooded]! > floodedBefore;
    if (dropped > 1 + released && !flooded) throw new Error(`dropped ${dropped} times`);
    if (answered > 1 + released) throw new Error(`answered ${answered} times`);
    if (held === 1 && dropped > 0 && released === 0 && !flooded)
      throw new Error('dropped, and its buffer is still held');
    if (sent.length === 0 && dropped === 0 && answered === 0 && held < 1)
      throw new Error('gone without a trace');
    if (sent.length > 0 && dropped > 0 && answered === 0 && released === 0 && !flooded)
      throw new Error('sent and dropped');
    for (const frame of sent) this.checkFit(frame, port);

    const outcome = this.outcomeOf(dropped, answered, held, sent.length, flooded);
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    return outcome;
  }

  private drops(row: number): number {
    const from = row + PORT.drops;
    let sum = 0;
    for (let reason = 1; reason < DROP_REASONS.length; reason++) {
      this.previous[reason] = this.current[reason]!;
      this.current[reason] = this.fields[from + reason]!;
      sum += this.current[reason]!;
    }
    return sum;
  }

  private outcomeOf(dropped: number, answered: number, held: number, sent: number, flooded: boolean): string {
    const parts: string[] = [];
    if (dropped > 0) {
      parts.push(DROP_REASONS.find((_, i) => i > 0 && this.current[i]! > this.previous[i]!)!);
    }
    if (answered > 0) parts.push('answered');
    if (held === 1) parts.push('waits');
    if (flooded) parts.push('flooded');
    if (parts.length === 0) parts.push(sent === 1 ? 'sent' : 'sent in segments');
    return parts.join(', ');
  }

  private checkFit({ port, bytes, vnetHeader }: SentFrame, ingress: string): void {
    if (bytes.length < 14 || bytes.length > MAX_FRAME_BYTES) throw new Error(`${bytes.length} bytes sent`);
    const needsChecksum = (vnetHeader[0]! & 1) !== 0;
    const isSegmented = (vnetHeader[1]! & 0x7f) === 0;
    if (!this.bed.offloads && (needsChecksum || !isSegmented)) throw new Error('sent unfinished');
    if (needsChecksum && le16(vnetHeader, 6) + le16(vnetHeader, 8) + 2 > bytes.length) {
      throw new Error('sent with a checksum field behind its end');
    }
    if (isIsland(port) !== isIsland(ingress)) throw new Error(`from ${ingress} to ${port}: another tenant's`);
    let l3 = 14;
    while ([0x8100, 0x88a8].includes(bytes[l3 - 2]! * 256 + bytes[l3 - 1]!)) l3 += 4;
    if (bytes[l3 - 2] === 8 && bytes[l3 - 1] === 0) {
      const header = bytes.subarray(l3, l3 + (bytes[l3]! & 15) * 4);
      if (onesSum([...header]) !== 0xffff) throw new Error('sent with a wrong IPv4 header checksum');
    }
  }
}

const le16 = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);

/** Part of a fragmented packet, as far as its headers can be walked. */
function isFragment(bytes: Uint8Array): boolean {
  let l3 = 14;
  while (l3 + 4 <= bytes.length && [0x8100, 0x88a8].includes(be16(bytes, l3 - 2))) l3 += 4;
  if (be16(bytes, l3 - 2) === 0x0800) return (be16(bytes, l3 + 6) & 0x3fff) !== 0;
  if (be16(bytes, l3 - 2) !== 0x86dd) return false;
  let next = bytes[l3 + 6];
  for (let at = l3 + 40, headers = 0; headers < 10; headers++) {
    if (next === 44) return true;
    if (next !== 0 && next !== 43 && next !== 51 && next !== 60 && next !== 135) return false;
    const header = next;
    next = bytes[at];
    at += header === 51 ? (bytes[at + 1]! + 2) * 4 : (bytes[at + 1]! + 1) * 8;
  }
  return false;
}

const be16 = (bytes: Uint8Array, at: number): number => (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);

/** All frame buffers are back. */
export const isComplete = (arena: FrameArena): boolean => arena.freeCount === arena.slotCount;
