/**
 * The rules of one firewall, compiled into one block of memory.
 *
 * Theory of operation. The publisher compiles rule specifications; the datapath only reads the block. A rule with several
 * prefixes and port ranges becomes one entry for each combination. Entries are listed by direction and class of protocol
 * (TCP, UDP, ICMP, others), in the order of the rules, so that a new flow scans only the list that can match it. The
 * first matching entry decides, else the firewall's default.
 *
 * An entry's first words are those compared first: range of destination ports or ICMP types, and the last address
 * words, which are an IPv4 address.
 *
 * Words: header (32): magic, default, and per list its first entry and number of entries; entries (21 each): 0 first and 1
 * last port or type, 2-3 last source word and mask, 4-5 last destination word and mask, 6 protocol or ANY, 7 flags, 8
 * number of the rule, 9-11 and 12-14 the other source words and masks, 15-17 and 18-20 those of the destination.
 */
import { isIpv4Mapped, networkOf, parsePrefix, prefixMask } from '../../wire/address.ts';
import type { PrefixText } from '../balancing/rule-spec.ts';

export const TO_VM = 0;
export const FROM_VM = 1;

const MAGIC = 0x534c_4631;
const HEADER_WORDS = 32;
const ENTRY_WORDS = 21;
const ANY = -1;
const CLASSES = 4;
const MAX_PORT = 0xffff;

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMPV6 = 58;

const ALLOW = 1;
const LOG = 2;
/** The entry has an IPv6 prefix; a short one, such as ::/0, would contain IPv4 addresses in their 128-bit form. */
const IPV6_ONLY = 4;

/** Entries of one firewall. */
export const MAX_FIREWALL_ENTRIES = 65_536;

export interface FirewallRuleSpec {
  /** Stable number of the rule within the host. */
  readonly id: number;
  readonly verdict: 'allow' | 'deny';
  /** Absent: both directions. */
  readonly direction?: 'to-vm' | 'from-vm';
  /** IP protocols; empty: any. */
  readonly protocols: readonly number[];
  /** Ranges of destination ports, or of ICMP types; empty: any. */
  readonly ranges: readonly (readonly [first: number, last: number])[];
  /** Empty: any. */
  readonly sources: readonly PrefixText[];
  /** Empty: any. */
  readonly destinations: readonly PrefixText[];
  readonly log: boolean;
}

export interface FirewallSpec {
  readonly default: 'allow' | 'deny';
  readonly rules: readonly FirewallRuleSpec[];
}

/** Class of a protocol: the list that its packets scan. */
const classOf = (protocol: number): number => {
  if (protocol === TCP) return 0;
  if (protocol === UDP) return 1;
  return protocol === ICMP || protocol === ICMPV6 ? 2 : 3;
};

/** Throws RangeError beyond MAX_FIREWALL_ENTRIES, AddressError on prefixes that do not parse. */
export function compileFirewall(spec: FirewallSpec): SharedArrayBuffer {
  const lists: Entry[][] = Array.from({ length: 2 * CLASSES }, () => []);
  for (const rule of spec.rules) {
    for (const entry of entriesOf(rule)) {
      const classes = entry.protocol === ANY ? [0, 1, 2, 3] : [classOf(entry.protocol)];
      for (const direction of directionsOf(rule)) {
        for (const one of classes) lists[direction * CLASSES + one]!.push(entry);
      }
    }
  }
  const count = lists.reduce((sum, list) => sum + list.length, 0);
  if (count > MAX_FIREWALL_ENTRIES) {
    throw new RangeError(`firewall: found ${count} entries, expected at most ${MAX_FIREWALL_ENTRIES}`);
  }
  const memory = new SharedArrayBuffer((HEADER_WORDS + count * ENTRY_WORDS) * 4);
  const words = new Int32Array(memory);
  words[0] = MAGIC;
  words[1] = spec.default === 'allow' ? 1 : 0;
  let at = HEADER_WORDS;
  lists.forEach((list, i) => {
    words[2 + 2 * i] = at;
    words[3 + 2 * i] = list.length;
    for (const entry of list) {
      writeEntry(words, at, entry);
      at += ENTRY_WORDS;
    }
  });
  return memory;
}

interface Entry {
  readonly rule: FirewallRuleSpec;
  readonly protocol: number;
  readonly range: readonly [number, number];
  readonly source: PrefixText | undefined;
  readonly destination: PrefixText | undefined;
}

