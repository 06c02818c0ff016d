/** Converts `firewalls` and `chain` of the file to the model. */
import { formatPrefix, parsePrefix } from '../wire/address.ts';
import type { ChainItem, FirewallConfig, FirewallRuleConfig } from './model/model.ts';
import type { ConfigFile } from './schema/schema.ts';

type FileFirewall = ConfigFile['firewalls'][number];
type FileRule = FileFirewall['rules'][number];
type FileOperator = NonNullable<ConfigFile['ports'][number]['chain']>[number];

export const resolveFirewall = (firewall: FileFirewall): FirewallConfig => ({
  name: firewall.name,
  default: firewall.default,
  rules: firewall.rules.map(resolveRule),
});

function resolveRule({ name, allow, deny, log }: FileRule): FirewallRuleConfig {
  const conditions = (allow ?? deny)!;
  const { direction, protocol, sources, destinations, from, to } = conditions;
  const types = conditions.icmpTypes.map((type): [number, number] => [type, type]);
  return {
    name,
    verdict: allow === undefined ? 'deny' : 'allow',
    log,
    direction,
    protocol,
    ranges: [...conditions.ports.map(rangeOf), ...types],
    sources: sources.map(canonical),
    destinations: destinations.map(canonical),
    fromLabels: from?.labels,
    toLabels: to?.labels,
  };
}

const canonical = (prefix: string): string => formatPrefix(parsePrefix(prefix));

function rangeOf(range: number | string): [number, number] {
  if (typeof range === 'number') return [range, range];
  const [first, last] = range.split('-').map(Number) as [number, number];
  return [first, last];
}

export function resolveOperator(operator: FileOperator): ChainItem {
  if (typeof operator !== 'string') return { kind: 'firewall', name: operator.firewall };
  if (operator === 'anti-spoofing' || operator === 'load-balancer') return { kind: operator };
  return { kind: 'firewall', name: operator };
}

/** Names of the firewalls in a network's chain. */
export const firewallNames = (chain: readonly FileOperator[]): string[] =>
  chain.map((item) => (typeof item === 'string' ? item : item.firewall));
