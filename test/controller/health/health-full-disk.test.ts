// A store that takes nothing keeps no failed member in service.
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../../src/config/load.ts';
import { messageOf } from '../../../src/config/problems/refusal.ts';
import { SmallDisk } from '../../support/small-disk.ts';
import { openFileStore, startFleet, type TestAgent, type TestFleet } from '../fleet.ts';
import { until } from '../until.ts';

const configuration = parseConfiguration(`
host: c1
networks: [{ name: app, vni: 5001, subnets: [10.1.0.0/24] }]
groups:
  - name: app
    network: app
    vip: 10.1.0.100
    protocol: tcp
    port: 80
    health: { kind: tcp, quorum: any }
    members: [{ name: a, address: 10.1.0.1 }, { name: b, address: 10.1.0.2 }]
`);

const test = suite('controller: health on a full disk');

let disk: SmallDisk;
let dir: string;
let fleet: TestFleet;
let agent: TestAgent;
test.before(async () => {
  disk = new SmallDisk();
  dir = join(disk.path, 'store');
  fleet = await startFleet(configuration, { dir });
  agent = fleet.agent('h1');
  await until(() => agent.inForce.revision > 0);
});
test.after(async () => {
  await fleet.stop();
  disk.remove();
});

const haveStates = (...states: (number | string)[]): Promise<void> =>
  until(() => agent.weights('app').join() === states.join());

/** The last weight of b that is taken. */
async function fillUp(): Promise<number> {
  disk.fill();
  for (let weight = 1_000; weight < 10_000; weight++) {
    try {
      await fleet.controller.changes.setWeight('app', 'b', weight);
    } catch (error) {
      assert.match(messageOf(error), /the store cannot be written: .*ENOSPC/);
      return weight - 1;
    }
  }
  throw new Error('changes are taken on a full disk');
}

let weight: number;

test('a verdict counts at once, and so does its end', async () => {
  weight = await fillUp();
  agent.probe('app', { a: false, b: true });
  await haveStates('failed', weight);
  agent.probe('app', { a: true, b: true });
  await haveStates(1, weight);
  agent.probe('app', { a: false, b: true });
  await haveStates('failed', weight);
});

test('people are still refused, and change nothing', async () => {
  await fleet.controller.changes.failMember('app', 'b').then(
    () => assert.unreachable('taken'),
    (error) => assert.match(messageOf(error), /the store cannot be written: .*ENOSPC/),
  );
  assert.equal(agent.weights('app'), ['failed', weight]);
});

test('with room again the verdict is stored', async () => {
  const health = () => fleet.store.snapshot().entries.get('health/app') as { failed: object } | undefined;
  assert.equal(Object.keys(health()?.failed ?? {}), []);
  disk.free();
  await until(() => Object.keys(health()?.failed ?? {}).join() === 'a');
  assert.equal(agent.weights('app'), ['failed', weight]);
  await fleet.stop();
  const again = await openFileStore(dir);
  assert.equal(Object.keys((again.snapshot().entries.get('health/app') as { failed: object }).failed), ['a']);
  await again.close();
});

test.run();
