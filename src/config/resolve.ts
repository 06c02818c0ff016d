/** Converts the checked file to the model: canonical addresses, milliseconds, one form for lists. */
import { addressFamily, canonicalAddress, canonicalMac, formatPrefix, parsePrefix } from '../wire/address.ts';
import { milliseconds } from './model/duration.ts';
import type {
  Configuration,
  CriteriaConfig,
  FlapDampingConfig,
  GroupConfig,
  HealthConfig,
  LoadConfig,
  MemberConfig,
  NetworkConfig,
  PortConfig,
  RouterAdvertisementConfig,
  TemplateConfig,
  WhenConfig,
} from './model/model.ts';
import { derivePortMac } from './model/port-mac.ts';
import { mergedRanges, parsePortRange, resolvePorts } from './model/port-ranges.ts';
import { resolveFirewall, resolveMark, resolveOperator } from './resolve-firewalls.ts';
import { resolvePolicy, resolveScaling } from './resolve-policy.ts';
import { type ConfigFile, DEFAULT_ADVERTISEMENTS } from './schema/schema.ts';

type FileGroup = ConfigFile['groups'][number];
type FileMember = NonNullable<FileGroup['members']>[number];
type FilePriority = NonNullable<FileGroup['priorities']>[number];
type FileCriteria = NonNullable<FileGroup['criteria']>[number];

export function resolveConfiguration(file: ConfigFile): Configuration {
  const { host, datapath, listen, controllers, user, store, tls } = file;
  return {
    host,
    datapath: {
      engine: datapath.engine,
      maxConnections: datapath.maxConnections,
      busyPollUs: datapath.busyPollUs,
      meterPacketsPerMs: datapath.meterPacketsPerMs,
      loadBalancers: datapath.loadBalancers,
      udpIdleMs: milliseconds(datapath.udpIdle),
      tcpEstablishedIdleMs: milliseconds(datapath.tcpEstablishedIdle),
      tcpTransitoryIdleMs: milliseconds(datapath.tcpTransitoryIdle),
      activeFlowIdleMs: milliseconds(datapath.activeFlowIdle),
      answerEchoToVip: datapath.answerEchoToVip,
      failFast: datapath.failFast,
      onTableFull: datapath.onTableFull,
    },
    networks: file.networks.map(resolveNetwork),
    ports: file.ports.map((port) => resolvePort(host, port)),
    firewalls: file.firewalls.map(resolveFirewall),
    groups: file.groups.map(resolveGroup),
    templates: file.templates.map(resolveTemplate),
    uplinks: file.uplinks?.map((uplink) => ({
      ...uplink,
      networks: uplink.networks.map((carried) => (typeof carried === 'string' ? { name: carried } : carried)),
    })),
    listen,
    controllers,
    user,
    store,
    tls,
  };
}

const resolveNetwork = (network: ConfigFile['networks'][number]): NetworkConfig => ({
  name: network.name,
  vni: network.vni,
  mtu: network.mtu,
  mssClamp: network.mssClamp,
  subnets: network.subnets.map(canonicalPrefixText),
  gateway: asList(network.gateway).map(canonicalAddress),
  router: network.router,
  chain: network.chain.map(resolveOperator),
  routerAdvertisements: resolveAdvertisements(network),
  routes: network.routes.map(({ to, via }) => ({ to: canonicalPrefixText(to), via: canonicalAddress(via) })),
  probeAddresses: asList(network.probeAddress).map(canonicalAddress),
});

function resolveAdvertisements({
  gateway,
  routerAdvertisements = true,
}: ConfigFile['networks'][number]): RouterAdvertisementConfig | undefined {
  if (routerAdvertisements === false || !asList(gateway).some(isIpv6)) return undefined;
  const { lifetime, interval, autonomous } =
    routerAdvertisements === true ? DEFAULT_ADVERTISEMENTS : routerAdvertisements;
  return { lifetimeMs: milliseconds(lifetime), intervalMs: milliseconds(interval), autonomous };
}

