/**
 * The audit trail: changes that people have made over the API of this process, one JSON object per line.
 *
 * Theory of operation. Whatever is no GET and succeeded is written down with who asked for it. The file is bounded: when it
 * is full it becomes FILE.1, in the place of the previous one. It stays when the process ends. A full disk keeps no change
 * from being made; the log says so once.
 */
import { appendFileSync, renameSync, statSync } from 'node:fs';
import type { Logger } from 'pino';
import { messageOf } from '../config/problems/refusal.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type ApiPath, apiPathOf } from './answered-by.ts';
import type { Answerer, ApiRequest } from './routes.ts';
import type { Changed } from './shapes.ts';

/** One line. `details`: what the request said, and the revision that it made. */
export interface AuditEntry {
  /** ISO 8601. */
  readonly time: string;
  /** Name of the host or controller that made the change. */
  readonly host: string;
  readonly type: string;
  /** `group`, `group/member`, a file or a host. */
  readonly subject: string;
  readonly reason: string;
  /** The user or certificate that asked. */
  readonly actor: string;
  readonly details: object;
}

/** In the directory of a store of files, or in the run directory. */
export const AUDIT_FILE = 'audit.jsonl';

/** Of either file. */
const MAX_BYTES = 1 << 20;

/** Types of entries; other paths change nothing. */
const TYPES: Partial<Record<ApiPath, string>> = {
  'POST /v1/reload': 'reload',
  'POST /v1/down': 'down',
  'DELETE /v1/agents/:host': 'agent-forget',
  'POST /v1/groups/:group/reset': 'group-reset',
  'POST /v1/groups/:group/policy': 'policy-set',
  'POST /v1/groups/:group/scale': 'scale',
  'POST /v1/groups/:group/members': 'member-add',
  'POST /v1/groups/:group/members/:member/weight': 'member-weight',
  'POST /v1/groups/:group/members/:member/drain': 'member-drain',
  'POST /v1/groups/:group/members/:member/fail': 'member-fail',
  'POST /v1/groups/:group/members/:member/reset': 'member-reset',
  'DELETE /v1/groups/:group/members/:member': 'member-remove',
};

export class AuditTrail {
  private readonly path: string;
  private readonly host: string;
  private readonly runtime: Runtime;
  private readonly log: Logger;
  private hasFailed = false;

  constructor(path: string, host: string, runtime: Runtime, log: Logger) {
    this.path = path;
    this.host = host;
    this.runtime = runtime;
    this.log = log;
  }

  append(entry: Pick<AuditEntry, 'type' | 'subject' | 'actor' | 'details'>): void {
    const { type, subject, actor, details } = entry;
    const time = new Date(this.runtime.wallMs()).toISOString();
    const line: AuditEntry = { time, host: this.host, type, subject, reason: '', actor, details };
    this.log.info(`${type} ${subject}, by ${actor}`);
    try {
      const size = statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
      if (size >= MAX_BYTES) renameSync(this.path, `${this.path}.1`);
      appendFileSync(this.path, `${JSON.stringify(line)}\n`, { mode: 0o600 });
      this.hasFailed = false;
    } catch (error) {
      if (!this.hasFailed) this.log.warn(`audit trail: ${messageOf(error)}; the change is made all the same`);
      this.hasFailed = true;
    }
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
    const given = (request.body ?? {}) as { name?: string; path?: string };
    const pattern = path!.split(' ')[1]!.split('/').slice(1);
    const values = request.path.filter((_, at) => pattern[at]!.startsWith(':'));
    const subject = [...values, ...(type === 'member-add' ? [given.name] : [])].join('/');
    this.append({
      type,
      subject: subject === '' ? (given.path ?? this.host) : subject,
      actor: request.actor ?? 'unknown',
      details: { ...given, revision },
    });
  }
}
