/** A host with one VM whose command has a child, for tests that kill it: prints a line when both run. */
import { pino } from 'pino';
import { VmDriver } from '../../../src/agent/vms/vm-driver.ts';
import { loadConfiguration } from '../../../src/config/load.ts';
import { Host } from '../../../src/host/host.ts';
import { MadeThings } from '../../../src/run-dir/made-things.ts';
import { processesIn } from '../../../src/run-dir/namespace-processes.ts';
import { RunDir } from '../../../src/run-dir/run-dir.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { linesOnly } from '../../support/event-sinks.ts';

const [configPath, runDirPath, vm] = process.argv.slice(2) as [string, string, string];
const runDir = new RunDir(runDirPath);
runDir.create();
const log = pino({ level: 'silent' });
const host = await Host.start({
  runtime: systemRuntime,
  configuration: loadConfiguration(configPath),
  tablesFile: runDir.tablesFile,
  numbersFile: runDir.numbersFile,
  state: MadeThings.load(runDir),
  log,
  events: linesOnly(log),
  onDeath: () => process.exit(1),
});
const driver = new VmDriver({ runtime: systemRuntime, host, log, onEvent: () => {} });
const definition = JSON.stringify({ addresses: ['10.1.0.129'] });
driver.take({ command: 'start', vm, template: 't', definition });
const watch = setInterval(() => {
  if (processesIn(vm).length < 2) return;
  clearInterval(watch);
  process.stdout.write('running\n');
}, 10);
