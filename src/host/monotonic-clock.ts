/**
 * Milliseconds of CLOCK_MONOTONIC: the same in every thread and process of the machine, so that times in the
 * tables mean the same to the datapath that writes them and to whoever reads them. (performance.now() alone
 * starts at zero in each thread.)
 */
const [seconds, nanoseconds] = process.hrtime();
const originMs = seconds * 1000 + nanoseconds / 1e6 - performance.now();

/** Milliseconds with their fraction. Some 100 ns: a turn of the datapath's loop reads it once. */
export const monotonicMs = (): number => originMs + performance.now();

/** Such a time as the tables keep it, signed 32 bits: differences are taken modulo 2^32 (49 days). */
export const toMs32 = (ms: number): number => Math.floor(ms) | 0;

/** The same in microseconds, modulo 2^32 (71 minutes). */
export const toUs32 = (ms: number): number => Math.floor(ms * 1000) | 0;

export const monotonicMs32 = (): number => toMs32(monotonicMs());

/** Milliseconds from one such time to now; 0 for one that another thread has noted a moment after `nowMs32`. */
export function elapsedMs(sinceMs32: number, nowMs32: number): number {
  const elapsed = (nowMs32 - sinceMs32) >>> 0;
  return elapsed > 0xffff_0000 ? 0 : elapsed;
}
