import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findGroup, membersOf } from '../../../src/config/model/group-members.ts';
import type { Configuration } from '../../../src/config/model/model.ts';
import { Refusal } from '../../../src/config/model/refusal.ts';
import { Catalogue } from '../../../src/controller/groups/member-changes.ts';
import {
  initialMembership,
  type Membership,
  reloadMembership,
} from '../../../src/controller/groups/membership.ts';
import { shop, shopWith } from '../../host/configurations.ts';

const test = suite('group store');

let store: Catalogue;
test.before.each(() => {
  store = new Catalogue(initialMembership(shop()));
});

/** `name=weight state address`, one line per member, of the group's first criteria set or another. */
function members(membership: Membership, group: string, set = 0): string[] {
  return findGroup(membership.effective, group)!.criteria[set]!.members.map(
    ({ name, weight, state, address, port }) => `${name}=${weight} ${state} ${address}:${port ?? '-'}`,
  );
}

function refusal(act: () => unknown): Refusal {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('not refused');
}

const apply = (membership: Membership): Membership => {
  store.accept(membership);
  return membership;
};

test('a proposal changes nothing until it is accepted', () => {
  const proposal = store.setWeight('api', 'app1', 7);
  assert.is(members(store.current, 'api')[0], 'app1=1 active 10.1.0.21:8080');
  assert.is(members(proposal, 'api')[0], 'app1=7 active 10.1.0.21:8080');
  store.accept(proposal);
  assert.is(store.current, proposal);
});

test('weight, drain and fail reach every criteria set that names the member', () => {
  const weighed = apply(store.setWeight('night', 'app1', 9));
  assert.equal(members(weighed, 'night', 0), ['app1=9 active 10.1.0.21:-', 'app2=1 active 10.1.0.22:-']);
  assert.equal(members(weighed, 'night', 1), ['app1=9 active 10.1.0.21:-']);
  apply(store.drain('night', 'app1'));
  assert.is(members(store.current, 'night', 1)[0], 'app1=9 draining 10.1.0.21:-');
  apply(store.fail('night', 'app1'));
  assert.is(members(store.current, 'night', 0)[0], 'app1=9 failed 10.1.0.21:-');
});

test('a weight alone does not bring a failed or draining member back', () => {
  apply(store.fail('api', 'app1'));
  apply(store.setWeight('api', 'app1', 4));
  assert.is(members(store.current, 'api')[0], 'app1=4 failed 10.1.0.21:8080');
});

test('add: a new member joins every criteria set, at the end', () => {
  apply(store.add('night', { name: 'app9', address: '10.1.0.29', weight: 2 }));
  assert.is(members(store.current, 'night', 0)[2], 'app9=2 active 10.1.0.29:-');
  assert.is(members(store.current, 'night', 1)[1], 'app9=2 active 10.1.0.29:-');
});

test('add: a failed member is active again, with the weight that it had, in its place', () => {
  apply(store.fail('api', 'app2'));
  apply(store.add('api', { name: 'app2', address: '10.1.0.22', port: 8080 }));
  assert.is(members(store.current, 'api')[1], 'app2=3 active 10.1.0.22:8080');
});

test('add: it may come back at another address', () => {
  apply(store.drain('api', 'app2'));
  apply(store.add('api', { name: 'app2', address: '10.1.0.44', port: 81, weight: 1 }));
  assert.is(members(store.current, 'api')[1], 'app2=1 active 10.1.0.44:81');
});

test('add: a member of different weights over time keeps them when it comes back', () => {
  apply(store.fail('night', 'app1'));
  apply(store.add('night', { name: 'app1', address: '10.1.0.21' }));
  assert.is(members(store.current, 'night', 0)[0], 'app1=1 active 10.1.0.21:-');
  assert.is(members(store.current, 'night', 1)[0], 'app1=5 active 10.1.0.21:-');
});

test('add: an active member of that name is a conflict that says where it is', () => {
  const error = refusal(() => store.add('api', { name: 'app1', address: '10.1.0.99' }));
  assert.is(error.status, 409);
  assert.is(error.message, 'group api: app1 is an active member already, at 10.1.0.21 port 8080');
});

