/**
 * The ports at which a group's rules apply, and with which of its VIPs.
 *
 * In the group's own networks all VIPs apply at the ports that `from` selects. In another network that the same logical
 * router joins, a VIP is reachable like any address of its network, so the VIPs inside the subnets of the group's first
 * network apply there, too. A group of the port's own network with the same VIP takes precedence.
 */
import { addressToWords, type Prefix, parsePrefix, prefixContains } from '../../wire/address.ts';
import {
  type Configuration,
  type GroupConfig,
  isMiddleboxGroup,
  networksOf,
  type PortConfig,
  routerOf,
} from './model.ts';

export class Reach {
  /** Router of each network. */
  private readonly routers: ReadonlyMap<string, string | undefined>;
  private readonly subnets: ReadonlyMap<string, readonly Prefix[]>;
  private readonly groups: readonly GroupConfig[];
  /** Created on the first query about a network other than the group's own. */
  private vipsOfNetwork: Map<string, Set<string>> | undefined;
  /** The VIPs that the router would send to the group's network. */
  private readonly routable = new Map<GroupConfig, readonly string[]>();

  constructor({ networks, groups }: Pick<Configuration, 'networks' | 'groups'>) {
    this.routers = new Map(networks.map((network) => [network.name, routerOf(network)]));
    this.subnets = new Map(networks.map(({ name, subnets }) => [name, subnets.map(parsePrefix)]));
    this.groups = groups;
  }

  /** The VIPs of a group that apply at the ports of a network. */
  vipsAt(group: GroupConfig, network: string): readonly string[] {
    if (networksOf(group).includes(network)) return group.vip;
    const router = this.routers.get(network);
    if (router === undefined || router !== this.routers.get(group.network)) return [];
    const own = this.ownVips(network);
    const routable = this.routableVips(group);
    return own === undefined ? routable : routable.filter((vip) => !own.has(vip));
  }

  private ownVips(network: string): ReadonlySet<string> | undefined {
    if (this.vipsOfNetwork === undefined) {
      this.vipsOfNetwork = new Map();
      for (const group of this.groups) {
        for (const own of networksOf(group)) {
          const ofNetwork = this.vipsOfNetwork.get(own) ?? new Set();
          this.vipsOfNetwork.set(own, ofNetwork);
          for (const vip of group.vip) ofNetwork.add(vip);
        }
      }
    }
    return this.vipsOfNetwork.get(network);
  }

  private routableVips(group: GroupConfig): readonly string[] {
    const known = this.routable.get(group);
    if (known !== undefined) return known;
    const subnets = this.subnets.get(group.network) ?? [];
    const words = new Int32Array(4);
    const routable = group.vip.filter((vip) => {
      addressToWords(vip, words, 0);
      return subnets.some((subnet) => prefixContains(subnet, words, 0));
    });
    this.routable.set(group, routable);
    return routable;
  }

  /** Whether the group's rules apply to this port's packets. */
  selects(group: GroupConfig, port: PortConfig): boolean {
    if (isMiddleboxGroup(group)) return group.network === port.network;
    return matchesLabels(group.from, port) && this.vipsAt(group, port.network).length > 0;
  }
}

export function matchesLabels(
  selector: Record<string, string> | undefined,
  port: Pick<PortConfig, 'labels'>,
): boolean {
  if (selector === undefined) return true;
  return Object.entries(selector).every(([label, value]) => port.labels[label] === value);
}
