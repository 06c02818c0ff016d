/** Events of a process: kept, bounded, read, followed; nothing that happens to its files does any harm. */
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event, EventFilter } from '../../src/events/event.ts';
import { MAX_WAITING } from '../../src/events/follower.ts';
import { EventJournal, MAX_FOLLOWERS } from '../../src/events/journal.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';

const test = suite('events: journal');

const START_MS = Date.parse('2026-12-01T12:00:00.000Z');

/** Time that stands still until it is moved. */
class Time {
  nowMs = 0;
  private timers = new Set<{ act: () => void; atMs: number }>();
  readonly runtime: Runtime = {
    monotonicMs: () => this.nowMs,
    wallMs: () => START_MS + this.nowMs,
    setTimer: (act, delayMs) => {
      const timer = { act, atMs: this.nowMs + delayMs, unref: () => {} };
      this.timers.add(timer);
      return timer;
    },
    setTicker: () => {
      throw new Error('no ticker is needed');
    },
    clearTimer: (timer) => void this.timers.delete(timer as never),
    soon: (act) => act(),
    random: () => 0.5,
  };

  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const due = [...this.timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.nowMs = due.atMs;
      this.timers.delete(due);
      due.act();
    }
    this.nowMs = untilMs;
  }
}

interface Bed {
  directory: string;
  time: Time;
  lines: string[];
  journal: EventJournal;
}
const bed = {} as Bed;

const open = (): EventJournal => {
  const write = (line: string): void => {
    const { level, msg } = JSON.parse(line) as { level: number; msg: string };
    bed.lines.push(`${level} ${msg}`);
  };
  const log = pino({ base: null }, { write });
  return new EventJournal({ directory: bed.directory, host: 'h1', runtime: bed.time.runtime, log });
};

test.before.each(() => {
  bed.directory = mkdtempSync(join(tmpdir(), 'sluice-events-'));
  bed.time = new Time();
  bed.lines = [];
  bed.journal = open();
});
test.after.each(() => {
  bed.journal.stop();
  rmSync(bed.directory, { recursive: true, force: true });
});

async function all(filter: EventFilter = {}): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of bed.journal.read(filter, false)!) events.push(event);
  return events;
}

const files = (): string[] => readdirSync(join(bed.directory, 'events')).sort();
const current = (): string => join(bed.directory, 'events', 'events.jsonl');

test('an event has one shape, in the file as for readers, and may be a line of the log', async () => {
  bed.journal.emit({
    type: 'member.failed',
    subject: 'api/app1',
    reason: 'connection refused',
    actor: 'health checks',
    details: { hosts: 2 },
    line: 'group api: app1 has failed',
    level: 'warn',
  });
  bed.journal.emit({ type: 'process.stopping', subject: 'h1' });
  const first = {
    time: '2026-12-01T12:00:00.000Z',
    host: 'h1',
    type: 'member.failed',
    subject: 'api/app1',
    reason: 'connection refused',
    actor: 'health checks',
    details: { hosts: 2 },
  };
  assert.equal((await all())[0], first);
  assert.equal(JSON.parse(readFileSync(current(), 'utf8').split('\n')[0]!), first);
  assert.equal(bed.lines, ['40 group api: app1 has failed']);
  assert.is(statSync(current()).mode & 0o777, 0o600);
});

test('filters: time, type or area, subject with what belongs to it', async () => {
  const { journal, time } = bed;
  journal.emit({ type: 'member.failed', subject: 'api/app1' });
  time.pass(10_000);
  journal.emit({ type: 'member.recovered', subject: 'api/app1' });
  journal.emit({ type: 'weights.changed', subject: 'api' });
  journal.emit({ type: 'member.failed', subject: 'api2/app1' });
  journal.audit({ type: 'audit.scale', subject: 'api', actor: 'uid 0 (root)', details: {} });
  const types = async (filter: EventFilter) => (await all(filter)).map(({ type }) => type);
  assert.equal(await types({ type: 'member.failed' }), ['member.failed', 'member.failed']);
  assert.is((await types({ type: 'member' })).length, 3);
  assert.equal(await types({ type: 'mem' }), []);
  assert.equal(await types({ subject: 'api/app1' }), ['member.failed', 'member.recovered']);
  assert.equal(await types({ subject: 'api', sinceMs: START_MS + 5_000 }), [
    'member.recovered',
    'weights.changed',
    'audit.scale',
  ]);
});

