/** Sinks of events for tests. */
import type { EventSink, NewEvent } from '../../src/events/event.ts';

interface Log {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  fatal(text: string): void;
}

/** Keeps no event, and writes their lines into the log, as a process does. */
export const linesOnly = (log: Log): EventSink => ({
  emit({ line, level = 'info' }: NewEvent): void {
    if (line !== undefined) log[level](line);
  },
});

/** Keeps events as they were reported. */
export class Collected implements EventSink {
  readonly events: NewEvent[] = [];

  emit(event: NewEvent): void {
    this.events.push(event);
  }

  /** `type subject: reason, by actor` */
  get texts(): string[] {
    return this.events.map(
      ({ type, subject, reason = '', actor = '' }) => `${type} ${subject}: ${reason}, by ${actor}`,
    );
  }
}
