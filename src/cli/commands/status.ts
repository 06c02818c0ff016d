import type { Command } from 'commander';
import type { Status, UplinkStatus } from '../../api/shapes.ts';
import { printResult } from '../output.ts';
import { apiOf } from '../settings.ts';
import { formatFields, formatTable } from '../table.ts';
import { humanBytes, humanDuration } from '../units.ts';

export function addStatus(parent: Command): void {
  parent
    .command('status')
    .description('version, uptime, I/O engine, ports, rule revision, connections, drops by reason')
    .action(async (_options: object, command: Command) => {
      await printResult(command, await apiOf(command).get<Status>('/v1/status'), formatStatus);
    });
}

const uplinkText = ({ uplink, interface: device, state, since, outages }: UplinkStatus): string =>
  `${uplink} (${device}) ${state} since ${since}; ${outages} outages`;

export function formatStatus(status: Status): string {
  const { inUse, max, created, expired, refused } = status.connections;
  const { affinities } = status;
  const fields = formatFields([
    ['host', status.host],
    ['version', status.version],
    ['pid', String(status.pid)],
    ['uptime', `${humanDuration(status.uptimeMs)}, since ${status.startedAt}`],
    ['engine', `${status.engine} (${status.engineReason})`],
    ['ports', String(status.ports)],
    ...status.uplinks.map((uplink): [string, string] => ['uplink', uplinkText(uplink)]),
    ['groups', String(status.groups)],
    ['revision', String(status.revision)],
    ['connections', `${inUse} of ${max}; ${created} created, ${expired} expired, ${refused} refused`],
    ['affinities', `${affinities.inUse} of ${affinities.max}; ${affinities.evicted} evicted`],
    ['frames', String(status.frames)],
    ['memory', humanBytes(status.residentBytes)],
  ]);
  const drops = Object.entries(status.drops).map(([drop, frames]) => ({ drop, frames }));
  if (drops.length === 0) return `${fields}\nno drops\n`;
  return `${fields}\n${formatTable(drops, [{ key: 'drop' }, { key: 'frames' }])}`;
}
