/** Firewalls and chains: unique names, conditions that fit each other, operators that exist. */
import type { Path, Report } from '../problems/problems.ts';
import { expectOneOf, show } from '../problems/problems.ts';
import type { ConfigInput } from '../schema/schema.ts';
import { isCutOut, type Lenient } from '../schema/shape.ts';
import { Claims } from './topology.ts';

type FirewallView = Lenient<NonNullable<ConfigInput['firewalls']>[number]>;
type RuleView = Lenient<NonNullable<NonNullable<ConfigInput['firewalls']>[number]['rules']>[number]>;
type ConditionsView = NonNullable<RuleView['allow']>;
type MirrorView = Omit<ConditionsView, 'from' | 'to'> & { port?: string };
type ChainView = Lenient<NonNullable<ConfigInput['ports']>[number]>['chain'];

/** Operators that a chain names by themselves. */
const OPERATORS = ['anti-spoofing', 'load-balancer'];

export function checkFirewalls(view: Lenient<ConfigInput>, report: Report): void {
  const names = new Claims();
  for (const [i, firewall] of (view.firewalls ?? []).entries()) {
    if (firewall === undefined) continue;
    checkFirewall(firewall, ['firewalls', i], names, report);
  }
  const ports = (view.ports ?? []).flatMap((port) => port?.name ?? []);
  const known = (view.firewalls ?? []).flatMap((firewall) => firewall?.name ?? []);
  for (const [i, network] of (view.networks ?? []).entries()) {
    checkChain(network?.chain, ['networks', i, 'chain'], known, [], ports, report);
  }
  for (const [i, port] of (view.ports ?? []).entries()) {
    checkChain(port?.chain, ['ports', i, 'chain'], known, OPERATORS, ports, report);
    if (port?.antiSpoofing === false && (port.chain ?? []).includes('anti-spoofing')) {
      report(
        ['ports', i, 'antiSpoofing'],
        'false with anti-spoofing in chain',
        'true, or a chain without it',
      );
    }
  }
}

function checkFirewall(firewall: FirewallView, path: Path, names: Claims, report: Report): void {
  const { name } = firewall;
  if (name !== undefined) {
    names.claim(name, name, [...path, 'name'], 'a name that no other firewall has', report);
    if (OPERATORS.includes(name)) report([...path, 'name'], show(name), 'a name that no operator has');
  }
  const rules = new Claims();
  for (const [i, rule] of (firewall.rules ?? []).entries()) {
    if (rule === undefined) continue;
    const at = [...path, 'rules', i];
    if (rule.name !== undefined)
      rules.claim(
        rule.name,
        rule.name,
        [...at, 'name'],
        'a name that no other rule of the firewall has',
        report,
      );
    for (const verdict of ['allow', 'deny'] as const) {
      const conditions = rule[verdict];
      if (conditions === undefined) continue;
      checkConditions(conditions, [...at, verdict], report);
      checkSides(conditions, [...at, verdict], report);
    }
  }
}

function checkConditions(conditions: Omit<ConditionsView, 'from' | 'to'>, path: Path, report: Report): void {
  const { protocol = 'any' } = conditions;
  const isKnown = !isCutOut(conditions, 'protocol');
  if (isKnown && (conditions.ports ?? []).length > 0 && (protocol === 'icmp' || protocol === 'any')) {
    report(
      [...path, 'ports'],
      `ports with protocol ${protocol}`,
      'protocol: tcp, udp or sctp, which have ports',
    );
  }
  if (isKnown && (conditions.icmpTypes ?? []).length > 0 && protocol !== 'icmp') {
    report([...path, 'icmpTypes'], `ICMP types with protocol ${protocol}`, 'protocol: icmp');
  }
  for (const [i, range] of (conditions.ports ?? []).entries()) {
    if (typeof range !== 'string') continue;
    const [first, last] = range.split('-').map(Number) as [number, number];
    if (first > last) report([...path, 'ports', i], show(range), `${last}-${first}`);
  }
}

/** A condition on a side is by labels or by prefixes. */
function checkSides(conditions: ConditionsView, path: Path, report: Report): void {
  for (const [selector, prefixes] of [
    ['from', 'sources'],
    ['to', 'destinations'],
  ] as const) {
    if (conditions[selector] !== undefined && (conditions[prefixes] ?? []).length > 0) {
      report([...path, selector], `both ${selector} and ${prefixes}`, 'one of the two');
    }
  }
}

function checkMirror(
  mirror: MirrorView | undefined,
  path: Path,
  ports: readonly string[],
  report: Report,
): void {
  if (mirror === undefined) return;
  const { port } = mirror;
  if (port !== undefined && !ports.includes(port))
    report([...path, 'port'], show(port), `the name of a port: ${expectOneOf(port, ports)}`);
  checkConditions(mirror, path, report);
}

function checkChain(
  chain: ChainView,
  path: Path,
  firewalls: readonly string[],
  operators: readonly string[],
  ports: readonly string[],
  report: Report,
): void {
  const seen = new Claims();
  for (const [i, item] of (chain ?? []).entries()) {
    if (item === undefined) continue;
    if (typeof item !== 'string' && 'mirror' in item)
      checkMirror(item.mirror, [...path, i, 'mirror'], ports, report);
    if (typeof item !== 'string' && !('firewall' in item)) continue;
    const at = typeof item === 'string' ? [...path, i] : [...path, i, 'firewall'];
    const name = typeof item === 'string' ? item : item.firewall;
    if (name === undefined) continue;
    const known = typeof item === 'string' ? [...operators, ...firewalls] : firewalls;
    if (!known.includes(name)) report(at, show(name), expectOneOf(name, known));
    else if (operators.includes(name)) seen.claim(name, name, at, 'each operator once', report);
  }
  const names = (chain ?? []).map((item) => (typeof item === 'string' ? item : undefined));
  const guard = names.indexOf('anti-spoofing');
  if (guard > 0) report([...path, guard], 'anti-spoofing behind other operators', 'anti-spoofing first');
}
