/** Networks: unique names and VNIs, subnets that do not overlap, gateways and next hops inside them. */
import { addressFamily, formatPrefix, networkOf, parsePrefix, prefixesOverlap } from '../../wire/address.ts';
import { milliseconds } from '../model/duration.ts';
import { DEFAULT_ROUTER } from '../model/model.ts';
import type { Path, Report } from '../problems/problems.ts';
import { expectOneOf, show } from '../problems/problems.ts';
import { type ConfigInput, DEFAULT_ADVERTISEMENTS } from '../schema/schema.ts';
import { isCutOut, type Lenient } from '../schema/shape.ts';
import {
  addressKey,
  addressKeyIn,
  Claims,
  canonicalPrefix,
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

type NetworkView = Lenient<NonNullable<ConfigInput['networks']>[number]>;
type RouteView = Lenient<NonNullable<NonNullable<ConfigInput['networks']>[number]['routes']>[number]>;

/** Number of prefixes that fit into one advertisement (datapath/forwarding/router-advertiser.ts). */
const MAX_ADVERTISED_PREFIXES = 32;
/** IPv6 needs 1280 bytes (RFC 8200 §5). */
const MIN_IPV6_MTU = 1280;

export function checkNetworks(view: Lenient<ConfigInput>, report: Report): Topology {
  const networks = new Map<string, NetworkInfo>();
  const addresses = new Claims();
  const names = new Claims();
  const vnis = new Claims();
  const routes = new Claims();
  const placedSubnets: PlacedSubnet[] = [];
  const routers = checkRouters(view, report);

  for (const [i, network] of (view.networks ?? []).entries()) {
    if (network === undefined) continue;
    const path = ['networks', i];
    // A network without a name is checked, too; an index cannot be confused with a name.
    const info = describe(network, network.name ?? `#${i}`);
    if (network.name !== undefined) {
      names.claim(network.name, network.name, [...path, 'name'], 'a name that no other network has', report);
      if (!networks.has(network.name)) networks.set(network.name, info);
    }
    if (network.vni !== undefined) {
      vnis.claim(`${network.vni}`, network.vni, [...path, 'vni'], 'a VNI that no other network has', report);
    }
    checkSubnets(network, info, path, placedSubnets, report);
    checkMtu(network, info, path, report);
    checkRouter(network, routers, path, report);
    checkAdvertisements(network, info, [...path, 'routerAdvertisements'], report);
    for (const gateway of located(network.gateway, [...path, 'gateway'])) {
      if (!isLinkLocal(gateway.value)) checkInside(gateway.value, info, gateway.path, report);
      const key = addressKeyIn(info, gateway.value);
      addresses.claim(key, gateway.value, gateway.path, 'an address of its own', report);
    }
    for (const [k, route] of (network.routes ?? []).entries()) {
      if (route !== undefined) checkRoute(route, network, info, [...path, 'routes', k], routes, report);
    }
  }
  return { networks, addresses };
}

function describe(network: NetworkView, name: string): NetworkInfo {
  const subnets = located(network.subnets, []).map(({ value }) => networkOf(parsePrefix(value)));
  const domain = 'gateway' in network ? `router ${network.router ?? DEFAULT_ROUTER}` : `network ${name}`;
  const hasIpv6Router = located(network.gateway, []).some(({ value }) => addressFamily(value) === 6);
  return { name, subnets, domain, hasRouter: 'gateway' in network, hasIpv6Router };
}

/** Names of the file's routers. */
function checkRouters(view: Lenient<ConfigInput>, report: Report): ReadonlySet<string> {
  const names = new Claims();
  const routers = (view.routers ?? []).map((router) => router?.name);
  for (const [i, name] of routers.entries()) {
    if (name === undefined) continue;
    names.claim(name, name, ['routers', i, 'name'], 'a name that no other router has', report);
  }
  return new Set(routers.filter((name) => name !== undefined));
}

/** In a file with several routers a forgotten `router` would join the network to a tenant that it does not belong to. */
function checkRouter(network: NetworkView, routers: ReadonlySet<string>, path: Path, report: Report): void {
  const { router } = network;
  const hasGateway = 'gateway' in network;
  if (router === undefined) {
    if (!hasGateway || routers.size === 0 || isCutOut(network, 'router')) return;
    report([...path, 'router'], 'nothing', `the name of a router: ${expectOneOf('', [...routers])}`);
  } else if (!routers.has(router)) {
    report([...path, 'router'], show(router), `the name of a router: ${expectOneOf(router, [...routers])}`);
  } else if (!hasGateway) {
    report(
      [...path, 'router'],
      'a router in a network without gateway',
      'a gateway, the address of the router',
    );
  }
}

interface PlacedSubnet {
  readonly text: string;
  readonly network: NetworkInfo;
  readonly path: Path;
}

function checkSubnets(
  network: NetworkView,
  info: NetworkInfo,
  path: Path,
  placed: PlacedSubnet[],
  report: Report,
): void {
  for (const subnet of located(network.subnets, [...path, 'subnets'])) {
    checkNoHostBits(subnet.value, subnet.path, report);
    const prefix = parsePrefix(subnet.value);
    const rival = placed.find(
      (other) => other.network.domain === info.domain && prefixesOverlap(parsePrefix(other.text), prefix),
    );
    if (rival === undefined) {
      placed.push({ text: subnet.value, network: info, path: subnet.path });
      continue;
    }
    const found = `${show(subnet.value)}, which overlaps ${canonicalPrefix(rival.text)} of network ${rival.network.name}`;
    const expected =
      rival.network === info
        ? 'subnets of one network that do not overlap'
        : 'subnets that do not overlap, as one router joins both networks';
    report(subnet.path, found, expected);
  }
}

function checkMtu(network: NetworkView, info: NetworkInfo, path: Path, report: Report): void {
  const hasIpv6 = info.subnets.some((subnet) => subnet.family === 6);
  if (network.mtu !== undefined && network.mtu < MIN_IPV6_MTU && hasIpv6) {
    report(
      [...path, 'mtu'],
      show(network.mtu),
      `at least ${MIN_IPV6_MTU}, as the network has an IPv6 subnet`,
    );
  }
}

/** RFC 4861 §6.2.1: a default router's lifetime is no shorter than the time to its next advertisement. */
function checkAdvertisements(network: NetworkView, info: NetworkInfo, path: Path, report: Report): void {
  const settings = network.routerAdvertisements;
  if (settings === undefined || settings === false) return;
  if (!info.hasIpv6Router && !isCutOut(network, 'gateway')) {
    report(
      path,
      'router advertisements in a network without IPv6 gateway',
      'an IPv6 address among the gateways',
    );
  }
  if (info.subnets.filter(({ family }) => family === 6).length > MAX_ADVERTISED_PREFIXES) {
    report(
      path,
      'router advertisements',
      `at most ${MAX_ADVERTISED_PREFIXES} IPv6 subnets in the network, or false`,
    );
  }
  if (settings === true) return;
  const lifetimeMs = milliseconds(settings.lifetime ?? DEFAULT_ADVERTISEMENTS.lifetime);
  const interval = settings.interval ?? DEFAULT_ADVERTISEMENTS.interval;
  if (lifetimeMs === 0 || lifetimeMs >= milliseconds(interval)) return;
  const key = settings.lifetime === undefined ? 'interval' : 'lifetime';
  report([...path, key], show(settings[key]), `a lifetime of 0s, or of at least the interval, ${interval}`);
}

/** Reports an address that is not a host address of any of the network's subnets. */
function checkInside(address: string, network: NetworkInfo, path: Path, report: Report): void {
  const subnet = prefixOf(address, network.subnets);
  if (subnet !== undefined) checkHostInSubnet(address, subnet, path, report);
  else
    report(
      path,
      `${show(address)}, outside the subnets of network ${network.name}`,
      insideOneOf(network.subnets),
    );
}

function checkRoute(
  route: RouteView,
  network: NetworkView,
  info: NetworkInfo,
  path: Path,
  routes: Claims,
  report: Report,
): void {
  if (!('gateway' in network)) {
    report(path, 'a route in a network without gateway', 'a gateway, as routes belong to the logical router');
  }
  const { to, via } = route;
  if (to !== undefined) {
    checkNoHostBits(to, [...path, 'to'], report);
    const key = `${info.domain} ${canonicalPrefix(to)}`;
    routes.claim(key, to, [...path, 'to'], 'one route per prefix', report);
  }
  if (via === undefined) return;
  checkInside(via, info, [...path, 'via'], report);
  const gateway = located(network.gateway, ['gateway']).find(
    ({ value }) => addressKey('', value) === addressKey('', via),
  );
  if (gateway !== undefined) {
    const found = sameAs(via, [...path.slice(0, 2), ...gateway.path]);
    report([...path, 'via'], found, 'the address of another router');
  }
  if (to !== undefined && addressFamily(via) !== parsePrefix(to).family) {
    const found = `${show(via)} as next hop of ${formatPrefix(parsePrefix(to))}`;
    report([...path, 'via'], found, `an IPv${parsePrefix(to).family} address`);
  }
}
