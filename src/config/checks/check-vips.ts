/**
 * Virtual addresses that cannot work: a subnet's network or broadcast address, and a member whose address is virtual, as
 * no station has it.
 */
import { canonicalAddress } from '../../wire/address.ts';
import type { Path, Report } from '../problems/problems.ts';
import { pathText, show } from '../problems/problems.ts';
import type { ConfigInput } from '../schema/schema.ts';
import type { Lenient } from '../schema/shape.ts';
import {
  addressKey,
  checkHostInSubnet,
  located,
  type NetworkInfo,
  prefixOf,
  type Topology,
} from './topology.ts';

type GroupView = Lenient<NonNullable<ConfigInput['groups']>[number]>;

export function checkVips(view: Lenient<ConfigInput>, topology: Topology, report: Report): void {
  const vips = virtualAddresses(view, topology);
  for (const [i, group] of (view.groups ?? []).entries()) {
    if (group === undefined) continue;
    const path = ['groups', i];
    for (const vip of located(group.vip, [...path, 'vip']))
      checkHost(vip.value, group, vip.path, topology, report);
    if (group.rewrite === 'port') continue; // its members are the VIP
    for (const { address, at } of memberAddresses(group, path)) {
      checkHost(address, group, at, topology, report);
      const owner = vips.get(keyOf(address, group, topology) ?? '');
      if (owner === undefined || owner.group === i) continue;
      report(
        at,
        `${show(address)}, the virtual address of ${pathText(owner.path)}`,
        'an address that a member itself has',
      );
    }
  }
}

interface VirtualAddress {
  /** Place of its group in the file. */
  readonly group: number;
  readonly path: Path;
}

/** By domain and address, without groups of `rewrite: port`, whose VIP is a VM's own address. */
function virtualAddresses(view: Lenient<ConfigInput>, topology: Topology): Map<string, VirtualAddress> {
  const vips = new Map<string, VirtualAddress>();
  for (const [i, group] of (view.groups ?? []).entries()) {
    if (group === undefined || group.rewrite === 'port') continue;
    for (const vip of located(group.vip, ['groups', i, 'vip'])) {
      const key = keyOf(vip.value, group, topology);
      if (key !== undefined && !vips.has(key)) vips.set(key, { group: i, path: vip.path });
    }
  }
  return vips;
}

function memberAddresses(group: GroupView, path: Path): { address: string; at: Path }[] {
  const sets = [
    { members: group.members, at: [...path, 'members'] },
    ...(['criteria', 'priorities'] as const).flatMap((kind) =>
      (group[kind] ?? []).map((set, k) => ({ members: set?.members, at: [...path, kind, k, 'members'] })),
    ),
  ];
  return sets.flatMap(({ members, at }) =>
    (members ?? []).flatMap((member, k) =>
      member?.address === undefined ? [] : [{ address: member.address, at: [...at, k, 'address'] }],
    ),
  );
}

function keyOf(address: string, group: GroupView, topology: Topology): string | undefined {
  const network = networkOf(group, topology);
  return network && addressKey(network.domain, canonicalAddress(address));
}

/** The first network; the others are of the same domain. */
function networkOf(group: GroupView, topology: Topology): NetworkInfo | undefined {
  const [first] = located(group.network, []);
  return first && topology.networks.get(first.value);
}

/** The subnet may belong to another network that the router joins. */
function checkHost(address: string, group: GroupView, path: Path, topology: Topology, report: Report): void {
  const network = networkOf(group, topology);
  if (network === undefined) return;
  for (const { domain, subnets } of topology.networks.values()) {
    const subnet = domain === network.domain ? prefixOf(address, subnets) : undefined;
    if (subnet !== undefined) checkHostInSubnet(address, subnet, path, report);
  }
}
