/** Ports and uplinks: existing networks, unique names, devices, MACs and addresses. */
import { canonicalAddress, canonicalMac, formatPrefix, isPrefix, type Prefix } from '../../wire/address.ts';
import { derivePortMac } from '../model/port-mac.ts';
import { expectOneOf, type Path, type Report, show } from '../problems/problems.ts';
import type { ConfigInput } from '../schema/schema.ts';
import type { Lenient } from '../schema/shape.ts';
import {
  addressKeyIn,
  Claims,
  checkHostInSubnet,
  checkNoHostBits,
  insideOneOf,
  isLinkLocal,
  located,
  type NetworkInfo,
  prefixOf,
  sameAs,
  type Topology,
} from './topology.ts';

type UplinkView = Lenient<NonNullable<ConfigInput['uplinks']>[number]>;

/** MACs of logical routers begin with these octets (host/publishing/snapshot-builder.ts). */
const ROUTER_MACS = '02:53:4c:';

export function checkPorts(view: Lenient<ConfigInput>, topology: Topology, report: Report): void {
  const names = new Claims();
  const devices = new Claims();
  const macs = new Claims();

  for (const [i, port] of (view.ports ?? []).entries()) {
    if (port === undefined) continue;
    const path = ['ports', i];
    if (port.name !== undefined) {
      names.claim(port.name, port.name, [...path, 'name'], 'a name that no other port has', report);
    }
    if (port.netns !== undefined) {
      const device = `${port.interface ?? 'eth0'} in ${port.netns}`;
      const at = [...path, port.interface === undefined ? 'netns' : 'interface'];
      devices.claim(device, device, at, 'an interface that no other port has', report);
    }
    const network = findNetwork(port.network, [...path, 'network'], topology, report);
    const mac = port.mac ?? derivedMac(view.host, port.name);
    if (mac !== undefined) {
      const key = `${port.network} ${canonicalMac(mac)}`;
      macs.claim(key, mac, [...path, 'mac'], 'a MAC that no other port of the network has', report);
    }
    for (const address of located(port.addresses, [...path, 'addresses'])) {
      if (network !== undefined) checkPortAddress(address.value, network, address.path, topology, report);
    }
  }
  // Once the addresses and MACs of all ports are known.
  for (const [i, port] of (view.ports ?? []).entries()) {
    const network = topology.networks.get(port?.network ?? '');
    if (network === undefined) continue;
    for (const { value, path } of located(port?.allowedAddresses, ['ports', i, 'allowedAddresses']))
      checkAllowedAddress(value, network, path, topology, report);
    for (const { value, path } of located(port?.allowedMacs, ['ports', i, 'allowedMacs'])) {
      const owner = macs.ownerOf(`${network.name} ${canonicalMac(value)}`);
      if (owner !== undefined) report(path, sameAs(value, owner), "a MAC that is no port's own");
      else if (canonicalMac(value).startsWith(ROUTER_MACS))
        report(path, show(value), 'a MAC that no logical router has');
    }
  }
}

/** Named sets of ports that share a load balancer: ports of the file, each in one set. */
export function checkLoadBalancers(view: Lenient<ConfigInput>, report: Report): void {
  const sets = view.datapath?.loadBalancers;
  if (sets === undefined || typeof sets === 'string') return;
  const known = (view.ports ?? []).flatMap((port) => (port?.name === undefined ? [] : [port.name]));
  const members = new Claims();
  for (const [set, ports] of Object.entries(sets)) {
    for (const { value, path } of located(ports, ['datapath', 'loadBalancers', set])) {
      if (!known.includes(value))
        report(path, show(value), `the name of a port: ${expectOneOf(value, known)}`);
      else members.claim(value, value, path, 'each port in one load balancer', report);
    }
  }
}

/** Name of a network in the file; an unknown name is reported, and the result undefined. */
export function findNetwork(
  name: string | undefined,
  path: Path,
  topology: Topology,
  report: Report,
): NetworkInfo | undefined {
  if (name === undefined) return undefined;
  const network = topology.networks.get(name);
  if (network === undefined)
    report(path, show(name), `the name of a network: ${expectOneOf(name, [...topology.networks.keys()])}`);
  return network;
}

