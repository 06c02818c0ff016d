/** The result of every changing command: the new rule revision, and the hosts that have not confirmed it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { durationArgument } from '../../arguments.ts';
import { EXIT_UNCONFIRMED } from '../../errors.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';

const POLL_MS = 200;

export const waitOption = (): Option =>
  new Option(
    '--wait <duration>',
    'wait at most this time, such as 30s, until every host has confirmed the change, including hosts that are away',
  ).argParser(durationArgument);

/** `group`: the changed one; absent: all. */
export async function printChanged(command: Command, changed: Changed, group?: string): Promise<void> {
  const { wait: waitMs = 0 } = command.opts<{ wait?: number }>();
  const confirmation = group === undefined ? '/v1/confirmation' : path`/v1/groups/${group}/confirmation`;
  const endMs = performance.now() + waitMs;
  let result = changed;
  while (!isConfirmed(result) && performance.now() < endMs) {
    await sleep(Math.min(POLL_MS, endMs - performance.now()));
    result = { ...(await apiOf(command).get<Changed>(confirmation)), revision: changed.revision };
  }
  await printResult(command, result, formatChanged);
  if (!isConfirmed(result)) process.exitCode = EXIT_UNCONFIRMED;
}

export const isConfirmed = ({ late = [], away = {}, refused = {} }: Changed): boolean =>
  late.length === 0 && Object.keys(away).length === 0 && Object.keys(refused).length === 0;

export function formatChanged({ revision, late = [], away = {}, refused = {}, scheduled }: Changed): string {
  const lines = [`revision ${revision}`];
  if (scheduled !== undefined) {
    const { at, until } = scheduled;
    lines.push(at === until ? `takes effect at ${at}` : `takes effect from ${at} to ${until}`);
  }
  if (late.length > 0) lines.push(`not confirmed yet by ${late.join(', ')}`);
  for (const [host, since] of Object.entries(away))
    lines.push(`not confirmed by ${host}: away since ${since}`);
  for (const [host, reason] of Object.entries(refused)) lines.push(`refused by ${host}: ${reason}`);
  return `${lines.join('\n')}\n`;
}
