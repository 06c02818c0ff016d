/** `GET /v1/events`: its query, and the answer from a process's journal. */
import { z } from 'zod';
import { parseSince, SINCE_SYNTAX } from '../config/model/duration.ts';
import { expectOneOf } from '../config/problems/problems.ts';
import { Refusal } from '../config/problems/refusal.ts';
import { EVENT_AREAS, EVENT_TYPES } from '../events/event.ts';
import { type EventJournal, MAX_FOLLOWERS } from '../events/journal.ts';
import { checked, JsonLines, text } from './routes.ts';

const eventQuery = z.strictObject({
  /** A duration before now, or a time: see parseSince. */
  since: text.optional(),
  /** A type or an area. */
  type: text.optional(),
  subject: text.optional(),
  follow: z.enum(['0', '1', 'true', 'false'], '0 or 1').default('0'),
});

/** What a request may ask of a journal. */
export type EventSource = Pick<EventJournal, 'read'>;

/** `nowMs`: wall clock. */
export function answerEvents(source: EventSource, query: URLSearchParams, nowMs: number): JsonLines {
  const { since, type, subject, follow } = checked(eventQuery, query);
  const sinceMs = since === undefined ? undefined : parseSince(since, nowMs);
  if (since !== undefined && sinceMs === undefined)
    throw new Refusal(400, `since: found ${since}, expected ${SINCE_SYNTAX}`);
  if (type !== undefined) checkType(type);
  const events = source.read({ sinceMs, type, subject }, follow === '1' || follow === 'true');
  if (events === undefined) throw new Refusal(503, `events: ${MAX_FOLLOWERS} readers follow already`);
  return new JsonLines(events);
}

function checkType(type: string): void {
  const types = Object.keys(EVENT_TYPES);
  if (EVENT_AREAS.includes(type) || types.includes(type)) return;
  const inArea = types.filter((known) => known.startsWith(`${type.split('.')[0]}.`));
  const expected = expectOneOf(type, inArea.length > 0 ? inArea : EVENT_AREAS);
  throw new Refusal(400, `type: found ${type}, expected ${expected}`);
}