test('changes of people stand among the other events in order of time', async () => {
  const { journal, time } = bed;
  for (let i = 0; i < 3; i++) {
    journal.emit({ type: 'port.down', subject: `p${i}` });
    time.pass(1);
    journal.audit({ type: 'audit.reload', subject: `f${i}`, actor: 'SIGHUP', details: {} });
    time.pass(1);
  }
  assert.equal(
    (await all()).map(({ subject }) => subject),
    ['p0', 'f0', 'p1', 'f1', 'p2', 'f2'],
  );
});

test('alike events are folded with a count, and let through again after a pause', async () => {
  const { journal, time } = bed;
  const drop = (): void =>
    journal.emit({ type: 'drop', subject: 'web1', reason: 'no-route', details: { packets: 3 } });
  for (let i = 0; i < 600; i++) {
    drop();
    time.pass(1_000);
  }
  const kept = await all();
  assert.ok(kept.length < 25, `${kept.length} events of 600`);
  assert.equal(
    kept.slice(0, 4).map(({ details }) => details),
    Array.from({ length: 4 }, () => ({ packets: 3 })),
  );
  time.pass(60_000);
  const sum = (events: Event[], of: (event: Event) => unknown): number =>
    events.reduce((total, event) => total + ((of(event) as number | undefined) ?? 1), 0);
  const summed = await all();
  assert.is(
    sum(summed, ({ details }) => details.count),
    600,
  );
  assert.is(
    sum(summed, ({ details }) => details.packets),
    1_800,
  );
  assert.ok(Date.parse(String(summed.at(-1)!.details.since)) < Date.parse(summed.at(-1)!.time));
  time.pass(120_000);
  drop();
  assert.equal((await all()).at(-1)!.details, { packets: 3 });
});

test('a flood of different events stays within its budget, says what was left out, and leaves the others alone', async () => {
  const { journal, time } = bed;
  for (let second = 0; second < 20; second++) {
    for (let i = 0; i < 500; i++)
      journal.emit({ type: 'drop', subject: `port${second * 500 + i}`, reason: 'no-route' });
    journal.emit({ type: 'port.down', subject: `up${second}` });
    time.pass(1_000);
  }
  time.pass(120_000);
  const kept = await all();
  const of = (type: string): Event[] => kept.filter((event) => event.type === type);
  assert.ok(of('drop').length <= 1_000 + 10 * 20, `${of('drop').length}`);
  assert.is(of('port.down').length, 20);
  const omitted = of('events.omitted').reduce((sum, { details }) => sum + Number(details.count), 0);
  assert.is(omitted + of('drop').length, 10_000);
});

test('files are bounded, the oldest out first; changes of people stay', async () => {
  const { journal, time } = bed;
  journal.audit({ type: 'audit.down', subject: 'h1', actor: 'uid 0 (root)', details: {} });
  const text = 'x'.repeat(16_000);
  for (let i = 0; i < 4_300; i++) {
    journal.emit({ type: 'port.down', subject: `p${i}`, details: { text } });
    time.pass(101);
  }
  const names = files();
  assert.is(names.length, 16);
  const bytes = names.reduce((sum, name) => sum + statSync(join(bed.directory, 'events', name)).size, 0);
  assert.ok(bytes <= 16 * (4 << 20) + 20_000, `${bytes} bytes`);
  const kept = await all();
  assert.is(kept[0]!.type, 'audit.down');
  assert.is(kept.at(-1)!.subject, 'p4299');
  const numbers = kept.slice(1).map(({ subject }) => Number(subject.slice(1)));
  assert.ok(numbers[0]! > 0);
  assert.equal(
    numbers,
    Array.from(numbers, (_, i) => numbers[0]! + i),
    'no gap',
  );
});

test('the audit trail is two files of a mebibyte, however much is changed', () => {
  const details = { text: 'x'.repeat(15_000) };
  for (let i = 0; i < 300; i++)
    bed.journal.audit({ type: 'audit.reload', subject: `${i}`, actor: 'uid 7', details });
  const names = readdirSync(bed.directory).filter((name) => name.startsWith('audit'));
  assert.is(names.length, 2);
  for (const name of names) assert.ok(statSync(join(bed.directory, name)).size < 1.1 * (1 << 20), name);
  assert.match(readFileSync(join(bed.directory, 'audit.jsonl'), 'utf8'), '"subject":"299"');
});

