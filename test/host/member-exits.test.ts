import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GroupConfig } from '../../src/config/model/model.ts';
import { Catalogue } from '../../src/controller/groups/member-changes.ts';
import { initialMembership } from '../../src/controller/groups/membership.ts';
import { memberExits } from '../../src/host/member-exits.ts';
import { shop } from './configurations.ts';

const test = suite('memberExits');

function changed(
  change: (catalogue: Catalogue) => ReturnType<Catalogue['fail']>,
): [GroupConfig[], GroupConfig[]] {
  const catalogue = new Catalogue(initialMembership(shop()));
  return [catalogue.current.effective.groups, change(catalogue).effective.groups];
}

test('a member that has failed loses all its flows', () => {
  const [before, after] = changed((catalogue) => catalogue.fail('api', 'app1'));
  assert.equal(memberExits(before, after), [{ group: 'api', member: 'app1', ends: 'all' }]);
  assert.equal(memberExits(after, after), [], 'once');
});

test('a removed member keeps its TCP flows, its datagrams move on', () => {
  const [before, after] = changed((catalogue) => catalogue.remove('api', 'app1'));
  assert.equal(memberExits(before, after), [{ group: 'api', member: 'app1', ends: 'datagrams' }]);
});

test('drained members, other weights and revived members lose nothing', () => {
  for (const change of [
    (catalogue: Catalogue) => catalogue.drain('api', 'app1'),
    (catalogue: Catalogue) => catalogue.setWeight('api', 'app1', 0),
  ]) {
    const [before, after] = changed(change);
    assert.equal(memberExits(before, after), []);
  }
  const [active, failed] = changed((catalogue) => catalogue.fail('api', 'app1'));
  assert.equal(memberExits(failed, active), []);
});

test('with a group that is gone, no flow has a member to move on to: what runs goes on', () => {
  const { groups } = shop();
  assert.equal(memberExits(groups, groups.slice(1)), []);
});

test.run();
