/** Derives from a host's groups which members it probes, and how. Pure. */

import { membersOf } from '../../config/model/group-members.ts';
import type { Configuration, GroupConfig, HealthConfig, MemberConfig } from '../../config/model/model.ts';
import { Reach } from '../../config/model/reach.ts';
import type { ProbeTarget } from './prober-protocol.ts';

export interface MemberTarget extends ProbeTarget {
  readonly network: string;
  readonly group: string;
  readonly member: string;
  readonly address: string;
}

/**
 * Targets by network. A host probes the members of groups that its own ports send to, as their path to the members is
 * what matters. Draining and failed members are probed, too, to detect recovery.
 */
export function probeTargets(configuration: Configuration): Map<string, MemberTarget[]> {
  const targets = new Map<string, MemberTarget[]>();
  const reach = new Reach(configuration);
  for (const group of configuration.groups) {
    const { health, network } = group;
    const isUsed = configuration.ports.some((port) => port.purpose !== 'probe' && reach.selects(group, port));
    if (health === undefined || !isUsed) continue;
    const ofNetwork = targets.get(network) ?? [];
    targets.set(network, ofNetwork);
    ofNetwork.push(...membersOf(group).flatMap((member) => targetOf(group, health, member) ?? []));
  }
  return targets;
}

/** Undefined for a member without a port to probe. */
function targetOf(group: GroupConfig, health: HealthConfig, member: MemberConfig): MemberTarget | undefined {
  const { kind, path, expectStatus, timeoutMs, intervalMs, rise, fall } = health;
  const port = kind === 'icmp' ? 0 : (health.port ?? member.port ?? group.port);
  if (port === undefined) return undefined;
  const { address } = member;
  const probe = { kind, address, port, path, expectStatus, timeoutMs };
  const key = JSON.stringify([group.name, member.name, address]);
  return {
    network: group.network,
    group: group.name,
    member: member.name,
    address,
    key,
    probe,
    intervalMs,
    rise,
    fall,
  };
}
