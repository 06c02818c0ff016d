/** A VM's addresses, and the members that it provides. Pure. */
import type { MemberAdd } from '../../api/shapes.ts';
import { firstFree, parsePool } from '../../config/model/address-pool.ts';
import type { GroupConfig, TemplateConfig } from '../../config/model/model.ts';
import type { VmRecord } from './vm-record.ts';

/** The first free address of each family that the pools have; empty if one family has none left. */
export function chooseAddresses(pools: readonly string[], isTaken: (address: string) => boolean): string[] {
  const chosen = new Map<number, string | undefined>();
  for (const text of pools) {
    const pool = parsePool(text);
    if (chosen.get(pool.family) === undefined) chosen.set(pool.family, firstFree(pool, isTaken));
  }
  const addresses = [...chosen.values()].filter((address) => address !== undefined);
  return addresses.length === chosen.size ? addresses : [];
}

const isIpv6 = (address: string): boolean => address.includes(':');

/**
 * Members that a VM adds to its group: one for each family of the group's virtual addresses, named after the VM; the
 * IPv6 one of two gets the suffix `.6`.
 */
export function membersOfVm(
  { id, addresses }: VmRecord,
  { port, weight }: TemplateConfig,
  { vip }: Pick<GroupConfig, 'vip'>,
): MemberAdd[] {
  // A middlebox, whose group has no virtual address, is one VM whatever the family of the packets.
  const fitting =
    vip.length === 0
      ? addresses.slice(0, 1)
      : addresses.filter((address) => vip.some((other) => isIpv6(other) === isIpv6(address)));
  return fitting.map((address) => ({
    name: fitting.length > 1 && isIpv6(address) ? `${id}.6` : id,
    address,
    port,
    weight,
  }));
}
