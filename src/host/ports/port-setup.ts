/**
 * A port's device as the configuration describes it.
 *
 * A VM's default routes: one per family, through the gateway of the port's network that its addresses can reach. A
 * namespace with several ports has those of the first; more would conflict.
 */
import type { Configuration, NetworkConfig, PortConfig } from '../../config/model/model.ts';
import type { TapRequest } from '../../io/devices/tap.ts';
import { ADDRESS_WORDS, addressToWords, parsePrefix, prefixContains } from '../../wire/address.ts';
import { isLinkLocal } from '../../wire/ipv6.ts';

export interface PortSetup {
  readonly port: PortConfig;
  readonly network: NetworkConfig;
  /** Next hops of the default routes, at most one per family. */
  readonly gateways: readonly string[];
}

/** Description of the port's TAP. */
export const tapRequestOf = ({ port, network, gateways }: PortSetup): TapRequest => ({
  netns: port.netns,
  interfaceName: port.interface,
  mac: port.mac,
  mtu: network.mtu,
  addresses: port.addresses,
  gateways,
});

/** By port name, in the order of the configuration. */
export function portSetups(configuration: Configuration): Map<string, PortSetup> {
  const networks = new Map(configuration.networks.map((network) => [network.name, network]));
  /** `namespace family` */
  const routed = new Set<string>();
  const setups = new Map<string, PortSetup>();
  for (const port of configuration.ports) {
    const network = networks.get(port.network)!;
    const gateways = network.gateway.filter((gateway) => {
      const key = `${port.netns} ${addressToWords(gateway, words, 0)}`;
      const isUsable = !routed.has(key) && isReachable(port);
      if (isUsable) routed.add(key);
      return isUsable;
    });
    setups.set(port.name, { port, network, gateways });
  }
  return setups;
}

const words = new Int32Array(ADDRESS_WORDS);

/** Whether the address in `words` is on one of the port's links; a link-local one is if the port has IPv6. */
const isReachable = (port: PortConfig): boolean =>
  port.addresses.some((address) => {
    const prefix = parsePrefix(address);
    return prefixContains(prefix, words, 0) || (prefix.family === 6 && isLinkLocal(words[0]!));
  });
