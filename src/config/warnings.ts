/** Warnings about valid settings that are probably mistakes. */
import { addressFamily } from '../wire/address.ts';
import type { Configuration, GroupConfig } from './model/model.ts';
import { probePort } from './model/probe-port.ts';
import { matchesLabels, Reach } from './model/reach.ts';

/** One line per warning. `nowMs`: wall clock, epoch milliseconds. */
export function warningsOf(configuration: Configuration, nowMs: number): string[] {
  return configuration.groups.flatMap((group) => [
    ...selectsNoPort(group, configuration),
    ...hasEnded(group, nowMs),
    ...cannotBeProbed(group, configuration),
  ]);
}

/** In a fleet the ports may be on other hosts, and a template's VMs come later. */
function selectsNoPort({ name, from }: GroupConfig, configuration: Configuration): string[] {
  const { ports, templates, controllers, listen } = configuration;
  if (from === undefined || controllers !== undefined || listen?.agents !== undefined) return [];
  if ([...ports, ...templates].some((one) => matchesLabels(from, one))) return [];
  const labels = Object.entries(from).map(([label, value]) => `${label}: ${value}`);
  return [`group ${name}: from { ${labels.join(', ')} } matches no port, so nothing is balanced`];
}

function hasEnded({ name, criteria }: GroupConfig, nowMs: number): string[] {
  const lastMs = Math.max(...criteria.map(({ untilMs }) => untilMs ?? Number.POSITIVE_INFINITY));
  if (criteria.length === 0 || lastMs > nowMs) return [];
  return [`group ${name}: all its criteria have ended, the last one at ${new Date(lastMs).toISOString()}`];
}

/**
 * Where other hosts have addresses of the network too, one for probes is not chosen by itself: members stay in use here
 * whatever becomes of them, unless other hosts check them.
 */
function cannotBeProbed(group: GroupConfig, configuration: Configuration): string[] {
  const { name, health, criteria } = group;
  const network = configuration.networks.find((one) => one.name === group.network);
  if (health === undefined || network === undefined) return [];
  const reach = new Reach(configuration);
  if (!configuration.ports.some((port) => port.purpose !== 'probe' && reach.selects(group, port))) return [];
  const families = familiesOf(probePort(configuration, network).addresses);
  const members = criteria.flatMap((set) => set.members);
  const needed = new Set(members.map(({ address }) => addressFamily(address)));
  return [...needed]
    .filter((family) => !families.has(family))
    .map(
      (family) =>
        `group ${name}: nobody here checks its IPv${family} members: network ${network.name} has no probeAddress of that family`,
    );
}

/**
 * For `config check` of a host whose groups come from controllers: whether it could check members is seen in its file, which
 * groups have health checks is not.
 */
export function probeWarnings(configuration: Configuration): string[] {
  const { controllers, networks, ports } = configuration;
  if (controllers === undefined) return [];
  return networks.flatMap((network) => {
    if (!ports.some((port) => port.network === network.name)) return [];
    const families = familiesOf(probePort(configuration, network).addresses);
    const needed = familiesOf(network.subnets);
    return [...needed]
      .filter((family) => !families.has(family))
      .map(
        (family) =>
          `network ${network.name}: no IPv${family} address for health checks: this host checks no member there; expected a probeAddress that nobody else has`,
      );
  });
}

/** Of prefixes. */
const familiesOf = (prefixes: readonly string[]): Set<number> =>
  new Set(prefixes.map((text) => addressFamily(text.slice(0, text.indexOf('/')))));