const isIpv6 = (address: string): boolean => addressFamily(address) === 6;

const resolvePort = (host: string, port: ConfigFile['ports'][number]): PortConfig => ({
  name: port.name,
  network: port.network,
  netns: port.netns,
  interface: port.interface,
  mac: port.mac === undefined ? derivePortMac(host, port.name) : canonicalMac(port.mac),
  addresses: port.addresses.map(canonicalPrefixText),
  antiSpoofing: port.antiSpoofing ?? (port.addresses.length > 0 && hasAntiSpoofing(port)),
  allowedAddresses: port.allowedAddresses.map((text) => canonicalPrefixText(asPrefix(text))),
  allowedMacs: port.allowedMacs.map(canonicalMac),
  allowedEtherTypes: port.allowedEtherTypes,
  guards: {
    dhcp: port.dhcpGuard,
    routerAdvertisements: port.raGuard,
    reservedMulticast: port.reservedMulticastGuard,
  },
  labels: port.labels,
  chain: port.chain?.map(resolveOperator),
  marks: port.mark.length === 0 ? undefined : port.mark.map(resolveMark),
});

/** A chain without anti-spoofing has none. */
const hasAntiSpoofing = ({ chain }: ConfigFile['ports'][number]): boolean =>
  chain === undefined || chain.includes('anti-spoofing');

const resolveGroup = (group: FileGroup): GroupConfig => ({
  name: group.name,
  ...resolveNetworks(group),
  ...(group.kind === 'middlebox' && { kind: group.kind }),
  vip: asList(group.vip ?? []).map(canonicalAddress),
  ...resolveChain(group),
  protocol: group.protocol,
  ...resolvePorts(group.port, group.ports),
  match: resolveMatch(group.match),
  from: group.from,
  rewrite: group.kind === 'middlebox' ? 'mac' : group.rewrite,
  algorithm: group.algorithm,
  hash: group.algorithm === 'maglev' ? (group.hash ?? 'five-tuple') : undefined,
  affinityMs: group.affinity === undefined ? undefined : milliseconds(group.affinity.timeout),
  avoidSelf: group.avoidSelf,
  udpIdleMs: group.udpIdle === undefined ? undefined : milliseconds(group.udpIdle),
  udpRepickMs: group.udpRepick === undefined ? undefined : milliseconds(group.udpRepick),
  udpScheduling: group.udpScheduling,
  drainFallback: group.drainFallback,
  onEmpty: group.onEmpty,
  policy: group.policy === undefined ? undefined : resolvePolicy(group.policy),
  scaling: group.scaling === undefined ? undefined : resolveScaling(group.scaling),
  health: group.health === undefined ? undefined : resolveHealth(group.health),
  load: group.load === undefined ? undefined : resolveLoad(group.load),
  criteria:
    group.priorities?.map(resolvePriority) ??
    (group.criteria ?? [{ members: group.members ?? [] }]).map(resolveCriteria),
});

function resolveChain({ through, onHopFailure, onNoHop }: FileGroup): Pick<GroupConfig, 'chain'> {
  return through === undefined || through.length === 0 ? {} : { chain: { through, onHopFailure, onNoHop } };
}

function resolveNetworks({ network }: FileGroup): Pick<GroupConfig, 'network' | 'otherNetworks'> {
  const [first, ...others] = asList(network);
  return { network: first!, ...(others.length > 0 && { otherNetworks: others }) };
}

function resolveMatch({ sources, sourcePort, sourcePorts, mac }: FileGroup['match']): GroupConfig['match'] {
  const single = resolvePorts(sourcePort, sourcePorts);
  return {
    sources: sources.map(canonicalPrefixText),
    sourcePort: single.port,
    ...(single.ports !== undefined && { sourcePorts: single.ports }),
    ...(mac.length > 0 && { macs: mac.map(canonicalMac) }),
  };
}

