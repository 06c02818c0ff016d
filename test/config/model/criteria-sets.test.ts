import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  isUnserved,
  membersInForce,
  nextSetChangeMs,
  priorityOf,
  setKey,
  setsAhead,
  setsInForce,
} from '../../../src/config/model/criteria-sets.ts';
import type { CriteriaConfig, GroupConfig, MemberConfig } from '../../../src/config/model/model.ts';
import { shop, shopWithPriorities } from '../../host/configurations.ts';

const test = suite('criteria sets');

const groupOf = (configuration: { groups: GroupConfig[] }, name: string): GroupConfig =>
  configuration.groups.find((group) => group.name === name)!;
const night = groupOf(shop(), 'night');
const tiers = groupOf(shopWithPriorities(), 'tiers');
const CHANGE = Date.parse('2026-12-01T13:00:00Z');
const names = (members: readonly MemberConfig[]): string => members.map(({ name }) => name).join(' ');

test('with periods one set is in force, and the next one follows', () => {
  assert.equal(setsInForce(night, CHANGE - 1).map(setKey), [`/${CHANGE}`]);
  assert.equal(setsAhead(night, CHANGE - 1).map(setKey), [`/${CHANGE}`, `${CHANGE}/`]);
  assert.is(nextSetChangeMs(night, CHANGE - 1), CHANGE);
  assert.is(names(membersInForce(night, CHANGE)), 'app1');
  assert.is(priorityOf(night, 'app1'), undefined);
});

test('priorities are in force together at any time, each under its name', () => {
  for (const nowMs of [0, CHANGE]) {
    assert.equal(setsAhead(tiers, nowMs).map(setKey), ['gold', 'silver', 'rest']);
    assert.is(names(membersInForce(tiers, nowMs)), 'g1 g2 s1 r1');
    assert.is(nextSetChangeMs(tiers, nowMs), Number.POSITIVE_INFINITY);
  }
  assert.equal(
    ['g2', 's1', 'r1', 'x'].map((name) => priorityOf(tiers, name)),
    ['gold', 'silver', 'rest', undefined],
  );
});

test('unserved: a set in force without member, unless its flows go on to another one that has some', () => {
  const without = (group: GroupConfig, ...empty: number[]): GroupConfig => ({
    ...group,
    criteria: group.criteria.map(
      (set, at): CriteriaConfig => ({
        ...set,
        members: set.members.map((member) => ({ ...member, weight: empty.includes(at) ? 0 : member.weight })),
      }),
    ),
  });
  const unserved = (group: GroupConfig, ...empty: number[]): boolean =>
    isUnserved(without(group, ...empty), CHANGE);
  assert.equal([unserved(night), unserved(night, 0), unserved(night, 1)], [false, false, true]);
  assert.not(isUnserved({ criteria: [{ untilMs: CHANGE, members: [] }] }, CHANGE), 'outside its periods');
  assert.equal(
    [unserved(tiers), unserved(tiers, 0), unserved(tiers, 1), unserved(tiers, 2), unserved(tiers, 0, 1, 2)],
    [false, false, true, true, true],
  );
});

test.run();
