import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GroupConfig } from '../../../src/config/model/model.ts';
import type { HostPort } from '../../../src/controller/distribution/interest.ts';
import { type Groups, RuleFeed, SharedRules } from '../../../src/controller/distribution/rule-feed.ts';
import { type FromController, NEEDS_FULL_RULES, type Rules } from '../../../src/messages/messages.ts';
import { shop } from '../../host/configurations.ts';
import { port } from '../fleet.ts';

const test = suite('rule feed');

const [API, NIGHT] = shop().groups as [GroupConfig, GroupConfig];
const groups = (...list: GroupConfig[]): Groups => new Map(list.map((group) => [group.name, group]));
const again = (group: GroupConfig): GroupConfig => ({ ...group });

function feedOf(ports: HostPort[] = [port('web1', 'app', { tier: 'web' })]) {
  const sent: (Rules & FromController)[] = [];
  const send = (message: FromController): void => {
    sent.push(message as Rules & FromController);
  };
  return { sent, feed: new RuleFeed(7, ports, { hasRules: false, needsAll: false }, send) };
}

const shared = () => new SharedRules(new WeakMap(), 0);
const names = ({ groups: list }: Rules): string[] => list.map(({ name }) => name);

test('first all, then what has changed or gone, each upon the one before', () => {
  const { feed, sent } = feedOf();
  feed.update(groups(API, NIGHT), 1, shared());
  const changed = again(NIGHT);
  feed.advance({ changed: [changed], removed: [] }, groups(API, changed), 2, shared());
  feed.advance({ changed: [], removed: ['api'] }, groups(changed), 3, shared());
  feed.advance({ changed: [], removed: ['other'] }, groups(changed), 4, shared());
  assert.equal(
    sent.map((rules) => [rules.revision, rules.baseRevision, rules.isFull, names(rules), rules.removed]),
    [
      [1, 0, true, ['api', 'night'], []],
      [2, 1, false, ['night'], []],
      [3, 2, false, [], ['api']],
    ],
  );
});

test('a host has the groups of other networks that its router joins', () => {
  const elsewhere = port('db1', 'db', { tier: 'web' });
  for (const [routedTo, told] of [
    [undefined, []],
    [new Set(['db', 'app']), ['api', 'night']],
    [new Set(['db', 'other']), []],
  ] as const) {
    const { feed, sent } = feedOf([{ ...elsewhere, routedTo }]);
    feed.update(groups(API, NIGHT), 1, shared());
    assert.equal(names(sent[0]!), told);
  }
});

test('a delta that did not fit: all again', () => {
  const { feed, sent } = feedOf();
  feed.update(groups(API), 1, shared());
  const applied = { epoch: 7, revision: 1, localRevision: 11 };
  assert.not(feed.applied({ ...applied, error: '' }));
  assert.is(feed.appliedRevision, 1);
  assert.not(feed.applied({ ...applied, epoch: 6, error: NEEDS_FULL_RULES }), 'of another leader’s rules');
  assert.ok(feed.applied({ ...applied, error: NEEDS_FULL_RULES }));
  feed.update(groups(API), 1, shared());
  assert.ok(sent.at(-1)!.isFull);
  assert.equal(names(sent.at(-1)!), ['api']);
});

test('a refusal counts for what was sent last only', () => {
  const { feed } = feedOf();
  feed.update(groups(API), 1, shared());
  feed.advance({ changed: [again(API)], removed: [] }, groups(API), 2, shared());
  feed.applied({ epoch: 7, revision: 1, localRevision: 0, error: 'full' });
  assert.is(feed.error, '');
  feed.applied({ epoch: 7, revision: 2, localRevision: 0, error: 'full' });
  assert.is(feed.error, 'full');
});

test('agents that need the same get the same message, encoded once', () => {
  const a = feedOf();
  const b = feedOf();
  const of = shared();
  a.feed.update(groups(API, NIGHT), 1, of);
  b.feed.update(groups(API, NIGHT), 1, of);
  assert.is(a.sent[0], b.sent[0]);
});

test('a group whose members keep the VIP also goes to where they are', () => {
  const servers = [{ ...port('app1', 'app'), addresses: ['10.1.0.21/24'] }];
  const { feed, sent } = feedOf(servers);
  feed.update(groups(API), 1, shared());
  assert.equal(names(sent[0]!), []);
  const direct: GroupConfig = { ...API, rewrite: 'mac' };
  feed.advance({ changed: [direct], removed: [] }, groups(direct), 2, shared());
  assert.equal(names(sent[1]!), ['api']);
});

test.run();
