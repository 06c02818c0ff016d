/**
 * The port from which a host's health checks enter a network: a port like a VM's, in a namespace of the host's own.
 *
 * Its addresses. Members must be able to answer, so an address must be on the network and unique, across all hosts.
 * `probeAddress` of the file is used if given. Otherwise, in an IPv6 subnet with at least 64 host bits, the address is
 * formed from the port's MAC (modified EUI-64, RFC 4291 appendix A), which is derived from the host's name. Otherwise
 * the last free address of the subnet is used, if all addresses on the network are known: no uplink, no controller with
 * members on other hosts, no port without configured addresses. If no rule applies there is no address, and
 * `config check` reports it.
 */
import {
  ADDRESS_WORDS,
  addressFamily,
  addressToWords,
  canonicalAddress,
  macHigh16,
  macLow32,
  networkOf,
  parsePrefix,
  prefixContains,
  wordsToAddress,
} from '../../wire/address.ts';
import { lastFree, parsePool, poolContains, subnetPool } from './address-pool.ts';
import type { Configuration, NetworkConfig, PortConfig } from './model.ts';
import { derivePortMac } from './port-mac.ts';
import { FULL_PROTECTION } from './port-protection.ts';

const MAX_EUI64_BITS = 64;

export const probePortName = (network: string): string => `probe.${network}`;

/** The host chooses `netns`: it must be unique on the machine. */
export function probePort(configuration: Configuration, network: NetworkConfig, netns = ''): PortConfig {
  const name = probePortName(network.name);
  const mac = derivePortMac(configuration.host, name);
  return {
    name,
    network: network.name,
    netns,
    interface: 'eth0',
    mac,
    addresses: addressesFor(configuration, network, mac),
    ...FULL_PROTECTION,
    labels: {},
    purpose: 'probe',
  };
}

/** `address/bits`, at most one per family. */
function addressesFor(configuration: Configuration, network: NetworkConfig, mac: string): string[] {
  const chosen = new Map<number, string>();
  for (const address of network.probeAddresses) {
    const subnet = network.subnets.find((candidate) => contains(candidate, address));
    if (subnet !== undefined) chosen.set(addressFamily(address), `${address}/${bitsOf(subnet)}`);
  }
  for (const subnet of network.subnets) {
    const { family } = parsePrefix(subnet);
    if (chosen.has(family)) continue;
    const address = eui64(subnet, mac) ?? lastOf(subnet, configuration, network);
    if (address !== undefined) chosen.set(family, `${address}/${bitsOf(subnet)}`);
  }
  return [...chosen.values()];
}

function eui64(subnet: string, mac: string): string | undefined {
  const prefix = networkOf(parsePrefix(subnet));
  if (prefix.family === 4 || prefix.bits > MAX_EUI64_BITS) return undefined;
  const high = macHigh16(mac);
  const low = macLow32(mac);
  const words = prefix.words.slice();
  // MAC octets 0 1 2, ff, fe, 3 4 5, with the universal/local bit inverted.
  words[2] = ((high ^ 0x0200) << 16) | ((low >>> 24) << 8) | 0xff;
  words[3] = (0xfe << 24) | (low & 0xff_ffff);
  return wordsToAddress(words, 0);
}

function lastOf(subnet: string, configuration: Configuration, network: NetworkConfig): string | undefined {
  if (!isKnown(configuration, network)) return undefined;
  const pools = configuration.templates
    .filter((template) => template.network === network.name)
    .flatMap((template) => template.addresses.map(parsePool));
  const taken = takenAddresses(configuration, network);
  return lastFree(
    subnetPool(subnet),
    (address) => taken.has(address) || pools.some((pool) => poolContains(pool, address)),
  );
}

function isKnown({ uplinks = [], controllers, ports }: Configuration, { name }: NetworkConfig): boolean {
  const isCarried = uplinks.some(({ networks }) => networks.some((carried) => carried.name === name));
  const own = ports.filter((port) => port.network === name);
  return !isCarried && controllers === undefined && own.every(({ addresses }) => addresses.length > 0);
}

/** Every address that the configuration names and that lies, or may lie, on the network. */
export function takenAddresses(configuration: Configuration, network: NetworkConfig): Set<string> {
  const { ports, groups, networks } = configuration;
  const taken = [
    ...networks.flatMap(({ gateway }) => gateway),
    ...network.routes.map(({ via }) => via),
    ...network.probeAddresses,
    ...ports
      .filter((port) => port.network === network.name && port.purpose !== 'probe')
      .flatMap(({ addresses }) => addresses.map((text) => text.slice(0, text.indexOf('/')))),
    ...groups.flatMap(({ vip }) => vip),
    ...groups.flatMap(({ criteria }) =>
      criteria.flatMap(({ members }) => members.map(({ address }) => address)),
    ),
  ];
  return new Set(taken.map(canonicalAddress));
}

const words = new Int32Array(ADDRESS_WORDS);

function contains(subnet: string, address: string): boolean {
  addressToWords(address, words, 0);
  return prefixContains(parsePrefix(subnet), words, 0);
}

const bitsOf = (prefix: string): string => prefix.slice(prefix.indexOf('/') + 1);
