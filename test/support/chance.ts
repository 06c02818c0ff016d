/**
 * Bounds of tests whose outcome is random. A test states what it expects by probabilities, and takes its bounds from
 * here, so that right code fails with a known probability: FALSE_ALARM for each comparison. A test file makes fewer than
 * a thousand comparisons, and so fails by chance less than once in a million seeds.
 */

export const FALSE_ALARM = 1e-9;

/** Least and greatest count that are believed. */
export interface CountBounds {
  readonly low: number;
  readonly high: number;
}

/**
 * Bounds of the number of successes in `trials` independent trials of `probability`: the exact binomial distribution is
 * cut off at both ends, where what is beyond has a probability of at most half of `falseAlarm`.
 */
export function binomialBounds(trials: number, probability: number, falseAlarm = FALSE_ALARM): CountBounds {
  if (!(probability >= 0 && probability <= 1) || !Number.isInteger(trials) || trials < 0)
    throw new RangeError(`binomial: found ${trials} trials of probability ${probability}`);
  const atMost = binomialHigh(trials, probability, falseAlarm / 2);
  return { low: trials - binomialHigh(trials, 1 - probability, falseAlarm / 2), high: atMost };
}

/** The least count that is exceeded with a probability of at most `beyond`. */
function binomialHigh(trials: number, probability: number, beyond: number): number {
  if (probability <= 0) return 0;
  if (probability >= 1) return trials;
  const odds = probability / (1 - probability);
  // Downwards from the greatest count, in logarithms, as the first terms are far too small for numbers.
  let logTerm = trials * Math.log(probability);
  let tail = 0;
  for (let count = trials; count > 0; count--) {
    tail += Math.exp(logTerm);
    if (tail > beyond) return count;
    logTerm += Math.log(count / ((trials - count + 1) * odds));
  }
  return 0;
}

/**
 * What a function of `choices` independent random choices exceeds with a probability of at most FALSE_ALARM, if `mean` is
 * its mean, and another choice in one place changes it by at most 1 (McDiarmid's inequality).
 */
export const boundedDifferencesHigh = (mean: number, choices: number): number =>
  mean + Math.sqrt((choices * -Math.log(FALSE_ALARM)) / 2);

/** Fails if `count` of `trials` is not what `probability` makes likely; `slack` is added on either side. */
export function assertCount(
  count: number,
  trials: number,
  probability: number,
  what: string,
  slack = 0,
): void {
  const { low, high } = binomialBounds(trials, probability);
  if (count >= low - slack && count <= high + slack) return;
  throw new Error(`${what}: ${count} of ${trials}, expected ${low - slack} to ${high + slack}`);
}

/** Fails if `count` of `trials` is more than a probability of `atMost` makes likely. */
export function assertAtMost(count: number, trials: number, atMost: number, what: string): void {
  const { high } = binomialBounds(trials, atMost);
  if (count > high) throw new Error(`${what}: ${count} of ${trials}, expected at most ${high}`);
}

/**
 * For a claim about a random outcome whose distribution nobody knows: that it holds in all independent runs but a share of
 * `atMost`. Runs are made, at most `runs`, until the verdict is certain: it fails when more have failed than that share
 * makes likely, with a false alarm once in twenty million. `run` answers what is wrong, or undefined.
 */
export function assertMostly(
  { runs, atMost }: { readonly runs: number; readonly atMost: number },
  run: (index: number) => string | undefined,
): void {
  const { high } = binomialBounds(runs, atMost, 1e-7);
  const complaints: string[] = [];
  for (let i = 0; i < runs && i - complaints.length < runs - high; i++) {
    const complaint = run(i);
    if (complaint !== undefined) complaints.push(complaint);
    if (complaints.length > high)
      throw new Error(`${complaints.length} of ${i + 1} runs fail:\n${complaints.join('\n')}`);
  }
}

/**
 * Fails if counts are further from the shares that the weights ask for than chance takes them: Pearson's statistic
 * beyond the bound of Laurent and Massart (2000, lemma 1), which a chi-square of k degrees of freedom exceeds with
 * a probability of at most e^-x. The statistic is a chi-square where some dozens are due to each member.
 */
export function assertShares(counts: readonly number[], weights: readonly number[]): void {
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  const [total, whole] = [sum(counts), sum(weights)];
  const dues = weights.map((weight) => (total * weight) / whole);
  const chiSquare = sum(dues.map((due, i) => (due === 0 ? 0 : (counts[i]! - due) ** 2 / due)));
  const k = weights.filter((weight) => weight > 0).length - 1;
  const x = -Math.log(FALSE_ALARM);
  const isOff =
    chiSquare > k + 2 * Math.sqrt(k * x) + 2 * x || dues.some((due, i) => due === 0 && counts[i]! > 0);
  if (isOff) throw new Error(`shares ${counts} for weights ${weights}: chi-square ${chiSquare.toFixed(1)}`);
}
