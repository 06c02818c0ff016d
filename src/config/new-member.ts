/** Checks a member that joins a running group as if it were in the file. */
import { canonicalAddress, networkOf, parsePrefix } from '../wire/address.ts';
import { checkMembers } from './checks/check-groups.ts';
import { type GroupConfig, type MemberConfig, type NetworkConfig, networksOf } from './model/model.ts';
import { ConfigError, type Problem, pathText, type Report, show } from './problems/problems.ts';
import { resolveMember } from './resolve.ts';
import { memberSchema } from './schema/schema-groups.ts';
import { checkShape } from './schema/shape.ts';

/**
 * The member described by `input` ({ name, address, port?, mac?, weight? }), canonical and with defaults.
 * Throws ConfigError if the input is malformed, does not fit the group, has the name or destination of a member in
 * any of the group's criteria sets, or has the virtual address of one of the `others`.
 */
export function checkNewMember(
  input: unknown,
  group: GroupConfig,
  network: NetworkConfig,
  others: readonly GroupConfig[] = [],
): MemberConfig {
  const problems: Problem[] = [];
  const report: Report = (path, found, expected) => problems.push({ path: pathText(path), found, expected });
  const { view, value } = checkShape(memberSchema, input, report);

  const existing = new Map(
    group.criteria.flatMap((set) => set.members.map((member) => [member.name, member])),
  );
  const context = {
    rewrite: group.rewrite,
    protocol: group.protocol,
    vips: group.vip,
    network: {
      name: network.name,
      subnets: network.subnets.map((subnet) => networkOf(parsePrefix(subnet))),
      domain: '',
      hasRouter: false,
      hasIpv6Router: false,
    },
  };
  checkMembers([...existing.values(), view], context, ['members'], new Map(), (path, found, expected) => {
    if (path[1] === existing.size) report(path.slice(2), found, expected);
  });
  const address = view.address === undefined ? undefined : canonicalAddress(view.address);
  const owner = others.find(
    (other) =>
      other.name !== group.name &&
      networksOf(other).includes(group.network) &&
      other.rewrite !== 'port' &&
      other.vip.includes(address ?? ''),
  );
  if (owner !== undefined && group.rewrite !== 'port') {
    const found = `${show(view.address)}, the virtual address of group ${owner.name}`;
    report(['address'], found, 'an address that a member itself has');
  }
  if (value === undefined || problems.length > 0) throw new ConfigError(`group ${group.name}`, problems);
  return resolveMember(value);
}
