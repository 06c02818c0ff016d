/** Pseudo-random numbers: xorshift32 (Marsaglia: "Xorshift RNGs", 2003), reproducible by seed. Not for secrets. */
export class Xorshift {
  private readonly state: Int32Array;

  /** The state must not be 0; that seed is replaced by another. */
  constructor(seed: number) {
    this.state = Int32Array.of(seed | 0 || 0x9e37_79b9);
  }

  /** 0 … bound-1, for a bound of 1 … 2^32. */
  below(bound: number): number {
    let x = this.state[0]!;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state[0] = x;
    return Math.floor(((x >>> 0) * bound) / 2 ** 32);
  }
}
