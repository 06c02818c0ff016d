/**
 * V8's flags for the datapath.
 *
 * A packet passes through some forty small functions. With the default limits (460 bytes of bytecode per callee, 920
 * per caller) a dozen of them remain calls that spill and reload registers. With these limits the path of a tracked
 * packet compiles into a handful of functions: 20 to 25 % less time per packet, measured with `scripts/bench.sh
 * --micro`. Larger limits gain nothing and cost compile time; callees above the limit are better compiled separately,
 * as they use up the budget of smaller ones (new flows take 12 % less with 500 than with 1000).
 *
 * On-stack replacement is off. It compiles a loop that runs for a long time, and while a function has such code, its
 * calls keep entering through the interpreter and never count towards compiling the whole function: the fast path's
 * loop stayed that way for millions of packets, at 50 ns more for each.
 */
import { setFlagsFromString } from 'node:v8';

/** Call before the datapath is optimised; applies to the whole process. */
export function setCompilerFlags(): void {
  setFlagsFromString('--no-use-osr');
  setFlagsFromString('--max-inlined-bytecode-size=500');
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
}
