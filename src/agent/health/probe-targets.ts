/** Derives from a host's groups which members it probes or asks for their load, and how. Pure. */
import { membersOf } from '../../config/model/group-members.ts';
import type {
  Configuration,
  GroupConfig,
  HealthConfig,
  LoadConfig,
  MemberConfig,
} from '../../config/model/model.ts';
import { Reach } from '../../config/model/reach.ts';
import type { LoadTarget, ProbeTarget } from './prober-protocol.ts';

/** Whom a target's key stands for. */
interface OfMember {
  readonly network: string;
  readonly group: string;
  readonly member: string;
  readonly address: string;
}

export type MemberTarget = ProbeTarget & OfMember;
export type MemberLoadTarget = LoadTarget & OfMember;

export interface MemberTargets {
  readonly checks: MemberTarget[];
  readonly loads: MemberLoadTarget[];
}

/**
 * Targets by network. A host probes the members of groups that its own ports send to, as their path to the members is
 * what matters. Draining and failed members are probed, too, to detect recovery.
 */
export function probeTargets(configuration: Configuration): Map<string, MemberTargets> {
  const targets = new Map<string, MemberTargets>();
  const reach = new Reach(configuration);
  for (const group of configuration.groups) {
    const { health, load, network } = group;
    const isUsed = configuration.ports.some((port) => port.purpose !== 'probe' && reach.selects(group, port));
    if ((health === undefined && load === undefined) || !isUsed) continue;
    const { checks, loads } = targets.get(network) ?? { checks: [], loads: [] };
    targets.set(network, { checks, loads });
    for (const member of membersOf(group)) {
      if (health !== undefined) checks.push(...targetOf(group, health, member));
      if (load !== undefined) loads.push(...loadTargetOf(group, load, member));
    }
  }
  return targets;
}

/** None for a member without a port to probe. */
function targetOf(group: GroupConfig, health: HealthConfig, member: MemberConfig): MemberTarget[] {
  const { kind, path, expectStatus, timeoutMs, intervalMs, rise, fall } = health;
  const { service = '', payload = '', answer = '' } = health;
  const port = kind === 'icmp' ? 0 : (health.port ?? member.port ?? group.port);
  if (port === undefined) return [];
  const { address } = member;
  const probe = { kind, address, port, path, expectStatus, service, payload, answer, timeoutMs };
  return [{ ...ofMember(group, member), probe, intervalMs, rise, fall }];
}

/** As above. */
function loadTargetOf(group: GroupConfig, load: LoadConfig, member: MemberConfig): MemberLoadTarget[] {
  const { kind, path, metric, pointer, timeoutMs, intervalMs } = load;
  const port = load.port ?? member.port ?? group.port;
  if (port === undefined) return [];
  const question = { kind, address: member.address, port, path, metric, pointer, timeoutMs };
  return [{ ...ofMember(group, member), question, intervalMs }];
}

const ofMember = (
  { name: group, network }: GroupConfig,
  { name: member, address }: MemberConfig,
): OfMember & { key: string } => ({
  network,
  group,
  member,
  address,
  key: JSON.stringify([group, member, address]),
});
