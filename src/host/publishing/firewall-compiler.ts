/**
 * Compiles the firewalls of a configuration. Labels stand for the addresses of the ports that have them, among those
 * that the port with the firewall can reach: on its own network, and on networks that the same router joins.
 *
 * A firewall with the same rules and addresses as in the previous build keeps its memory, by which the datapath
 * recognizes it as unchanged.
 */
import type {
  Configuration,
  FirewallConfig,
  FirewallRuleConfig,
  PortConfig,
} from '../../config/model/model.ts';
import { routerOf } from '../../config/model/model.ts';
import { matchesLabels } from '../../config/model/reach.ts';
import { PROTOCOL_NUMBER } from '../../tables/balancing/rule-table.ts';
import { compileFirewall, type FirewallRuleSpec } from '../../tables/firewall/firewall-rules.ts';

const ICMPV6 = 58;

export class FirewallCompiler {
  private readonly idOf: (firewall: string, rule: string) => number;
  private before = new Map<string, SharedArrayBuffer>();
  private now = new Map<string, SharedArrayBuffer>();
  private configuration: Configuration | undefined;

  /** `idOf`: stable number of a rule. */
  constructor(idOf: (firewall: string, rule: string) => number) {
    this.idOf = idOf;
  }

  /** Starts a build. */
  begin(configuration: Configuration): void {
    this.before = this.now;
    this.now = new Map();
    this.configuration = configuration;
  }

  /** The firewall of this name at the ports of a network. */
  compiled(name: string, network: string): ArrayBufferLike {
    const firewall = this.configuration!.firewalls!.find((other) => other.name === name)!;
    const peers = this.peersOf(network);
    const rules = firewall.rules.flatMap((rule) => this.ruleSpec(firewall, rule, peers));
    const key = JSON.stringify([firewall.default, rules]);
    const known = this.now.get(key) ?? this.before.get(key);
    const memory = known ?? compileFirewall({ default: firewall.default, rules });
    this.now.set(key, memory);
    return memory;
  }

  /** The packets that a mirror copies, as a firewall that allows exactly these. */
  ofMirror(match: FirewallRuleConfig): ArrayBufferLike {
    const rule: FirewallRuleSpec = { ...match, id: 0, protocols: protocolsOf(match) };
    const key = JSON.stringify(['mirror', rule]);
    const known = this.now.get(key) ?? this.before.get(key);
    const memory = known ?? compileFirewall({ default: 'deny', rules: [rule] });
    this.now.set(key, memory);
    return memory;
  }

  private peersOf(name: string): readonly PortConfig[] {
    const { networks, ports } = this.configuration!;
    const router = routerOf(networks.find((network) => network.name === name)!);
    const reachable = new Set(
      networks
        .filter((network) => network.name === name || (router !== undefined && routerOf(network) === router))
        .map((network) => network.name),
    );
    return ports.filter((port) => reachable.has(port.network));
  }

  /** Empty: labels that no port has match no address. */
  private ruleSpec(
    firewall: FirewallConfig,
    rule: FirewallRuleConfig,
    peers: readonly PortConfig[],
  ): FirewallRuleSpec[] {
    const sources = rule.fromLabels === undefined ? rule.sources : addressesOf(rule.fromLabels, peers);
    const destinations = rule.toLabels === undefined ? rule.destinations : addressesOf(rule.toLabels, peers);
    if (rule.fromLabels !== undefined && sources.length === 0) return [];
    if (rule.toLabels !== undefined && destinations.length === 0) return [];
    return [
      {
        id: this.idOf(firewall.name, rule.name),
        verdict: rule.verdict,
        direction: rule.direction,
        protocols: protocolsOf(rule),
        ranges: rule.ranges,
        sources,
        destinations,
        log: rule.log,
      },
    ];
  }
}

function protocolsOf({ protocol }: FirewallRuleConfig): number[] {
  if (protocol === 'any') return [];
  return protocol === 'icmp' ? [PROTOCOL_NUMBER.icmp, ICMPV6] : [PROTOCOL_NUMBER[protocol]];
}

/** Addresses of the ports with these labels, as full-length prefixes. */
const addressesOf = (labels: Record<string, string>, ports: readonly PortConfig[]): string[] =>
  ports
    .filter((port) => matchesLabels(labels, port))
    .flatMap(({ addresses }) =>
      addresses.map((address) => hostPrefix(address.slice(0, address.indexOf('/')))),
    );

const hostPrefix = (address: string): string => `${address}/${address.includes(':') ? 128 : 32}`;
