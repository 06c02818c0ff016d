/** `member drain --wait`: what proves that a member is drained, and what does not. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Changed, GroupDetail, MemberRow } from '../../src/api/shapes.ts';
import { formatDrained, stateOf } from '../../src/cli/commands/member/drained.ts';

const test = suite('drained');

const confirmed: Changed = { revision: 7, hosts: { h1: 7, h2: 7 } };

const detail = (row: Partial<MemberRow> | undefined, unanswered?: string[]): GroupDetail =>
  ({
    members: row === undefined ? [] : [{ member: 'app1', drainDeadline: null, remaining: [], ...row }],
    ...(unanswered !== undefined && { unanswered }),
  }) as unknown as GroupDetail;

const none: Partial<MemberRow> = { state: 'draining', flowsLeft: 0 };
const some: Partial<MemberRow> = {
  state: 'draining',
  flowsLeft: 3,
  remaining: [
    { host: 'h1', flows: 2, idleEndMs: 7_440_000 },
    { host: 'h2', flows: 1, idleEndMs: 60_000 },
  ],
};

const drainOf = { group: 'api', member: 'app1' };
const textOf = (state: ReturnType<typeof stateOf>): string => formatDrained(state, drainOf);

test('drained: each host has confirmed, has answered, and has no flow left', () => {
  const state = stateOf(confirmed, detail(none), 'app1');
  assert.is(state.drained, true);
  assert.match(textOf(state), /^app1 is drained: no flows left, confirmed by h1, h2$/m);
});

test('no flows are counted, but a host could still have some: not drained', () => {
  const unproven: [Changed, string[] | undefined][] = [
    [{ ...confirmed, late: ['h3'] }, undefined],
    [{ ...confirmed, away: { h3: '2026-12-01T13:00:00.000Z' } }, undefined],
    [{ ...confirmed, refused: { h3: 'no such network' } }, undefined],
    [confirmed, ['h3']],
  ];
  for (const [confirmation, unanswered] of unproven) {
    const state = stateOf(confirmation, detail(none, unanswered), 'app1');
    assert.is(state.drained, false, JSON.stringify(confirmation));
    assert.equal(state.unknown, ['h3']);
    assert.is(state.reason, null, 'the wait goes on');
  }
});

test('what is left, where, and what ends the last', () => {
  const state = stateOf(confirmed, detail(some), 'app1');
  assert.is(state.drained, false);
  const text = textOf({ ...state, reason: 'interrupted' });
  assert.match(
    text,
    /not drained: interrupted; app1: 3 flows left: 2 at h1, 1 at h2; no deadline; .*within 2h 4m/,
  );
  const bounded = stateOf(confirmed, detail({ ...some, drainDeadline: '2026-12-01T13:00:00.000Z' }), 'app1');
  assert.match(textOf(bounded), /; the deadline ends them at 2026-12-01T13:00:00\.000Z/);
});

test('a member that is removed, or drains no longer, ends the wait', () => {
  assert.is(stateOf(confirmed, detail(undefined), 'app1').reason, 'the member was removed');
  const active = detail({ state: 'active', flowsLeft: null });
  assert.is(stateOf(confirmed, active, 'app1').reason, 'the member is active again');
  const failed = stateOf(confirmed, detail({ state: 'failed', flowsLeft: null }), 'app1');
  assert.is(failed.drained, false);
  assert.match(failed.reason!, /has failed/);
});

test.run();
