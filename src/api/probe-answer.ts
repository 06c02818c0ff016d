/** Answers of /healthz and /readyz. */
import { PlainAnswer } from './routes.ts';
import type { Verdict } from './shapes.ts';
import { verdictOf, verdictText } from './verdict.ts';

/** 200, or 503 with what is missing. */
export const probeAnswer = (problems: Verdict['problems']): PlainAnswer =>
  problems.length === 0
    ? new PlainAnswer('ok\n')
    : new PlainAnswer(verdictText(verdictOf(problems)), undefined, 503);
