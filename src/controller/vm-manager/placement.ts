/** On which host a VM is started. Pure. */
import type { Network } from '../../messages/messages.ts';

/** A host as its agent's reports show it. */
export interface HostLoad {
  readonly host: string;
  /** Of the agent that is attached now. */
  readonly agentEpoch: number;
  /**
   * Networks that it has. Absent: its agent does not say, and is taken to have all. While a fleet is being upgraded,
   * controllers first, a template would else find no host; and where that is wrong, the start fails and
   * its replacement avoids the host.
   */
  readonly networks?: readonly Network[];
  /** Templates in its own configuration: it starts no others. Absent: as above. */
  readonly templates?: readonly string[];
  /** What it does besides, in any unit that is the same for all: active flows, bytes per second, processor share. */
  readonly load: number;
}

export interface PlacementRequest {
  readonly template: string;
  readonly network: Network;
  /** Empty: any. */
  readonly allowed: readonly string[];
  /** Where the last one failed: taken only if there is no other. */
  readonly avoid?: string;
  /** VMs on each host, those of all templates, and those of this one. */
  vmsOn(host: string): number;
  siblingsOn(host: string): number;
}

export type Placement = { readonly host: string } | { readonly refusal: string };

/**
 * The least loaded of the hosts that can have it: fewest VMs of the same template (so that one host's end takes
 * as few of them as can be), then fewest VMs, then least load, then by name. Or why none can have it, for people.
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

/** The same name with another VNI is another network. */
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
