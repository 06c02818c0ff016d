/** Finds the Sluice process that has created an interface whose name is needed. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readOwnFile } from './own-files.ts';
import { RunDir } from './run-dir.ts';

/** Run directories are here, or in subdirectories. */
const PLACES = ['/run', '/run/sluice'];

interface MadeTap {
  readonly request: { readonly netns: string; readonly interfaceName: string };
}

/** For people; undefined: no running process in the usual places has it. */
export function interfaceOwner(netns: string, interfaceName: string): string | undefined {
  for (const path of runDirs()) {
    try {
      const runDir = new RunDir(path);
      const text = readOwnFile(runDir.stateFile);
      if (text === undefined) continue;
      const { taps } = JSON.parse(text) as { taps: readonly MadeTap[] };
      const isIts = taps.some(
        ({ request }) => request.netns === netns && request.interfaceName === interfaceName,
      );
      const pid = isIts ? runDir.running()?.pid : undefined;
      if (pid !== undefined) return `the Sluice process at ${path}, pid ${pid}`;
    } catch {} // not a run directory, or not readable
  }
  return undefined;
}

function runDirs(): string[] {
  const own = process.env.SLUICE_RUN_DIR;
  return PLACES.flatMap((place) => {
    try {
      return [place, ...readdirSync(place).map((name) => join(place, name))];
    } catch {
      return []; // does not exist
    }
  }).concat(own === undefined ? [] : [own]);
}
