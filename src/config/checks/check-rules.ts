/** The packets that a group's rules match, and rules of different groups that contradict each other. */
import { addressFamily, canonicalAddress, canonicalMac, parsePrefix } from '../../wire/address.ts';
import { ownEntry } from '../model/own-entry.ts';
import { mergedRanges, parsePortRange } from '../model/port-ranges.ts';
import { type Path, pathText, type Report, show } from '../problems/problems.ts';
import type { ConfigInput } from '../schema/schema.ts';
import { isCutOut, type Lenient } from '../schema/shape.ts';
import { canonicalPrefix, checkNoHostBits, located } from './topology.ts';

type GroupView = Lenient<NonNullable<ConfigInput['groups']>[number]>;
type RangesView = readonly (number | string | undefined)[] | undefined;

/** `vips`: canonical. */
export function checkMatch(group: GroupView, vips: readonly string[], path: Path, report: Report): void {
  const { match = {} } = group;
  if (group.protocol === 'icmp') {
    if (group.rewrite === 'port') {
      report([...path, 'rewrite'], '"port" with protocol icmp', 'address or mac, as ICMP has no ports');
    }
    const settings = [
      [[...path, 'port'], group.port],
      [[...path, 'ports'], group.ports],
      [[...path, 'match', 'sourcePort'], match.sourcePort],
      [[...path, 'match', 'sourcePorts'], match.sourcePorts],
    ] as const;
    for (const [at, value] of settings)
      if (value !== undefined) report(at, show(value), 'no port, as ICMP has none');
  }
  if (group.port !== undefined && group.ports !== undefined)
    report([...path, 'ports'], 'both port and ports', 'one of the two');
  if (match.sourcePort !== undefined && match.sourcePorts !== undefined)
    report([...path, 'match', 'sourcePorts'], 'both sourcePort and sourcePorts', 'one of the two');
  checkRanges(group.ports, [...path, 'ports'], report);
  checkRanges(match.sourcePorts, [...path, 'match', 'sourcePorts'], report);
  checkSources(match.sources, vips, [...path, 'match', 'sources'], report);
}

/** Prefixes without host bits, of a family that the VIPs have. */
export function checkSources(
  sources: readonly (string | undefined)[] | undefined,
  vips: readonly string[],
  path: Path,
  report: Report,
): void {
  const families = new Set(vips.map(addressFamily));
  for (const source of located(sources, path)) {
    checkNoHostBits(source.value, source.path, report);
    const { family } = parsePrefix(source.value);
    if (families.size > 0 && !families.has(family)) {
      const found = `${show(source.value)}, which is IPv${family}`;
      const wanted = [...families].map((one) => `IPv${one}`).join(' or ');
      report(source.path, found, `an ${wanted} prefix, as the VIP`);
    }
  }
}

/** Ranges that end where they begin, or later. */
export function checkRanges(ranges: RangesView, path: Path, report: Report): void {
  for (const [i, range] of (ranges ?? []).entries()) {
    if (range === undefined) continue;
    const [first, last] = parsePortRange(range);
    if (first > last) report([...path, i], show(range), `${last}-${first}`);
  }
}

interface PlacedRule {
  readonly ports: Ranges;
  readonly sourcePorts: Ranges;
  readonly macs: ReadonlySet<string>;
  readonly sources: ReadonlySet<string>;
  readonly from: Readonly<Record<string, string | undefined>>;
  readonly path: Path;
}

/** Ascending and apart. */
type Ranges = readonly (readonly [first: number, last: number])[];

/** Rules by what decides their precedence before sources and labels: only those of one entry can contradict each other. */
export type RulesByTuple = Map<string, PlacedRule[]>;

const TUPLE_KEYS = ['network', 'protocol', 'port', 'ports', 'match', 'from'] as const;

/**
 * Two rules contradict each other if a packet can match both and neither is more specific: same VIP and protocol, as many
 * ports with one in common, and a common source MAC and prefix, at a port that both select. Ports of VMs may be added
 * later and on other hosts, so two selectors are distinct only if they require different values of one label, or differ
 * in their number of labels: the one with more labels wins.
 */
export function checkRules(group: GroupView, path: Path, rules: RulesByTuple, report: Report): void {
  if (TUPLE_KEYS.some((key) => isCutOut(group, key))) return;
  const { match = {} } = group;
  const rule: PlacedRule = {
    ports: rangesOf(group.port, group.ports),
    sourcePorts: rangesOf(match.sourcePort, match.sourcePorts),
    macs: new Set((match.mac ?? []).flatMap((mac) => (mac === undefined ? [] : [canonicalMac(mac)]))),
    sources: new Set(located(match.sources, []).map(({ value }) => canonicalPrefix(value))),
    from: group.from ?? {},
    path,
  };
  for (const vip of located(group.vip, [...path, 'vip'])) {
    const tuple = [canonicalAddress(vip.value), group.protocol, precedenceOf(rule)];
    const places = located(group.network, []).map(({ value }) => {
      const key = JSON.stringify([value, ...tuple]);
      const others = rules.get(key) ?? [];
      rules.set(key, others);
      return others;
    });
    const rival = places.flat().find((other) => other.path !== path && contradicts(rule, other));
    if (rival !== undefined) {
      const found = `${show(vip.value)} with the same protocol, port and match as ${pathText(rival.path)}`;
      report(
        vip.path,
        found,
        'a tuple of its own, or `from` selectors that differ in the value of a label or in their number of labels',
      );
    }
    for (const others of places) others.push(rule);
  }
}

const rangesOf = (port: number | undefined, ports: RangesView): Ranges =>
  port === undefined
    ? mergedRanges((ports ?? []).flatMap((range) => (range === undefined ? [] : [parsePortRange(range)])))
    : [[port, port]];

/** The same for rules of which neither is more specific by ports and MACs; a single port stands for itself. */
function precedenceOf({ ports, sourcePorts, macs }: PlacedRule): unknown[] {
  return [precedenceOfPorts(ports), precedenceOfPorts(sourcePorts), macs.size > 0];
}

function precedenceOfPorts(ranges: Ranges): unknown {
  const count = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  return count === 1 ? ranges[0] : count;
}

/** Of two rules of one entry. */
function contradicts(a: PlacedRule, b: PlacedRule): boolean {
  if (!overlap(a.ports, b.ports) || !overlap(a.sourcePorts, b.sourcePorts)) return false;
  if (a.macs.size > 0 && ![...a.macs].some((mac) => b.macs.has(mac))) return false;
  const anySource = a.sources.size === 0 && b.sources.size === 0;
  if (!anySource && ![...a.sources].some((source) => b.sources.has(source))) return false;
  // The selector with more labels is more specific and comes first.
  if (Object.keys(a.from).length !== Object.keys(b.from).length) return false;
  return Object.entries(a.from).every(
    ([label, value]) => [undefined, value].includes(ownEntry(b.from, label)) || value === undefined,
  );
}

/** Empty: any port. */
const overlap = (a: Ranges, b: Ranges): boolean =>
  a.length === 0 ||
  b.length === 0 ||
  a.some(([first, last]) => b.some(([from, to]) => first <= to && from <= last));
