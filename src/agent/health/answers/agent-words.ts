/**
 * The line that a member's agent answers, in HAProxy's agent-check protocol (HAProxy configuration manual, `agent-check`):
 * words in any order, separated by blanks, tabs or commas, up to the first CR or LF. What is not said stays as it was.
 *
 *   75%                     capacity, relative to the configured weight
 *   ready, drain, maint     what the operator of the member wants
 *   up, down, fail, stopped whether the service runs; the last three may be followed by a reason: `down#disk full`
 *   maxconn:30              not used
 */

export type AdminWord = 'ready' | 'drain' | 'maint';
export type ServiceWord = 'up' | 'down' | 'fail' | 'stopped';

export interface AgentWords {
  /** 0 or more. */
  readonly percent?: number;
  readonly admin?: AdminWord;
  readonly service?: ServiceWord;
  /** Behind `#`. */
  readonly reason?: string;
}

/** Longest line that is read. */
export const MAX_LINE_BYTES = 1_024;
const MAX_PERCENT = 1_000_000;
const ADMIN: readonly string[] = ['ready', 'drain', 'maint'];
const SERVICE: readonly string[] = ['up', 'down', 'fail', 'stopped'];
/** HAProxy accepts this one, too. */
const SYNONYMS: Readonly<Record<string, string>> = { failed: 'fail' };

/** Unknown words are skipped; undefined: no word is known. `line`: without its end. */
export function parseAgentWords(line: string): AgentWords | undefined {
  const sharp = line.indexOf('#');
  const reason = sharp < 0 ? undefined : line.slice(sharp + 1).trim();
  const said: { -readonly [Key in keyof AgentWords]: AgentWords[Key] } = {};
  for (const given of (sharp < 0 ? line : line.slice(0, sharp)).split(/[ \t,]+/)) {
    const lower = given.toLowerCase();
    const word = Object.hasOwn(SYNONYMS, lower) ? SYNONYMS[lower]! : lower;
    if (/^\d{1,10}%$/.test(word)) said.percent = Math.min(Number(word.slice(0, -1)), MAX_PERCENT);
    else if (ADMIN.includes(word)) said.admin = word as AdminWord;
    else if (SERVICE.includes(word)) said.service = word as ServiceWord;
  }
  if (Object.keys(said).length === 0) return undefined;
  return reason === undefined || reason === '' ? said : { ...said, reason };
}

/** What an agent has said so far: a word holds until another one takes it back. */
export type AgentState = Pick<AgentWords, 'admin' | 'service' | 'percent' | 'reason'>;

export const afterWords = (before: AgentState, said: AgentWords): AgentState => ({
  admin: said.admin ?? before.admin,
  service: said.service ?? before.service,
  percent: said.percent ?? before.percent,
  reason: said.reason ?? (said.admin === undefined && said.service === undefined ? before.reason : undefined),
});

/** Down by either word, else draining (a capacity of 0% is that, too, as in HAProxy), else up. */
export function agentVerdict({ admin, service, percent, reason }: AgentState): {
  verdict: 'up' | 'draining' | 'down';
  detail: string;
} {
  const because = reason === undefined ? '' : ` (${printableReason(reason)})`;
  if (service !== undefined && service !== 'up')
    return { verdict: 'down', detail: `its agent says ${service}${because}` };
  if (admin === 'maint') return { verdict: 'down', detail: `its agent says maint${because}` };
  if (admin === 'drain') return { verdict: 'draining', detail: `its agent says drain${because}` };
  if (percent === 0) return { verdict: 'draining', detail: `its agent says 0%${because}` };
  return { verdict: 'up', detail: `its agent says ${service ?? admin ?? `${percent}%`}` };
}

const MAX_REASON_LENGTH = 120;

const printableReason = (reason: string): string =>
  reason.slice(0, MAX_REASON_LENGTH).replace(/[^\x20-\x7e]/g, '?');
