/** An uplink's legs: one per network that it carries. */
import type { Configuration } from './model.ts';

export interface UplinkLeg {
  /** Name of the uplink. */
  readonly uplink: string;
  readonly interface: string;
  readonly network: string;
  /** Absent: untagged. */
  readonly vlan?: number;
  readonly reservedMulticastGuard: boolean;
}

/** Legs of all uplinks, in the order of the configuration. */
export const uplinkLegs = ({ uplinks = [] }: Pick<Configuration, 'uplinks'>): UplinkLeg[] =>
  uplinks.flatMap(({ name, interface: device, networks, reservedMulticastGuard }) =>
    networks.map((carried) => ({
      uplink: name,
      interface: device,
      network: carried.name,
      vlan: carried.vlan,
      reservedMulticastGuard,
    })),
  );
