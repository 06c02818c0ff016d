/** Converts `firewalls`, and `chain` and `mark` of networks and ports, to the model. */
import { formatPrefix, parsePrefix } from '../wire/address.ts';
import { milliseconds } from './model/duration.ts';
import type { ChainItem, FirewallConfig, FirewallRuleConfig } from './model/model.ts';
import { parsePortRange } from './model/port-ranges.ts';
import type { ConfigFile } from './schema/schema.ts';

type FileFirewall = ConfigFile['firewalls'][number];
type FileRule = FileFirewall['rules'][number];
type FileConditions = Omit<NonNullable<FileRule['allow']>, 'from' | 'to'>;
type FileOperator = NonNullable<ConfigFile['ports'][number]['chain']>[number];
type FileMirror = Extract<FileOperator, { mirror: unknown }>['mirror'];
type FileMark = ConfigFile['ports'][number]['mark'][number];

export const resolveFirewall = (firewall: FileFirewall): FirewallConfig => ({
  name: firewall.name,
  default: firewall.default,
  rules: firewall.rules.map(resolveRule),
});

function resolveRule({ name, allow, deny, log }: FileRule): FirewallRuleConfig {
  const conditions = (allow ?? deny)!;
  return {
    ...resolveConditions(conditions),
    name,
    verdict: allow === undefined ? 'deny' : 'allow',
    log,
    fromLabels: conditions.from?.labels,
    toLabels: conditions.to?.labels,
  };
}

type Conditions = Pick<FirewallRuleConfig, 'direction' | 'protocol' | 'ranges' | 'sources' | 'destinations'>;

const resolveConditions = (conditions: FileConditions): Conditions => ({
  direction: conditions.direction,
  protocol: conditions.protocol,
  ranges: [
    ...conditions.ports.map((range): [number, number] => [...parsePortRange(range)]),
    ...conditions.icmpTypes.map((type): [number, number] => [type, type]),
  ],
  sources: conditions.sources.map(canonical),
  destinations: conditions.destinations.map(canonical),
});

const canonical = (prefix: string): string => formatPrefix(parsePrefix(prefix));

export function resolveOperator(operator: FileOperator): ChainItem {
  if (operator === 'anti-spoofing' || operator === 'load-balancer') return { kind: operator };
  if (typeof operator === 'string') return { kind: 'firewall', name: operator };
  if ('firewall' in operator) return { kind: 'firewall', name: operator.firewall };
  if ('mirror' in operator) return resolveMirror(operator.mirror);
  const { packetsPerSecond, bitsPerSecond, burst } = operator.rateLimit;
  return { kind: 'rate-limit', packetsPerSecond, bitsPerSecond, burstMs: milliseconds(burst) };
}

function resolveMirror({ port, ...conditions }: FileMirror): ChainItem {
  const match = resolveConditions(conditions);
  const { direction, protocol, ranges, sources, destinations } = match;
  const isAny = [ranges, sources, destinations].every((list) => list.length === 0);
  if (isAny && direction === undefined && protocol === 'any') return { kind: 'mirror', port };
  return { kind: 'mirror', port, match: { ...match, name: '', verdict: 'allow', log: false } };
}

export const resolveMark = ({ sources, dscp }: FileMark): { sources: string[]; dscp: number } => ({
  sources: sources.map(canonical),
  dscp,
});
