/**
 * A host process with a bug that shows as soon as traffic can flow: `node dying-host.js CONFIG_PATH RUN_DIR`. The datapath
 * ends, or with DYING_HOST=throws an exception on the main thread is caught by nobody. Everything else is the real thing.
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
  onReady: () => {
    if (process.env.DYING_HOST !== 'throws') return void datapath!.terminate();
    setImmediate(() => {
      throw new Error('a bug on the main thread');
    });
  },
});
