/** Groups: networks that a router joins, virtual addresses that no station has, members that fit them. */
import { addressFamily, canonicalAddress, type Family, formatEndpoint } from '../../wire/address.ts';
import { type Path, pathText, type Report, show } from '../problems/problems.ts';
import type { ConfigInput } from '../schema/schema.ts';
import { isCutOut, type Lenient } from '../schema/shape.ts';
import { checkChains, checkKind } from './check-chains.ts';
import { findNetwork } from './check-ports.ts';
import { checkPriorities } from './check-priorities.ts';
import { checkMatch, checkRules, type RulesByTuple } from './check-rules.ts';
import {
  addressKeyIn,
  Claims,
  located,
  type NetworkInfo,
  prefixOf,
  sameAs,
  type Topology,
} from './topology.ts';

type GroupInput = NonNullable<ConfigInput['groups']>[number];
type GroupView = Lenient<GroupInput>;
type MemberView = Lenient<NonNullable<GroupInput['members']>[number]>;
type CriteriaView = Lenient<NonNullable<GroupInput['criteria']>[number]>;

/** Constraints on the members of one group. */
export interface GroupContext {
  readonly rewrite: 'address' | 'mac' | 'port';
  readonly protocol: string;
  /** Canonical. */
  readonly vips: readonly string[];
  readonly network: NetworkInfo | undefined;
}

/** A group's first network, which its members belong to; the others must be joined to it by a router. */
function checkNetworks(
  group: GroupView,
  path: Path,
  topology: Topology,
  report: Report,
): NetworkInfo | undefined {
  const names = new Claims();
  const [first, ...others] = located(group.network, path).map(({ value, path: at }) => {
    names.claim(value, value, at, 'each network once', report);
    return { value, at, info: findNetwork(value, at, topology, report) };
  });
  const { rewrite = 'address' } = group;
  if (others.length > 0 && rewrite !== 'address' && !isCutOut(group, 'rewrite')) {
    const found = `${others.length + 1} networks with rewrite: ${rewrite}`;
    report(path, found, 'rewrite: address, as other networks reach the members through the router');
  }
  for (const { value, at, info } of others) {
    if (info === undefined || first?.info === undefined || info === first.info) continue;
    if (!info.hasRouter || !first.info.hasRouter || info.domain !== first.info.domain) {
      const expected = `a network that a router joins with ${first.value}, where the members are`;
      report(at, show(value), expected);
    }
    for (const vip of located(group.vip, [])) {
      if (prefixOf(vip.value, info.subnets) === undefined) continue;
      const expected = `${value} first in the list, or a virtual address outside its subnets`;
      report(at, `${show(value)}, whose subnets contain ${vip.value}`, expected);
    }
  }
  return first?.info;
}

export function checkGroups(view: Lenient<ConfigInput>, topology: Topology, report: Report): void {
  const names = new Claims();
  const rules: RulesByTuple = new Map();
  for (const [i, group] of (view.groups ?? []).entries()) {
    if (group === undefined) continue;
    const path = ['groups', i];
    if (group.name !== undefined) {
      names.claim(group.name, group.name, [...path, 'name'], 'a name that no other group has', report);
    }
    const network = checkNetworks(group, [...path, 'network'], topology, report);
    const context: GroupContext = {
      rewrite: group.kind === 'middlebox' ? 'mac' : (group.rewrite ?? 'address'),
      protocol: group.protocol ?? 'any',
      vips: located(group.vip, []).map(({ value }) => canonicalAddress(value)),
      network,
    };
    checkVips(group, context, path, topology, report);
    checkMatch(group, context.vips, path, report);
    checkHash(group, path, report);
    checkScheduling(group, context, path, report);
    checkMembership(group, context, path, report);
    checkKind(group, path, report);
    checkRules(group, path, rules, report);
  }
  checkChains(view, report);
}

function checkVips(
  group: GroupView,
  context: GroupContext,
  path: Path,
  topology: Topology,
  report: Report,
): void {
  const own = new Claims();
  for (const vip of located(group.vip, [...path, 'vip'])) {
    own.claim(canonicalAddress(vip.value), vip.value, vip.path, 'each address once', report);
    if (context.network === undefined || context.rewrite === 'port' || isCutOut(group, 'rewrite')) continue;
    const owner = topology.addresses.ownerOf(addressKeyIn(context.network, vip.value));
    if (owner !== undefined) {
      report(vip.path, sameAs(vip.value, owner), 'an address that no port or gateway has (or rewrite: port)');
    }
  }
}

function checkHash(group: GroupView, path: Path, report: Report): void {
  if (group.hash === undefined || group.algorithm === 'maglev' || isCutOut(group, 'algorithm')) return;
  const algorithm = group.algorithm ?? 'weighted-round-robin';
  report([...path, 'hash'], `${show(group.hash)} with ${algorithm}`, 'algorithm: maglev, as no other hashes');
}

