// timeout: 180s
/** Documents in etcd that no controller has written: each is set aside and named, and the rest goes on. */

import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../../src/config/load.ts';
import { Controller } from '../../../src/controller/controller.ts';
import { openStore } from '../../../src/controller/store/open-store.ts';
import type { Store } from '../../../src/controller/store/store.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { until } from '../../support/command.ts';
import { EtcdServer } from '../../support/etcd.ts';
import { linesOnly } from '../../support/event-sinks.ts';

const CONFIGURATION = parseConfiguration(`
host: c1
networks: [{ name: app, vni: 5001, subnets: [10.1.0.0/24] }]
groups:
  - name: api
    network: app
    vip: 10.1.0.100
    members: [{ name: a, address: 10.1.0.1 }, { name: constructor, address: 10.1.0.2 }]
`);

const BAD: readonly (readonly [key: string, value: string])[] = [
  ['groups/zz', '5'],
  ['groups/yy', '{"name":"yy"}'],
  [
    'groups/xx',
    '{"name":"api","network":"app","vip":["10.1.0.9"],"protocol":"any","match":{"sources":[]},"rewrite":"address","algorithm":"weighted-round-robin","onEmpty":"reject","criteria":[]}',
  ],
  ['groups/ww', 'null'],
  [
    'groups/vv',
    '{"name":"vv","network":"app","vip":["10.1.0.8"],"protocol":"any","match":{"sources":[]},"rewrite":"address","algorithm":"weighted-round-robin","onEmpty":"reject","criteria":[],"policy":{"kind":"no-such-kind"}}',
  ],
  ['overrides/api', '{"members":[5]}'],
  ['overrides/zz', '[]'],
  ['health/api', '{"failed":{"a":1}}'],
  ['policies/api', '{"kind":"no-such-kind","mode":"both"}'],
  ['instances/x', '{"id":"x"}'],
  ['files/c9', '{"groups":[1]}'],
];

interface Running {
  readonly controller: Controller;
  readonly store: Store;
  readonly lines: string[];
}

const test = suite('documents that are set aside');
let etcd: EtcdServer;
const running: Running[] = [];

async function start(id: string): Promise<Running> {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const store = await openStore(
    { kind: 'etcd', endpoints: [etcd.endpoint], prefix: '/sluice/' },
    log,
    systemRuntime,
    {},
  );
  const controller = new Controller({
    runtime: systemRuntime,
    configuration: CONFIGURATION,
    store,
    log,
    events: linesOnly(log),
    self: { id, address: `${id}:1` },
  });
  const one = { controller, store, lines };
  running.push(one);
  return one;
}

async function stop({ controller, store }: Running): Promise<void> {
  await controller.stop();
  await store.close();
}

test.before(async () => {
  etcd = await EtcdServer.start();
});
test.after(async () => {
  for (const one of running) await stop(one).catch(() => {});
  await etcd.remove();
});

test('they are named in log and status, and changes go on', async () => {
  const { controller, lines } = await start('c1');
  await until('the group', () => controller.leadership !== undefined && controller.groups.has('api'));
  for (const [key, value] of BAD) await etcd.control('put', `/sluice/state/${key}`, value);
  const names = BAD.map(([key]) => key).sort();
  await until('all of them', () => [...controller.setAside.keys()].sort().join() === names.join());
  for (const name of names) {
    assert.ok(
      lines.some((line) => line.includes(`store: ${name} is set aside: `)),
      name,
    );
  }
  assert.equal([...controller.groups.keys()], ['api']);
  assert.equal(
    controller.groups.get('api')!.group.criteria[0]!.members.map(({ name, state }) => [name, state]),
    [
      ['a', 'active'],
      ['constructor', 'active'],
    ],
  );
  // Written over, it is what it should be.
  await controller.changes.setWeight('api', 'a', 7);
  assert.is(controller.groups.get('api')!.group.criteria[0]!.members[0]!.weight, 7);
  assert.not.ok(controller.setAside.has('overrides/api'));
});

test('a controller that starts does so, and one that was removed is named no longer', async () => {
  await stop(running.pop()!);
  const { controller } = await start('c2');
  await until('leadership', () => controller.leadership !== undefined);
  assert.is(controller.setAside.size, BAD.length - 1);
  await controller.changes.setWeight('api', 'a', 8);
  await etcd.control('del', '/sluice/state/groups/zz');
  await until('one less', () => !controller.setAside.has('groups/zz'));
});

test.run();
