/** Templates: unique names, an existing network and group, pools that VMs can use. */
import { addressFamily, formatPrefix } from '../../wire/address.ts';
import { type Pool, parsePool, poolContains, subnetPool } from '../model/address-pool.ts';
import { expectOneOf, type Path, type Report, show } from '../problems/problems.ts';
import type { ConfigInput } from '../schema/schema.ts';
import type { Lenient } from '../schema/shape.ts';
import { findNetwork } from './check-ports.ts';
import { Claims, located, type NetworkInfo, type Topology } from './topology.ts';

type GroupView = Lenient<NonNullable<ConfigInput['groups']>[number]>;

export function checkTemplates(view: Lenient<ConfigInput>, topology: Topology, report: Report): void {
  const names = new Claims();
  const groups = new Map((view.groups ?? []).map((group) => [group?.name, group]));
  for (const [i, template] of (view.templates ?? []).entries()) {
    if (template === undefined) continue;
    const path = ['templates', i];
    if (template.name !== undefined) {
      const expected = 'a name that no other template has';
      names.claim(template.name, template.name, [...path, 'name'], expected, report);
    }
    const network = findNetwork(template.network, [...path, 'network'], topology, report);
    const pools = located(template.addresses, [...path, 'addresses']).map(({ value, path: at }) => {
      const pool = parsePool(value);
      if (network !== undefined) checkPool(value, pool, network, at, report);
      return pool;
    });
    if (template.group === undefined) continue;
    const group = groups.get(template.group);
    // A host with remote controllers gets its groups from them.
    if (group === undefined && view.controllers !== undefined) continue;
    const at = [...path, 'group'];
    if (group !== undefined) checkGroup(template.group, group, pools, at, report);
    else {
      const known = [...groups.keys()].filter((name) => name !== undefined);
      report(at, show(template.group), `the name of a group: ${expectOneOf(template.group, known)}`);
    }
  }
}

function checkPool(text: string, pool: Pool, network: NetworkInfo, path: Path, report: Report): void {
  const subnets = network.subnets.map((subnet) => subnetPool(formatPrefix(subnet)));
  const isInside = subnets.some((subnet) => contains(subnet, pool));
  if (isInside) return;
  const expected =
    network.subnets.length === 0
      ? `a subnet of network ${network.name} that contains it`
      : `host addresses inside ${network.subnets.map(formatPrefix).join(' or ')}`;
  report(path, `${show(text)}, which reaches outside the subnets of network ${network.name}`, expected);
}

const contains = (outer: Pool, inner: Pool): boolean =>
  inner.family === outer.family && [inner.first, inner.last].every((end) => poolContains(outer, end));

function checkGroup(
  name: string,
  group: GroupView,
  pools: readonly Pool[],
  path: Path,
  report: Report,
): void {
  if (group.rewrite === 'port') {
    report(path, `${show(name)} with rewrite: port`, 'a group whose members have addresses of their own');
  }
  const families = new Set(located(group.vip, []).map(({ value }) => addressFamily(value)));
  if (pools.length === 0 || families.size === 0 || pools.some(({ family }) => families.has(family))) return;
  const found = `${show(name)}, whose VIP is IPv${[...families].join(' and IPv')}`;
  report(path, found, `a group of a pool's family: IPv${pools[0]!.family}`);
}
