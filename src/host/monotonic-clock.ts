/**
 * Milliseconds of CLOCK_MONOTONIC: the same in every thread and process of the machine, so that times in the
 * tables mean the same to the datapath that writes them and to whoever reads them. (performance.now() alone
 * starts at zero in each thread.)
 */
const [seconds, nanoseconds] = process.hrtime();
const originMs = seconds * 1000 + nanoseconds / 1e6 - performance.now();

/** Signed 32 bits, as the tables keep times: differences are taken modulo 2^32 (49 days). */
export const monotonicMs32 = (): number => Math.floor(originMs + performance.now()) | 0;

/** The same in microseconds, modulo 2^32 (71 minutes). */
export const monotonicUs32 = (): number => Math.floor((originMs + performance.now()) * 1000) | 0;

/** Milliseconds from one such time to now; 0 for one that another thread has noted a moment after `nowMs32`. */
export function elapsedMs(sinceMs32: number, nowMs32: number): number {
  const elapsed = (nowMs32 - sinceMs32) >>> 0;
  return elapsed > 0xffff_0000 ? 0 : elapsed;
}
