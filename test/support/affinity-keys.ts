import { AffinityKey } from '../../src/tables/balancing/affinity-table.ts';

/** The key of a client's affinity at a load balancer's group. */
export function affinityKey(
  client: readonly [number, number, number, number],
  balancer: number,
  group: number,
): AffinityKey {
  const key = new AffinityKey();
  key.setClient(...client);
  key.setOwner(balancer, group);
  return key;
}
