// VMs go only where their network is. Of three hosts, h1 and h2 have the network `back`, h3 gets it later: by a
// reload, which its agent tells the controller.
// timeout: 180s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { VmRow } from '../../src/api/fleet-shapes.ts';
import { until } from '../support/command.ts';
import { Fleet } from '../support/fleet.ts';
import { claimName } from '../support/host.ts';
import { SOAK_SERVER } from '../support/paths.ts';

const test = suite('e2e: fleet, placement of VMs');

const PATIENCE_MS = 30_000;

const BACK = { name: 'back', vni: 5002, subnets: ['10.2.0.0/24'] };

/** Namespaces of VMs are called after their templates. */
const { name: prefix, clear } = claimName();

const template = (name: string, more: object) => ({
  name: `${prefix}-${name}`,
  network: 'back',
  group: name,
  command: [process.execPath, SOAK_SERVER, 'vm', '8080'],
  port: 8080,
  ...more,
});

const group = (name: string, vip: string) => ({
  name,
  network: 'back',
  vip,
  protocol: 'tcp',
  port: 80,
  members: [],
});

const THIRD = template('third', { addresses: '10.2.0.144/28', hosts: ['h3'] });

let fleet: Fleet;
test.before(async () => {
  fleet = await Fleet.embedded({
    groups: (groups) => [...groups, group('any', '10.2.0.100'), group('third', '10.2.0.101')],
    templates: [template('any', { addresses: '10.2.0.128/28' }), THIRD],
    host: ({ networks }, label) => {
      if (label !== 'h3') networks.push(BACK);
    },
  });
});
test.after(async () => {
  await fleet?.close();
  clear();
});

const vmsOf = async (name: string): Promise<VmRow[]> =>
  (await fleet.host('h1').json<VmRow[]>('vm', 'list')).filter((row) => row.group === name);

/** Hosts of those that serve, sorted, when there are so many. */
const untilServing = (name: string, count: number): Promise<(string | null)[]> =>
  until(
    `${count} of group ${name} to serve`,
    async () => {
      const serving = (await vmsOf(name)).filter(({ phase }) => phase === 'serving');
      return serving.length === count && serving.map(({ host }) => host).sort();
    },
    PATIENCE_MS,
  );

const scale = (name: string, count: number) => fleet.host('h1').sluice('scale', name, String(count));

test('VMs are spread over the hosts that have their network, and are on no other', async () => {
  const { status, stderr } = await scale('any', 4);
  assert.is(status, 0, stderr);
  assert.equal(await untilServing('any', 4), ['h1', 'h1', 'h2', 'h2']);
});

test('where no host that may run it has the network, the command says so', async () => {
  const { status, stderr } = await scale('third', 1);
  assert.is(status, 1);
  assert.match(stderr, 'no host has network back (VNI 5002); found h3 with app (VNI 5001)');
  assert.equal(await vmsOf('third'), []);
});

test('a host that gets the network by a reload can have it', async () => {
  const h3 = fleet.host('h3');
  h3.config.networks.push(BACK);
  // It runs nothing but its own templates.
  h3.config.templates = [THIRD];
  await h3.reload();
  await until('the fleet to know', async () => (await scale('third', 1)).status === 0, PATIENCE_MS);
  assert.equal(await untilServing('third', 1), ['h3']);
});

test.run();
