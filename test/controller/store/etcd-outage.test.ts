// timeout: 300s
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../../src/controller/store/open-store.ts';
import { type Store, StoreUnavailable } from '../../../src/controller/store/store.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { EtcdServer } from '../../support/etcd.ts';
import { rejection, Standing, TestLog, until } from './support.ts';

const OUTAGE_MS = 30_000;
/** "Quickly": a person waits for the answer. */
const REFUSAL_MS = 500;
const CALL_TIMEOUT_MS = 2000;
const NEW_LEADER_MS = 5000;

const test = suite('etcd outage');

const entries = (store: Store) => Object.fromEntries(store.snapshot().entries);

async function scene(servers: EtcdServer[]) {
  const log = new TestLog();
  const config = {
    kind: 'etcd' as const,
    endpoints: servers.map((server) => server.endpoint),
    prefix: '/sluice/',
  };
  const [first, second] = [
    await openStore(config, log, systemRuntime),
    await openStore(config, log, systemRuntime),
  ];
  const a = new Standing(first, { id: 'a', address: 'a:1' });
  const epoch = await a.elected();
  const b = new Standing(second, { id: 'b', address: 'b:1' });
  await first.write([{ key: 'x', value: 'before' }], epoch);
  await until(() => b.leader === 'a:1' && 'x' in entries(second), 'the follower follows');
  const leading = async () => {
    await until(() => a.epoch !== undefined || b.epoch !== undefined, 'a leader', 2 * NEW_LEADER_MS);
    return a.epoch === undefined ? { store: second, epoch: b.epoch! } : { store: first, epoch: a.epoch };
  };
  const end = async () => {
    await Promise.all([first.close(), second.close()]);
    for (const server of servers) await server.remove();
  };
  return { first, second, a, b, epoch, log, leading, end };
}

/** How long the write took to be refused, ms. */
async function refusal(store: Store, epoch: number): Promise<number> {
  const start = performance.now();
  assert.instance(await rejection(store.write([{ key: 'x', value: 'during' }], epoch)), StoreUnavailable);
  return performance.now() - start;
}

test('killed for 30 s: the state is served, writes are refused quickly, then all goes on', async () => {
  const server = await EtcdServer.start();
  const { first, second, a, b, epoch, log, leading, end } = await scene([server]);
  try {
    await server.kill();
    const start = performance.now();
    assert.ok((await refusal(first, epoch)) < REFUSAL_MS);
    assert.ok((await refusal(first, epoch)) < REFUSAL_MS);
    await until(() => a.epoch === undefined, 'the leader counts itself out', NEW_LEADER_MS);
    assert.match(a.told.findLast((line) => line.startsWith('lost'))!, /not renewed within 3 s/);
    while (performance.now() - start < OUTAGE_MS) {
      await delay(500);
      assert.equal([entries(first), entries(second)], [{ x: 'before' }, { x: 'before' }]);
    }
    assert.ok(log.warnings.length <= 8, `each part warns once, found:\n${log.warnings.join('\n')}`);

    await server.restart();
    const back = performance.now();
    const leader = await leading();
    assert.ok(performance.now() - back < NEW_LEADER_MS);
    assert.ok(leader.epoch > epoch);
    await leader.store.write([{ key: 'x', value: 'after' }], leader.epoch);
    await until(() => entries(first).x === 'after' && entries(second).x === 'after', 'both have it');
    assert.is(a.epochs.length + b.epochs.length, 2, 'one new leader');
  } finally {
    await end();
  }
});

test('restarted at once: the leader stays, nothing is missed', async () => {
  const server = await EtcdServer.start();
  const { first, second, a, epoch, end } = await scene([server]);
  try {
    await server.restart();
    await until(() => a.epoch === epoch, 'it leads as before');
    const values: unknown[] = [];
    second.watch((changes) => values.push(...changes.map((change) => 'value' in change && change.value)));
    let written: number | undefined;
    await until(() => {
      if (written === undefined) {
        written = 0;
        first.write([{ key: 'x', value: 'after' }], epoch).then(
          (revision) => {
            written = revision;
          },
          () => {
            written = undefined;
          },
        );
      }
      return written !== undefined && written > 0;
    }, 'a write');
    await until(() => values.includes('after'), 'the follower has it');
    assert.equal(a.epochs, [epoch]);
  } finally {
    await end();
  }
});

test('silent instead of dead: refused within the time limit', async () => {
  const server = await EtcdServer.start();
  const { first, epoch, leading, end } = await scene([server]);
  try {
    server.freeze();
    assert.ok((await refusal(first, epoch)) < CALL_TIMEOUT_MS + REFUSAL_MS);
    await delay(6000);
    server.thaw();
    const leader = await leading();
    await leader.store.write([{ key: 'x', value: 'after' }], leader.epoch);
  } finally {
    await end();
  }
});

test('one of three members dies: the controllers go on; two die: refused; all are back: all is there', async () => {
  const servers = await EtcdServer.startCluster(3);
  const { first, second, leading, end } = await scene(servers);
  try {
    for (const [index, server] of servers.entries()) {
      await server.kill();
      const start = performance.now();
      for (let written = false; !written; ) {
        const leader = await leading();
        written = await leader.store.write([{ key: 'x', value: `without ${index}` }], leader.epoch).then(
          () => true,
          () => false,
        );
        assert.ok(performance.now() - start < 2 * NEW_LEADER_MS, `no write without member ${index}`);
      }
      const has = (store: Store) => entries(store).x === `without ${index}`;
      await until(() => has(first) && has(second), 'both have it');
      await server.restart();
    }

    const { store, epoch } = await leading();
    await Promise.all(servers.slice(1).map((server) => server.kill()));
    assert.ok((await refusal(store, epoch)) < CALL_TIMEOUT_MS + REFUSAL_MS);
    assert.equal(entries(store), { x: 'without 2' });
    await Promise.all(servers.slice(1).map((server) => server.restart()));
    const leader = await leading();
    await leader.store.write([{ key: 'x', value: 'after' }], leader.epoch);
    await until(() => entries(first).x === 'after' && entries(second).x === 'after', 'both have it');
  } finally {
    await end();
  }
});

test('etcd has no room: refused, and taken again when there is', async () => {
  const server = await EtcdServer.start('--quota-backend-bytes=4194304');
  const { first, leading, end } = await scene([server]);
  try {
    const value = 'x'.repeat(500_000);
    let error: Error | undefined;
    for (let count = 0; count < 20 && error === undefined; count++) {
      const leader = await leading();
      error = await leader.store.write([{ key: 'large', value }], leader.epoch).then(
        () => undefined,
        (refused: Error) => refused,
      );
    }
    assert.instance(error, StoreUnavailable);
    assert.match(error!.message, /space exceeded/);

    const { revision } = JSON.parse(await server.control('get', 'none', '-w', 'json')).header;
    await server.control('compact', '--physical', String(revision));
    await server.control('defrag');
    await server.control('alarm', 'disarm');
    const leader = await leading();
    await leader.store.write([{ key: 'x', value: 'after' }], leader.epoch);
    await until(() => entries(first).x === 'after', 'it is there');
  } finally {
    await end();
  }
});

test.run();
