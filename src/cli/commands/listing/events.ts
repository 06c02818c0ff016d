/** `sluice events`: what has happened, and with `--follow` what happens. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseSince, SINCE_SYNTAX } from '../../../config/model/duration.ts';
import { EVENT_AREAS, EVENT_TYPES, type Event } from '../../../events/event.ts';
import { type ApiClient, ApiFailure } from '../../api-client.ts';
import { printEach } from '../../row-output.ts';
import { apiOf } from '../../settings.ts';

interface Options {
  follow?: boolean;
  since?: string;
  type?: string;
  subject?: string;
}

/** Time between two attempts to reach the next process. */
const RETRY_MS = 500;
/** A follower that attaches anew asks for so much of what it has seen, and leaves out what it has shown. */
const OVERLAP_MS = 5_000;
const MAX_SHOWN = 10_000;

export function addEvents(parent: Command): void {
  parent
    .command('events')
    .description('show what has happened on this host or controller, who or what decided it, and why')
    .option('-f, --follow', 'go on with what happens, until interrupted; without --since from now on')
    .option('--since <time>', `show only what came later: ${SINCE_SYNTAX}`, sinceArgument)
    .addOption(typeOption())
    .option('--subject <subject>', 'show only what is about this group, group/member, port or host')
    .addHelpText(
      'after',
      `
JSON is one line per event: time, host, type, subject, reason, actor, details.
The area audit has the changes that people have made; they are kept for longer.`,
    )
    .action(async (options: Options, command: Command) => {
      const api = apiOf(command);
      const events = options.follow === true ? following(api, options) : stored(api, options);
      await printEach(command, events, formatEvent);
    });
}

const stored = (api: ApiClient, { since, type, subject }: Options): AsyncGenerator<Event> =>
  api.lines<Event>('/v1/events', { since, type, subject });

/** Goes on with the next process when one ends: after a takeover, or a restart. */
async function* following(api: ApiClient, { since, type, subject }: Options): AsyncGenerator<Event> {
  const startMs = since === undefined ? Date.now() : Date.parse(since);
  let latestMs = startMs;
  /** The last lines that were shown: two processes may write during a takeover, so times are not quite in order. */
  const shown = new Set<string>();
  let hasAnswered = false;
  for (let isWaiting = false; ; ) {
    try {
      const from = new Date(Math.max(startMs, latestMs - OVERLAP_MS)).toISOString();
      const query = { since: from, type, subject, follow: 1 };
      const answered = (): void => {
        hasAnswered = true;
        isWaiting = false;
      };
      for await (const event of api.lines<Event>('/v1/events', query, answered)) {
        const line = JSON.stringify(event);
        if (shown.has(line)) continue;
        latestMs = Math.max(latestMs, Date.parse(event.time));
        shown.add(line);
        if (shown.size > MAX_SHOWN) shown.delete(shown.values().next().value!);
        yield event;
      }
    } catch (error) {
      if (!hasAnswered || error instanceof ApiFailure) throw error;
    }
    if (!isWaiting) process.stderr.write('sluice: the process has ended; waiting for the next one\n');
    isWaiting = true;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** `2026-01-31 12:00:00.000 h1 member.failed api/app1: connection refused, by health checks (hosts: 2)` */
export function formatEvent({ time, host, type, subject, reason, actor, details }: Event): string {
  const at = time.replace('T', ' ').replace('Z', '');
  const why = reason === '' ? '' : `: ${reason}`;
  const by = actor === '' ? '' : `, by ${actor}`;
  const rest = Object.entries(details).map(([key, value]) => `${key} ${valueText(value)}`);
  const text = `${at} ${host} ${type} ${subject}${why}${by}${rest.length === 0 ? '' : ` (${rest.join(', ')})`}`;
  // It may quote other machines, and is meant for a terminal.
  return `${text.replaceAll(/\p{Cc}/gu, '?')}\n`;
}

const valueText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Shells complete the areas. */
const typeOption = (): Option =>
  new Option('--type <type>', 'show only this type, such as member.failed, or this area')
    .choices(EVENT_AREAS)
    .argParser((text: string): string => {
      if (EVENT_AREAS.includes(text) || Object.hasOwn(EVENT_TYPES, text)) return text;
      throw new InvalidArgumentError(
        `Expected one of ${EVENT_AREAS.join(', ')}, or a type such as member.failed: see docs/events.md.`,
      );
    });

function sinceArgument(text: string): string {
  const ms = parseSince(text, Date.now());
  if (ms === undefined) throw new InvalidArgumentError(`Expected ${SINCE_SYNTAX}.`);
  return new Date(ms).toISOString();
}
