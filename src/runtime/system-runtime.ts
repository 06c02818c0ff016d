/** The Runtime of this process. */
import type { Runtime } from './runtime.ts';

export const systemRuntime: Runtime = {
  monotonicMs: () => Math.floor(performance.now()),
  wallMs: () => Date.now(),
  setTimer: (act, delayMs) => setTimeout(act, delayMs),
  setTicker: (act, intervalMs) => setInterval(act, intervalMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
  soon: (act) => void setImmediate(act),
  random: () => Math.random(),
};
