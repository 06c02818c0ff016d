/**
 * Which load balancers a configuration asks for, which ports each serves, and which groups' rules it enforces.
 *
 * A group's rules go to the ports of its network, and of those that the logical router joins with it (reach.ts), that its
 * `from` labels select, all of them where it has none.
 * With one LB per port that is all there is to say. A shared LB enforces the same rules for each of its ports,
 * so where `from` splits the ports of a scope, the scope gets one LB per side of the split: sharing never makes
 * a rule reach a port that its group does not name. For the same reason the LB of a whole host has one side per
 * network: networks may use the same addresses for different things, and a group belongs to one of them.
 * A port for probes has none: what it sends goes to members themselves. A port that no group names has an LB without rules, so that flows which are still running when its last rule
 * goes keep their translation.
 */
import type { Configuration, GroupConfig, PortConfig } from './model.ts';
import { Reach } from './reach.ts';

export interface PlannedLoadBalancer {
  /** Its identity over revisions. */
  readonly key: string;
  readonly scope: 'port' | 'network' | 'host';
  /** Port, network, or host/network; a shared one that `from` has split off says so: `app[tier=web]`. */
  readonly name: string;
  /** Of its ports, which are all on one. */
  readonly network: string;
  readonly ports: PortConfig[];
  /** In the order of the configuration; the same list for load balancers that enforce the same groups. */
  readonly groups: readonly GroupConfig[];
}

type Planned = Omit<PlannedLoadBalancer, 'groups'> & { groups: readonly GroupConfig[] };

export function planLoadBalancers(configuration: Configuration): PlannedLoadBalancer[] {
  const scope = configuration.datapath.loadBalancers;
  const reach = new Reach(configuration);
  const plan = new Map<string, Planned>();
  for (const port of configuration.ports) {
    if (port.purpose === 'probe') continue;
    const name = scopeName(configuration, port) + selectorsThatSplit(configuration, port, reach);
    const key = `${scope} ${name}`;
    let planned = plan.get(key);
    if (planned === undefined) {
      planned = { key, scope, name, network: port.network, ports: [], groups: [] };
      plan.set(key, planned);
    }
    planned.ports.push(port);
  }
  const selected = new Map<string, readonly GroupConfig[]>();
  for (const planned of plan.values()) {
    // Ports of one network with the same labels are selected by the same groups; all ports of a shared LB are.
    const { network, labels } = planned.ports[0]!;
    const key = JSON.stringify([network, Object.entries(labels).sort(byName)]);
    let groups = selected.get(key);
    if (groups === undefined) {
      groups = configuration.groups.filter((group) => reach.selects(group, planned.ports[0]!));
      selected.set(key, groups);
    }
    planned.groups = groups;
  }
  return [...plan.values()];
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0);

function scopeName(configuration: Configuration, port: PortConfig): string {
  switch (configuration.datapath.loadBalancers) {
    case 'port':
      return port.name;
    case 'network':
      return port.network;
    case 'host':
      return `${configuration.host}/${port.network}`;
  }
}

/** `[tier=web][zone=a]`: the selectors in use in this scope that match the port; empty where none does. */
function selectorsThatSplit(configuration: Configuration, port: PortConfig, reach: Reach): string {
  if (configuration.datapath.loadBalancers === 'port') return '';
  const matching = new Set<string>();
  for (const group of configuration.groups) {
    if (group.from !== undefined && reach.selects(group, port)) matching.add(selectorText(group.from));
  }
  return [...matching]
    .sort()
    .map((text) => `[${text}]`)
    .join('');
}

const selectorText = (selector: Record<string, string>): string =>
  Object.entries(selector)
    .map(([label, value]) => `${label}=${value}`)
    .sort()
    .join(',');
