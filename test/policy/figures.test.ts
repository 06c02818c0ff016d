/** The worked examples of distributed, stateful balancing: the stated loads in, the stated weights out. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createPolicy } from '../../src/policy/create-policy.ts';
import type { MemberLoad } from '../../src/policy/policy.ts';
import { loadedWith, memberOf, policyOf } from '../support/policy-bed.ts';
import { ruleOf, SelectionBed, sharesOf } from '../support/selection-bed.ts';

const figures = suite('worked examples');

/** Figure 15 speaks of a limit of 50 000 flows; it changes nothing in the others. */
const inverseLoad = createPolicy(policyOf('inverse-load', { flowLimit: 50_000 }));

const weightsOf = (members: readonly MemberLoad[], localFlows?: readonly number[]): number[] =>
  inverseLoad.weights({ nowMs: 0, members, localFlows, previous: undefined });

/** How the next flows of one load balancer are spread. */
const nextFlows = (weights: readonly number[], count: number, balancer = 0): number[] =>
  sharesOf(new SelectionBed([ruleOf(0, weights)], { balancer }).picks(count), weights.length);

const plus = (a: readonly number[], b: readonly number[]): number[] => a.map((value, i) => value + b[i]!);

figures('14, stage 1: nothing reported yet, all weights are 1', () => {
  const members = loadedWith(0, 0, 0, 0, 0).map((member) => ({ ...member, ageMs: Infinity }));
  assert.equal(weightsOf(members), [1, 1, 1, 1, 1]);
});

figures('14, stage 2: less to those that have more', () => {
  assert.equal(weightsOf(loadedWith(131, 135, 101, 100, 86), [10, 10, 10, 10, 9]), [1, 1, 2, 2, 3]);
});

figures('14, stage 3: the flows of load balancer a move as the weights say', () => {
  const weights = [1, 1, 2, 2, 3];
  const before = [20, 20, 20, 19, 19];
  assert.equal(plus(before, nextFlows(weights, 27)), [23, 23, 26, 25, 28]);
  // The 28th flow begins another cycle; where, depends on the load balancer.
  const after28 = Array.from({ length: 9 }, (_, balancer) =>
    String(plus(before, nextFlows(weights, 28, balancer))),
  );
  assert.ok(after28.includes('23,23,26,26,28'), `found ${after28.join(' | ')}`);
});

figures('15, stage 1: a sixth member joins five that are full', () => {
  const full = loadedWith(50_100, 49_900, 50_000, 49_800, 50_200);
  const joining = memberOf('app6', { ageMs: Infinity, sinceMs: 0 });
  const weights = weightsOf([...full, joining], [20_000, 18_000, 21_000, 17_000, 19_000, 0]);
  assert.equal(weights, [1, 1, 1, 1, 1, 1000]);
  assert.equal(nextFlows(weights, 1005), [1, 1, 1, 1, 1, 1000]);
});

figures('15, stage 2: it still has the least', () => {
  const members = loadedWith(40_000, 39_000, 41_000, 38_000, 39_000, 18_000);
  const local = [14_000, 12_000, 13_000, 15_000, 16_000, 8_000];
  assert.equal(weightsOf(members, local), [1, 1, 1, 1, 1, 3]);
});

figures('15, stage 3: even within the tolerance, here and in all', () => {
  const members = loadedWith(44_000, 42_000, 43_000, 45_000, 46_000, 35_000);
  const local = [12_000, 12_000, 13_000, 14_000, 13_000, 13_000];
  assert.equal(weightsOf(members, local), [1, 1, 1, 1, 1, 1]);
});

const withoutFirst = (...activeFlows: number[]): MemberLoad[] =>
  loadedWith(...activeFlows).map((member, i) => (i === 0 ? { ...member, state: 'draining' } : member));

figures('16, stage 1: the first is removed; the others are even but for the own flows', () => {
  const members = withoutFirst(22_000, 26_000, 27_000, 28_000, 28_000, 26_000);
  const weights = weightsOf(members, [6_000, 7_000, 10_000, 9_000, 10_000, 10_000]);
  assert.equal(weights, [0, 2, 1, 1, 1, 1]);
  assert.equal(nextFlows(weights, 6), [0, 2, 1, 1, 1, 1]);
});

figures('16, stage 2: all even', () => {
  const members = withoutFirst(12_000, 30_000, 32_000, 31_000, 32_000, 30_000);
  const local = [5_000, 8_000, 9_000, 8_000, 10_000, 9_000];
  assert.equal(weightsOf(members, local), [0, 1, 1, 1, 1, 1]);
});

figures('16, stage 3: its last flows have ended', () => {
  const members = withoutFirst(0, 40_000, 39_000, 41_000, 38_000, 39_000);
  const local = [0, 12_000, 13_000, 14_000, 13_000, 13_000];
  assert.equal(weightsOf(members, local), [0, 1, 1, 1, 1, 1]);
});

figures.run();
