/**
 * Builds the datapath snapshot of a configuration, for the host and for replay.
 *
 * Theory of operation. A builder lives as long as its datapath and assigns every network, port, load balancer, group,
 * rule and member a number that is stable across revisions (id-registry.ts). `build` makes a whole snapshot;
 * `commit`, called when it is in force, frees unused numbers. Builds that are not committed keep theirs until then.
 *
 * Identity. A port is the same while network, namespace, interface and MAC are the same: a new device gets a new
 * number, so it inherits no state of the old one. A statistics row belongs to one member address of one group at one
 * LB: a member that moves to another address starts from zero.
 *
 * Only the datapath writes statistics rows, so a reused row is not cleared here but listed in `clearStatSlots` of the
 * snapshot. It is reused only when the datapath's gauge shows that no connection uses it.
 *
 * A group that is the same object as before keeps its compiled rules object, and an LB with unchanged groups and
 * weights keeps its list of them; LBs with the same groups share one. A change therefore compiles only the groups
 * that it changes.
 */

import { isDeepStrictEqual } from 'node:util';
import { difference } from '../../config/model/difference.ts';
import { type PlannedLoadBalancer, planLoadBalancers } from '../../config/model/load-balancer-plan.ts';
import {
  type Configuration,
  effectiveChain,
  type GroupConfig,
  isMiddleboxGroup,
  type MemberConfig,
  type NetworkConfig,
  type PortConfig,
  routerOf,
} from '../../config/model/model.ts';
import { derivePortMac } from '../../config/model/port-mac.ts';
import { rangesOf } from '../../config/model/port-ranges.ts';
import { Reach } from '../../config/model/reach.ts';
import { uplinkLegs } from '../../config/model/uplink-legs.ts';
import type {
  DatapathSnapshot,
  LoadBalancerSpec,
  NetworkSpec,
  OperatorSpec,
  PortSpec,
  RouterAdvertisementSpec,
} from '../../datapath/snapshot.ts';
import type { WeightsBySet } from '../../policy/set-policies.ts';
import type { MemberSpec, RuleSpec } from '../../tables/balancing/rule-spec.ts';
import { type CompiledRules, compileRules } from '../../tables/balancing/rule-table.ts';
import { addressFamily, macHigh16, macLow32, parsePrefix, wordsToAddress } from '../../wire/address.ts';
import { MIN_HEADER_BYTES as IPV4_HEADER_BYTES } from '../../wire/ipv4.ts';
import { HEADER_BYTES as IPV6_HEADER_BYTES, writeLinkLocal } from '../../wire/ipv6.ts';
import { MIN_HEADER_BYTES as TCP_HEADER_BYTES } from '../../wire/tcp.ts';
import { DatapathIds, type IdLimits, type NumberedThings } from './datapath-ids.ts';
import { FirewallCompiler } from './firewall-compiler.ts';
import { HandWeights } from './hand-weights.ts';
import { hopRule, LocalMiddleboxes, throughOf } from './hop-rules.ts';
import { MaglevCache } from './maglev-cache.ts';
import { conditionOf, type Place, unfitPriorities } from './priority-conditions.ts';
import { type GroupWeights, NO_WEIGHTS, type WeightsByLoadBalancer, weightsOfSet } from './weights.ts';

/** PortSpec's `loadBalancer` of a port without one. */
const NO_LOAD_BALANCER = -1;

export interface BuiltLoadBalancer {
  readonly spec: LoadBalancerSpec;
  /** Compiled rules of `spec.groups`, group by group. */
  readonly compiled: readonly CompiledGroup[];
  readonly groups: readonly GroupConfig[];
  readonly networks: readonly NetworkConfig[];
  /** Middleboxes that it may use. */
  readonly middleboxes: string;
  /** Of its ports, or of one of them if no group asks for more labels. */
  readonly labels: PortConfig['labels'];
  /** The LB's own weights. */
  readonly weights: GroupWeights | undefined;
}

/** A group's rules, and the input that they were compiled from. */
export interface CompiledGroup extends CompiledRules {
  readonly rules: readonly RuleSpec[];
}

export interface BuiltSnapshot {
  readonly snapshot: DatapathSnapshot;
  readonly plan: readonly PlannedLoadBalancer[];
  readonly loadBalancers: readonly BuiltLoadBalancer[];
}

type Wiring = Pick<DatapathSnapshot, 'networks' | 'ports'>;

export interface BuilderOptions {
  /** The ports' devices accept partial checksums and GSO frames: true for TAPs, false for capture files. */
  readonly offloads: boolean;
  readonly limits?: IdLimits;
  /** Whether no connection counts for the member of this number any more. */
  readonly isMemberIdle?: (member: number) => boolean;
}

