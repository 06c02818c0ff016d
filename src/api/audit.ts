/**
 * The audit trail: changes that people have made over the API of this process, as events of their own (events/journal.ts).
 * Whatever is no GET and succeeds is written down with who asked for it, what the request said, and the revision that it
 * made.
 */
import type { AuditType } from '../events/event.ts';
import type { Audited } from '../events/journal.ts';
import { type ApiPath, apiPathOf } from './answered-by.ts';
import type { Answerer, ApiRequest } from './routes.ts';
import type { Changed } from './shapes.ts';

/** Types of entries: what changes something, and who has looked into packets. */
const TYPES: Partial<Record<ApiPath, AuditType>> = {
  'POST /v1/reload': 'audit.reload',
  'POST /v1/down': 'audit.down',
  'POST /v1/captures': 'audit.capture',
  'DELETE /v1/agents/:host': 'audit.agent-forget',
  'POST /v1/groups/:group/reset': 'audit.group-reset',
  'POST /v1/groups/:group/policy': 'audit.policy-set',
  'POST /v1/groups/:group/scale': 'audit.scale',
  'POST /v1/groups/:group/members': 'audit.member-add',
  'POST /v1/groups/:group/members/:member/weight': 'audit.member-weight',
  'POST /v1/groups/:group/members/:member/drain': 'audit.member-drain',
  'POST /v1/groups/:group/members/:member/fail': 'audit.member-fail',
  'POST /v1/groups/:group/members/:member/reset': 'audit.member-reset',
  'POST /v1/groups/:group/members/:member/cancel': 'audit.member-cancel',
  'DELETE /v1/groups/:group/members/:member': 'audit.member-remove',
};

export class AuditTrail {
  private readonly journal: { audit(change: Audited): void };
  private readonly host: string;

  /** `host`: name of this host or controller. */
  constructor(journal: { audit(change: Audited): void }, host: string) {
    this.journal = journal;
    this.host = host;
  }

  append(change: Audited): void {
    this.journal.audit(change);
  }

  /** Answers as `answerer` does, and writes down what changes something. */
  around(answerer: Answerer): Answerer {
    return async (request) => {
      const answer = await answerer(request);
      if (request.method !== 'GET') this.note(request, answer as Partial<Changed>);
      return answer;
    };
  }

  private note(request: ApiRequest, { revision }: Partial<Changed>): void {
    const path = apiPathOf(request);
    const type = path && TYPES[path];
    if (type === undefined) return;
    // A capture's program is said by its filter.
    const { program: _, ...given } = (request.body ?? {}) as {
      name?: string;
      path?: string;
      program?: unknown;
    };
    const pattern = path!.split(' ')[1]!.split('/').slice(1);
    const values = request.path.filter((_, at) => pattern[at]!.startsWith(':'));
    const subject = [...values, ...(type === 'audit.member-add' ? [given.name] : [])].join('/');
    this.append({
      type,
      subject: subject === '' ? (given.path ?? this.host) : subject,
      actor: request.actor ?? 'unknown',
      details: { ...given, revision },
    });
  }
}
