/** The listing of `firewall list`: the rules of each firewall, with the ports that it protects. */
import type { FirewallRow } from '../../api/shapes.ts';
import {
  type Configuration,
  effectiveChain,
  type FirewallConfig,
  type FirewallRuleConfig,
} from '../../config/model/model.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';

/** `hits`: by number of a rule. `port`: only the firewalls in this port's chain. */
export function firewallRows(
  configuration: Configuration,
  ids: DatapathIds,
  hits: Float64Array,
  port?: string,
): FirewallRow[] {
  const { firewalls = [] } = configuration;
  return firewalls.flatMap((firewall) => {
    const ports = portsWith(firewall.name, configuration);
    if (port !== undefined && !ports.includes(port)) return [];
    const rows = firewall.rules.map((rule) => ruleRow(firewall, rule, ports, ids, hits));
    return [...rows, defaultRow(firewall, ports)];
  });
}

const portsWith = (firewall: string, configuration: Configuration): string[] =>
  configuration.ports
    .filter((port) =>
      effectiveChain(port, configuration).some((item) => item.kind === 'firewall' && item.name === firewall),
    )
    .map(({ name }) => name);

function ruleRow(
  firewall: FirewallConfig,
  rule: FirewallRuleConfig,
  ports: string[],
  ids: DatapathIds,
  hits: Float64Array,
): FirewallRow {
  const id = ids.findFirewallRule(firewall.name, rule.name);
  return {
    firewall: firewall.name,
    rule: rule.name,
    verdict: rule.verdict,
    direction: rule.direction ?? 'both',
    protocol: rule.protocol,
    match: rule.ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)),
    sources: rule.fromLabels === undefined ? rule.sources : [labelText(rule.fromLabels)],
    destinations: rule.toLabels === undefined ? rule.destinations : [labelText(rule.toLabels)],
    log: rule.log,
    hits: id === undefined ? 0 : hits[id]!,
    ports,
  };
}

const defaultRow = (firewall: FirewallConfig, ports: string[]): FirewallRow => ({
  firewall: firewall.name,
  rule: null,
  verdict: firewall.default,
  direction: 'both',
  protocol: 'any',
  match: [],
  sources: [],
  destinations: [],
  log: false,
  hits: null,
  ports,
});

/** `tier=web,zone=a` */
const labelText = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join();