export class SnapshotBuilder {
  readonly ids: DatapathIds;
  private readonly offloads: boolean;
  private readonly maglev = new MaglevCache();
  private readonly firewalls = new FirewallCompiler((firewall, rule) =>
    this.ids.firewallRule(firewall, rule),
  );
  /** By LB key, as of the last commit. */
  private compiled = new Map<string, BuiltLoadBalancer>();
  private readonly handWeights = new HandWeights();
  /** Groups in force, and those of builds since; with their configured weights, by where they apply (`compile`). */
  private readonly compiledGroups = new Map<GroupConfig, Map<string, CompiledGroup>>();
  /** By the plan's list of groups, within one build. */
  private lists = new Map<readonly GroupConfig[], readonly CompiledGroup[]>();
  private middleboxes = new LocalMiddleboxes({ ports: [], groups: [] });
  private wired: { readonly from: readonly unknown[]; readonly wiring: Wiring } | undefined;
  private inForce: NumberedThings | undefined;
  /** Builds since the last commit. */
  private builds = 0;

  constructor(options: BuilderOptions) {
    this.ids = new DatapathIds(options.limits, options.isMemberIdle);
    this.offloads = options.offloads;
  }

  /** Throws on errors that loading the configuration cannot detect: a full table of numbers. */
  build(
    configuration: Configuration,
    revision: number,
    weights: WeightsByLoadBalancer = NO_WEIGHTS,
  ): BuiltSnapshot {
    this.builds++;
    this.lists = new Map();
    this.middleboxes = new LocalMiddleboxes(configuration);
    const plan = planLoadBalancers(configuration);
    const reach = new Reach(configuration);
    this.handWeights.begin(configuration.groups);
    const loadBalancers = plan.map((planned) =>
      this.buildLoadBalancer(
        planned,
        configuration.networks,
        reach,
        this.handWeights.over(planned, weights.get(planned.key)),
      ),
    );
    const { datapath } = configuration;
    return {
      plan,
      loadBalancers,
      snapshot: {
        revision,
        ...this.wiring(configuration, plan),
        loadBalancers: loadBalancers.map(({ spec }) => spec),
        settings: {
          udpIdleMs: datapath.udpIdleMs,
          tcpEstablishedIdleMs: datapath.tcpEstablishedIdleMs,
          tcpTransitoryIdleMs: datapath.tcpTransitoryIdleMs,
          activeFlowIdleMs: datapath.activeFlowIdleMs,
          answerEchoToVip: datapath.answerEchoToVip,
          failFast: datapath.failFast,
          onTableFull: datapath.onTableFull,
        },
      },
    };
  }

  /** Called when the datapath has this snapshot in force. */
  commit(configuration: Configuration, built: BuiltSnapshot): void {
    const { plan } = built;
    const previous = this.builds === 1 ? this.inForce : undefined;
    this.builds = 0;
    this.inForce = { configuration, plan };
    this.compiled = new Map(plan.map(({ key }, at) => [key, built.loadBalancers[at]!]));
    this.ids.retain(this.inForce, previous);
    this.forget(
      difference(previous?.configuration.groups ?? [...this.compiledGroups.keys()], configuration.groups)
        .gone,
    );
  }

  private forget(gone: readonly GroupConfig[]): void {
    if (gone.length === 0) return;
    for (const group of gone) this.compiledGroups.delete(group);
    if (this.maglev.isEmpty) return;
    const lists = new Set([...this.compiled.values()].map(({ compiled }) => compiled));
    const tables = [...lists].flatMap((list) => list.flatMap(({ maglevTables }) => maglevTables));
    this.maglev.retainOnly(new Set(tables));
  }

  /** Networks and ports: the previous objects if all their inputs are unchanged. */
  private wiring(configuration: Configuration, plan: readonly PlannedLoadBalancer[]): Wiring {
    const { networks, ports, uplinks = [], firewalls = [], groups, host } = configuration;
    const from = [
      host,
      ...firewalls,
      null,
      ...networks,
      null,
      ...ports,
      null,
      ...uplinks,
      null,
      ...plan.flatMap(({ key, ports }) => [key, ports.length]),
      null,
      ...groups.filter(keepsVip),
    ];
    if (this.wired !== undefined && sameItems(this.wired.from, from)) return this.wired.wiring;
    this.firewalls.begin(configuration);
    const wiring = {
      networks: networks.map((network) => this.networkSpec(network)),
      ports: [...this.portSpecs(configuration, plan), ...this.uplinkSpecs(configuration)],
    };
    this.wired = { from, wiring };
    return wiring;
  }

