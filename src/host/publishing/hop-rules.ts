/**
 * Groups of middleboxes as the datapath takes them. A host's flows pass middleboxes on the host itself: those whose address a
 * port of the network has. Others are not compiled, so that a group without any here has no usable member.
 */
import {
  type Configuration,
  type GroupConfig,
  isMiddleboxGroup,
  type PortConfig,
} from '../../config/model/model.ts';
import type { MemberSpec, RuleSpec, ThroughSpec } from '../../tables/balancing/rule-spec.ts';

/** Addresses of this host's ports by network, and those of them that are middleboxes'. */
export class LocalMiddleboxes {
  private readonly addresses = new Map<string, Set<string>>();

  constructor({ ports, groups }: Pick<Configuration, 'ports' | 'groups'>) {
    const all = new Map<string, Set<string>>();
    for (const { kind, network, criteria } of groups) {
      if (!isMiddleboxGroup({ kind })) continue;
      const ofNetwork = all.get(network) ?? new Set();
      all.set(network, ofNetwork);
      for (const { members } of criteria) for (const { address } of members) ofNetwork.add(address);
    }
    if (all.size === 0) return;
    for (const port of ports) {
      const local = this.addresses.get(port.network) ?? new Set();
      this.addresses.set(port.network, local);
      for (const address of addressesOf(port)) if (all.get(port.network)?.has(address)) local.add(address);
    }
  }

  has(network: string, address: string): boolean {
    return this.addresses.get(network)?.has(address) === true;
  }

  isMiddlebox(port: PortConfig): boolean {
    return addressesOf(port).some((address) => this.has(port.network, address));
  }

  /** What the rules of a network's middleboxes depend on besides their groups. */
  key(network: string): string {
    return [...(this.addresses.get(network) ?? [])].join();
  }
}

const addressesOf = ({ addresses }: PortConfig): string[] =>
  addresses.map((prefix) => prefix.slice(0, prefix.indexOf('/')));

/** The rule of a group of middleboxes: what selects a member for a flow. */
export function hopRule(
  { algorithm, hash, affinityMs, avoidSelf, drainFallback, onEmpty }: GroupConfig,
  group: number,
  criteria: readonly { fromMs?: number; untilMs?: number; members: readonly MemberSpec[] }[],
): RuleSpec {
  const selection = { algorithm, hash, affinityMs, avoidSelf, drainFallback };
  const nothing = { vip: '::', protocol: 'any', ports: [], sources: [], sourcePorts: [] } as const;
  return { id: 0, group, ...nothing, ...selection, isHop: true, rewrite: 'mac', onEmpty, criteria };
}

/** `numberOf`: of a group. */
export function throughOf(
  { chain }: GroupConfig,
  numberOf: (group: string) => number,
): ThroughSpec | undefined {
  if (chain === undefined) return undefined;
  const { through, onHopFailure, onNoHop } = chain;
  return { groups: through.map(numberOf), onHopFailure, onNoHop };
}
