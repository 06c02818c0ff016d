// Two tenants with the same subnets, addresses and virtual addresses, each behind a router of its own.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FlowRow, RouterRow } from '../../src/api/shapes.ts';
import { Capture } from '../support/capture.ts';
import { until } from '../support/command.ts';
import { shares, Testbed } from '../support/testbed.ts';
import type { ConfigText } from '../support/testbed-config.ts';

const test = suite('e2e: tenants');

/**
 *   blue1 (web, 10.1.0.11) ── router blue ── blue2 (db, 10.2.0.21)     VIPs 10.1.0.100 and 10.2.0.100, both to blue2
 *   green1, green2: the same addresses and VIPs behind router green
 */
const TENANTS = ['blue', 'green'] as const;

function addTenant(config: ConfigText, tenant: string, firstVni: number): void {
  const web = `${tenant}-web`;
  const db = `${tenant}-db`;
  config.routers = [...(config.routers ?? []), { name: tenant }];
  config.networks.push(
    {
      name: web,
      vni: firstVni,
      router: tenant,
      subnets: ['10.1.0.0/24', 'fd00:1::/64'],
      gateway: ['10.1.0.1', 'fd00:1::1'],
    },
    {
      name: db,
      vni: firstVni + 1,
      router: tenant,
      subnets: ['10.2.0.0/24', 'fd00:2::/64'],
      gateway: ['10.2.0.1', 'fd00:2::1'],
    },
  );
  config.ports.push(
    {
      name: `${tenant}1`,
      network: web,
      netns: `${config.host}-${tenant}1`,
      addresses: ['10.1.0.11/24', 'fd00:1::b/64'],
    },
    {
      name: `${tenant}2`,
      network: db,
      netns: `${config.host}-${tenant}2`,
      addresses: ['10.2.0.21/24', 'fd00:2::15/64'],
    },
  );
  const port = { protocol: 'tcp', port: 80 };
  const ipv4 = [{ name: `${tenant}2`, address: '10.2.0.21', port: 8080 }];
  const ipv6 = [{ name: `${tenant}2`, address: 'fd00:2::15', port: 8080 }];
  config.groups.push(
    { ...port, name: `${tenant}-near`, network: web, vip: '10.1.0.100', members: ipv4 },
    { ...port, name: `${tenant}-far`, network: db, vip: '10.2.0.100', members: ipv4 },
    { ...port, name: `${tenant}-far6`, network: db, vip: 'fd00:2::64', members: ipv6 },
  );
}

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create((config) => {
    Object.assign(config, { networks: [], ports: [], groups: [] });
    addTenant(config, 'blue', 5001);
    addTenant(config, 'green', 5003);
  });
  for (const tenant of TENANTS) await bed.serve(`${tenant}2`);
});
test.after(() => bed?.close());

test('each tenant reaches its own server, directly and through the same virtual addresses', async () => {
  for (const tenant of TENANTS) {
    for (const target of [
      '10.1.0.100',
      '10.2.0.100',
      '[fd00:2::64]',
      '10.2.0.21:8080',
      '[fd00:2::15]:8080',
    ]) {
      const answers = await bed.ask(`${tenant}1`, target, 3);
      assert.equal(shares(answers), { [`${tenant}2`]: 3 }, `${tenant} at ${target}`);
    }
  }
  for (const tenant of TENANTS) {
    const flows = await bed.json<FlowRow[]>('flows', '--port', `${tenant}1`);
    assert.is.not(flows.length, 0);
    for (const { member } of flows) assert.is(member, `${tenant}2`);
  }
});

test('nothing of one tenant reaches a VM of the other', async () => {
  const captures = await Promise.all(
    ['green1', 'green2'].map((vm) => Capture.start(bed, vm, 'ip or arp or ip6')),
  );
  for (const target of ['10.1.0.100', '10.2.0.100', '[fd00:2::64]']) {
    await bed.ask('blue1', target, 2);
  }
  await bed.try('blue1', 'ping', '-n', '-c', '2', '-W', '1', '10.2.0.77');
  await bed.try('blue1', 'ping', '-n', '-c', '2', '-W', '1', '-b', '10.1.0.255');
  for (const capture of captures) await capture.stop();
  const blue = (await bed.exec('blue1', 'cat', '/sys/class/net/eth0/address')).trim();
  const blueServer = (await bed.exec('blue2', 'cat', '/sys/class/net/eth0/address')).trim();
  for (const capture of captures) {
    const own = (await capture.fields(['eth.src'])).flat();
    for (const mac of own) assert.not([blue, blueServer].includes(mac), `a frame of ${mac}`);
    assert.equal(
      await capture.fields(['frame.number'], 'ip.dst == 10.2.0.77 or arp.dst.proto_ipv4 == 10.2.0.77'),
      [],
    );
  }
});

test('router list shows both, with their networks and gateways', async () => {
  const rows = await bed.json<RouterRow[]>('router', 'list');
  assert.equal(
    rows,
    TENANTS.map((tenant) => ({
      router: tenant,
      networks: [`${tenant}-web`, `${tenant}-db`],
      gateways: ['10.1.0.1', 'fd00:1::1', '10.2.0.1', 'fd00:2::1'],
      routes: [],
    })),
  );
});

test('a third tenant comes and goes by reload; the others notice nothing', async () => {
  const grown: ConfigText = structuredClone(bed.config);
  addTenant(grown, 'red', 5005);
  bed.configure(grown);
  assert.is((await bed.sluice('reload', '-c', bed.configFile)).status, 0);
  await bed.serve('red2');
  await until('red answers', async () => {
    const answers = await bed.ask('red1', '10.2.0.100', 2);
    return answers.length === 2 && shares(answers).red2 === 2;
  });
  assert.equal(shares(await bed.ask('blue1', '10.2.0.100', 2)), { blue2: 2 });
  await bed.exec('red2', 'pkill', '-f', '--', '--name red2'); // or it would outlive its namespace, and this test
  bed.configure(bed.config);
  assert.is((await bed.sluice('reload', '-c', bed.configFile)).status, 0);
  assert.equal(shares(await bed.ask('green1', '10.2.0.100', 2)), { green2: 2 });
});

test.run();
