/** Health checks: keys that fit their kind, a port to probe, an address to probe from. */
import { addressFamily } from '../../wire/address.ts';
import type { Configuration, GroupConfig } from '../model/model.ts';
import { resolvePorts } from '../model/port-ranges.ts';
import { probePort } from '../model/probe-port.ts';
import { type Path, type Report, show } from '../problems/problems.ts';
import type { ConfigInput } from '../schema/schema.ts';
import { isCutOut, type Lenient } from '../schema/shape.ts';
import { addressKey, checkHostInSubnet, insideOneOf, located, prefixOf, type Topology } from './topology.ts';

/** Keys that one kind of probe has. */
const OWNERS = [
  ['service', 'grpc'],
  ['payload', 'udp'],
  ['answer', 'udp'],
] as const;

type GroupView = Lenient<NonNullable<ConfigInput['groups']>[number]>;

export function checkHealth(view: Lenient<ConfigInput>, topology: Topology, report: Report): void {
  checkProbeAddresses(view, topology, report);
  for (const [i, group] of (view.groups ?? []).entries()) {
    if (group?.health === undefined) continue;
    const { health } = group;
    const path = ['groups', i, 'health'];
    if (health.kind !== undefined && health.kind !== 'http') {
      for (const key of ['path', 'expectStatus'] as const)
        if (health[key] !== undefined)
          report(
            [...path, key],
            `${key} with kind: ${health.kind}`,
            'kind: http, as no other asks for a path',
          );
    }
    for (const [key, kind] of OWNERS)
      if (health[key] !== undefined && health.kind !== undefined && health.kind !== kind)
        report([...path, key], `${key} with kind: ${health.kind}`, `kind: ${kind}, as no other has one`);
    const { flapDamping } = health;
    if (typeof flapDamping === 'object' && (flapDamping.reuse ?? 1) >= (flapDamping.suppress ?? 4))
      report(
        [...path, 'flapDamping', 'reuse'],
        show(flapDamping.reuse ?? 1),
        `less than suppress, ${flapDamping.suppress ?? 4}`,
      );
    if (health.kind === 'icmp' && health.port !== undefined)
      report([...path, 'port'], show(health.port), 'no port, as ICMP has none');
    if (health.kind !== undefined && health.kind !== 'icmp') checkMemberPort(group, health, path, report);
  }
}

/** Each member has a port to ask at: that of `asked`, which is `health` or `load`, the member's, or the group's. */
export function checkMemberPort(
  group: GroupView,
  asked: { readonly port?: number },
  path: Path,
  report: Report,
): void {
  if (asked.port !== undefined || group.port !== undefined) return;
  if (
    group.ports !== undefined &&
    resolvePorts(
      undefined,
      group.ports.flatMap((one) => one ?? []),
    ).port
  )
    return;
  if (isCutOut(group, 'port') || isCutOut(asked, 'port')) return;
  const sets = [...(group.criteria ?? []), ...(group.priorities ?? [])];
  const members = [group.members ?? [], ...sets.map((set) => set?.members ?? [])].flat();
  const without = members.find((member) => member !== undefined && !('port' in member));
  if (without === undefined) return;
  report([...path, 'port'], 'nothing', `a port, as neither the group nor member ${without.name} has one`);
}

function checkProbeAddresses(view: Lenient<ConfigInput>, topology: Topology, report: Report): void {
  for (const [i, network] of (view.networks ?? []).entries()) {
    if (network === undefined) continue;
    const info = topology.networks.get(network.name ?? `#${i}`);
    if (info === undefined) continue;
    const families = new Map<number, Path>();
    for (const { value, path } of located(network.probeAddress, ['networks', i, 'probeAddress'])) {
      const previous = families.get(addressFamily(value));
      if (previous !== undefined) report(path, `${show(value)}, a second of its family`, 'one per family');
      families.set(addressFamily(value), path);
      const subnet = prefixOf(value, info.subnets);
      if (subnet !== undefined) checkHostInSubnet(value, subnet, path, report);
      else
        report(
          path,
          `${show(value)}, outside the subnets of network ${info.name}`,
          insideOneOf(info.subnets),
        );
      const key = addressKey(info.domain, value);
      topology.addresses.claim(key, value, path, 'an address of its own', report);
    }
  }
}

/** Whether this host can probe; a file without ports is a controller's, which does not probe. */
export function checkProbing(configuration: Configuration, report: Report): void {
  if (configuration.ports.length === 0) return;
  for (const [i, group] of configuration.groups.entries()) {
    if (group.health === undefined && group.load === undefined) continue;
    const network = configuration.networks.find(({ name }) => name === group.network)!;
    const port = probePort(configuration, network);
    for (const family of familiesOf(group)) {
      if (port.addresses.some((address) => addressFamily(withoutBits(address)) === family)) continue;
      const subnets = network.subnets.filter((subnet) => addressFamily(withoutBits(subnet)) === family);
      const where = subnets.length === 0 ? `an IPv${family} subnet` : `an address of ${subnets.join(' or ')}`;
      report(
        ['groups', i, group.health === undefined ? 'load' : 'health'],
        `no IPv${family} address of network ${network.name} to probe from`,
        `${where} as probeAddress of the network, one that nobody else has (only a host that knows every address of the network chooses one itself)`,
      );
    }
  }
}

const familiesOf = (group: GroupConfig): Set<number> =>
  new Set(group.criteria.flatMap(({ members }) => members.map(({ address }) => addressFamily(address))));

const withoutBits = (prefix: string): string => prefix.slice(0, prefix.indexOf('/'));
