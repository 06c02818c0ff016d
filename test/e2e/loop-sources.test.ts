// Scaling of sources, live: web servers, VMs of a template, send to the group `app` for what clients ask of the
// group `web`, which they are members of. One that holds too many flows to `app` brings another one; when there is
// little to do, the one that sends least is drained from `web` and stopped, and no connection breaks.
// timeout: 120s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { VmRow } from '../../src/api/fleet-shapes.ts';
import type { GroupDetail } from '../../src/api/shapes.ts';
import { until } from '../support/command.ts';
import { HeldFlows } from '../support/held-flows.ts';
import { LoopBed, SERVER_PORT, VIP } from '../support/loop-bed.ts';
import { RELAY } from '../support/paths.ts';

const test = suite('e2e: the closed loop, scaling of sources');

const WEB_VIP = '10.1.0.101';
/** What a new leader waits for hosts, and what the machine may take. */
const PATIENCE_MS = 40_000;

let bed: LoopBed;
let held: HeldFlows;
test.before(async () => {
  const app = (name: string, i: number) => ({ name, address: `10.1.0.${21 + i}`, port: SERVER_PORT });
  const group = (name: string, vip: string, from: object, more: object) => ({
    name,
    network: 'app',
    vip,
    protocol: 'tcp',
    port: 80,
    from,
    ...more,
  });
  bed = await LoopBed.create({
    clients: 1,
    servers: ['a', 'b'],
    more: (host) => ({
      groups: [
        group('web', WEB_VIP, { tier: 'client' }, { members: [] }),
        group(
          'app',
          VIP,
          { tier: 'web' },
          {
            members: ['a', 'b'].map(app),
            scaling: {
              sources: {
                template: host.netns('w'),
                average: { below: 8 },
                single: { above: 30 },
                maximum: 2,
                sustain: '500ms',
                coolDown: '500ms',
                drainDeadline: '60s',
              },
            },
          },
        ),
      ],
      templates: [
        {
          // Namespaces of VMs are called after their template.
          name: host.netns('w'),
          network: 'app',
          group: 'web',
          labels: { tier: 'web' },
          command: [process.execPath, RELAY, String(SERVER_PORT), VIP, '80'],
          port: SERVER_PORT,
          addresses: '10.1.0.128/28',
        },
      ],
    }),
  });
  held = new HeldFlows(bed, 'c1', WEB_VIP, 80);
});
test.after(async () => {
  await held?.stop();
  bed?.close();
});

const vms = () => bed.json<VmRow[]>('vm', 'list');

const group = (name: string) => bed.json<GroupDetail>('group', 'show', name);

/** Addresses of the active members of `web`, the oldest first, when there are so many. */
const untilActive = (count: number): Promise<string[]> =>
  until(
    `${count} web servers`,
    async () => {
      const active = (await group('web')).members.filter(({ state }) => state === 'active');
      return active.length === count && active.map(({ address }) => address);
    },
    PATIENCE_MS,
  );

test('the least number is there without any load', async () => {
  await untilActive(1);
  const rows = await vms();
  assert.equal(
    rows.map(({ group, phase }) => `${group} ${phase}`),
    ['web serving'],
  );
});

test('a source that holds too many flows brings another one', async () => {
  const [first] = await untilActive(1);
  assert.equal(await held.open(40), { [first!]: 40 });
  const [, second] = await untilActive(2);
  assert.is((await group('app')).activeFlows, 40);
  const opened = await held.open(12);
  assert.equal(opened, { [first!]: 6, [second!]: 6 });
});

test('with little to do the one that sends least is drained, and gone when its flows are', async () => {
  const [first, second] = await untilActive(2);
  // The younger one has more to do now, so it is the older one that goes.
  await held.close(first!, 45);
  assert.equal(await untilActive(1), [second]);
  assert.equal(await held.ask(), { [first!]: 1, [second!]: 6 }, 'its last flow goes on');
  assert.equal(await held.open(3), { [second!]: 3 });
  await held.close(first!, 1);
  await until('one VM', async () => (await vms()).length === 1, PATIENCE_MS);
  assert.equal(await held.ask(), { [second!]: 9 });
  assert.equal(held.lost, []);
});

test.run();