test('add: what does not fit the group is refused with each problem', () => {
  const error = refusal(() => store.add('night', { name: 'n', address: 'fd00:1::9', weight: 70_000 }));
  assert.is(error.status, 400);
  assert.equal(error.problems.map(({ path }) => path).sort(), ['address', 'weight']);
  for (const { found, expected } of error.problems) assert.ok(found !== '' && expected !== '');
});

test("add: another member's destination is refused", () => {
  const error = refusal(() => store.add('api', { name: 'n', address: '10.1.0.21', port: 8080 }));
  assert.equal(
    error.problems.map(({ path }) => path),
    ['address'],
  );
});

test('remove: out of the listing; one that was added at run time leaves no trace', () => {
  apply(store.remove('api', 'app1'));
  assert.equal(members(store.current, 'api').length, 2);
  apply(store.add('api', { name: 'app9', address: '10.1.0.29' }));
  apply(store.remove('api', 'app9'));
  assert.equal([...store.current.overrides.get('api')!.keys()], ['app1']);
});

test('unknown groups and members are told with the known ones', () => {
  const group = refusal(() => store.fail('apy', 'app1'));
  assert.is(group.status, 404);
  assert.is(group.message, 'group: found apy, expected one of api, night (did you mean "api"?)');
  const member = refusal(() => store.fail('api', 'zzz'));
  assert.is(member.status, 404);
  assert.is(member.message, 'member of group api: found zzz, expected one of app1, app2, six');
});

test('draining what has failed is a conflict', () => {
  apply(store.fail('api', 'app1'));
  assert.is(refusal(() => store.drain('api', 'app1')).status, 409);
});

test('groups that a change does not concern are the same objects as before', () => {
  const [api, night] = store.current.effective.groups;
  const after = store.fail('api', 'app1').effective.groups;
  assert.is.not(after[0], api);
  assert.is(after[1], night);
});

// Reload

const reloaded = (configuration: Configuration): Membership => reloadMembership(store.current, configuration);

test('reload of the same file keeps what was changed at run time, and the very objects', () => {
  apply(store.drain('api', 'app1', 1_000));
  apply(store.fail('api', 'app2'));
  apply(store.remove('api', 'six'));
  apply(store.add('api', { name: 'app9', address: '10.1.0.29' }));
  const before = store.current.effective.groups;
  const after = reloaded(shop()).effective.groups;
  assert.is(after[0], before[0]);
  assert.is(after[1], before[1]);
});

test('reload: a changed entry wins over what was changed at run time, others stay', () => {
  apply(store.fail('api', 'app1'));
  apply(store.fail('api', 'app2'));
  const after = reloaded(
    shopWith('address: 10.1.0.21, port: 8080, weight: 1', 'address: 10.1.0.21, port: 8080, weight: 2'),
  );
  assert.equal(members(after, 'api').slice(0, 2), [
    'app1=2 active 10.1.0.21:8080',
    'app2=3 failed 10.1.0.22:8080',
  ]);
});

test('reload: an entry that is gone from the file is gone, also if it was added again at run time', () => {
  apply(store.fail('api', 'six'));
  apply(store.add('api', { name: 'six', address: 'fd00:1::21', port: 8080 }));
  const line = '      - { name: six, address: "fd00:1::21", port: 8080, weight: 2 }\n';
  const after = reloaded(shopWith(line, ''));
  assert.equal(
    membersOf(findGroup(after.effective, 'api')!).map(({ name }) => name),
    ['app1', 'app2'],
  );
});

test('reload: an entry that is new in the file wins over a member of that name added at run time', () => {
  apply(store.add('api', { name: 'app9', address: '10.1.0.29', weight: 9 }));
  const line = '      - { name: six, address: "fd00:1::21", port: 8080, weight: 2 }\n';
  const after = reloaded(shopWith(line, `${line}      - { name: app9, address: 10.1.0.39, weight: 1 }\n`));
  assert.is(members(after, 'api')[3], 'app9=1 active 10.1.0.39:-');
});

test('reload: a group that is gone and comes back starts from the file', () => {
  apply(store.fail('api', 'app1'));
  const without = shop();
  without.groups = without.groups.filter(({ name }) => name !== 'api');
  store.accept(reloaded(without));
  assert.is(members(reloaded(shop()), 'api')[0], 'app1=1 active 10.1.0.21:8080');
});

test.run();
