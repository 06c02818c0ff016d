/**
 * Conditions on a packet to a VIP: what a rule, or a criteria set of a rule, requires of it.
 *
 * In memory: a row per condition, then the source prefixes, port ranges and MACs of all of them. An empty list, or a
 * mask of 0, requires nothing. Conditions are asked once per flow, about its first packet.
 */
import { isIpv4Mapped, macHigh16, macLow32, networkOf, parsePrefix, prefixMask } from '../../wire/address.ts';
import type { MacText, PortRange, PrefixText } from './rule-spec.ts';

export interface ConditionSpec {
  /** Source prefixes. */
  readonly sources: readonly PrefixText[];
  /** Destination ports. */
  readonly ports?: readonly PortRange[];
  readonly sourcePorts?: readonly PortRange[];
  /** Source MACs. */
  readonly macs?: readonly MacText[];
  /** 0 … 63. */
  readonly dscps?: readonly number[];
  /** 0 … 7. */
  readonly vlanPriorities?: readonly number[];
}

/** The fields of a packet to a VIP that conditions look at; a Frame has them. */
export interface PacketToVip {
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Source address in four words, IPv4 as ::ffff:a.b.c.d. */
  readonly s0: number;
  readonly s1: number;
  readonly s2: number;
  readonly s3: number;
  /** Source MAC: its upper 16 bits, and its lower 32, signed. */
  readonly macHigh: number;
  readonly macLow: number;
  /** Differentiated services code point, 0 … 63. */
  readonly dscp: number;
  /** Of an 802.1Q tag, 0 … 7; 0 without one. */
  readonly vlanPriority: number;
}

/** Words before the rows: number of conditions, then the start of each kind of row. */
const HEADER_WORDS = 4;
const HEADER = { prefixAt: 1, rangeAt: 2, macAt: 3 } as const;

/**
 * Words of a condition: of each list, number of the first entry and count; then a bit per DSCP in two words, 0 to 31 and 32
 * to 63, and a bit per priority.
 */
const CONDITION_WORDS = 12;
const CONDITION = {
  sources: 0,
  ports: 2,
  sourcePorts: 4,
  macs: 6,
  dscps: 8,
  vlanPriorities: 10,
  never: 11,
} as const;

/** Words of a source prefix: four of the address, four of the mask, and 4 or 6. */
const PREFIX_WORDS = 12;
const PREFIX = { address: 0, mask: 4, family: 8 } as const;

/** Words of a port range: first and last port. */
const RANGE_WORDS = 2;

/** Words of a MAC: upper 16 bits, lower 32. */
const MAC_WORDS = 2;

/** Number of ports; of an absent or empty list: all 65536 values. */
export function portCount(ranges: readonly PortRange[] | undefined): number {
  if (ranges === undefined || ranges.length === 0) return 0x1_0000;
  return ranges.reduce((count, [first, last]) => count + last - first + 1, 0);
}

const NOTHING: ConditionSpec = { sources: [] };

/**
 * Compiles conditions to a block that `Conditions` reads; never: no packet meets it. Throws AddressError on prefixes or MACs
 * that do not parse.
 */
export function compileConditions(list: readonly (ConditionSpec | 'never')[]): Int32Array {
  const specs = list.map((spec) => (spec === 'never' ? NOTHING : spec));
  const prefixes = specs.flatMap(({ sources }) => sources);
  const ranges = specs.flatMap(({ ports = [], sourcePorts = [] }) => [...ports, ...sourcePorts]);
  const macs = specs.flatMap((spec) => spec.macs ?? []);
  const prefixAt = HEADER_WORDS + specs.length * CONDITION_WORDS;
  const rangeAt = prefixAt + prefixes.length * PREFIX_WORDS;
  const macAt = rangeAt + ranges.length * RANGE_WORDS;
  const words = new Int32Array(macAt + macs.length * MAC_WORDS);
  words.set([specs.length, prefixAt, rangeAt, macAt]);
  let [nextPrefix, nextRange, nextMac] = [0, 0, 0];
  specs.forEach((spec, i) => {
    const { sources, ports = [], sourcePorts = [], macs: ofSpec = [] } = spec;
    const at = HEADER_WORDS + i * CONDITION_WORDS;
    for (const dscp of spec.dscps ?? []) words[at + CONDITION.dscps + (dscp >> 5)]! |= 1 << (dscp & 31);
    for (const priority of spec.vlanPriorities ?? []) words[at + CONDITION.vlanPriorities]! |= 1 << priority;
    words[at + CONDITION.never] = Number(list[i] === 'never');
    words.set([nextPrefix, sources.length, nextRange, ports.length], at + CONDITION.sources);
    nextPrefix += sources.length;
    nextRange += ports.length;
    words.set([nextRange, sourcePorts.length, nextMac, ofSpec.length], at + CONDITION.sourcePorts);
    nextRange += sourcePorts.length;
    nextMac += ofSpec.length;
  });
  prefixes.forEach((source, i) => {
    const prefix = networkOf(parsePrefix(source));
    const to = prefixAt + i * PREFIX_WORDS;
    for (let word = 0; word < 4; word++) {
      words[to + PREFIX.address + word] = prefix.words[word]!;
      words[to + PREFIX.mask + word] = prefixMask(prefix.bits, word);
    }
    words[to + PREFIX.family] = prefix.family;
  });
  words.set(ranges.flat(), rangeAt);
  words.set(
    macs.flatMap((mac) => [macHigh16(mac), macLow32(mac)]),
    macAt,
  );
  return words;
}

