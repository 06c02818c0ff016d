import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { membersOf } from '../../../src/config/model/group-members.ts';
import type { Configuration } from '../../../src/config/model/model.ts';
import { Refusal } from '../../../src/config/problems/refusal.ts';
import { fileChanges } from '../../../src/controller/groups/file-changes.ts';
import { type GroupStates, groupStates } from '../../../src/controller/groups/group-states.ts';
import { MemberChanges } from '../../../src/controller/groups/member-changes.ts';
import type { GroupOverrides } from '../../../src/controller/groups/member-overrides.ts';
import { overridesChange } from '../../../src/controller/groups/stored-documents.ts';
import { applyChanges } from '../../../src/controller/store/store.ts';
import { shop, shopWith, shopWithPriorities } from '../../host/configurations.ts';

const test = suite('member changes');

/** Stored documents and the group states derived from them, as at a leader. */
let documents: Map<string, unknown>;
let groups: GroupStates;
test.before.each(() => {
  documents = new Map();
  groups = new Map();
  reload(shop());
});

function reload(configuration: Configuration): void {
  applyChanges(documents, fileChanges(configuration, documents, { id: 'c1', epoch: 1, wallMs: 0 }));
  groups = groupStates(documents, groups);
}

/** Stores what a change of a member answers, for its group. */
function change(group: string, ask: (changes: MemberChanges) => GroupOverrides): void {
  applyChanges(documents, [overridesChange(group, ask(changes()))]);
  groups = groupStates(documents, groups);
}

const changes = (): MemberChanges => new MemberChanges(groups, shop().networks);

/** `name=weight state address`, one line per member, of the group's first criteria set or another. */
const members = (group: string, set = 0): string[] =>
  groups
    .get(group)!
    .group.criteria[set]!.members.map(
      ({ name, weight, state, address, port }) => `${name}=${weight} ${state} ${address}:${port ?? '-'}`,
    );

function refusal(act: () => unknown): Refusal {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('not refused');
}

test('priorities: an added member joins the named one or the last; all commands find members by name', () => {
  reload(shopWithPriorities());
  const tiers = () => [0, 1, 2].map((set) => members('tiers', set).map((line) => line.split(' ')[0]));
  change('tiers', (now) =>
    now.add('tiers', { name: 'g3', address: '10.1.0.34', priority: 'gold', weight: 2 }),
  );
  change('tiers', (now) => now.add('tiers', { name: 'r2', address: '10.1.0.35' }));
  change('tiers', (now) => now.setWeight('tiers', 's1', 5));
  assert.equal(tiers(), [['g1=1', 'g2=1', 'g3=2'], ['s1=5'], ['r1=1', 'r2=1']]);
  change('tiers', (now) => now.fail('tiers', 'g3'));
  change('tiers', (now) => now.remove('tiers', 'r1'));
  assert.equal(members('tiers'), [
    'g1=1 active 10.1.0.31:-',
    'g2=1 active fd00:1::31:-',
    'g3=2 failed 10.1.0.34:-',
  ]);
  assert.equal(tiers()[2], ['r2=1']);
  change('tiers', (now) => now.add('tiers', { name: 'g3', address: '10.1.0.36' }));
  assert.equal(members('tiers')[2], 'g3=2 active 10.1.0.36:-', 'stays in its priority');
  const refused = (request: object, group = 'tiers') =>
    refusal(() => changes().add(group, { name: 'x', address: '10.1.0.40', ...request })).message;
  assert.is(
    refused({ priority: 'golden' }),
    'priority of group tiers: found "golden", expected one of gold, silver, rest (did you mean "gold"?)',
  );
  assert.is(
    refused({ priority: 'gold' }, 'night'),
    'priority of group night: found "gold", expected none, as the group has no priorities',
  );
  change('tiers', (now) => now.fail('tiers', 's1'));
  assert.is(
    refused({ name: 's1', priority: 'gold' }),
    'priority of group tiers: found "gold" for s1, expected silver, which the member belongs to',
  );
});

test('a change that is not stored has no effect', () => {
  const overrides = changes().setWeight('api', 'app1', 7);
  assert.is(members('api')[0], 'app1=1 active 10.1.0.21:8080');
  change('api', () => overrides);
  assert.is(members('api')[0], 'app1=7 active 10.1.0.21:8080');
});

test('weight, drain and fail reach every criteria set that names the member', () => {
  change('night', (changes) => changes.setWeight('night', 'app1', 9));
  assert.equal(members('night', 0), ['app1=9 active 10.1.0.21:-', 'app2=1 active 10.1.0.22:-']);
  assert.equal(members('night', 1), ['app1=9 active 10.1.0.21:-']);
  change('night', (changes) => changes.drain('night', 'app1'));
  assert.is(members('night', 1)[0], 'app1=9 draining 10.1.0.21:-');
  change('night', (changes) => changes.fail('night', 'app1'));
  assert.is(members('night', 0)[0], 'app1=9 failed 10.1.0.21:-');
});

test('a weight alone does not bring a failed or draining member back', () => {
  change('api', (changes) => changes.fail('api', 'app1'));
  change('api', (changes) => changes.setWeight('api', 'app1', 4));
  assert.is(members('api')[0], 'app1=4 failed 10.1.0.21:8080');
});

test('add: a new member joins every criteria set, at the end', () => {
  change('night', (changes) => changes.add('night', { name: 'app9', address: '10.1.0.29', weight: 2 }));
  assert.is(members('night', 0)[2], 'app9=2 active 10.1.0.29:-');
  assert.is(members('night', 1)[1], 'app9=2 active 10.1.0.29:-');
});