/** Reports settings that have no effect, or prevent replies, when a member is chosen per datagram. */
function checkScheduling(group: GroupView, context: GroupContext, path: Path, report: Report): void {
  if (group.udpScheduling !== 'per-datagram') return;
  if (context.protocol !== 'udp' && !isCutOut(group, 'protocol')) {
    const found = `"per-datagram" with protocol ${context.protocol}`;
    report([...path, 'udpScheduling'], found, 'protocol: udp, or per-flow');
  }
  if (context.rewrite === 'mac') {
    report([...path, 'rewrite'], '"mac" with per-datagram', 'address, as replies must tell their members');
  }
  if (group.algorithm === 'maglev') {
    report([...path, 'algorithm'], '"maglev" with per-datagram', 'one that does not hash the flow');
  }
  for (const key of ['affinity', 'udpRepick'] as const) {
    if (group[key] === undefined) continue;
    report([...path, key], `${key} with per-datagram`, 'none of it, as datagrams keep no member');
  }
}

const familyOf = (families: ReadonlySet<Family>): string =>
  [...families].map((family) => `IPv${family}`).join(' or ');

// ---------------------------------------------------------------------------------------------------------
// Members

function checkMembership(group: GroupView, context: GroupContext, path: Path, report: Report): void {
  const kinds = (['members', 'criteria', 'priorities'] as const).filter((kind) => kind in group);
  if (kinds.length === 2) report(path, `both ${kinds.join(' and ')}`, 'one of the two');
  if (kinds.length === 3) report(path, 'members, criteria and priorities', 'one of the three');
  if (kinds.length === 0) {
    const expected = 'members, or criteria with their periods, or priorities with their conditions';
    report(path, 'neither members nor criteria nor priorities', expected);
  }
  const seen: Identities = new Map();
  checkMembers(group.members, context, [...path, 'members'], seen, report);
  for (const [k, set] of (group.criteria ?? []).entries()) {
    if (set === undefined) continue;
    const at = [...path, 'criteria', k];
    checkPeriod(set, at, report);
    checkMembers(set.members, context, [...at, 'members'], seen, report);
  }
  checkPriorities(group, context.vips, path, report);
  for (const [k, priority] of (group.priorities ?? []).entries()) {
    const at = [...path, 'priorities', k, 'members'];
    if (priority !== undefined) checkMembers(priority.members, context, at, new Map(), report);
  }
}

function checkPeriod(set: CriteriaView, path: Path, report: Report): void {
  if (set.from === undefined || set.until === undefined) return;
  if (Date.parse(set.until) > Date.parse(set.from)) return;
  report([...path, 'until'], show(set.until), `a time after ${set.from}, where the period begins`);
}

/** Members of earlier criteria sets by name, with their destinations. */
type Identities = Map<string, { identity: string; path: Path }>;

/** One criteria set's members; a name seen in an earlier set must stand for the same destination. */
export function checkMembers(
  members: readonly (MemberView | undefined)[] | undefined,
  context: GroupContext,
  path: Path,
  seen: Identities,
  report: Report,
): void {
  const names = new Claims();
  const destinations = new Claims();
  for (const [k, member] of (members ?? []).entries()) {
    if (member === undefined) continue;
    const { name, address } = member;
    const at = [...path, k];
    const isNew =
      name !== undefined &&
      names.claim(name, name, [...at, 'name'], 'a name that no other member has', report);
    if (address === undefined) continue;
    const canonical = canonicalAddress(address);
    const identity = member.port === undefined ? canonical : formatEndpoint(canonical, member.port);
    destinations.claim(identity, address, [...at, 'address'], 'each destination once', report);
    checkMemberFits(member, address, context, at, report);
    if (!isNew) continue;
    const before = seen.get(name);
    if (before === undefined) seen.set(name, { identity, path: at });
    else if (before.identity !== identity) {
      const found = `${show(name)} with ${identity}`;
      report([...at, 'address'], found, `${before.identity}, as at ${pathText(before.path)}`);
    }
  }
}

function checkMemberFits(
  member: MemberView,
  address: string,
  context: GroupContext,
  path: Path,
  report: Report,
): void {
  const families = new Set(context.vips.map(addressFamily));
  const family = addressFamily(address);
  const isVip = context.vips.includes(canonicalAddress(address));
  if (families.size > 0 && !families.has(family)) {
    report(
      [...path, 'address'],
      `${show(address)}, which is IPv${family}`,
      `an ${familyOf(families)} address, as the VIP`,
    );
  } else if (context.rewrite === 'port' && !isVip && families.size > 0) {
    report(
      [...path, 'address'],
      show(address),
      `${context.vips.join(' or ')}, as rewrite: port leaves the address`,
    );
  } else if (context.rewrite !== 'port' && isVip) {
    report([...path, 'address'], `${show(address)}, which is the VIP`, "the member's own address");
  }
  if (context.rewrite === 'port' && member.port === undefined) {
    report([...path, 'port'], 'nothing', 'a port, as rewrite: port changes nothing else');
  }
  if (context.protocol === 'icmp' && member.port !== undefined) {
    report([...path, 'port'], show(member.port), 'no port, as ICMP has none');
  }
  const subnets = context.network?.subnets ?? [];
  if (
    context.rewrite === 'mac' &&
    member.mac === undefined &&
    subnets.length > 0 &&
    !prefixOf(address, subnets)
  ) {
    const found = `${show(address)}, outside the subnets of network ${context.network?.name}`;
    report([...path, 'address'], found, 'an address on the network, or a mac, as rewrite: mac needs one');
  }
}
