/**
 * V8's limits on inlining, raised for the datapath.
 *
 * One packet runs through some forty small functions, of which the default limits (460 bytes of bytecode per callee,
 * 920 per caller) leave a dozen as calls that spill and reload their state. With these limits the path of a tracked
 * packet is compiled into a handful of functions: 20 to 25 % less time per packet, measured with
 * `scripts/bench.sh --micro`. Larger limits gain nothing more and cost compile time.
 */
import { setFlagsFromString } from 'node:v8';

/** To be called before the datapath gets warm; holds for the whole process. */
export function raiseInliningLimits(): void {
  setFlagsFromString('--max-inlined-bytecode-size=1000');
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
}
