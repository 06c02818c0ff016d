/** A trace as text: a line per step, then what leaves, and what would change a drop. */
import type { TraceAnswer, TraceStepRow } from '../api/tracing/trace-shapes.ts';

export function formatTrace(answer: TraceAnswer): string {
  return `${lines(answer).join('\n')}\n`;
}

function lines(answer: TraceAnswer): string[] {
  const { reply, sent, frame } = answer;
  const besides = sent.filter((one) => !one.own && one.frame.hex !== frame?.hex);
  return [
    ...stepLines(answer.steps),
    '',
    verdictLine(answer),
    ...(answer.why === null ? [] : [`why: ${answer.why}`]),
    ...(frame === null ? [] : [`frame: ${frame.summary}`, `  ${frame.hex}`]),
    ...besides.map(({ port, frame: { summary } }) => `besides, to ${port}: ${summary}`),
    ...(reply === null ? [] : ['', 'the reply:', ...lines(reply)]),
  ];
}

/** In columns; the place is said once. */
function stepLines(steps: readonly TraceStepRow[]): string[] {
  const width = (key: 'at' | 'operator' | 'verdict'): number =>
    Math.max(...steps.map((step) => step[key].length));
  const [at, operator, verdict] = [width('at'), width('operator'), width('verdict')];
  return steps.map((step, i) => {
    const isSame = i > 0 && steps[i - 1]!.at === step.at;
    const place = (isSame ? '' : step.at).padEnd(at);
    return `${place}  ${step.operator.padEnd(operator)}  ${step.verdict.padEnd(verdict)}  ${step.detail}`.trimEnd();
  });
}

function verdictLine({ verdict, reason, advice, egress, group, member, sent }: TraceAnswer): string {
  if (verdict === 'dropped')
    return `dropped: ${reason ?? 'nobody takes it'}${advice === null ? '' : `; ${advice}`}`;
  if (verdict === 'waiting') return 'waiting: the packet is held, see the last steps';
  if (verdict === 'flooded') return `flooded: to ${sent.map(({ port }) => port).join(', ')}`;
  const to = egress === null ? '' : ` to ${egress.port} of ${egress.host}`;
  const who = group === null ? '' : ` (${group}/${member})`;
  return verdict === 'answered' ? `answered: by the datapath${to}` : `delivered:${to}${who}`;
}
