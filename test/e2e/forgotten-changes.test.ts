// A host without `store` keeps what commands have changed in its run directory: `down` says what goes with it.
// timeout: 90s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GroupDetail } from '../../src/api/shapes.ts';
import { Host } from '../support/host.ts';

const test = suite('changes and down');

const host = new Host();
test.after(() => host.close());

const config = {
  host: 'h1',
  networks: [{ name: 'app', vni: 1, subnets: ['10.1.0.0/24'] }],
  ports: [{ name: 'a', network: 'app', netns: host.netns('a'), addresses: ['10.1.0.11/24'] }],
  groups: [
    {
      name: 'api',
      network: 'app',
      vip: '10.1.0.100',
      members: [{ name: 'm', address: '10.1.0.21', weight: 2 }],
    },
  ],
};
const up = (): Promise<void> => host.up(config as never);
const weight = async (): Promise<number> =>
  (await host.json<GroupDetail>('group', 'show', 'api')).members[0]!.weight;

test('down says that changes by commands are gone, and only then', async () => {
  await up();
  assert.is((await host.sluice('member', 'weight', 'api', 'm', '7')).status, 0);
  assert.is(await weight(), 7);
  const { status, stderr } = await host.sluice('down');
  assert.is(status, 0);
  assert.match(stderr, 'changes by commands are lost with the run directory');
  await up();
  assert.is(await weight(), 2);
  await host.sluice('member', 'weight', 'api', 'm', '7');
  await host.sluice('member', 'reset', 'api', 'm');
  assert.is((await host.sluice('down')).stderr, '');
});

test.run();
