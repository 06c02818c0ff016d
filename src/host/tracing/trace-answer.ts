/** A trace in names and words: the datapath reports numbers. */
import type { TraceAnswer, TraceFrame, TraceStepRow } from '../../api/tracing/trace-shapes.ts';
import type { Configuration, GroupConfig } from '../../config/model/model.ts';
import type { TraceFact } from '../../datapath/frame/trace-sink.ts';
import type { TraceResult } from '../../datapath/tracing/packet-tracer.ts';
import type { SentFrame, Trace, TraceStep } from '../../datapath/tracing/step-recorder.ts';
import { DROP_REASONS } from '../../tables/port-counters.ts';
import { changesBetween, decodeFrame } from '../../wire/packets/decode.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';
import { decisionText } from './decision-text.ts';
import { dropAdvice } from './drop-advice.ts';
import { FactText } from './fact-text.ts';

export interface TraceNames {
  readonly ids: DatapathIds;
  readonly configuration: Configuration;
  /** Name of a port by its number; absent: as `ids` has it. */
  portName?(port: number): string | undefined;
}

export const frameOf = (bytes: Uint8Array): TraceFrame => ({
  ...decodeFrame(bytes),
  hex: Buffer.from(bytes).toString('hex'),
});

export class TraceWriter {
  private readonly names: TraceNames;
  private readonly groups: ReadonlyMap<string, GroupConfig>;
  private readonly facts: FactText;

  constructor(names: TraceNames) {
    this.names = names;
    this.groups = new Map(names.configuration.groups.map((group) => [group.name, group]));
    this.facts = new FactText(names.ids, names.configuration, (port) => this.port(port));
  }

  answer(trace: TraceResult): TraceAnswer {
    const reply = trace.reply === undefined ? null : this.write(trace.reply, trace.reply.frame, null);
    const answer = this.write(trace, trace.frame, reply);
    if (trace.isResolved) return answer;
    const at = answer.steps[0]?.at ?? '';
    const detail =
      'nobody is known to have the destination’s address: the VM would ask, and send when it is answered';
    return { ...answer, steps: [{ at, operator: 'vm', verdict: 'unresolved', detail }, ...answer.steps] };
  }

  /** Of a packet that is not traced but explained while it is handled. */
  explanation(trace: Trace, given: Uint8Array): TraceAnswer {
    return this.write(trace, given, null);
  }

  private write(trace: Trace, given: Uint8Array, reply: TraceAnswer | null): TraceAnswer {
    const { verdict, reason, sent } = trace;
    const name = verdict === 'dropped' ? (DROP_REASONS[reason] ?? null) : null;
    const leaving = leavingFrame(trace);
    const isOneWay = leaving !== undefined && verdict !== 'flooded';
    const host = this.names.configuration.host;
    return {
      verdict,
      reason: name,
      advice: name === null ? null : dropAdvice(name),
      ...this.choice(trace),
      egress: isOneWay ? { host, port: this.port(leaving.port) } : null,
      steps: trace.steps.flatMap((step) => this.rows(step)),
      given: frameOf(given),
      frame: leaving === undefined ? null : frameOf(leaving.bytes),
      sent: sent.map(({ port, own, bytes }) => ({ port: this.port(port), own, frame: frameOf(bytes) })),
      reply,
    };
  }

  /** The last record or selection that the packet has met. */
  private choice({ steps }: Trace): Pick<TraceAnswer, 'group' | 'member' | 'why'> {
    const { ids } = this.names;
    for (const fact of steps.flatMap(factsOf).reverse()) {
      if (fact.kind !== 'connection' && fact.kind !== 'opened') continue;
      if (fact.record === undefined) continue;
      const chosen = ids.memberOf(fact.record.member);
      if (chosen === undefined) continue;
      return { group: chosen.group, member: chosen.member, why: decisionText(fact.record, ids, this.groups) };
    }
    return { group: null, member: null, why: null };
  }

  private rows(step: TraceStep): TraceStepRow[] {
    switch (step.kind) {
      case 'port': {
        const isIn = step.direction === 'ingress';
        return [
          this.row(step.port, 'port', isIn ? 'received' : 'leaving', isIn ? 'ingress chain' : 'egress chain'),
        ];
      }
      case 'operator': {
        const changes =
          step.before === undefined || step.after === undefined
            ? []
            : changesBetween(step.before, step.after);
        const verdict = step.passed ? (step.before === undefined ? 'pass' : 'rewritten') : 'consumed';
        return [this.row(step.port, step.operator, verdict, changes.join(', '))];
      }
      case 'fact':
        if (step.port === undefined || step.operator === undefined) return [this.facts.row(step.fact)];
        return [{ at: this.port(step.port), operator: step.operator, ...this.facts.of(step.fact) }];
      case 'dropped': {
        const reason = DROP_REASONS[step.reason]!;
        return [this.row(step.port, 'drop', 'dropped', `${reason}: ${dropAdvice(reason)}`)];
      }
      case 'sent':
        return [this.row(step.port, 'device', step.own ? 'sent' : 'sent-besides', '')];
    }
  }

  private row(port: number, operator: string, verdict: string, detail: string): TraceStepRow {
    return { at: this.port(port), operator, verdict, detail };
  }

  private port(port: number): string {
    return this.names.portName?.(port) ?? this.names.ids.portName(port) ?? 'datapath';
  }
}

const factsOf = (step: TraceStep): readonly TraceFact[] => (step.kind === 'fact' ? [step.fact] : []);

/** The packet as it leaves first, or its answer. */
function leavingFrame({ verdict, sent, steps }: Trace): SentFrame | undefined {
  if (verdict === 'dropped' || verdict === 'waiting') return undefined;
  if (verdict !== 'answered') return sent.find(({ own }) => own);
  const first = steps.find((step) => step.kind === 'port');
  const back = sent.filter(({ port }) => port === first?.port);
  return back.find(({ own }) => own) ?? back[0];
}
