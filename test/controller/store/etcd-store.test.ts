import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../../src/controller/store/open-store.ts';
import { type Change, Fenced, type Store, StoreUnavailable } from '../../../src/controller/store/store.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { EtcdServer } from '../../support/etcd.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { rejection, Standing, TestLog, until } from './support.ts';

const LEASE_TTL_MS = 3000;
const NEW_LEADER_MS = 5000;

const test = suite('etcd store');

const server = await EtcdServer.start();
let tests = 0;
let prefix: string;
let stores: Store[];
let proxies: TcpProxy[];
test.before.each(() => {
  prefix = `/sluice-test/${tests++}/`;
  stores = [];
  proxies = [];
});
test.after.each(async () => {
  await Promise.all(stores.map((store) => store.close()));
  for (const proxy of proxies) proxy.close();
});

async function open(endpoint = server.endpoint, log = new TestLog()): Promise<Store> {
  const store = await openStore({ kind: 'etcd', endpoints: [endpoint], prefix }, log, systemRuntime);
  stores.push(store);
  return store;
}

async function openThroughProxy(log?: TestLog): Promise<{ store: Store; proxy: TcpProxy }> {
  const proxy = await TcpProxy.to(server.endpoint);
  proxies.push(proxy);
  return { store: await open(proxy.endpoint, log), proxy };
}

const entries = (store: Store) => Object.fromEntries(store.snapshot().entries);

/** etcdctl while this process stands still: nothing that etcd tells meanwhile is heard before it has ended. */
function controlNow(...args: string[]): string {
  const { status, stdout } = spawnSync('etcdctl', [`--endpoints=${server.endpoint}`, ...args], {
    env: { ...process.env, ETCDCTL_API: '3' },
    encoding: 'utf8',
  });
  assert.is(status, 0);
  return stdout;
}

test('one leads, the others see what it writes, and who leads', async () => {
  const [first, second] = [await open(), await open()];
  const a = new Standing(first, { id: 'a', address: 'a:1' });
  const epoch = await a.elected();
  const b = new Standing(second, { id: 'b', address: 'b:1' });
  await until(() => b.leader === 'a:1', 'the follower knows the leader');

  const heard: Change[] = [];
  second.watch((changes) => heard.push(...changes));
  const revision = await first.write([{ key: 'groups/api', value: { weight: 3 } }], epoch);
  await until(() => heard.length > 0, 'the follower hears');
  assert.equal(heard, [{ key: 'groups/api', value: { weight: 3 } }]);
  assert.equal(second.snapshot(), { revision, entries: new Map([['groups/api', { weight: 3 }]]) });

  assert.instance(await rejection(second.write([{ key: 'x', value: 1 }], epoch)), Fenced);
  assert.is(b.epoch, undefined);
});

test('an etcd that is begun anew outranks the one that was lost, whose revisions were greater', async () => {
  const epoch = await new Standing(await open(), { id: 'a', address: 'a:1' }).elected();
  const anew = await EtcdServer.start();
  const store = await open(anew.endpoint);
  const later = await new Standing(store, { id: 'a', address: 'a:1' }).elected();
  await store.close();
  await anew.remove();
  assert.ok(later > epoch, `${later} after ${epoch}`);
});

test('keys lie under the prefix; what others put there is heard, what is no JSON is passed over', async () => {
  const log = new TestLog();
  const store = await open(undefined, log);
  const epoch = await new Standing(store).elected();
  await store.write([{ key: 'settings', value: { a: 1 } }], epoch);
  assert.is(controlNow('get', '--print-value-only', `${prefix}state/settings`), '{"a":1}\n');
  await server.control('put', `${prefix}state/bad`, '{');
  await server.control('put', `${prefix}state/good`, '7');
  await until(() => 'good' in entries(store), 'the change of another client');
  assert.equal(entries(store), { settings: { a: 1 }, good: 7 });
  assert.match(log.warnings.join(), /state\/bad: found no JSON/);
});

test('resigning hands over at once', async () => {
  const [first, second] = [await open(), await open()];
  const a = new Standing(first, { id: 'a', address: 'a:1' });
  const epoch = await a.elected();
  const b = new Standing(second, { id: 'b', address: 'b:1' });
  await until(() => b.leader === 'a:1', 'the follower knows the leader');
  const start = performance.now();
  const [next] = await Promise.all([b.elected(), a.resign()]);
  assert.ok(performance.now() - start < LEASE_TTL_MS / 3, 'sooner than any lease runs out');
  assert.ok(next > epoch);
  assert.is(b.leader, 'b:1');
  await second.write([{ key: 'x', value: 'b' }], next);
});