  private networkSpec(network: NetworkConfig): NetworkSpec {
    return {
      id: this.ids.network(network.name),
      name: network.name,
      vni: network.vni,
      mtu: network.mtu,
      mssClamp: mssClamp(network),
      subnets: network.subnets,
      gateways: network.gateway,
      router: routerOf(network),
      routerMac: routerMac(network.vni),
      routerAdvertisements: advertisements(network),
      routes: network.routes,
    };
  }

  private portSpecs(configuration: Configuration, plan: readonly PlannedLoadBalancer[]): PortSpec[] {
    const balancerOf = new Map(plan.flatMap(({ key, ports }) => ports.map((port) => [port.name, key])));
    const holders = configuration.groups.filter(keepsVip);
    return configuration.ports.map((port) => ({
      id: this.ids.port(port),
      name: port.name,
      network: this.ids.network(port.network),
      mac: port.mac,
      addresses: port.addresses.map(withoutBits),
      allowedSources: port.antiSpoofing ? allowedSources(port, configuration, holders) : undefined,
      allowedMacs: port.allowedMacs,
      allowedEtherTypes: port.allowedEtherTypes === 'any' ? undefined : port.allowedEtherTypes,
      guards: port.guards,
      loadBalancer: this.loadBalancerId(balancerOf.get(port.name)),
      chain: this.chainOf(port, configuration),
      marks: port.marks,
      isMiddlebox: this.middleboxes.isMiddlebox(port),
      offloads: this.offloads,
    }));
  }

  /** The operators in configured order; undefined: only the load balancer. */
  private chainOf(port: PortConfig, configuration: Configuration): OperatorSpec[] | undefined {
    const chain = effectiveChain(port, configuration);
    const isDefault = chain.every(({ kind }) => kind === 'anti-spoofing' || kind === 'load-balancer');
    if (isDefault && port.chain === undefined) return undefined;
    return chain.flatMap((item): OperatorSpec[] => {
      if (item.kind === 'anti-spoofing') return []; // has a fixed place
      if (item.kind === 'load-balancer' || item.kind === 'rate-limit') return [item];
      if (item.kind === 'firewall')
        return [{ kind: 'firewall', rules: this.firewalls.compiled(item.name, port.network) }];
      const target = configuration.ports.find(({ name }) => name === item.port);
      if (target === undefined) return []; // a removed port
      const rules = item.match === undefined ? undefined : this.firewalls.ofMirror(item.match);
      return [{ kind: 'mirror', port: this.ids.port(target), rules }];
    });
  }

  /** An uplink as the datapath sees it: a port in each of its networks. */
  private uplinkSpecs(configuration: Configuration): PortSpec[] {
    return uplinkLegs(configuration).map((leg) => ({
      id: this.ids.uplinkLeg(leg),
      name: `${leg.uplink}:${leg.network}`,
      network: this.ids.network(leg.network),
      addresses: [],
      loadBalancer: NO_LOAD_BALANCER,
      offloads: this.offloads,
      guards: { dhcp: false, routerAdvertisements: false, reservedMulticast: leg.reservedMulticastGuard },
      uplink: { hostMac: hostMac(configuration, leg.network) },
    }));
  }

  private loadBalancerId(key: string | undefined): number {
    return key === undefined ? NO_LOAD_BALANCER : this.ids.loadBalancer(key);
  }

  private buildLoadBalancer(
    planned: PlannedLoadBalancer,
    networks: readonly NetworkConfig[],
    reach: Reach,
    weights: GroupWeights | undefined,
  ): BuiltLoadBalancer {
    const { key, scope, name, groups } = planned;
    const place = { network: planned.network, labels: planned.ports[0]!.labels, reach };
    const before = this.compiled.get(key);
    const middleboxes = this.middleboxes.key(planned.network);
    const isSame =
      before?.networks === networks && before.weights === weights && before.middleboxes === middleboxes;
    if (isSame && sameItems(before.groups, groups) && isDeepStrictEqual(before.labels, place.labels))
      return before;
    const compiled =
      weights === undefined
        ? this.sharedList(groups, place)
        : this.listOf(groups, place, (name) => weights.get(name));
    const spec = { id: this.ids.loadBalancer(key), scope, name, groups: compiled };
    return { spec, compiled, groups, networks, middleboxes, labels: place.labels, weights };
  }