test('a line that a crash has torn is left out, and so is what is no event; the next process goes on', async () => {
  bed.journal.emit({ type: 'port.down', subject: 'a' });
  bed.journal.emit({ type: 'port.down', subject: 'b' });
  bed.journal.stop();
  truncateSync(current(), statSync(current()).size - 7);
  bed.journal = open();
  bed.journal.emit({ type: 'port.down', subject: 'c' });
  appendFileSync(current(), 'null\n{"time":5}\n\0\0\0\n');
  bed.journal.emit({ type: 'port.down', subject: 'd' });
  assert.equal(
    (await all()).map(({ subject }) => subject),
    ['a', 'c', 'd'],
  );
});

test('what cannot be written is counted, and that is all', async () => {
  const inTheWay = join(bed.directory, 'events');
  writeFileSync(inTheWay, 'a file in place of the directory');
  for (const subject of ['a', 'b', 'c'])
    bed.journal.emit({ type: 'port.down', subject, line: `port ${subject}` });
  assert.is(bed.lines.length, 3);
  assert.equal(await all(), []);
  rmSync(inTheWay);
  bed.journal.emit({ type: 'port.down', subject: 'd' });
  const kept = await all();
  assert.equal(
    kept.map(({ type, subject }) => `${type} ${subject}`),
    ['events.lost h1', 'port.down d'],
  );
  assert.is(kept[0]!.details.count, 3);
});

test('a directory that is gone keeps no change from being made, and is a line of the log once', () => {
  rmSync(bed.directory, { recursive: true });
  for (let i = 0; i < 3; i++)
    bed.journal.audit({ type: 'audit.down', subject: 'h1', actor: 'uid 7', details: {} });
  assert.is(bed.lines.filter((line) => line.startsWith('40')).length, 1);
});

test('a reader that follows gets the past first, then what happens, without a gap or a repetition', async () => {
  const { journal, time } = bed;
  for (let i = 0; i < 2_000; i++) {
    journal.emit({ type: 'port.down', subject: `p${i}` });
    time.pass(101);
  }
  const reader = journal.read({ sinceMs: 0 }, true)!;
  const seen: string[] = [];
  for (let next = 2_000; seen.length < 2_500; ) {
    seen.push((await reader.next()).value!.subject);
    // Meanwhile, more happens.
    if (next < 2_500) {
      time.pass(101);
      journal.emit({ type: 'port.down', subject: `p${next++}` });
    }
  }
  assert.equal(
    seen,
    Array.from({ length: 2_500 }, (_, i) => `p${i}`),
  );
  await reader.return(undefined);
});

test('without a time, a reader that follows gets only what happens from then on; it ends with the journal', async () => {
  bed.journal.emit({ type: 'port.down', subject: 'before' });
  const reader = bed.journal.read({ type: 'port' }, true)!;
  const next = reader.next();
  bed.journal.emit({ type: 'uplink.down', subject: 'other' });
  bed.journal.emit({ type: 'port.down', subject: 'after' });
  assert.is((await next).value!.subject, 'after');
  const last = reader.next();
  bed.journal.stop();
  assert.is((await last).done, true);
});

test('a reader that is too slow is told how many it has missed, in their place', async () => {
  const reader = bed.journal.read({}, true)!;
  const first = reader.next();
  for (let i = 0; i < MAX_WAITING + 500; i++) {
    bed.journal.audit({ type: 'audit.scale', subject: `g${i}`, actor: 'uid 7', details: {} });
  }
  assert.is((await first).value!.subject, 'g0');
  const seen: Event[] = [];
  while (seen.at(-1)?.type !== 'events.missed') seen.push((await reader.next()).value!);
  assert.is(seen.length, MAX_WAITING);
  assert.is(seen.at(-1)!.details.count, 500);
  bed.journal.audit({ type: 'audit.scale', subject: 'later', actor: 'uid 7', details: {} });
  assert.is((await reader.next()).value!.subject, 'later');
  await reader.return(undefined);
});

test('readers that follow are bounded; one that leaves makes room', async () => {
  const readers = Array.from({ length: MAX_FOLLOWERS }, () => bed.journal.read({}, true)!);
  for (const reader of readers) reader.next();
  assert.is(bed.journal.read({}, true), undefined);
  bed.journal.endFollowing();
  await readers[0]!.return(undefined);
  assert.ok(bed.journal.read({}, true));
});

test.run();
