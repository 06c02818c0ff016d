/**
 * Time, timers and chance, as the control plane gets them handed in: the system's in a running process, virtual ones in
 * the simulation (test/simulation).
 */
export interface Runtime {
  /** Whole milliseconds since an arbitrary time; this clock cannot be set. For intervals, ages, deadlines. */
  monotonicMs(): number;
  /**
   * Milliseconds since 1970. The clock may be set at any time, forward or back. For people, for criteria sets, and for
   * numbers that must grow from one process to the next.
   */
  wallMs(): number;
  /** Calls back once. */
  setTimer(act: () => void, delayMs: number): Timer;
  /** Calls back again and again. */
  setTicker(act: () => void, intervalMs: number): Timer;
  clearTimer(timer: Timer | undefined): void;
  /** Calls back when the current turn of the event loop is over. */
  soon(act: () => void): void;
  /** 0 … below 1. */
  random(): number;
}

export interface Timer {
  /** The process may end while this timer runs. */
  unref(): unknown;
}

/** Resolves after `ms`, or as soon as `signal` is aborted. */
export function sleep(
  runtime: Runtime,
  ms: number,
  { signal, isBackground = false }: { readonly signal?: AbortSignal; readonly isBackground?: boolean } = {},
): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = (): void => {
      runtime.clearTimer(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = runtime.setTimer(end, ms);
    if (isBackground) timer.unref();
    signal?.addEventListener('abort', end);
  });
}

/**
 * Wall-clock time that does not jump: the wall clock as it was at the start, and from then on the monotonic clock. For
 * times that are written down and compared later, as those of VM records.
 */
export function steadyWallClock(runtime: Runtime): () => number {
  const offsetMs = runtime.wallMs() - runtime.monotonicMs();
  return () => offsetMs + runtime.monotonicMs();
}

/** One moment on both clocks. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export const momentOf = (runtime: Runtime): Moment => ({
  monotonicMs: runtime.monotonicMs(),
  wallMs: runtime.wallMs(),
});
