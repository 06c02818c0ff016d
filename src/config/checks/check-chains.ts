/** Service chains: groups of middleboxes, and the groups whose flows pass them. */
import { canonicalAddress } from '../../wire/address.ts';
import { type Path, pathText, type Report, show } from '../problems/problems.ts';
import type { ConfigInput } from '../schema/schema.ts';
import { isCutOut, type Lenient } from '../schema/shape.ts';
import { Claims, located } from './topology.ts';

type GroupView = Lenient<NonNullable<ConfigInput['groups']>[number]>;

/** Settings of virtual addresses and of flows to them, which middleboxes have none of. */
const OF_SERVICES = [
  'vip',
  'protocol',
  'port',
  'ports',
  'match',
  'from',
  'rewrite',
  'through',
  'identifier',
  'onHopFailure',
  'onNoHop',
  'onEmpty',
  'udpIdle',
  'udpRepick',
  'udpScheduling',
] as const satisfies readonly (keyof GroupView)[];

/** Settings that only a chain has. */
const OF_CHAINS = ['identifier', 'onHopFailure', 'onNoHop'] as const satisfies readonly (keyof GroupView)[];

/** Reports settings that do not belong to a group's kind. */
export function checkKind(group: GroupView, path: Path, report: Report): void {
  if (isCutOut(group, 'kind')) return;
  if (group.kind === 'middlebox') return checkMiddleboxes(group, path, report);
  if (group.vip === undefined && !isCutOut(group, 'vip'))
    report([...path, 'vip'], 'nothing', 'an address or a list of addresses');
  if (group.deliver !== undefined)
    report([...path, 'deliver'], show(group.deliver), 'nothing, or kind: middlebox');
  if ((group.through ?? []).length > 0) return checkChained(group, path, report);
  if (isCutOut(group, 'through')) return;
  for (const key of OF_CHAINS) {
    if (group[key] !== undefined) report([...path, key], show(group[key]), 'nothing, or a chain in through');
  }
}

function checkMiddleboxes(group: GroupView, path: Path, report: Report): void {
  for (const key of OF_SERVICES) {
    if (group[key] !== undefined)
      report([...path, key], show(group[key]), 'nothing, as middleboxes have no virtual address');
  }
  if (located(group.network, path).length > 1)
    report([...path, 'network'], show(group.network), 'one network, which the middleboxes are on');
  const sets = [group, ...(group.criteria ?? [])];
  for (const { member, at } of sets.flatMap((set, k) =>
    membersOf(set, k === 0 ? path : [...path, 'criteria', k - 1]),
  )) {
    if (member.port !== undefined)
      report([...at, 'port'], show(member.port), 'nothing, as middleboxes get packets as they are');
  }
}

function checkChained(group: GroupView, path: Path, report: Report): void {
  if (group.rewrite === 'port') {
    report([...path, 'rewrite'], '"port" with through', 'address or mac, as the members are not on one VM');
  }
  if (group.udpScheduling === 'per-datagram') {
    report([...path, 'udpScheduling'], '"per-datagram" with through', 'per-flow, as middleboxes track flows');
  }
}

interface Located {
  readonly member: NonNullable<NonNullable<GroupView['members']>[number]>;
  readonly at: Path;
}

const membersOf = (set: Pick<GroupView, 'members'> | undefined, path: Path): Located[] =>
  (set?.members ?? []).flatMap((member, k) =>
    member === undefined ? [] : [{ member, at: [...path, 'members', k] }],
  );

/** Reports chains through groups that are none of middleboxes or cannot be reached, and VMs that would be met twice. */
export function checkChains(view: Lenient<ConfigInput>, report: Report): void {
  const groups = new Map<string, { group: GroupView; path: Path }>();
  for (const [i, group] of (view.groups ?? []).entries()) {
    if (group?.name !== undefined) groups.set(group.name, { group, path: ['groups', i] });
  }
  for (const { group, path } of groups.values()) {
    if (group.kind === 'middlebox') continue;
    const names = new Claims();
    const met = new Map<string, Path>(addressesOf(group, path));
    for (const [k, name] of (group.through ?? []).entries()) {
      if (name === undefined) continue;
      const at = [...path, 'through', k];
      names.claim(name, name, at, 'each group once', report);
      const hop = groups.get(name);
      if (hop === undefined) report(at, show(name), 'the name of a group of kind: middlebox');
      else checkHop(group, hop, met, at, report);
    }
  }
}

/** `met`: addresses on the way so far, and the members'. */
function checkHop(
  group: GroupView,
  hop: { group: GroupView; path: Path },
  met: Map<string, Path>,
  at: Path,
  report: Report,
): void {
  const name = show(hop.group.name);
  if (hop.group.kind !== 'middlebox') {
    if (!isCutOut(hop.group, 'kind')) report(at, `${name}, a group of servers`, 'a group of kind: middlebox');
    return;
  }
  const [network] = located(group.network, []);
  const [ofHop] = located(hop.group.network, []);
  if (network !== undefined && ofHop !== undefined && network.value !== ofHop.value) {
    report(at, `${name} on network ${ofHop.value}`, `middleboxes on network ${network.value}`);
  }
  for (const [address, place] of addressesOf(hop.group, hop.path)) {
    const before = met.get(address);
    if (before !== undefined && before !== place)
      report(at, `${name} with ${address}, as at ${pathText(before)}`, 'VMs that a flow meets once');
    else met.set(address, place);
  }
}

/** Each address with its first place. */
function addressesOf(group: GroupView, path: Path): Map<string, Path> {
  const addresses = new Map<string, Path>();
  const sets = [group, ...(group.criteria ?? [])];
  for (const [k, set] of sets.entries()) {
    for (const { member, at } of membersOf(set, k === 0 ? path : [...path, 'criteria', k - 1])) {
      if (member.address === undefined) continue;
      const address = canonicalAddress(member.address);
      if (!addresses.has(address)) addresses.set(address, at);
    }
  }
  return addresses;
}