test('a leader that does not know that it is none is refused by etcd itself', async () => {
  const [first, second] = [await open(), await open()];
  const a = new Standing(first, { id: 'a', address: 'a:1' });
  const epoch = await a.elected();
  await first.write([{ key: 'x', value: 'a' }], epoch);
  const lease = controlNow('get', '--prefix', '--keys-only', `${prefix}election/`).trim().split('/').at(-1)!;

  controlNow('lease', 'revoke', BigInt(lease).toString(16));
  assert.is(a.epoch, epoch, 'it has not heard yet');
  const error = await rejection(first.write([{ key: 'x', value: 'too late' }], epoch));
  assert.instance(error, Fenced);
  assert.match(error.message, /etcd: refused/);
  assert.equal(entries(first), { x: 'a' });

  const b = new Standing(second, { id: 'b', address: 'b:1' });
  await until(() => a.epoch !== undefined || b.epoch !== undefined, 'a leader again');
  assert.ok((a.epoch ?? b.epoch)! > epoch);
});

test('a leader that is cut off counts itself out before another one leads', async () => {
  const { store: first, proxy } = await openThroughProxy();
  const second = await open();
  const a = new Standing(first, { id: 'a', address: 'a:1' });
  const epoch = await a.elected();
  await first.write([{ key: 'x', value: 'a' }], epoch);
  const b = new Standing(second, { id: 'b', address: 'b:1' });
  await until(() => b.leader === 'a:1', 'the follower knows the leader');

  let lostAt = Number.POSITIVE_INFINITY;
  proxy.cut();
  const start = performance.now();
  assert.instance(await rejection(first.write([{ key: 'x', value: 'no' }], epoch)), StoreUnavailable);
  void until(() => a.epoch === undefined, 'lost').then(() => {
    lostAt = performance.now();
  });
  const next = await b.elected(NEW_LEADER_MS);
  assert.ok(lostAt < performance.now(), 'never two at a time');
  assert.ok(lostAt - start <= LEASE_TTL_MS + 200);
  assert.instance(await rejection(first.write([{ key: 'x', value: 'no' }], epoch)), Fenced);
  assert.equal(entries(first), { x: 'a' }, 'it serves what it knows');

  await second.write([{ key: 'x', value: 'b' }], next);
  proxy.restore();
  await until(() => entries(first).x === 'b' && a.leader === 'b:1', 'it has caught up', NEW_LEADER_MS);
  assert.equal(a.epochs, [epoch]);
});

test('what happened while it was cut off is told as one change where etcd has compacted it', async () => {
  const log = new TestLog();
  const { store: first, proxy } = await openThroughProxy(log);
  for (const [key, value] of Object.entries({ kept: '1', changed: '1', gone: '1' }))
    await server.control('put', `${prefix}state/${key}`, value);
  await until(() => Object.keys(entries(first)).length === 3, 'the first three');
  const heard: (readonly Change[])[] = [];
  first.watch((changes) => heard.push(changes));

  proxy.cut();
  await server.control('put', `${prefix}state/changed`, '2');
  await server.control('put', `${prefix}state/changed`, '3');
  await server.control('del', `${prefix}state/gone`);
  await server.control('put', `${prefix}state/new`, '1');
  const { revision } = JSON.parse(await server.control('get', 'none', '-w', 'json')).header;
  await server.control('compact', String(revision));
  proxy.restore();
  await until(() => heard.length > 0, 'the change', 5000);
  await delay(100);
  assert.equal(heard, [
    [
      { key: 'gone', deleted: true },
      { key: 'changed', value: 3 },
      { key: 'new', value: 1 },
    ],
  ]);
  assert.equal(entries(first), { kept: 1, changed: 3, new: 1 });
  assert.is(first.snapshot().revision, revision);
  assert.match(log.infos.join(), /is compacted: listing/);
});

test('without compaction each change is told on its own, none twice', async () => {
  const { store: first, proxy } = await openThroughProxy();
  const values: unknown[] = [];
  first.watch((changes) => values.push(...changes.map((change) => 'value' in change && change.value)));
  for (let value = 0; value < 30; value++) {
    if (value % 10 === 5) proxy.cut();
    if (value % 10 === 9) proxy.restore();
    await server.control('put', `${prefix}state/n`, String(value));
  }
  await until(() => values.length >= 30, 'all of them', 5000);
  assert.equal(
    values,
    Array.from({ length: 30 }, (_, index) => index),
  );
});

test('opening waits for etcd, and can be given up', async () => {
  const proxy = await TcpProxy.to(server.endpoint);
  proxies.push(proxy);
  proxy.cut();
  const config = { kind: 'etcd' as const, endpoints: [proxy.endpoint], prefix };
  const giveUp = new AbortController();
  const [given, opening] = [
    openStore(config, new TestLog(), systemRuntime, { signal: giveUp.signal }),
    openStore(config, new TestLog(), systemRuntime),
  ];
  setTimeout(() => giveUp.abort(), 300);
  assert.instance(await rejection(given), StoreUnavailable);
  proxy.restore();
  stores.push(await opening);
});

test.run();
