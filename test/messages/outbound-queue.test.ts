import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FromController, GlobalStats, GroupDefinition, Rules } from '../../src/messages/messages.ts';
import { mergeRules, OutboundQueue } from '../../src/messages/outbound-queue.ts';

const group = (name: string, definition = name): GroupDefinition => ({ name, definition });

const delta = (baseRevision: number, revision: number, names: string[], removed: string[] = []): Rules => ({
  epoch: 7,
  revision,
  baseRevision,
  isFull: false,
  groups: names.map((name) => group(name, `${name}@${revision}`)),
  removed,
});

const full = (revision: number, names: string[]): Rules => ({
  ...delta(0, revision, names),
  isFull: true,
});

/** What an agent has after these rules; undefined: a delta did not fit. */
function applied(messages: readonly Rules[]): { revision: number; groups: Map<string, string> } | undefined {
  let state: { revision: number; groups: Map<string, string> } | undefined;
  for (const { isFull, baseRevision, revision, groups, removed } of messages) {
    if (!isFull && state?.revision !== baseRevision) return undefined;
    const next: Map<string, string> = isFull ? new Map() : new Map(state!.groups);
    for (const name of removed) next.delete(name);
    for (const { name, definition } of groups) next.set(name, definition);
    state = { revision, groups: next };
  }
  return state;
}

const merging = suite('outbound queue: merging rules');

const base = full(1, ['a', 'b', 'c']);
const chains: [string, Rules[]][] = [
  ['a change, then another group', [delta(1, 2, ['a']), delta(2, 3, ['b'])]],
  ['the same group twice', [delta(1, 2, ['a']), delta(2, 3, ['a'])]],
  ['changed, then removed', [delta(1, 2, ['a']), delta(2, 3, [], ['a'])]],
  ['removed, then back', [delta(1, 2, [], ['a']), delta(2, 3, ['a'])]],
  ['added, removed, added', [delta(1, 2, ['d']), delta(2, 3, [], ['d']), delta(3, 4, ['d'])]],
  ['all, then a change', [full(2, ['x']), delta(2, 3, ['y'], ['x'])]],
  ['a change, then all', [delta(1, 2, ['a']), full(3, ['z'])]],
];

for (const [name, messages] of chains) {
  merging(`${name}: one message with the effect of all`, () => {
    const one = messages.reduce(mergeRules);
    assert.equal(applied([base, one]), applied([base, ...messages]));
  });
}

merging('a delta that does not build upon the one that waits stands alone', () => {
  const newer = delta(5, 6, ['a']);
  assert.is(mergeRules(delta(1, 2, ['b']), newer), newer);
  const ofNextLeader = { ...delta(2, 3, ['a']), epoch: 8 };
  assert.is(mergeRules(delta(1, 2, ['b']), ofNextLeader), ofNextLeader);
});

merging.run();

const queue = suite('outbound queue');

const stats = (sequence: number, ...names: string[]): FromController => ({
  type: 'globalStats',
  epoch: 7,
  sequence,
  atMs: 1000 * sequence,
  groups: names.map((name) => ({ name, members: [] })),
});

const request = (id: number, body = ''): FromController => ({
  type: 'request',
  id,
  method: 'GET',
  path: '/v1/flows',
  body,
});

queue('a state that waits takes the newer one in, in its place; events keep their order', () => {
  const waiting = new OutboundQueue();
  assert.is(waiting.push({ type: 'rules', ...delta(1, 2, ['a']) }), 'queued');
  waiting.push(request(1));
  waiting.push(stats(1, 'a', 'b'));
  waiting.push(request(2));
  assert.is(waiting.push({ type: 'rules', ...delta(2, 3, ['b']) }), 'merged');
  assert.is(waiting.push(stats(2, 'b')), 'merged');
  assert.is(waiting.size, 4);
  const sent = [waiting.shift()!, waiting.shift()!, waiting.shift()!, waiting.shift()!];
  assert.equal(
    sent.map(({ type }) => type),
    ['rules', 'request', 'globalStats', 'request'],
  );
  assert.is((sent[0] as Rules).revision, 3);
  const merged = sent[2] as GlobalStats;
  assert.is(merged.sequence, 2);
  assert.equal(
    merged.groups.map(({ name }) => name),
    ['a', 'b'],
  );
  assert.is(waiting.shift(), undefined);
});

queue('what has been taken out is not merged into', () => {
  const waiting = new OutboundQueue();
  waiting.push(stats(1, 'a'));
  const sent = waiting.shift() as GlobalStats;
  assert.is(waiting.push(stats(2, 'b')), 'queued');
  assert.equal(
    sent.groups.map(({ name }) => name),
    ['a'],
  );
});

queue('is bounded, in messages and in bytes; rules always find a place', () => {
  const waiting = new OutboundQueue({ maxMessages: 3, maxBytes: 10 });
  assert.is(waiting.push(request(1, '12345')), 'queued');
  assert.is(waiting.push(request(2, '123456')), 'overflow');
  assert.is(waiting.push(request(3, '12345')), 'queued');
  assert.is(waiting.push(request(4)), 'queued');
  assert.is(waiting.push(request(5)), 'overflow');
  assert.is(waiting.push({ type: 'rules', ...full(1, []) }), 'queued');
  assert.is(waiting.push({ type: 'rules', ...full(2, []) }), 'merged');
  assert.is(waiting.size, 4);
  waiting.shift();
  waiting.shift();
  assert.is(waiting.push(request(6, '1234567890')), 'queued');
});

queue.run();
