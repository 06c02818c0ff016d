/** What every store must do, whatever is behind it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Change,
  Fenced,
  InvalidWrite,
  MAX_CHANGES,
  MAX_KEY_BYTES,
  MAX_PENDING_WRITES,
  MAX_WRITE_BYTES,
  type Store,
  StoreUnavailable,
} from '../../../src/controller/store/store.ts';
import { rejection, Standing } from './support.ts';

export interface StoreUnderTest {
  /** The same store again after it was closed: what is durable is there. */
  open(): Promise<Store>;
  remove(): Promise<void>;
}

export function runContract(kind: Store['kind'], make: () => Promise<StoreUnderTest>): void {
  const test = suite(`store contract: ${kind}`);
  let under: StoreUnderTest;
  let store: Store;
  let standing: Standing;
  let epoch: number;

  test.before.each(async () => {
    under = await make();
    await reopen();
  });
  test.after.each(async () => {
    await store.close();
    await under.remove();
  });

  async function reopen(): Promise<void> {
    store = await under.open();
    standing = new Standing(store);
    epoch = await standing.elected();
  }

  const entries = () => Object.fromEntries(store.snapshot().entries);

  test('it is of its kind, and empty at first', () => {
    assert.is(store.kind, kind);
    assert.equal(entries(), {});
  });

  test('what is written is there when the write resolves, and after opening again', async () => {
    const first = await store.write(
      [{ key: 'groups/api', value: { vip: ['10.1.0.100'], members: [] } }],
      epoch,
    );
    assert.is(store.snapshot().revision, first);
    const second = await store.write(
      [
        { key: 'groups/db', value: 'ünï\n"cødé"' },
        { key: 'settings', value: null },
      ],
      epoch,
    );
    assert.ok(second > first);
    const expected = {
      'groups/api': { vip: ['10.1.0.100'], members: [] },
      'groups/db': 'ünï\n"cødé"',
      settings: null,
    };
    assert.equal(entries(), expected);
    await store.close();
    await reopen();
    assert.equal(entries(), expected);
    assert.ok(store.snapshot().revision >= second);
  });

  test('a key is replaced, and gone when deleted; deleting what is not there is no error', async () => {
    await store.write([{ key: 'a', value: 1 }], epoch);
    await store.write(
      [
        { key: 'a', value: 2 },
        { key: 'b', value: 3 },
      ],
      epoch,
    );
    assert.equal(entries(), { a: 2, b: 3 });
    await store.write([{ key: 'a', deleted: true }], epoch);
    await store.write([{ key: 'never', deleted: true }], epoch);
    assert.equal(entries(), { b: 3 });
  });

  test('a snapshot is of its moment; the store shares nothing with the writer', async () => {
    const value = { weight: 1 };
    await store.write([{ key: 'a', value }], epoch);
    value.weight = 2;
    const before = store.snapshot();
    await store.write([{ key: 'b', value: 0 }], epoch);
    assert.equal([...before.entries], [['a', { weight: 1 }]]);
  });

  test('watchers hear of each write whole, in order, when snapshot() has it; not after they left', async () => {
    const heard: { changes: readonly Change[]; revision: number; held: unknown }[] = [];
    const leave = store.watch((changes, revision) =>
      heard.push({ changes, revision, held: Object.fromEntries(store.snapshot().entries) }),
    );
    const first = await store.write(
      [
        { key: 'a', value: 1 },
        { key: 'b', value: 2 },
      ],
      epoch,
    );
    assert.is(heard.length, 1, 'heard before the write resolves');
    const second = await store.write(
      [
        { key: 'a', deleted: true },
        { key: 'c', value: 3 },
      ],
      epoch,
    );
    leave();
    await store.write([{ key: 'd', value: 4 }], epoch);
    assert.equal(
      heard.map(({ changes }) => [...changes].sort((x, y) => (x.key < y.key ? -1 : 1))),
      [
        [
          { key: 'a', value: 1 },
          { key: 'b', value: 2 },
        ],
        [
          { key: 'a', deleted: true },
          { key: 'c', value: 3 },
        ],
      ],
    );
    assert.equal(
      heard.map(({ revision }) => revision),
      [first, second],
    );
    assert.equal(
      heard.map(({ held }) => held),
      [
        { a: 1, b: 2 },
        { b: 2, c: 3 },
      ],
    );
  });

  test('a watcher that throws keeps no other from hearing, and fails no write', async () => {
    let heard = 0;
    store.watch(() => {
      throw new Error('on purpose');
    });
    store.watch(() => heard++);
    await store.write([{ key: 'a', value: 1 }], epoch);
    assert.is(heard, 1);
  });

  test('writes at the same time take effect in the order of their calls', async () => {
    const values: unknown[] = [];
    store.watch((changes) => values.push(...changes.map((change) => 'value' in change && change.value)));
    const revisions = await Promise.all(
      Array.from({ length: 200 }, (_, index) => store.write([{ key: 'n', value: index }], epoch)),
    );
    assert.equal(
      values,
      Array.from({ length: 200 }, (_, index) => index),
    );
    assert.equal(
      revisions,
      [...revisions].sort((a, b) => a - b),
    );
    assert.equal(entries(), { n: 199 });
  });

  test('waiting writes are bounded', async () => {
    const writes = Array.from({ length: MAX_PENDING_WRITES + 1 }, () =>
      store.write([{ key: 'n', value: 1 }], epoch).catch((error: Error) => error),
    );
    const outcomes = await Promise.all(writes);
    assert.instance(outcomes.at(-1), StoreUnavailable);
    assert.ok(outcomes.slice(0, -1).every((outcome) => typeof outcome === 'number'));
  });

  test('what no store could take is refused, and nothing of it written', async () => {
    for (const changes of [
      [],
      many(MAX_CHANGES + 1, 1),
      [{ key: '', value: 1 }],
      [{ key: 'k'.repeat(MAX_KEY_BYTES + 1), value: 1 }],
      [
        { key: 'a', value: 1 },
        { key: 'a', deleted: true as const },
      ],
      [
        { key: 'a', value: 1 },
        { key: 'b', value: undefined },
      ],
      [{ key: 'a', value: 'x'.repeat(MAX_WRITE_BYTES) }],
    ])
      assert.instance(await rejection(store.write(changes, epoch)), InvalidWrite);
    assert.equal(entries(), {});
  });

  test('the most that is allowed is taken', async () => {
    const most = many(MAX_CHANGES, 'x'.repeat(MAX_WRITE_BYTES / MAX_CHANGES - 2));
    await store.write(most, epoch);
    assert.is(store.snapshot().entries.size, MAX_CHANGES);
    await store.write(
      most.map(({ key }) => ({ key, deleted: true as const })),
      epoch,
    );
    assert.equal(entries(), {});
  });

  test("an epoch that is not the leader's writes nothing", async () => {
    for (const other of [epoch - 1, epoch + 1, 0])
      assert.instance(await rejection(store.write([{ key: 'a', value: 1 }], other)), Fenced);
    assert.equal(entries(), {});
  });

  test('a candidate that resigned is not the leader; standing again gives a greater epoch', async () => {
    assert.is(standing.leader, 'a:1');
    await standing.resign();
    assert.is(standing.epoch, undefined);
    assert.is(standing.leader, undefined);
    const leadership = standing.told.filter((line) => !line.startsWith('leader'));
    assert.equal(leadership, [`elected ${epoch}`, 'lost resigned']);
    assert.instance(await rejection(store.write([{ key: 'a', value: 1 }], epoch)), Fenced);
    const again = new Standing(store);
    assert.ok((await again.elected()) > epoch);
    assert.instance(await rejection(store.write([{ key: 'a', value: 1 }], epoch)), Fenced);
    await store.write([{ key: 'a', value: 2 }], again.epoch!);
    assert.equal(entries(), { a: 2 });
  });

  test('every opening brings a greater epoch; closing resigns', async () => {
    const epochs = [epoch];
    for (let round = 0; round < 3; round++) {
      await store.close();
      assert.is(standing.epoch, undefined);
      await reopen();
      epochs.push(epoch);
    }
    assert.ok(
      epochs.every((one, index) => index === 0 || one > epochs[index - 1]!),
      epochs.join(' '),
    );
  });

  test('a raised epoch is greater, at once and for whoever leads later; the previous one writes nothing', async () => {
    await standing.raise(epoch - 1);
    assert.is(standing.epoch, epoch, 'it is above that already');
    for (const above of [epoch, epoch + 1_000_000, epoch + 1_000_001]) {
      await standing.raise(above);
      assert.ok(standing.epoch! > above, `${standing.epoch} after ${above}`);
    }
    const raised = standing.epoch!;
    assert.instance(await rejection(store.write([{ key: 'a', value: 1 }], epoch)), Fenced);
    await store.write([{ key: 'a', value: 2 }], raised);
    await store.close();
    await reopen();
    assert.ok(epoch > raised, `${epoch} after ${raised}`);
    assert.equal(entries(), { a: 2 });
  });

  test('closing waits for writes that are under way, and refuses later ones', async () => {
    const written = store.write([{ key: 'a', value: 1 }], epoch);
    await store.close();
    assert.type(await written, 'number');
    assert.instance(await rejection(store.write([{ key: 'a', value: 2 }], epoch)), StoreUnavailable);
    await store.close();
    await reopen();
    assert.equal(entries(), { a: 1 });
  });

  test('two campaigns at a time are a mistake', () => {
    assert.throws(() => new Standing(store), /campaign during another one/);
  });

  test.run();
}

const many = (count: number, value: unknown) =>
  Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value }));
