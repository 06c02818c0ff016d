/** Which Sluice process has made an interface that stands in the way. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readOwnFile } from './own-files.ts';
import { RunDir } from './run-dir.ts';

/** Run directories lie here, or in directories of these. */
const PLACES = ['/run', '/run/sluice'];

interface MadeTap {
  readonly request: { readonly netns: string; readonly interfaceName: string };
}

/** In words; undefined: no running process of the usual places has it. */
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
    } catch {} // no run directory, or not ours to read
  }
  return undefined;
}

function runDirs(): string[] {
  const own = process.env.SLUICE_RUN_DIR;
  return PLACES.flatMap((place) => {
    try {
      return [place, ...readdirSync(place).map((name) => join(place, name))];
    } catch {
      return []; // it is not there
    }
  }).concat(own === undefined ? [] : [own]);
}
