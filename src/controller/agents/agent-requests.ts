/**
 * Requests that an agent may pass on to the controller's API for the people at its host: those about agents and VMs,
 * and those about groups that concern the host; an admin's agent about all groups. An agent can neither stop a
 * controller nor make it read a file.
 */
import { Refusal } from '../../config/problems/refusal.ts';
import { isConcerned } from '../distribution/interest.ts';
import type { GroupStates } from '../groups/group-states.ts';
import type { AttachedAgent } from './attached-agent.ts';

const LISTINGS: readonly string[] = ['agents', 'vms'];

/** Whether the host reports that it stops and is not expected back. */
export const isFarewell = (host: string, method: string, path: readonly string[]): boolean =>
  method === 'DELETE' && path.length === 3 && path[0] === 'v1' && path[1] === 'agents' && path[2] === host;

/** Throws a Refusal unless `agent` may ask this; `path` as in ApiRequest. */
export function checkAgentRequest(
  agent: AttachedAgent,
  groups: GroupStates,
  method: string,
  path: readonly string[],
): void {
  const [version, resource, group, part] = path;
  if (version !== 'v1') throw new Refusal(404, `no such resource: /${path.join('/')}`);
  if (method === 'GET' && LISTINGS.includes(resource!) && path.length === 2) return;
  if (resource !== 'groups' || group === undefined || part === 'watch')
    throw new Refusal(
      403,
      `/${path.join('/')}: found a request of host ${agent.host}, expected one at the controller itself`,
    );
  const config = groups.get(group)?.group;
  // Answered like a group that does not concern the host.
  if (agent.session.isAdmin || (config !== undefined && isConcerned(agent.ports, config))) return;
  throw new Refusal(
    403,
    `group ${group}: found a request of host ${agent.host}, which it does not concern, expected a certificate with the role admin`,
  );
}
