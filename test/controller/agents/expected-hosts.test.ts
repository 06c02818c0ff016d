import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { controllerProblems } from '../../../src/controller/verdict.ts';
import { shop } from '../../host/configurations.ts';
import { port, startFleet } from '../fleet.ts';
import { until } from '../until.ts';

const test = suite('hosts that should be attached');

test('one that is away is no longer well after ten seconds, and concerns changes of its networks alone', async () => {
  const fleet = await startFleet(shop());
  const agent = fleet.agent('h1', { ports: [port('db', 'db')] });
  await until(() => agent.isAttached);
  const { controller } = fleet;
  await agent.close();
  await until(() => controller.hosts.away().length === 1);
  const about = (): string[] =>
    controllerProblems(controller)
      .map(({ problem }) => problem)
      .filter((problem) => problem.startsWith('host '));
  assert.equal(about(), [], 'it may come back at once');
  const document = { version: '1', networks: ['db'], awaySinceMs: 1_000 };
  await controller.write([{ key: 'hosts/h2', value: document }]);
  assert.equal(about(), ['host h2 is away since 1970-01-01T00:00:01.000Z']);
  assert.is(controller.hosts.away({ network: 'app', otherNetworks: ['db'] }).length, 2);
  assert.is(controller.hosts.away({ network: 'app' }).length, 0);
  const changed = await controller.changes.setWeight('api', 'app1', 2);
  assert.is(changed.away, undefined, 'nobody who is away has the network');
  await controller.hosts.forget('h2');
  assert.equal(about(), []);
  await fleet.close();
});

test.run();
