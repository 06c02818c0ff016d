/** Whether an existing interface can carry the networks of an uplink. */
import type { LinkState } from '../../native/network/link-state.ts';

export interface LinkProblem {
  readonly found: string;
  readonly expected: string;
}

type CarriedNetwork = { readonly name: string; readonly mtu: number };

/** `link`: null if the interface does not exist. */
export function linkProblems(
  device: string,
  link: LinkState | null,
  networks: readonly CarriedNetwork[],
): LinkProblem[] {
  if (link === null)
    return [{ found: `no interface ${device}`, expected: 'one that exists in this network namespace' }];
  const isDown = {
    found: `interface ${device} down`,
    expected: `it to be up (ip link set ${device} up)`,
  };
  return [...(link.isUp ? [] : [isDown]), ...mtuProblems(device, link, networks)];
}

export const mtuProblems = (
  device: string,
  link: LinkState,
  networks: readonly CarriedNetwork[],
): LinkProblem[] =>
  networks
    .filter(({ mtu }) => link.mtu < mtu)
    .map(({ name, mtu }) => ({
      found: `MTU ${link.mtu} on interface ${device}`,
      expected: `at least ${mtu}, that of network ${name}`,
    }));