test('add: a failed member is active again, with the weight that it had, in its place', () => {
  change('api', (changes) => changes.fail('api', 'app2'));
  change('api', (changes) => changes.add('api', { name: 'app2', address: '10.1.0.22', port: 8080 }));
  assert.is(members('api')[1], 'app2=3 active 10.1.0.22:8080');
});

test('add: it may come back at another address', () => {
  change('api', (changes) => changes.drain('api', 'app2'));
  change('api', (changes) => changes.add('api', { name: 'app2', address: '10.1.0.44', port: 81, weight: 1 }));
  assert.is(members('api')[1], 'app2=1 active 10.1.0.44:81');
});

test('add: a member of different weights over time keeps them when it comes back', () => {
  change('night', (changes) => changes.fail('night', 'app1'));
  change('night', (changes) => changes.add('night', { name: 'app1', address: '10.1.0.21' }));
  assert.is(members('night', 0)[0], 'app1=1 active 10.1.0.21:-');
  assert.is(members('night', 1)[0], 'app1=5 active 10.1.0.21:-');
});

test('add: an active member of that name is a conflict that says where it is', () => {
  const error = refusal(() => changes().add('api', { name: 'app1', address: '10.1.0.99' }));
  assert.is(error.status, 409);
  assert.is(error.message, 'group api: app1 is an active member already, at 10.1.0.21 port 8080');
});

test('add: what does not fit the group is refused with each problem', () => {
  const error = refusal(() => changes().add('night', { name: 'n', address: 'fd00:1::9', weight: 70_000 }));
  assert.is(error.status, 400);
  assert.equal(error.problems.map(({ path }) => path).sort(), ['address', 'weight']);
  for (const { found, expected } of error.problems) assert.ok(found !== '' && expected !== '');
});

test("add: another member's destination is refused", () => {
  const error = refusal(() => changes().add('api', { name: 'n', address: '10.1.0.21', port: 8080 }));
  assert.equal(
    error.problems.map(({ path }) => path),
    ['address'],
  );
});

test('remove: out of the listing; one that was added at run time leaves no trace', () => {
  change('api', (changes) => changes.remove('api', 'app1'));
  assert.equal(members('api').length, 2);
  change('api', (changes) => changes.add('api', { name: 'app9', address: '10.1.0.29' }));
  change('api', (changes) => changes.remove('api', 'app9'));
  assert.equal([...groups.get('api')!.overrides.keys()], ['app1']);
});

test('unknown groups and members are refused with the known names', () => {
  const group = refusal(() => changes().fail('apy', 'app1'));
  assert.is(group.status, 404);
  assert.is(group.message, 'group: found apy, expected one of api, night (did you mean "api"?)');
  const member = refusal(() => changes().fail('api', 'zzz'));
  assert.is(member.status, 404);
  assert.is(member.message, 'member of group api: found zzz, expected one of app1, app2, six');
});

test('draining what has failed is a conflict', () => {
  change('api', (changes) => changes.fail('api', 'app1'));
  assert.is(refusal(() => changes().drain('api', 'app1')).status, 409);
});

test('groups that a change does not concern are the same objects as before', () => {
  const before = groups;
  change('api', (changes) => changes.fail('api', 'app1'));
  assert.is.not(groups.get('api'), before.get('api'));
  assert.is(groups.get('night'), before.get('night'));
});

// Reload

test('reload of the same file keeps what was changed at run time, and the very objects', () => {
  change('api', (changes) => changes.drain('api', 'app1', 1_000));
  change('api', (changes) => changes.fail('api', 'app2'));
  change('api', (changes) => changes.remove('api', 'six'));
  change('api', (changes) => changes.add('api', { name: 'app9', address: '10.1.0.29' }));
  const before = groups;
  reload(shop());
  assert.is(groups.get('api'), before.get('api'));
  assert.is(groups.get('night'), before.get('night'));
});

test('reload: a changed entry wins over what was changed at run time, others stay', () => {
  change('api', (changes) => changes.fail('api', 'app1'));
  change('api', (changes) => changes.fail('api', 'app2'));
  reload(shopWith('address: 10.1.0.21, port: 8080, weight: 1', 'address: 10.1.0.21, port: 8080, weight: 2'));
  assert.equal(members('api').slice(0, 2), ['app1=2 active 10.1.0.21:8080', 'app2=3 failed 10.1.0.22:8080']);
});

test('reload: an entry that is gone from the file is gone, also if it was added again at run time', () => {
  change('api', (changes) => changes.fail('api', 'six'));
  change('api', (changes) => changes.add('api', { name: 'six', address: 'fd00:1::21', port: 8080 }));
  const line = '      - { name: six, address: "fd00:1::21", port: 8080, weight: 2 }\n';
  reload(shopWith(line, ''));
  assert.equal(
    membersOf(groups.get('api')!.group).map(({ name }) => name),
    ['app1', 'app2'],
  );
});

test('reload: an entry that is new in the file wins over a member of that name added at run time', () => {
  change('api', (changes) => changes.add('api', { name: 'app9', address: '10.1.0.29', weight: 9 }));
  const line = '      - { name: six, address: "fd00:1::21", port: 8080, weight: 2 }\n';
  reload(shopWith(line, `${line}      - { name: app9, address: 10.1.0.39, weight: 1 }\n`));
  assert.is(members('api')[3], 'app9=1 active 10.1.0.39:-');
});

test('reload: a group that is gone and comes back starts from the file', () => {
  change('api', (changes) => changes.fail('api', 'app1'));
  const without = shop();
  without.groups = without.groups.filter(({ name }) => name !== 'api');
  reload(without);
  reload(shop());
  assert.is(members('api')[0], 'app1=1 active 10.1.0.21:8080');
});

test.run();
