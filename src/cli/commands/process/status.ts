import type { Command } from 'commander';
import type { ControllerStatus } from '../../../api/fleet-shapes.ts';
import type { ControllersStatus, Status, StreamCounts, UplinkStatus, Verdict } from '../../../api/shapes.ts';
import { verdictText } from '../../../api/verdict.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { formatFields, formatTable } from '../../table.ts';
import { humanBytes, humanDuration } from '../../units.ts';

export function addStatus(parent: Command): void {
  parent
    .command('status')
    .description('show version, uptime, I/O engine, ports, rule revision, connections, and drops by reason')
    .option(
      '--check',
      'print only the verdict; exit 0: all is well, 1: there are problems, 2: no answer',
      false,
    )
    .action(async ({ check }: { check: boolean }, command: Command) => {
      if (check) return checkStatus(command);
      const status = await apiOf(command).get<Status | ControllerStatus>('/v1/status');
      await printResult(command, status, (result) =>
        'role' in result ? formatControllerStatus(result) : formatStatus(result),
      );
    });
}

const NOT_WELL = 1;
const UNKNOWN = 2;

async function checkStatus(command: Command): Promise<void> {
  let verdict: Verdict;
  try {
    ({ verdict } = await apiOf(command).get<Status | ControllerStatus>('/v1/status'));
  } catch (error) {
    process.stderr.write(`cannot tell: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = UNKNOWN;
    return;
  }
  await printResult(command, verdict, verdictText);
  if (!verdict.well) process.exitCode = NOT_WELL;
}

function ioErrorsText(errors: Status['ioErrors']): string {
  const { failedWrites, failedWritesBy, fullQueues, failedReads, outOfBuffers } = errors;
  const by = Object.entries(failedWritesBy).map(([what, count]) => `${count} ${what}`);
  const why = by.length === 0 ? '' : ` (${by.join(', ')})`;
  return `${failedWrites} failed writes${why}, ${fullQueues} full queues, ${failedReads} failed reads, ${outOfBuffers} out of buffers`;
}

const uplinkText = ({ uplink, interface: device, state, since, outages }: UplinkStatus): string =>
  `${uplink} (${device}) ${state} since ${since}; ${outages} outages`;

function controllersText({ kind, store, agents, link }: ControllersStatus): string {
  const why = link.state === 'attached' || link.lastError === null ? '' : ` (${link.lastError})`;
  const malformed = link.malformed === 0 ? '' : `; ${link.malformed} streams ended by malformed messages`;
  const state = `${link.state} since ${link.since}${why}${malformed}`;
  if (kind === 'remote') return `${link.controller}: ${state}`;
  return `embedded, ${store} store, ${agents} ${agents === 1 ? 'host' : 'hosts'} attached; ${state}`;
}

const streamsText = ({ accepted, refused, turnedAway, malformed, failed, overflows }: StreamCounts): string =>
  `${accepted} accepted, ${refused} refused, ${turnedAway} turned away; ended: ${malformed} malformed, ${failed} failed, ${overflows} overflowed`;

const setAsideFields = (documents: ControllersStatus['setAside']): [string, string][] =>
  documents.map(({ key, problem }) => ['set aside', `${key} in the store: ${problem}`]);

const certificateFields = (certificates: ControllersStatus['certificates']): [string, string][] =>
  certificates.map(({ setting, file, expires }) => [
    'certificate',
    `${setting} ${file}: valid until ${expires}`,
  ]);

const warningFields = (warnings: readonly string[]): [string, string][] =>
  warnings.map((warning) => ['warning', warning]);

const streamField = (streams: StreamCounts | null): [string, string][] =>
  streams === null ? [] : [['streams', streamsText(streams)]];

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
    ['I/O errors', ioErrorsText(status.ioErrors)],
    ['affinities', `${affinities.inUse} of ${affinities.max}; ${affinities.evicted} evicted`],
    ['frames', String(status.frames)],
    ['controllers', controllersText(status.controllers)],
    ...streamField(status.controllers.streams),
    ...setAsideFields(status.controllers.setAside),
    ...certificateFields(status.controllers.certificates),
    ['memory', humanBytes(status.residentBytes)],
    ...warningFields(status.warnings),
  ]);
  const drops = Object.entries(status.drops).map(([drop, frames]) => ({ drop, frames }));
  const verdict = verdictText(status.verdict);
  if (drops.length === 0) return `${verdict}\n${fields}\nno drops\n`;
  return `${verdict}\n${fields}\n${formatTable(drops, [{ key: 'drop' }, { key: 'frames' }])}`;
}

export const formatControllerStatus = (status: ControllerStatus): string =>
  `${verdictText(status.verdict)}\n${formatFields([
    ['controller', status.controller],
    ['version', status.version],
    ['pid', String(status.pid)],
    ['uptime', `${humanDuration(status.uptimeMs)}, since ${status.startedAt}`],
    ['role', status.epoch === null ? status.role : `${status.role}, epoch ${status.epoch}`],
    ['leader', status.leader ?? 'unknown'],
    ['store', status.store],
    ['groups', String(status.groups)],
    ['hosts', `${status.agents} attached`],
    ['streams', streamsText(status.streams)],
    ...setAsideFields(status.setAside),
    ...certificateFields(status.certificates),
    ['revision', String(status.revision)],
    ['memory', humanBytes(status.residentBytes)],
    ...warningFields(status.warnings),
  ])}`;