const resolveFlapDamping = ({
  halfLife,
  suppress,
  reuse,
  maxHold,
}: Exclude<NonNullable<FileGroup['health']>['flapDamping'], 'none'>): FlapDampingConfig => ({
  halfLifeMs: milliseconds(halfLife),
  suppress,
  reuse,
  maxHoldMs: milliseconds(maxHold),
});

const resolveHealth = (health: NonNullable<FileGroup['health']>): HealthConfig => ({
  kind: health.kind,
  port: health.port,
  path: health.path ?? '/',
  expectStatus: [health.expectStatus ?? []].flat(),
  service: health.service,
  payload: health.payload,
  answer: health.answer,
  intervalMs: milliseconds(health.interval),
  timeoutMs: milliseconds(health.timeout),
  rise: health.rise,
  fall: health.fall,
  quorum: health.quorum,
  ...(health.flapDamping !== 'none' && { flapDamping: resolveFlapDamping(health.flapDamping) }),
});

/** Undefined: only hosts measure it. */
const resolveLoad = (load: NonNullable<FileGroup['load']>): LoadConfig | undefined =>
  load.from === 'balancers' || load.kind === undefined
    ? undefined
    : {
        from: load.from,
        kind: load.kind,
        port: load.port,
        path: load.path ?? (load.kind === 'http' && load.pointer === undefined ? '/metrics' : '/'),
        metric: load.metric,
        pointer: load.pointer,
        intervalMs: milliseconds(load.interval),
        timeoutMs: milliseconds(load.timeout),
      };

const resolveTemplate = (template: ConfigFile['templates'][number]): TemplateConfig => ({
  name: template.name,
  network: template.network,
  command: typeof template.command === 'string' ? ['/bin/sh', '-c', template.command] : template.command,
  group: template.group,
  labels: template.labels,
  port: template.port,
  weight: template.weight,
  addresses: [...asList(template.addresses)],
  interface: template.interface,
  env: template.env,
  user: template.user,
  directory: template.directory,
  readyTimeoutMs: milliseconds(template.readyTimeout),
  stopTimeoutMs: milliseconds(template.stopTimeout),
  maxInstances: template.maxInstances,
  hosts: template.hosts,
});

const resolveCriteria = (set: FileCriteria): CriteriaConfig => ({
  fromMs: set.from === undefined ? undefined : Date.parse(set.from),
  untilMs: set.until === undefined ? undefined : Date.parse(set.until),
  members: set.members.map(resolveMember),
});

const resolvePriority = ({ name, when, onEmpty, members }: FilePriority): CriteriaConfig => ({
  name,
  ...(when !== undefined && { when: resolveWhen(when) }),
  ...(onEmpty !== undefined && { onEmpty }),
  members: members.map(resolveMember),
});

function resolveWhen(when: NonNullable<FilePriority['when']>): WhenConfig {
  const { sources, sourcePorts = [], dscp, vlanPriority, labels } = when;
  return {
    sources: sources.map(canonicalPrefixText),
    ...(sourcePorts.length > 0 && { sourcePorts: mergedRanges(sourcePorts.map(parsePortRange)) }),
    ...(dscp !== undefined && { dscps: [dscp].flat() }),
    ...(vlanPriority !== undefined && { vlanPriorities: [vlanPriority].flat() }),
    ...(labels !== undefined && { labels }),
  };
}

export const resolveMember = (member: FileMember): MemberConfig => ({
  name: member.name,
  address: canonicalAddress(member.address),
  port: member.port,
  mac: member.mac === undefined ? undefined : canonicalMac(member.mac),
  weight: member.weight,
  state: 'active',
});

const asList = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;

/** A single address as a prefix of full length. */
const asPrefix = (text: string): string =>
  text.includes('/') ? text : `${text}/${addressFamily(text) === 4 ? 32 : 128}`;

const canonicalPrefixText = (text: string): string => formatPrefix(parsePrefix(text));
