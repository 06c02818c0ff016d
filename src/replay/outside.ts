/**
 * Stations outside this host in a replay: one port per network, named `outside:NETWORK`, with all stations that are on no
 * configured port.
 *
 * A capture rarely contains the ARP and ND exchanges of its stations. So configured members and next hops without a port
 * are known from the start, with a MAC derived from their address: 02:04 and the four bytes of an IPv4 address, 02:06 and
 * the exclusive-or of the four words of an IPv6 address. A translated packet to such a member appears in the output
 * instead of waiting for neighbour resolution. Other neighbours are resolved as on a live host, from the capture.
 */
import type { Configuration } from '../config/model/model.ts';
import type { DatapathSnapshot, NetworkSpec, PortSpec } from '../datapath/snapshot.ts';
import { NONE } from '../tables/common/bucket-index.ts';
import { NetworkAddress } from '../tables/common/network-address.ts';
import { NEIGHBOUR } from '../tables/forwarding/neighbour-table.ts';
import type { Tables } from '../tables/tables.ts';
import {
  addressToWords,
  macHigh16,
  macLow32,
  parsePrefix,
  prefixContains,
  wordsFamily,
  wordsToMac,
} from '../wire/address.ts';

/** A station that is on no port of this host. */
export interface OutsideStation {
  /** Network id. */
  readonly network: number;
  readonly address: string;
  readonly mac: string;
}

export interface OutsideWorld {
  /** The snapshot with the outside ports behind the configured ones. */
  readonly snapshot: DatapathSnapshot;
  /** Network id → its outside port. */
  readonly portOf: ReadonlyMap<number, PortSpec>;
  readonly stations: readonly OutsideStation[];
}

export function addOutside(configuration: Configuration, snapshot: DatapathSnapshot): OutsideWorld {
  // Stations behind an uplink are outside, too.
  const own = snapshot.ports.filter(({ uplink }) => uplink === undefined);
  const firstId = Math.max(-1, ...snapshot.ports.map(({ id }) => id)) + 1;
  const ports = snapshot.networks.map(
    ({ id, name }, i): PortSpec => ({
      id: firstId + i,
      name: `outside:${name}`,
      network: id,
      addresses: [],
      loadBalancer: -1,
      offloads: false,
    }),
  );
  return {
    snapshot: { ...snapshot, ports: [...own, ...ports] },
    portOf: new Map(ports.map((port) => [port.network, port])),
    stations: outsideStations(configuration, snapshot),
  };
}

/** Sets the stations' MACs, as the datapath does for the addresses of configured ports. */
export function presetStations(world: OutsideWorld, tables: Tables): void {
  const words = new Int32Array(4);
  const neighbour = new NetworkAddress();
  for (const { network, address, mac } of world.stations) {
    addressToWords(address, words, 0);
    const { neighbours } = tables;
    const id = neighbours.intern(neighbour.read(network, words, 0), 0, neighbours.configuredPort);
    if (id === NONE) throw new Error(`replay: no room for neighbour ${address} in the neighbour table`);
    neighbours.setMac(id, macHigh16(mac), macLow32(mac));
    neighbours.setState(id, NEIGHBOUR.fixed, 0);
    tables.macs.fix(network, macHigh16(mac), macLow32(mac), world.portOf.get(network)!.id);
  }
}

/** The MAC that replay assumes for an address; see above. */
export function outsideMac(address: string): string {
  const words = new Int32Array(4);
  addressToWords(address, words, 0);
  if (wordsFamily(words, 0) === 4) return wordsToMac(0x0204, words[3]!);
  return wordsToMac(0x0206, words[0]! ^ words[1]! ^ words[2]! ^ words[3]!);
}

function outsideStations(configuration: Configuration, snapshot: DatapathSnapshot): OutsideStation[] {
  const stations = new Map<string, OutsideStation>();
  const add = (seenFrom: NetworkSpec, address: string, mac: string | undefined): void => {
    const network = holderOf(snapshot, seenFrom, address);
    if (network === undefined || isOnPort(snapshot, network, address)) return;
    stations.set(`${network.id} ${address}`, {
      network: network.id,
      address,
      mac: mac ?? outsideMac(address),
    });
  };
  const byName = new Map(snapshot.networks.map((network) => [network.name, network]));
  for (const network of snapshot.networks) {
    for (const { via } of network.routes) add(network, via, undefined);
  }
  for (const group of configuration.groups) {
    for (const { members } of group.criteria) {
      for (const { address, mac } of members) add(byName.get(group.network)!, address, mac);
    }
  }
  return [...stations.values()];
}

/** The network of an address, seen from `network`: itself, or one that the router joins to it. */
function holderOf(
  snapshot: DatapathSnapshot,
  network: NetworkSpec,
  address: string,
): NetworkSpec | undefined {
  if (contains(network, address)) return network;
  if (network.gateways.length === 0) return undefined;
  const joined = snapshot.networks.filter(
    (other) => other.gateways.length > 0 && other.router === network.router,
  );
  return joined.find((other) => contains(other, address));
}

function isOnPort(snapshot: DatapathSnapshot, network: NetworkSpec, address: string): boolean {
  return snapshot.ports.some((port) => port.network === network.id && port.addresses.includes(address));
}

/** Whether one of the network's subnets contains the address. */
export function contains(network: NetworkSpec, address: string): boolean {
  const words = new Int32Array(4);
  addressToWords(address, words, 0);
  return network.subnets.some((subnet) => prefixContains(parsePrefix(subnet), words, 0));
}
