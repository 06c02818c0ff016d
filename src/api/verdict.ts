/** Verdicts as text. */
import type { Verdict } from './shapes.ts';

export const verdictOf = (problems: Verdict['problems']): Verdict => ({
  well: problems.length === 0,
  problems,
});

/** `all is well`, or a line that counts the problems and one for each. */
export function verdictText({ well, problems }: Verdict): string {
  if (well) return 'all is well\n';
  const count = problems.length === 1 ? '1 thing is not well' : `${problems.length} things are not well`;
  const lines = problems.map(({ problem, advice }) => `- ${problem}: ${advice}\n`);
  return `${count}\n${lines.join('')}`;
}

/** `warnings`: of certificates that expire soon. */
export const certificateProblems = (warnings: readonly string[]): Verdict['problems'] =>
  warnings.map((problem) => ({ problem, advice: 'renew it; its files are read again when they change' }));

/** `a, b, c and 4 more` */
export function named(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(', ');
  return names.length <= most ? shown : `${shown} and ${names.length - most} more`;
}
