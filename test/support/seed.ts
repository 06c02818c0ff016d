/**
 * Randomness of property tests: one seed per process, printed, and given back by SLUICE_TEST_SEED to play a failure
 * again. SLUICE_TEST_RUNS multiplies the number of runs.
 */
import fc from 'fast-check';

export let seed = Number(process.env.SLUICE_TEST_SEED ?? Math.floor(Math.random() * 0x7fff_ffff));
const runFactor = Number(process.env.SLUICE_TEST_RUNS ?? 1);
if (!Number.isInteger(seed) || !(runFactor > 0)) {
  throw new Error(
    `SLUICE_TEST_SEED=${process.env.SLUICE_TEST_SEED} SLUICE_TEST_RUNS=${process.env.SLUICE_TEST_RUNS}: expected numbers`,
  );
}
process.stderr.write(`seed: SLUICE_TEST_SEED=${seed}\n`);

/** For runs over several seeds in one process (test/runner/seed-batch.ts): test files that are imported from now on use this one. */
export function useSeed(next: number): void {
  seed = next;
}

/** `count`, times SLUICE_TEST_RUNS. */
export const runs = (count: number): number => Math.ceil(count * runFactor);

/** Fails if a run of the usual length has not met something that it must have met; short runs (SLUICE_TEST_RUNS < 1) need not. */
export function assertCovered(isMet: boolean, message: string): void {
  if (runFactor >= 1 && !isMet) throw new Error(`the run was to cover more: ${message}`);
}

/** Costly cases that no random number changes, or many of them: a short run does each fifth, another with each seed. */
export const isTurn = (index = 0): boolean => runFactor >= 1 || (seed + index) % 5 === 0;

/** Checks a property with this process's seed. */
export function check<T>(property: fc.IProperty<T>, numRuns = 200): void {
  fc.assert(property, { seed, numRuns: runs(numRuns) });
}

/** Random numbers for long runs: sfc32 (Chris Doty-Humphrey's Small Fast Counter), 32 bits per step. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** `stream` tells sequences of the same seed apart. */
  constructor(from: number, stream = 0) {
    this.a = from | 0;
    this.b = stream | 0;
    this.c = 0x5eed;
    for (let i = 0; i < 16; i++) this.word();
  }

  /** Any signed 32-bit number. */
  word(): number {
    const sum = (this.a + this.b + this.counter++) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum;
  }

  /** 0 … limit-1. */
  below(limit: number): number {
    return Math.floor(((this.word() >>> 0) / 0x1_0000_0000) * limit);
  }

  /** low … high, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True `percent` times of a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('pick: found an empty list, expected at least one item');
    return items[this.below(items.length)];
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.word() & 0xff);
  }
}