/** Read access to compiled conditions, identified by position. */
export class Conditions {
  private readonly words: Int32Array;
  private readonly prefixAt: number;
  private readonly rangeAt: number;
  private readonly macAt: number;

  constructor(words: Int32Array) {
    this.words = words;
    this.prefixAt = words[HEADER.prefixAt]!;
    this.rangeAt = words[HEADER.rangeAt]!;
    this.macAt = words[HEADER.macAt]!;
  }

  /** Whether a packet meets a condition. Ports are 0 for protocols without ports. */
  areMet(condition: number, packet: PacketToVip): boolean {
    const at = HEADER_WORDS + condition * CONDITION_WORDS;
    return (
      this.hasPort(at + CONDITION.ports, packet.destinationPort) &&
      this.hasPort(at + CONDITION.sourcePorts, packet.sourcePort) &&
      this.hasMac(at + CONDITION.macs, packet) &&
      this.hasMarks(at, packet) &&
      this.hasSource(condition, packet.s0, packet.s1, packet.s2, packet.s3)
    );
  }

  /** Whether an address is among a condition's sources. */
  hasSource(condition: number, s0: number, s1: number, s2: number, s3: number): boolean {
    const { words } = this;
    const list = HEADER_WORDS + condition * CONDITION_WORDS + CONDITION.sources;
    const count = words[list + 1]!;
    if (count === 0) return true;
    const family = isIpv4Mapped(s0, s1, s2) ? 4 : 6;
    let prefix = this.prefixAt + words[list]! * PREFIX_WORDS;
    for (let i = 0; i < count; i++, prefix += PREFIX_WORDS) {
      if (
        words[prefix + PREFIX.family] === family &&
        ((s3 ^ words[prefix + PREFIX.address + 3]!) & words[prefix + PREFIX.mask + 3]!) === 0 &&
        ((s2 ^ words[prefix + PREFIX.address + 2]!) & words[prefix + PREFIX.mask + 2]!) === 0 &&
        ((s1 ^ words[prefix + PREFIX.address + 1]!) & words[prefix + PREFIX.mask + 1]!) === 0 &&
        ((s0 ^ words[prefix + PREFIX.address]!) & words[prefix + PREFIX.mask]!) === 0
      ) {
        return true;
      }
    }
    return false;
  }

  private hasPort(list: number, port: number): boolean {
    const { words } = this;
    const count = words[list + 1]!;
    if (count === 0) return true;
    let range = this.rangeAt + words[list]! * RANGE_WORDS;
    for (let i = 0; i < count; i++, range += RANGE_WORDS) {
      if (words[range]! <= port && port <= words[range + 1]!) return true;
    }
    return false;
  }

  private hasMarks(at: number, packet: PacketToVip): boolean {
    const { words } = this;
    if (words[at + CONDITION.never] !== 0) return false;
    const dscps = at + CONDITION.dscps;
    if (words[dscps] !== 0 || words[dscps + 1] !== 0) {
      const { dscp } = packet;
      if ((words[dscps + (dscp >> 5)]! & (1 << (dscp & 31))) === 0) return false;
    }
    const priorities = words[at + CONDITION.vlanPriorities]!;
    return priorities === 0 || (priorities & (1 << packet.vlanPriority)) !== 0;
  }

  private hasMac(list: number, packet: PacketToVip): boolean {
    const { words } = this;
    const count = words[list + 1]!;
    if (count === 0) return true;
    const { macHigh, macLow } = packet;
    let mac = this.macAt + words[list]! * MAC_WORDS;
    for (let i = 0; i < count; i++, mac += MAC_WORDS) {
      if (words[mac] === macHigh && words[mac + 1] === macLow) return true;
    }
    return false;
  }
}
