/** Checks of a VM's outgoing frames; all are on unless the configuration disables them. */

/** Messages that only servers, routers and switches send; true: dropped when a port's VM sends them. */
export interface PortGuards {
  readonly dhcp: boolean;
  readonly routerAdvertisements: boolean;
  readonly reservedMulticast: boolean;
}

export interface PortProtection {
  /** Frames whose source is not the port's are dropped. */
  antiSpoofing: boolean;
  /** Prefixes that the VM may send from besides its own addresses. */
  allowedAddresses: string[];
  /** MACs that the VM may send from besides its own. */
  allowedMacs: string[];
  /** EtherTypes that the VM may send under anti-spoofing besides IPv4, IPv6 and ARP. */
  allowedEtherTypes: 'any' | number[];
  guards: PortGuards;
}

/** Protection of ports that are not from the file. */
export const FULL_PROTECTION: PortProtection = {
  antiSpoofing: true,
  allowedAddresses: [],
  allowedMacs: [],
  allowedEtherTypes: [],
  guards: { dhcp: true, routerAdvertisements: true, reservedMulticast: true },
};
