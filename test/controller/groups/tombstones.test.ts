/** A removed group stays removed: whoever has it in a file, and whoever leads. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { groupsInForce } from '../../../src/agent/agent.ts';
import { RuleStore } from '../../../src/agent/rule-store.ts';
import type { Configuration } from '../../../src/config/model/model.ts';
import { fileChanges, MAX_TOMBSTONES } from '../../../src/controller/groups/file-changes.ts';
import { KEYS } from '../../../src/controller/groups/stored-documents.ts';
import { applyChanges } from '../../../src/controller/store/store.ts';
import { shop } from '../../host/configurations.ts';
import { makeDirectory, port, startFleet } from '../fleet.ts';
import { until } from '../until.ts';

const test = suite('removed groups');

const ports = [port('web', 'app', { tier: 'web' })];

/** The shop's file without the group `night`. */
const withoutNight = (): Configuration => {
  const configuration = shop();
  return { ...configuration, groups: configuration.groups.filter(({ name }) => name !== 'night') };
};

test('after a failover the older file of another controller does not bring it back', async () => {
  const dir = makeDirectory();
  let fleet = await startFleet(shop(), { dir, id: 'c1' });
  await fleet.controller.reload(withoutNight());
  assert.equal([...fleet.controller.groups.keys()], ['api']);
  await fleet.stop();
  // c2 was away, or has not heard of it.
  fleet = await startFleet(shop(), { dir, id: 'c2' });
  assert.equal([...fleet.controller.groups.keys()], ['api']);
  await fleet.controller.reload(shop());
  assert.equal([...fleet.controller.groups.keys()], ['api'], 'nor does a reload of that file');
  await fleet.stop();
  fleet = await startFleet(withoutNight(), { dir, id: 'c1' });
  assert.equal([...fleet.controller.groups.keys()], ['api']);
  // Whoever puts it back into a file that was seen without it means it.
  await fleet.controller.reload(shop());
  assert.equal([...fleet.controller.groups.keys()].sort(), ['api', 'night']);
  await fleet.close();
});

test('it may be put back while its controller is stopped, too', async () => {
  const dir = makeDirectory();
  let fleet = await startFleet(shop(), { dir });
  await fleet.controller.reload(withoutNight());
  await fleet.stop();
  fleet = await startFleet(shop(), { dir });
  await until(() => fleet.controller.groups.has('night'));
  await fleet.close();
});

test("a host's own file does not bring it back, whether or not the host was there at the removal", async () => {
  const fleet = await startFleet(shop());
  const there = fleet.agent('h1', { ports });
  await until(() => there.groups.has('night'));
  await fleet.controller.reload(withoutNight());
  await until(() => !there.groups.has('night'));
  const late = fleet.agent('h2', { ports });
  await until(() => late.groups.has('api'));
  for (const agent of [there, late]) {
    const rules = new RuleStore();
    for (const message of agent.rules) {
      const proposal = rules.propose(message, 0);
      if (proposal.kind === 'rules') rules.accept(proposal.rules);
    }
    const inForce = groupsInForce(rules.current, shop().groups, shop());
    assert.equal(
      inForce.map(({ name }) => name),
      ['api'],
    );
  }
  await fleet.controller.reload(shop());
  await until(() => there.groups.has('night'));
  assert.equal(there.rules.at(-1)?.tombstones, []);
  await fleet.close();
});

test('a file that never had the group is one that was seen without it', () => {
  const entries = new Map<string, unknown>();
  const compare = (configuration: Configuration, id: string): void =>
    applyChanges(entries, fileChanges(configuration, entries, { id, epoch: 1, wallMs: 0 }));
  compare(shop(), 'c1');
  compare(withoutNight(), 'c1');
  assert.not(entries.has(`${KEYS.group}night`));
  compare(withoutNight(), 'c2');
  compare(shop(), 'c2');
  assert.ok(entries.has(`${KEYS.group}night`));
  assert.not(entries.has(`${KEYS.removed}night`), 'and the removal is over');
  compare(shop(), 'c1');
  assert.ok(entries.has(`${KEYS.group}night`));
});

test('tombstones are bounded: the oldest give way', () => {
  const entries = new Map<string, unknown>();
  const night = shop().groups.find(({ name }) => name === 'night')!;
  const named = (from: number, count: number): Configuration => ({
    ...shop(),
    groups: Array.from({ length: count }, (_, i) => ({ ...night, name: `g${from + i}` })),
  });
  for (let round = 0; round < 5; round++) {
    const file = { id: 'c1', epoch: 1, wallMs: round };
    applyChanges(entries, fileChanges(named(300 * round, 300), entries, file));
  }
  const names = [...entries.keys()].filter((key) => key.startsWith(KEYS.removed));
  assert.is(names.length, MAX_TOMBSTONES);
  assert.ok(names.includes(`${KEYS.removed}g1199`));
  assert.not(names.includes(`${KEYS.removed}g0`));
});

test.run();
