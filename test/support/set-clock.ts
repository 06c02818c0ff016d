/**
 * Preloaded into a process (`node --import`): its wall clock is ahead by the milliseconds that stand in the file of SLUICE_TEST_CLOCK, and may be
 * set while the process runs. The kernel's own clock cannot be set for some processes only.
 */
import { readFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

const file = process.env.SLUICE_TEST_CLOCK;
const RealDate = Date;
let offsetMs = 0;

const read = (): void => {
  try {
    offsetMs = Number(readFileSync(file!, 'utf8'));
  } catch {
    // It goes on as it was.
  }
};

if (file !== undefined) {
  read();
  // Timers don't run in the datapath's thread, whose loop never ends; it asks for the time now and then.
  const isLoop = workerData !== null;
  if (!isLoop) setInterval(read, 20).unref();
  const now = (): number => RealDate.now() + offsetMs;
  globalThis.Date = new Proxy(RealDate, {
    construct: (_target, args: []) => (args.length === 0 ? new RealDate(now()) : new RealDate(...args)),
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
    apply: () => new RealDate(now()).toString(),
  });
}
