/**
 * A host process whose datapath ends as soon as traffic can flow: `node dying-host.js CONFIG_PATH RUN_DIR`.
 * Stands for a bug in the datapath; everything else is the real thing.
 */
import { Worker } from 'node:worker_threads';
import { runHostProcess } from '../../src/process/run-process.ts';

let datapath: Worker | undefined;
const listen = Worker.prototype.on;
Worker.prototype.on = function on(this: Worker, ...args: Parameters<typeof listen>) {
  datapath = this;
  return listen.apply(this, args);
} as typeof listen;

const [configPath, runDir] = process.argv.slice(2);
process.exitCode = await runHostProcess({
  configPath: configPath!,
  runDir: runDir!,
  replace: false,
  onReady: () => void datapath!.terminate(),
});
