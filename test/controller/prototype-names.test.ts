/** Members and groups may be called like what every object of JavaScript has; that alone means nothing. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../src/config/load.ts';
import { fileChanges } from '../../src/controller/groups/file-changes.ts';
import { port, startFleet } from './fleet.ts';
import { until } from './until.ts';

const test = suite('names that every object has');

const configured = (group: string) =>
  parseConfiguration(`
host: c1
networks: [{ name: app, vni: 5001, subnets: [10.1.0.0/24] }]
groups:
  - name: ${group}
    network: app
    vip: 10.1.0.100
    health: { kind: icmp, quorum: majority }
    members: [{ name: constructor, address: 10.1.0.1 }, { name: toString, address: 10.1.0.2 }]
`);

test('a member called constructor is active until checks fail it, and back when they find it well', async () => {
  const fleet = await startFleet(configured('valueOf'));
  try {
    const agent = fleet.agent('h1', { ports: [port('web', 'app')] });
    const haveStates = (...states: (number | string)[]): Promise<void> =>
      until(() => agent.weights('valueOf').join() === states.join());
    await haveStates(1, 1);
    agent.probe('valueOf', { constructor: false, toString: true } as Record<string, boolean>);
    await haveStates('failed', 1);
    assert.match(JSON.stringify(fleet.controller.groups.get('valueOf')!.health), /^{"constructor":.*refused/);
    agent.probe('valueOf', { constructor: true, toString: true } as Record<string, boolean>);
    await haveStates(1, 1);
  } finally {
    await fleet.close();
  }
});

test('a group called constructor is seeded once, and goes when the file no longer has it', () => {
  const entries = new Map<string, unknown>();
  const seed = (group: string): string[] => {
    const changes = fileChanges(configured(group), entries, { id: 'c1', epoch: 1, wallMs: 0 });
    for (const change of changes) {
      if ('deleted' in change) entries.delete(change.key);
      else entries.set(change.key, change.value);
    }
    return changes.map((change) => `${'deleted' in change ? '-' : '+'}${change.key}`);
  };
  assert.ok(seed('constructor').includes('+groups/constructor'));
  assert.equal(seed('constructor'), []);
  assert.ok(seed('toString').includes('-groups/constructor'));
});

test('labels of that kind tell selectors apart only where both have them', () => {
  const groups = (first: string, second: string) => `
host: h1
networks: [{ name: app, vni: 1, subnets: [10.1.0.0/24] }]
groups:
  - { name: a, network: app, vip: 10.1.0.100, from: { ${first} }, members: [] }
  - { name: b, network: app, vip: 10.1.0.100, from: { ${second} }, members: [] }`;
  parseConfiguration(groups('constructor: x', 'constructor: y'));
  assert.throws(
    () => parseConfiguration(groups('constructor: x', 'tier: y')),
    /with the same protocol, port and match/,
  );
});

test('a key __proto__ is told, and not lost', () => {
  const text = (key: string) =>
    `{ host: h1, networks: [{ name: app, vni: 1 }], ports: [{ name: p, network: app, netns: p, labels: { ${key}: x } }] }`;
  assert.throws(
    () => parseConfiguration(text('__proto__')),
    /ports\[0\]\.labels\.__proto__: found .*__proto__/,
  );
  assert.equal(parseConfiguration(text('constructor')).ports[0]!.labels, { constructor: 'x' });
});

test.run();
