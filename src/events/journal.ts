/**
 * The events of a process: what happens is emitted here, kept on disk within bounds, and handed to those who follow.
 *
 * Theory of operation. What is emitted passes the bounds of folding.ts, becomes a line of a file, and goes into the queue of
 * each reader that follows. Changes that people make pass no bounds and have files of their own, so that no flood and no age
 * of other events removes them. A line that cannot be written is counted, and the count is written once lines can be
 * written again: nothing else happens then. A reader of the past gets both kinds in the order of their times.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { momentOf, type Runtime, type Timer } from '../runtime/runtime.ts';
import {
  type AuditType,
  type Event,
  type EventFilter,
  type EventSink,
  matchesFilter,
  type NewEvent,
} from './event.ts';
import { EventFolder, type TimedEvent } from './folding.ts';
import { Follower } from './follower.ts';
import { type LineFileLimits, LineFiles } from './line-files.ts';

/** Some 250 000 events of 250 bytes. */
const EVENT_LIMITS: LineFileLimits = { maxFileBytes: 4 << 20, maxFiles: 16 };
/** Some 8 000 changes. */
const AUDIT_LIMITS: LineFileLimits = { maxFileBytes: 1 << 20, maxFiles: 2 };
/** In the journal's directory. */
const EVENT_DIRECTORY = 'events';
/** Longest text of an event's details; longer ones are left out. */
const MAX_DETAILS = 16 << 10;
const MAX_TEXT = 1_024;
const STEP_MS = 1_000;
/** Readers that follow at a time. */
export const MAX_FOLLOWERS = 32;

interface Log {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  fatal(text: string): void;
}

export interface JournalOptions {
  /** Where it keeps its files; it exists by the first event, or nothing can be written. */
  readonly directory: string;
  /** Name of the host or controller. */
  readonly host: string;
  readonly runtime: Runtime;
  readonly log: Log;
}

/** A change that a person has made. */
export interface Audited extends Pick<Event, 'subject' | 'actor' | 'details'> {
  readonly type: AuditType;
}

export class EventJournal implements EventSink {
  private readonly options: JournalOptions;
  private readonly events: LineFiles;
  private readonly changes: LineFiles;
  private readonly folder = new EventFolder((event) => this.keep(event));
  private readonly followers = new Set<Follower>();
  private timer: Timer | undefined;
  /** Events not written since the last one that was. */
  private lost = 0;
  private hasFailed = false;
  private isMade = false;
  private isStopped = false;

  constructor(options: JournalOptions) {
    this.options = options;
    this.events = new LineFiles(join(options.directory, EVENT_DIRECTORY), 'events', EVENT_LIMITS);
    this.changes = new LineFiles(options.directory, 'audit', AUDIT_LIMITS);
  }

  emit({ line, level = 'info', ...event }: NewEvent): void {
    const { runtime, log } = this.options;
    if (line !== undefined) log[level](line);
    if (this.isStopped) return;
    const now = momentOf(runtime);
    const { type, subject, reason = '', actor = '', details = {}, apart } = event;
    this.folder.take({ atMs: now.wallMs, type, subject, reason, actor, details, apart }, now);
    this.timer ??= this.nextStep();
  }

  /** Name of the host or controller. */
  get host(): string {
    return this.options.host;
  }

  /** Writes down a change that a person has made. */
  audit({ type, subject, actor, details }: Audited): void {
    const { runtime, log } = this.options;
    log.info(`${type.slice('audit.'.length)} ${subject}, by ${actor}`);
    const event = this.made({ atMs: runtime.wallMs(), type, subject, reason: '', actor, details });
    this.hand(event);
    try {
      this.changes.append(JSON.stringify(event));
      this.hasFailed = false;
    } catch (error) {
      if (!this.hasFailed)
        log.warn(`audit trail: ${(error as Error).message}; the change is made all the same`);
      this.hasFailed = true;
    }
  }

  /**
   * What has happened, oldest first; with `follow`, it goes on with what happens from now, until the journal stops.
   * Undefined: too many follow already.
   */
  read(filter: EventFilter, follow: boolean): AsyncGenerator<Event> | undefined {
    if (!follow) return this.past(filter);
    if (this.followers.size >= MAX_FOLLOWERS) return undefined;
    const follower = new Follower((count) => this.missed(count));
    this.followers.add(follower);
    // What is written before this moment is read from the files, what comes later is in the queue.
    const past = filter.sinceMs === undefined ? undefined : this.past(filter);
    return this.following(follower, past, filter);
  }

