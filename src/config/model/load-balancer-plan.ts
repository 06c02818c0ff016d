/**
 * Plans the load balancers of a configuration: the ports that each serves and the groups whose rules it enforces.
 *
 * A group's rules apply to the ports of its network, and of networks that its logical router joins (reach.ts), that its
 * `from` labels select; without `from` to all of them.
 *
 * A shared LB enforces the same rules for each of its ports. If `from`, or the labels that a priority asks for, split the
 * ports of a scope, the scope gets one LB per part, so that sharing never applies a rule to a port that its group does not select. For the same reason an LB of a
 * whole host, or of a named set, has one part per network: networks may use the same addresses for different things.
 *
 * A port for probes has no LB: its packets go to members themselves. A port that no group selects has an LB without
 * rules, so that flows which are still running when its last rule is removed stay translated.
 */
import type { Configuration, GroupConfig, PortConfig } from './model.ts';
import { matchesLabels, Reach } from './reach.ts';

/** The ports that share a load balancer: a port alone, those of a network or of the host, or a set from the file. */
export type Scope = 'port' | 'network' | 'host' | 'set';

export interface PlannedLoadBalancer {
  /** Its identity over revisions. */
  readonly key: string;
  readonly scope: Scope;
  /**
   * Port, network, host/network, or set/network; a shared LB that `from` has split carries the labels: `app[tier=web]`.
   */
  readonly name: string;
  /** Of its ports, which are all on one. */
  readonly network: string;
  readonly ports: PortConfig[];
  /** In the order of the configuration; the same list for load balancers that enforce the same groups. */
  readonly groups: readonly GroupConfig[];
}

type Planned = Omit<PlannedLoadBalancer, 'groups'> & { groups: readonly GroupConfig[] };

export function planLoadBalancers(configuration: Configuration): PlannedLoadBalancer[] {
  const reach = new Reach(configuration);
  const sets = setsOf(configuration);
  const plan = new Map<string, Planned>();
  for (const port of configuration.ports) {
    if (port.purpose === 'probe' || !hasLoadBalancer(port)) continue;
    const { scope, name: scopeName } = scopeOf(configuration, port, sets);
    const name = scope === 'port' ? scopeName : scopeName + selectorsThatSplit(configuration, port, reach);
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

const hasLoadBalancer = ({ chain }: PortConfig): boolean =>
  chain === undefined || chain.some(({ kind }) => kind === 'load-balancer');

/** Name of the named set that each port is in. */
function setsOf({ datapath }: Configuration): ReadonlyMap<string, string> {
  const { loadBalancers } = datapath;
  if (typeof loadBalancers === 'string') return new Map();
  return new Map(Object.entries(loadBalancers).flatMap(([set, ports]) => ports.map((port) => [port, set])));
}

function scopeOf(
  { datapath, host }: Configuration,
  { name, network }: PortConfig,
  sets: ReadonlyMap<string, string>,
): { scope: Scope; name: string } {
  const { loadBalancers: scope } = datapath;
  if (scope === 'network') return { scope, name: network };
  if (scope === 'host') return { scope, name: `${host}/${network}` };
  const set = sets.get(name);
  return set === undefined ? { scope: 'port', name } : { scope: 'set', name: `${set}/${network}` };
}

/** `[tier=web][zone=a]`: the selectors in use in this scope that match the port; empty where none does. */
function selectorsThatSplit(configuration: Configuration, port: PortConfig, reach: Reach): string {
  const matching = new Set<string>();
  for (const group of configuration.groups) {
    const selectors = [group.from, ...group.criteria.map(({ when }) => when?.labels)];
    if (selectors.every((selector) => selector === undefined) || !reach.selects(group, port)) continue;
    for (const selector of selectors)
      if (selector !== undefined && matchesLabels(selector, port)) matching.add(selectorText(selector));
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
