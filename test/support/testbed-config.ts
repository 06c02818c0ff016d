/**
 * The testbed's configuration (scripts/testbed/config.yaml) for a test to start from, as the user writes it:
 * only what tests touch is typed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CHECKOUT } from './paths.ts';

export interface MemberText {
  name: string;
  address: string;
  port?: number;
  weight?: number;
  mac?: string;
}

export interface GroupText {
  name: string;
  network: string | string[];
  vip?: string | string[];
  kind?: string;
  deliver?: string;
  through?: string[];
  identifier?: string;
  onHopFailure?: string;
  onNoHop?: string;
  health?: Record<string, unknown>;
  protocol?: string;
  port?: number;
  ports?: (number | string)[];
  match?: { sources?: string[]; sourcePort?: number; sourcePorts?: (number | string)[]; mac?: string[] };
  from?: Record<string, string>;
  rewrite?: string;
  algorithm?: string;
  hash?: string;
  affinity?: { timeout?: string };
  avoidSelf?: boolean;
  udpIdle?: string;
  udpRepick?: string;
  udpScheduling?: string;
  drainFallback?: boolean;
  onEmpty?: string;
  members?: MemberText[];
  criteria?: { from?: string; until?: string; members: MemberText[] }[];
  priorities?: {
    name: string;
    when?: {
      dscp?: number | number[];
      vlanPriority?: number | number[];
      sources?: string[];
      sourcePorts?: (number | string)[];
      labels?: Record<string, string>;
    };
    members: MemberText[];
    onEmpty?: string;
  }[];
}

export interface PortText {
  name: string;
  network: string;
  netns: string;
  interface?: string;
  mac?: string;
  addresses?: string[];
  antiSpoofing?: boolean;
  allowedAddresses?: string[];
  allowedMacs?: string[];
  allowedEtherTypes?: number[];
  chain?: (string | { firewall: string } | { mirror: { port: string } & ConditionsText })[];
  mark?: { sources: string[]; dscp: number }[];
  labels?: Record<string, string>;
}

export interface NetworkText {
  name: string;
  vni: number;
  mtu?: number;
  mssClamp?: 'auto' | number;
  subnets: string[];
  gateway?: string[];
  router?: string;
  chain?: string[];
  routerAdvertisements?: boolean | { lifetime?: string; interval?: string; autonomous?: boolean };
  routes?: { to: string; via: string }[];
}

interface ConditionsText {
  direction?: string;
  protocol?: string;
  ports?: (number | string)[];
  icmpTypes?: number[];
  sources?: string[];
  destinations?: string[];
  from?: { labels: Record<string, string> };
  to?: { labels: Record<string, string> };
}

export interface FirewallText {
  name: string;
  default?: string;
  rules?: { name: string; allow?: ConditionsText; deny?: ConditionsText; log?: boolean }[];
}

export interface ConfigText {
  host: string;
  datapath?: Record<string, unknown>;
  routers?: { name: string }[];
  networks: NetworkText[];
  ports: PortText[];
  firewalls?: FirewallText[];
  groups: GroupText[];
}

/** The testbed's configuration with NAME filled in. */
export function testbedConfig(name: string): ConfigText {
  const text = readFileSync(join(CHECKOUT, 'scripts/testbed/config.yaml'), 'utf8');
  return parse(text.replaceAll('@NAME@', name)) as ConfigText;
}

/** Member of a group by its server's name: `member('s2', { weight: 3 })` is 10.1.0.22:8080. */
export function member(server: string, { weight = 1, port = 8080 }: { weight?: number; port?: number } = {}) {
  const index = Number(/^s([1-5])$/.exec(server)![1]);
  return { name: server, address: `10.1.0.2${index}`, port, weight } satisfies MemberText;
}

/** A TCP group on port 80 of 10.1.0.VIP. */
export function tcpGroup(name: string, vip: number, members: MemberText[]): GroupText {
  return { name, network: 'app', vip: `10.1.0.${vip}`, protocol: 'tcp', port: 80, members };
}