  /** Ends all readers that follow. */
  endFollowing(): void {
    for (const follower of this.followers) follower.end();
  }

  /** Writes what is folded; what is emitted later has only its line in the log. */
  stop(): void {
    this.options.runtime.clearTimer(this.timer);
    this.folder.end(momentOf(this.options.runtime));
    this.endFollowing();
    this.isStopped = true;
    this.events.close();
    this.changes.close();
  }

  // --- keeping ---------------------------------------------------------------------------------------------------

  private nextStep(): Timer {
    const timer = this.options.runtime.setTimer(() => {
      const hasMore = this.folder.step(momentOf(this.options.runtime));
      this.timer = hasMore ? this.nextStep() : undefined;
    }, STEP_MS);
    timer.unref();
    return timer;
  }

  private keep(timed: TimedEvent): void {
    const event = this.made(timed);
    this.hand(event);
    try {
      this.makeDirectory();
      if (this.lost > 0) this.events.append(JSON.stringify(this.ofItself('events.lost', this.lost)));
      this.lost = 0;
      this.events.append(JSON.stringify(event));
    } catch {
      this.lost++;
    }
  }

  private makeDirectory(): void {
    if (this.isMade) return;
    mkdirSync(join(this.options.directory, EVENT_DIRECTORY), { mode: 0o700, recursive: true });
    this.isMade = true;
  }

  private made({ atMs, type, subject, reason, actor, details }: TimedEvent): Event {
    const time = new Date(atMs).toISOString();
    const length = JSON.stringify(details).length;
    return {
      time,
      host: this.options.host,
      type,
      subject: cut(subject),
      reason: cut(reason),
      actor: cut(actor),
      details: length <= MAX_DETAILS ? details : { leftOut: `${length} characters` },
    };
  }

  private hand(event: Event): void {
    for (const follower of this.followers) follower.push(event);
  }

  private ofItself(type: 'events.lost' | 'events.missed', count: number): Event {
    const atMs = this.options.runtime.wallMs();
    const { host } = this.options;
    return this.made({ atMs, type, subject: host, reason: REASONS[type], actor: '', details: { count } });
  }

  private missed(count: number): Event {
    return this.ofItself('events.missed', count);
  }

  // --- reading ---------------------------------------------------------------------------------------------------

  private past(filter: EventFilter): AsyncGenerator<Event> {
    const { sinceMs } = filter;
    const kept = readEvents(this.events.read(sinceMs), filter);
    const changes = readEvents(this.changes.read(sinceMs), filter);
    return inOrder(kept, changes);
  }

  private async *following(
    follower: Follower,
    past: AsyncGenerator<Event> | undefined,
    filter: EventFilter,
  ): AsyncGenerator<Event> {
    try {
      if (past !== undefined) yield* past;
      for await (const event of follower.events())
        if (event.type === 'events.missed' || matchesFilter(event, filter)) yield event;
    } finally {
      this.followers.delete(follower);
    }
  }
}

const REASONS = {
  'events.lost': 'they could not be written down',
  'events.missed': 'the reader is too slow',
};

const cut = (text: string): string => (text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`);

async function* readEvents(blocks: AsyncGenerator<string[]>, filter: EventFilter): AsyncGenerator<Event> {
  for await (const lines of blocks) {
    for (const line of lines) {
      const event = parsed(line);
      if (event !== undefined && matchesFilter(event, filter)) yield event;
    }
  }
}

/** Undefined: a part of a line. */
function parsed(line: string): Event | undefined {
  if (line === '') return undefined;
  try {
    const event = JSON.parse(line) as Partial<Event> | null;
    const isWhole = typeof event?.time === 'string' && typeof event.type === 'string';
    return isWhole && typeof event.subject === 'string' ? (event as Event) : undefined;
  } catch {
    return undefined;
  }
}

/** Both in the order of their times; each is in order already. */
async function* inOrder(a: AsyncGenerator<Event>, b: AsyncGenerator<Event>): AsyncGenerator<Event> {
  try {
    let [nextA, nextB] = [await a.next(), await b.next()];
    while (nextA.done !== true || nextB.done !== true) {
      const takesA = nextB.done === true || (nextA.done !== true && nextA.value.time <= nextB.value.time);
      if (takesA) {
        yield nextA.value as Event;
        nextA = await a.next();
      } else {
        yield nextB.value as Event;
        nextB = await b.next();
      }
    }
  } finally {
    await a.return(undefined);
    await b.return(undefined);
  }
}
