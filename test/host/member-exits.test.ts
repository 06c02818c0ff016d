import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GroupConfig } from '../../src/config/model/model.ts';
import type { MemberOverride } from '../../src/controller/groups/member-overrides.ts';
import { memberExits } from '../../src/host/member-exits.ts';
import { shop, withMember } from './configurations.ts';

const test = suite('member exits');

/** The groups before and after a change of app1. */
function changed(override: MemberOverride): [GroupConfig[], GroupConfig[]] {
  const before = shop();
  return [before.groups, withMember(before, 'api', 'app1', override).groups];
}

test('a member that has failed loses all its flows', () => {
  const [before, after] = changed({ state: 'failed' });
  assert.equal(memberExits(before, after), [{ group: 'api', member: 'app1', ends: 'all' }]);
  assert.equal(memberExits(after, after), [], 'once');
});

test('a removed member keeps its TCP flows, its datagrams move on', () => {
  const [before, after] = changed({ removed: true });
  assert.equal(memberExits(before, after), [{ group: 'api', member: 'app1', ends: 'datagrams' }]);
});

test('drained members, other weights and revived members lose nothing', () => {
  for (const override of [{ state: 'draining' }, { weight: 0 }] as const) {
    const [before, after] = changed(override);
    assert.equal(memberExits(before, after), []);
  }
  const [active, failed] = changed({ state: 'failed' });
  assert.equal(memberExits(failed, active), []);
});

test('with a group that is gone, no flow has a member to move on to: what runs goes on', () => {
  const { groups } = shop();
  assert.equal(memberExits(groups, groups.slice(1)), []);
});

test.run();
