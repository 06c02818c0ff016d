import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RuleJournal } from '../../src/agent/rule-journal.ts';
import { controllersClock, RuleStore } from '../../src/agent/rule-store.ts';
import { ConfigError } from '../../src/config/problems/problems.ts';
import type { Rules } from '../../src/messages/messages.ts';
import { shop } from '../host/configurations.ts';

const test = suite('rule store of an agent');

const [api, night] = shop().groups.map((group) => ({ name: group.name, definition: JSON.stringify(group) }));

const full = (epoch: number, revision: number, groups: Rules['groups'] = [api!]): Rules => ({
  epoch,
  revision,
  baseRevision: 0,
  isFull: true,
  groups,
  removed: [],
});
const delta = (epoch: number, baseRevision: number, change: Partial<Rules>): Rules => ({
  ...full(epoch, baseRevision + 1, []),
  baseRevision,
  isFull: false,
  ...change,
});

function take(store: RuleStore, rules: Rules): string {
  const proposal = store.propose(rules, Date.now());
  if (proposal.kind === 'rules') store.accept(proposal.rules);
  return proposal.kind;
}

const names = (store: RuleStore): string[] => store.current.groups.map(({ name }) => name);

test('full rules are all there is, deltas build upon them', () => {
  const store = new RuleStore();
  assert.is(take(store, full(1, 5, [api!])), 'rules');
  assert.is(take(store, delta(1, 5, { groups: [night!] })), 'rules');
  assert.equal(names(store), [api!.name, night!.name]);
  const before = store.current.groups[1];
  assert.is(take(store, delta(1, 6, { removed: [api!.name] })), 'rules');
  assert.equal(names(store), [night!.name]);
  assert.is(store.current.groups[0], before, 'a group that did not change is the same object');
});

test("the controllers' clock goes on over a restart, by the time that this host's own has gone on", () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-rules-'));
  try {
    const store = new RuleStore(new RuleJournal(join(dir, 'rules.json')));
    take(store, { ...full(1, 5), atMs: 1_000_000 });
    const restarted = new RuleStore(new RuleJournal(join(dir, 'rules.json')));
    const { clock } = restarted.load()!;
    assert.is(clock!.atMs, 1_000_000);
    assert.is(controllersClock(clock, clock!.receivedMs + 7_000), 1_007_000);
    assert.is(controllersClock(clock, clock!.receivedMs - 9_000), 1_000_000, 'set back: nothing has gone by');
    take(restarted, full(1, 6));
    assert.is(restarted.current.clock, undefined, 'an older controller does not say');
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('keys of a group that this version does not know stay in it', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-rules-'));
  try {
    const path = join(dir, 'rules.json');
    const definition = JSON.stringify({ ...shop().groups[0], colour: 'green' });
    take(new RuleStore(new RuleJournal(path)), full(1, 5, [{ name: 'api', definition }]));
    const [group] = new RuleStore(new RuleJournal(path)).load()!.groups;
    assert.is((group as { colour?: string }).colour, 'green');
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('weights of single load balancers come with their group, go with it, and outlive a restart', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-rules-'));
  try {
    const path = join(dir, 'rules.json');
    const store = new RuleStore(new RuleJournal(path));
    const balancers = [{ loadBalancer: 'port web1', weights: { app1: 2, app2: 1 } }];
    take(store, full(1, 5, [{ ...api!, balancers }, night!]));
    assert.equal([...store.current.balancers], [[api!.name, balancers]]);
    const before = store.current.balancers;
    take(store, delta(1, 5, { groups: [night!] }));
    assert.is(store.current.balancers, before, 'nothing about them has changed');
    const restarted = new RuleStore(new RuleJournal(path));
    restarted.load();
    assert.equal([...restarted.current.balancers], [[api!.name, balancers]]);
    take(store, delta(1, 6, { groups: [{ ...api!, balancers: [] }] }));
    assert.is(store.current.balancers.size, 0);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('a delta that builds upon something else is not taken', () => {
  const store = new RuleStore();
  assert.is(take(store, delta(1, 5, { groups: [api!] })), 'other-base', 'upon nothing');
  take(store, full(1, 5));
  assert.is(take(store, delta(1, 6, { groups: [night!] })), 'other-base', 'one was missed');
  assert.is(take(store, delta(2, 5, { groups: [night!] })), 'other-base', 'another leader');
  assert.equal(names(store), [api!.name]);
});

test('an overthrown leader changes nothing', () => {
  const store = new RuleStore();
  take(store, full(7, 20));
  assert.is(take(store, full(6, 99, [night!])), 'older');
  assert.is(take(store, delta(6, 20, { groups: [night!] })), 'older');
  assert.is(take(store, full(7, 19, [night!])), 'older');
  assert.equal(names(store), [api!.name]);
  assert.is(take(store, full(8, 1, [night!])), 'rules', 'revisions of a new leader start anew');
});

test('what was proposed and not accepted is not there', () => {
  const store = new RuleStore();
  take(store, full(1, 1));
  store.propose(full(1, 2, [night!]), 0);
  assert.is(store.current.revision, 1);
});

test('a definition that is none is refused with what is wrong', () => {
  const store = new RuleStore();
  const broken = {
    ...shop().groups[0]!,
    criteria: [{ members: [{ name: 'a', address: 'nowhere', weight: -1 }] }],
  };
  const groups = [{ name: 'api', definition: JSON.stringify(broken) }];
  try {
    store.propose(full(1, 1, groups), 0);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, ConfigError);
    const paths = (error as ConfigError).problems.map(({ path }) => path);
    assert.equal(paths, [
      'criteria[0].members[0].address',
      'criteria[0].members[0].weight',
      'criteria[0].members[0].state',
    ]);
  }
  assert.throws(() => store.propose(full(1, 1, [{ name: 'api', definition: '{' }]), 0), /JSON/);
});

test('the last rules outlive the process; a file that is none is named', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-rules-'));
  try {
    const path = join(directory, 'rules.json');
    const store = new RuleStore(new RuleJournal(path));
    assert.is(store.load(), undefined, 'none yet');
    take(store, full(3, 4, [api!, night!]));
    assert.not(existsSync(`${path}.new`));
    const next = new RuleStore(new RuleJournal(path));
    assert.equal(names({ current: next.load()! } as RuleStore), [api!.name, night!.name]);
    assert.is(take(next, full(2, 9)), 'older', 'order holds over a restart');
    writeFileSync(path, '{"epoch": 1');
    assert.throws(
      () => new RuleStore(new RuleJournal(path)).load(),
      /rules\.json: found .*, expected the last rules of a host/,
    );
    const unwritable = new RuleStore(new RuleJournal(join(directory, 'no', 'such', 'directory')));
    const proposal = unwritable.propose(full(1, 1), 0);
    const problem = proposal.kind === 'rules' ? unwritable.accept(proposal.rules) : undefined;
    assert.match(problem ?? '', /directory\.new: no such file \(open\)/);
    assert.is(unwritable.current.revision, 1, 'it holds all the same');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test.run();