  /** Load balancers with the same groups share a list. */
  private sharedList(groups: readonly GroupConfig[], place: Place): readonly CompiledGroup[] {
    const known = this.lists.get(groups);
    if (known !== undefined) return known;
    const list = this.listOf(groups, place, () => undefined);
    this.lists.set(groups, list);
    return list;
  }

  /** Excludes groups without a rule, whose sources are all of the VIP's other family. */
  private listOf(
    groups: readonly GroupConfig[],
    place: Place,
    weightsOf: (group: string) => WeightsBySet | undefined,
  ): readonly CompiledGroup[] {
    return groups
      .map((group) => this.compile(group, place, weightsOf(group.name)))
      .filter(({ rules }) => rules.length > 0);
  }

  /** The group as it applies at ports with these labels. */
  private compile(
    group: GroupConfig,
    { network, labels, reach }: Place,
    weights: WeightsBySet | undefined,
  ): CompiledGroup {
    const vips = reach.vipsAt(group, network);
    const isBehindRouter = group.network !== network;
    const isHop = isMiddleboxGroup(group);
    const where = isHop ? this.middleboxes.key(network) : '';
    const unfit = unfitPriorities(group, labels);
    const place = `${isBehindRouter ? `behind the router ${vips}` : where} without ${unfit}`;
    const known = weights === undefined ? this.compiledGroups.get(group)?.get(place) : undefined;
    if (known !== undefined) return known;
    const rules = isHop
      ? [this.hopRuleOf(group, weights)]
      : this.rulesOf(group, { vips, isBehindRouter, unfit }, weights);
    const compiled = { ...compileRules(rules, (members) => this.maglev.tableOf(members)), rules };
    if (weights !== undefined) return compiled;
    const places = this.compiledGroups.get(group) ?? new Map<string, CompiledGroup>();
    this.compiledGroups.set(group, places.set(place, compiled));
    return compiled;
  }

  /**
   * One rule per VIP, each with the members and source prefixes of the VIP's family. `isBehindRouter`: the LB's ports
   * are on another network, where a member's MAC cannot be used. `unfit`: priorities that their labels exclude from.
   */
  private rulesOf(
    group: GroupConfig,
    at: { vips: readonly string[]; isBehindRouter: boolean; unfit: readonly number[] },
    weights: WeightsBySet | undefined,
  ): RuleSpec[] {
    const { vips, isBehindRouter, unfit } = at;
    return vips.flatMap((vip) => {
      const family = addressFamily(vip);
      const sources = group.match.sources.filter((prefix) => parsePrefix(prefix).family === family);
      // Only sources of the other family: no packet to this VIP can match.
      if (group.match.sources.length > 0 && sources.length === 0) return [];
      const ofFamily = (member: MemberConfig) => addressFamily(member.address) === family;
      const criteria = group.criteria.map((set, place) => {
        const ofSet = weightsOfSet(weights, set);
        const members = set.members
          .filter(ofFamily)
          .map((member) => this.memberSpec(member, group.name, ofSet?.get(member.name)))
          .map((spec) => (isBehindRouter ? { ...spec, mac: undefined } : spec));
        if (set.name === undefined) return { fromMs: set.fromMs, untilMs: set.untilMs, members };
        const when = unfit.includes(place) ? 'never' : conditionOf(set, family);
        return { name: set.name, when, onEmpty: set.onEmpty, members };
      });
      const { protocol, rewrite, onEmpty, algorithm, hash, affinityMs, avoidSelf } = group;
      const { udpIdleMs, udpRepickMs, udpScheduling, drainFallback } = group;
      const ids = { id: this.ids.rule(group.name, vip), group: this.ids.group(group.name) };
      const labels = Object.keys(group.from ?? {}).length;
      const { sourcePort, sourcePorts, macs } = group.match;
      const ports = rangesOf(group);
      const ofSource = { sources, sourcePorts: rangesOf({ port: sourcePort, ports: sourcePorts }), macs };
      const tuple = { vip, protocol, ports, ...ofSource, labels };
      const selection = { algorithm, hash, affinityMs, avoidSelf, udpScheduling, drainFallback };
      const through = throughOf(group, (name) => this.ids.group(name));
      return { ...ids, ...tuple, ...selection, through, rewrite, udpIdleMs, udpRepickMs, onEmpty, criteria };
    });
  }

  private hopRuleOf(group: GroupConfig, weights: WeightsBySet | undefined): RuleSpec {
    const criteria = group.criteria.map((set) => {
      const ofSet = weightsOfSet(weights, set);
      const members = set.members
        .filter(({ address }) => this.middleboxes.has(group.network, address))
        .map((member) => this.memberSpec(member, group.name, ofSet?.get(member.name)));
      return { fromMs: set.fromMs, untilMs: set.untilMs, members };
    });
    return hopRule(group, this.ids.group(group.name), criteria);
  }

