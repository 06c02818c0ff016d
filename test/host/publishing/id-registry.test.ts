import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { IdRegistry } from '../../../src/host/publishing/id-registry.ts';

const test = suite('id registry');

test('a name keeps its number, and numbers are dense from 0', () => {
  const registry = new IdRegistry('ports', 10);
  assert.is(registry.acquire('a'), 0);
  assert.is(registry.acquire('b'), 1);
  assert.is(registry.acquire('a'), 0);
  assert.is(registry.find('b'), 1);
  assert.is(registry.find('c'), undefined);
  assert.is(registry.highWater, 2);
});

test('a freed number keeps its last name, and goes back to it', () => {
  const registry = new IdRegistry('ports', 10);
  registry.acquire('a');
  registry.acquire('b');
  registry.retainOnly(new Set(['b']));
  assert.is(registry.find('a'), undefined);
  assert.is(registry.nameOf(0), 'a');
  assert.is(registry.acquire('c'), 2, 'numbers never used come first');
  assert.is(registry.acquire('a'), 0);
});

test('when no number is unused, the one that is longest free is taken', () => {
  const registry = new IdRegistry('ports', 3);
  for (const name of ['a', 'b', 'c']) registry.acquire(name);
  registry.retainOnly(new Set(['a', 'c']));
  registry.retainOnly(new Set(['c']));
  assert.is(registry.acquire('d'), 1, "b's, freed first");
  assert.is(registry.nameOf(1), 'd');
  assert.is(registry.acquire('e'), 0);
});

test('a freed number is left alone while it may not be reused; an exhausted registry says so', () => {
  const held = new Set([0]);
  const registry = new IdRegistry('statistics rows', 2, (id) => !held.has(id));
  registry.acquire('a');
  registry.acquire('b');
  registry.retainOnly(new Set(['b']));
  assert.throws(
    () => registry.acquire('c'),
    /^statistics rows: found 1 in use, 1 more still held by connections, expected at most 2$/,
  );
  held.clear();
  assert.is(registry.acquire('c'), 0);
});

test('a registry that follows another one: what is wanted again keeps its number, and the rest is free', () => {
  const previous = new IdRegistry('ports', 3);
  for (const name of ['a', 'b', 'c']) previous.acquire(name);
  const next = new IdRegistry('ports', 3);
  next.follow(previous.names);
  assert.is(next.find('b'), undefined);
  assert.is(next.findAny('b'), 1);
  assert.is(next.findAny('d'), undefined);
  assert.is(next.nameOf(2), 'c');
  assert.is(next.acquire('c'), 2);
  assert.equal(next.takeGiven(), [0, 1, 2], 'they are to be written down for whoever comes next');
  assert.is(next.acquire('c'), 2);
  assert.equal(next.takeGiven(), [], 'nothing is called otherwise than before');
  assert.is(next.acquire('d'), 0, "a's, as no number is unused");
  assert.equal(next.takeGiven(), [0]);
  assert.equal(next.names, ['d', 'b', 'c']);
  assert.throws(
    () => new IdRegistry('ports', 2).follow(previous.names),
    /^ports: found 3, expected at most 2$/,
  );
});

test('whatever is acquired and freed, no two names in use share a number', () => {
  const names = fc.constantFrom(...'abcdefgh');
  const step = fc.oneof(
    fc.record({ kind: fc.constant('acquire' as const), name: names }),
    fc.record({ kind: fc.constant('retain' as const), names: fc.uniqueArray(names) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const registry = new IdRegistry('things', 5);
      const twin = new Map<string, number>();
      for (const one of steps) {
        if (one.kind === 'retain') {
          registry.retainOnly(new Set(one.names));
          for (const name of twin.keys()) if (!one.names.includes(name)) twin.delete(name);
        } else if (twin.has(one.name) || twin.size < 5) {
          const id = registry.acquire(one.name);
          assert.is(twin.get(one.name) ?? id, id);
          twin.set(one.name, id);
        } else {
          assert.throws(() => registry.acquire(one.name), RangeError);
        }
        assert.is(new Set(twin.values()).size, twin.size);
        for (const [name, id] of twin) assert.is(registry.nameOf(id), name);
        assert.ok(registry.highWater <= 5);
      }
    }),
  );
});

test.run();