const derivedMac = (host: string | undefined, port: string | undefined): string | undefined =>
  host === undefined || port === undefined ? undefined : derivePortMac(host, port);

function checkPortAddress(
  text: string,
  network: NetworkInfo,
  path: Path,
  topology: Topology,
  report: Report,
): void {
  const address = text.slice(0, text.indexOf('/'));
  topology.addresses.claim(addressKeyIn(network, address), address, path, 'an address of its own', report);
  if (network.subnets.length === 0 || isLinkLocal(address)) return;
  const subnet = prefixOf(address, network.subnets);
  if (subnet !== undefined) {
    checkHostInSubnet(address, subnet, path, report);
    checkNotAnycast(address, subnet, network, path, report);
  } else
    report(
      path,
      `${show(text)}, outside the subnets of network ${network.name}`,
      insideOneOf(network.subnets),
    );
}

/** RFC 4291 §2.6.1: the first address of an IPv6 subnet is its routers'; subnets of two addresses have none (RFC 6164). */
function checkNotAnycast(
  address: string,
  subnet: Prefix,
  network: NetworkInfo,
  path: Path,
  report: Report,
): void {
  if (!network.hasIpv6Router || subnet.family === 4 || subnet.bits >= 127) return;
  if (canonicalAddress(address) !== formatPrefix(subnet).replace(/\/\d+$/, '')) return;
  const found = `${show(address)}, the subnet-router anycast address of its subnet`;
  report(path, found, `another address inside ${formatPrefix(subnet)}`);
}

/** Other ports' addresses are preset neighbours, and Sluice answers for gateways: another VM's claim would be ignored. */
function checkAllowedAddress(
  text: string,
  network: NetworkInfo,
  path: Path,
  topology: Topology,
  report: Report,
): void {
  if (isPrefix(text)) return checkNoHostBits(text, path, report);
  const owner = topology.addresses.ownerOf(addressKeyIn(network, text));
  if (owner !== undefined) report(path, sameAs(text, owner), 'an address that no gateway and no port has');
}

export function checkUplinks(view: Lenient<ConfigInput>, topology: Topology, report: Report): void {
  const names = new Claims();
  for (const [i, port] of (view.ports ?? []).entries()) {
    if (port?.name !== undefined) names.claim(port.name, port.name, ['ports', i, 'name'], '', () => {});
  }
  const interfaces = new Claims();
  for (const [i, uplink] of (view.uplinks ?? []).entries()) {
    if (uplink === undefined) continue;
    const path = ['uplinks', i];
    if (uplink.name !== undefined) {
      names.claim(
        uplink.name,
        uplink.name,
        [...path, 'name'],
        'a name that no port and no other uplink has',
        report,
      );
    }
    if (uplink.interface !== undefined) {
      const at = [...path, 'interface'];
      interfaces.claim(
        uplink.interface,
        uplink.interface,
        at,
        'an interface that no other uplink has',
        report,
      );
    }
    checkUplinkNetworks(uplink, [...path, 'networks'], topology, report);
  }
}

function checkUplinkNetworks(uplink: UplinkView, path: Path, topology: Topology, report: Report): void {
  const networks = new Claims();
  const vlans = new Claims();
  const carried = uplink.networks ?? [];
  for (const [k, entry] of carried.entries()) {
    if (entry === undefined) continue;
    const { name, vlan } = typeof entry === 'string' ? { name: entry, vlan: undefined } : entry;
    findNetwork(name, [...path, k], topology, report);
    if (name !== undefined) networks.claim(name, name, [...path, k], 'each network once', report);
    if (vlan !== undefined) vlans.claim(`${vlan}`, vlan, [...path, k, 'vlan'], 'a VLAN of its own', report);
    else if (carried.length > 1) {
      report(
        [...path, k],
        `${show(name)} without a VLAN`,
        '{ name, vlan }, as the uplink carries several networks',
      );
    }
  }
}