function* entriesOf(rule: FirewallRuleSpec): Generator<Entry> {
  const orAny = <T>(list: readonly T[]): readonly (T | undefined)[] =>
    list.length === 0 ? [undefined] : list;
  for (const protocol of orAny(rule.protocols)) {
    for (const range of orAny(rule.ranges)) {
      for (const source of orAny(rule.sources)) {
        for (const destination of orAny(rule.destinations)) {
          if (source !== undefined && destination !== undefined && isIpv6(source) !== isIpv6(destination))
            continue;
          yield { rule, protocol: protocol ?? ANY, range: range ?? [0, MAX_PORT], source, destination };
        }
      }
    }
  }
}

const isIpv6 = (prefix: PrefixText): boolean => prefix.includes(':');

const directionsOf = ({ direction }: FirewallRuleSpec): readonly number[] => {
  if (direction === undefined) return [TO_VM, FROM_VM];
  return [direction === 'to-vm' ? TO_VM : FROM_VM];
};

function writeEntry(
  words: Int32Array,
  at: number,
  { rule, protocol, range, source, destination }: Entry,
): void {
  words[at] = range[0];
  words[at + 1] = range[1];
  writePrefix(words, source, at + 2, at + 9);
  writePrefix(words, destination, at + 4, at + 15);
  words[at + 6] = protocol;
  const hasIpv6 = [source, destination].some((prefix) => prefix !== undefined && isIpv6(prefix));
  words[at + 7] = (rule.verdict === 'allow' ? ALLOW : 0) | (rule.log ? LOG : 0) | (hasIpv6 ? IPV6_ONLY : 0);
  words[at + 8] = rule.id;
}

/** The last word and its mask go to `last`, the other three and theirs to `rest`. */
function writePrefix(words: Int32Array, text: PrefixText | undefined, last: number, rest: number): void {
  if (text === undefined) return; // masks of 0
  const prefix = networkOf(parsePrefix(text));
  words[last] = prefix.words[3]!;
  words[last + 1] = prefixMask(prefix.bits, 3);
  for (let word = 0; word < 3; word++) {
    words[rest + word] = prefix.words[word]!;
    words[rest + 3 + word] = prefixMask(prefix.bits, word);
  }
}

/** A compiled firewall as the datapath reads it. `match` stores its result in the fields. */
export class FirewallRules {
  /** Its memory; the same rules are the same memory. */
  readonly memory: ArrayBufferLike;
  private readonly words: Int32Array;
  private readonly allowsByDefault: boolean;
  /** Number of the rule that decided last, or -1: the default decided. */
  rule = -1;
  /** Whether the rule that decided last requests a log line. */
  logs = false;

  constructor(memory: ArrayBufferLike) {
    const words = new Int32Array(memory);
    if (words[0] !== MAGIC) throw new Error('firewall: found other memory, expected compiled rules');
    this.memory = memory;
    this.words = words;
    this.allowsByDefault = words[1] === 1;
  }

  /**
   * Whether a new flow is allowed. `value`: destination port, or ICMP type. `source` and `destination`: addresses, four
   * words each.
   */
  match(
    direction: number,
    protocol: number,
    value: number,
    source: Int32Array,
    destination: Int32Array,
  ): boolean {
    const { words } = this;
    const list = 2 + 2 * (direction * CLASSES + classOf(protocol));
    const s3 = source[3]!;
    const d3 = destination[3]!;
    let at = words[list]!;
    for (let left = words[list + 1]!; left > 0; left--, at += ENTRY_WORDS) {
      if (value < words[at]! || value > words[at + 1]!) continue;
      if (((s3 ^ words[at + 2]!) & words[at + 3]!) !== 0) continue;
      if (((d3 ^ words[at + 4]!) & words[at + 5]!) !== 0) continue;
      if (words[at + 6] !== ANY && words[at + 6] !== protocol) continue;
      if (!this.hasPrefix(source, at + 9) || !this.hasPrefix(destination, at + 15)) continue;
      const flags = words[at + 7]!;
      if ((flags & IPV6_ONLY) !== 0 && isIpv4Mapped(source[0]!, source[1]!, source[2]!)) continue;
      this.rule = words[at + 8]!;
      this.logs = (flags & LOG) !== 0;
      return (flags & ALLOW) !== 0;
    }
    this.rule = -1;
    this.logs = false;
    return this.allowsByDefault;
  }

  /** Compares the first three words of an address. */
  private hasPrefix(address: Int32Array, at: number): boolean {
    const { words } = this;
    return (
      ((address[0]! ^ words[at]!) & words[at + 3]!) === 0 &&
      ((address[1]! ^ words[at + 1]!) & words[at + 4]!) === 0 &&
      ((address[2]! ^ words[at + 2]!) & words[at + 5]!) === 0
    );
  }
}
