/** Chooses the host on which a VM is started. Pure. */
import type { Network } from '../../messages/messages.ts';

/** A host, from its agent's reports. */
export interface HostLoad {
  readonly host: string;
  /** Epoch of the currently attached agent. */
  readonly agentEpoch: number;
  /**
   * The host's networks. Absent: the agent does not report them, and is assumed to have all. Otherwise no host would
   * suit a template while a fleet is being upgraded, controllers first; if the assumption is wrong, the start fails
   * and the replacement avoids the host.
   */
  readonly networks?: readonly Network[];
  /** Templates in the host's own configuration: it starts no others. Absent: as above. */
  readonly templates?: readonly string[];
  /** Other load of the host, in any unit common to all: active flows, bytes per second, processor share. */
  readonly load: number;
}

export interface PlacementRequest {
  readonly template: string;
  readonly network: Network;
  /** Empty: any. */
  readonly allowed: readonly string[];
  /** The host of the last failed start: used only if there is no other. */
  readonly avoid?: string;
  /** VMs on each host: of all templates, and of this one. */
  vmsOn(host: string): number;
  siblingsOn(host: string): number;
}

export type Placement = { readonly host: string } | { readonly refusal: string };

/**
 * The least loaded suitable host: fewest VMs of the same template (so that the loss of one host affects as few as
 * possible), then fewest VMs, then least load, then by name. Otherwise the reason why no host is suitable, for
 * people.
 */
export function placeVm(request: PlacementRequest, hosts: readonly HostLoad[]): Placement {
  const { allowed, avoid, vmsOn, siblingsOn } = request;
  const candidates = hosts.filter(({ host }) => allowed.length === 0 || allowed.includes(host));
  const ranked = candidates
    .filter((host) => hasNetwork(host, request.network) && hasTemplate(host, request.template))
    .sort(
      (a, b) =>
        Number(a.host === avoid) - Number(b.host === avoid) ||
        siblingsOn(a.host) - siblingsOn(b.host) ||
        vmsOn(a.host) - vmsOn(b.host) ||
        a.load - b.load ||
        (a.host < b.host ? -1 : 1),
    );
  return ranked.length > 0 ? { host: ranked[0]!.host } : { refusal: refusalOf(request, candidates) };
}

/** The same name with another VNI is a different network. */
const hasNetwork = ({ networks }: HostLoad, { name, vni }: Network): boolean =>
  networks === undefined || networks.some((network) => network.name === name && network.vni === vni);

const hasTemplate = ({ templates }: HostLoad, name: string): boolean =>
  templates === undefined || templates.includes(name);

function refusalOf(
  { network, allowed, template }: PlacementRequest,
  candidates: readonly HostLoad[],
): string {
  if (candidates.length === 0) {
    return allowed.length === 0
      ? 'no host is attached'
      : `none of its hosts (${allowed.join(', ')}) is attached`;
  }
  if (candidates.some((host) => hasNetwork(host, network))) {
    return `no host with network ${describeNetwork(network)} has template ${template} in its own configuration`;
  }
  const found = [...candidates].sort((a, b) => (a.host < b.host ? -1 : 1)).map(describe);
  return `no host has network ${describeNetwork(network)}; found ${found.join('; ')}`;
}

const describe = ({ host, networks }: HostLoad): string =>
  `${host} with ${networks!.map(describeNetwork).join(', ') || 'none'}`;

const describeNetwork = ({ name, vni }: Network): string => `${name} (VNI ${vni})`;
