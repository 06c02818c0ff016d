/**
 * Loads a configuration with every check that can run before anything is created. `config check`, `up`, `controller`
 * and `reload` all load their file here, so all accept the same files.
 *
 * Some checks examine the machine: that uplink interfaces and TLS files exist and fit, and that interface names and
 * listener ports are free, or held by the process of the same run directory. Their problems are listed with those of
 * the file. A file for another machine is checked `offline`, without them. So is a reload: an unchanged interface may
 * be absent at the moment, and a new one is opened before anything else changes.
 */
import { type FurtherChecks, loadConfiguration } from '../config/load.ts';
import type { Configuration } from '../config/model/model.ts';
import type { Report } from '../config/problems/problems.ts';
import { capacityProblems } from '../host/publishing/capacity.ts';
import { ownThingsOf } from '../run-dir/own-things.ts';
import type { RunDir } from '../run-dir/run-dir.ts';
import { checkMachine } from './machine-checks.ts';

export type CheckScope = 'this machine' | 'offline';

/** Throws ConfigError with every problem. `runDir`: resources of its process count as free. */
export function checkedConfiguration(file: string, scope: CheckScope, runDir?: RunDir): Configuration {
  const own = runDir && ownThingsOf(runDir);
  const further: FurtherChecks = {
    whole: checkCapacity,
    ...(scope === 'this machine' && { view: (view, report) => checkMachine(file, view, report, own) }),
  };
  return loadConfiguration(file, further);
}

function checkCapacity(configuration: Configuration, report: Report): void {
  for (const problem of capacityProblems(configuration))
    report([], problem, 'a configuration that fits into the tables of one host');
}