  private memberSpec(member: MemberConfig, group: string, weight = member.weight): MemberSpec {
    const { name, address, port, mac, state } = member;
    const id = this.ids.member({ group, member: name, address, port });
    return { id, name, address, port, mac, weight, state };
  }
}

/** A first snapshot, for callers that need a single one. */
export const snapshotOf = (configuration: Configuration, options: BuilderOptions): DatapathSnapshot =>
  new SnapshotBuilder(options).build(configuration, 1).snapshot;

/**
 * Addresses that a VM may use as a source: its own, those that it configures itself where the router advertises a
 * prefix, the VIPs whose address its members keep (they answer as the VIP), the prefixes of routes through it, and
 * those that the configuration allows in addition.
 */
function allowedSources(
  port: PortConfig,
  configuration: Configuration,
  holders: readonly GroupConfig[],
): string[] {
  const own = new Set(port.addresses.map(withoutBits));
  const isOwn = (member: MemberConfig): boolean => own.has(member.address);
  const heldVips = holders
    .filter((group) => group.network === port.network)
    .filter((group) => group.criteria.some(({ members }) => members.some(isOwn)))
    .flatMap((group) => group.vip);
  const autonomous = configuration.networks
    .filter((network) => network.name === port.network)
    .flatMap((network) => autonomousAddresses(port.mac, network));
  const behind = configuration.networks
    .filter((network) => network.name === port.network)
    .flatMap((network) => network.routes.filter(({ via }) => own.has(via)).map(({ to }) => to));
  return [
    ...[...own, ...heldVips, ...autonomous].map(
      (address) => `${address}/${addressFamily(address) === 4 ? 32 : 128}`,
    ),
    ...behind,
    ...port.allowedAddresses,
  ];
}

/** TCP payload that fits into the network's MTU after headers without options, or as configured. */
function mssClamp({ mssClamp: bytes, mtu }: NetworkConfig): NetworkSpec['mssClamp'] {
  if (bytes === undefined) return undefined;
  if (bytes !== 'auto') return { ipv4: bytes, ipv6: bytes };
  return {
    ipv4: mtu - IPV4_HEADER_BYTES - TCP_HEADER_BYTES,
    ipv6: mtu - IPV6_HEADER_BYTES - TCP_HEADER_BYTES,
  };
}

function advertisements({
  routerAdvertisements: settings,
}: NetworkConfig): RouterAdvertisementSpec | undefined {
  if (settings === undefined) return undefined;
  const { lifetimeMs, intervalMs, autonomous } = settings;
  return { lifetimeS: Math.round(lifetimeMs / 1000), intervalMs, autonomous };
}

/**
 * The addresses that a VM derives from its MAC in a network that advertises a prefix (RFC 4862, RFC 4291 appendix A).
 */
function autonomousAddresses(mac: string, network: NetworkConfig): string[] {
  if (network.routerAdvertisements?.autonomous !== true) return [];
  return network.subnets
    .map(parsePrefix)
    .filter(({ family, bits }) => family === 6 && bits === 64)
    .map(({ words }) => {
      const view = new DataView(new ArrayBuffer(16));
      writeLinkLocal(view, 0, macHigh16(mac), macLow32(mac));
      const address = Int32Array.of(words[0]!, words[1]!, view.getInt32(8), view.getInt32(12));
      return wordsToAddress(address, 0);
    });
}

/** Its members answer as the VIP. */
const keepsVip = ({ rewrite }: GroupConfig): boolean => rewrite !== 'address';

const withoutBits = (prefix: string): string => prefix.slice(0, prefix.indexOf('/'));

/** Locally administered (IEEE 802, bit 1 of the first octet), the same on every host: 02:53:4c and the VNI. */
export function routerMac(vni: number): string {
  const digits = vni.toString(16).padStart(6, '0');
  return `02:53:4c:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}`;
}

/**
 * Name of the host's own MAC in a network, on its uplinks: distinct from every port's, as port names contain no
 * blank.
 */
function hostMac({ host, networks }: Configuration, name: string): string {
  const { vni } = networks.find((network) => network.name === name)!;
  return derivePortMac(host, `router ${vni}`);
}

const sameItems = <Item>(a: readonly Item[], b: readonly Item[]): boolean =>
  a.length === b.length && a.every((item, at) => item === b[at]);
