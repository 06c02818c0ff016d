/**
 * V8's limits on inlining, raised for the datapath.
 *
 * A packet passes through some forty small functions. With the default limits (460 bytes of bytecode per
 * callee, 920 per caller) a dozen of them remain calls that spill and reload registers. With these limits the
 * path of a tracked packet compiles into a handful of functions: 20 to 25 % less time per packet, measured
 * with `scripts/bench.sh --micro`. Larger limits gain nothing more and cost compile time.
 */
import { setFlagsFromString } from 'node:v8';

/** Call before the datapath is optimised; applies to the whole process. */
export function raiseInliningLimits(): void {
  setFlagsFromString('--max-inlined-bytecode-size=1000');
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
}
