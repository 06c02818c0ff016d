/** Warnings about valid settings that are probably mistakes. */
import type { Configuration, GroupConfig } from './model/model.ts';
import { matchesLabels } from './model/reach.ts';

/** One line per warning. `nowMs`: wall clock, epoch milliseconds. */
export function warningsOf(configuration: Configuration, nowMs: number): string[] {
  return configuration.groups.flatMap((group) => [
    ...selectsNoPort(group, configuration),
    ...hasEnded(group, nowMs),
  ]);
}

/** In a fleet the ports may be on other hosts, and a template's VMs come later. */
function selectsNoPort({ name, from }: GroupConfig, configuration: Configuration): string[] {
  const { ports, templates, controllers, listen } = configuration;
  if (from === undefined || controllers !== undefined || listen?.agents !== undefined) return [];
  if ([...ports, ...templates].some((one) => matchesLabels(from, one))) return [];
  const labels = Object.entries(from).map(([label, value]) => `${label}: ${value}`);
  return [`group ${name}: from { ${labels.join(', ')} } matches no port, so nothing is balanced`];
}

function hasEnded({ name, criteria }: GroupConfig, nowMs: number): string[] {
  const lastMs = Math.max(...criteria.map(({ untilMs }) => untilMs ?? Number.POSITIVE_INFINITY));
  if (criteria.length === 0 || lastMs > nowMs) return [];
  return [`group ${name}: all its criteria have ended, the last one at ${new Date(lastMs).toISOString()}`];
}
