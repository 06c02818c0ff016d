import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Configuration } from '../../../src/config/model/model.ts';
import { type PortSetup, portSetups } from '../../../src/host/ports/port-setup.ts';
import { planReload, unchangeable } from '../../../src/host/ports/reload-plan.ts';
import { shop, shopWith } from '../configurations.ts';

const test = suite('reload plan');

const names = (setups: readonly PortSetup[]): string[] => setups.map(({ port }) => port.name);

function plan(after: Configuration, gone: string[] = []) {
  const { open, close, replace, adjust } = planReload(shop(), after, new Set(gone));
  return {
    open: names(open),
    close: names(close),
    replace: names(replace),
    adjust: adjust.map((change) => change.after.port.name),
  };
}

const NOTHING = { open: [], close: [], replace: [], adjust: [] };
const WEB3 = '  - { name: web3, network: app, netns: web3, interface: eth0, addresses: [] }\n';

test('what concerns no device touches none', () => {
  assert.equal(plan(shop()), NOTHING);
  assert.equal(plan(shopWith('labels: { tier: web }', 'labels: { tier: app }')), NOTHING);
  assert.equal(plan(shopWith('weight: 3', 'weight: 4')), NOTHING);
});

test('a port that is added is opened, one that is removed is closed', () => {
  assert.equal(plan(shopWith('groups:\n', `${WEB3}groups:\n`)), { ...NOTHING, open: ['web3'] });
  const line = '  - { name: db1, network: db, netns: db1, interface: eth0, addresses: [10.2.0.21/24] }\n';
  assert.equal(plan(shopWith(line, '')), { ...NOTHING, close: ['db1'] });
});

test('another namespace, interface, MAC or network makes another device', () => {
  for (const [what, replacement] of [
    ['netns: web2', 'netns: other'],
    ['netns: web2, interface: eth0', 'netns: web2, interface: eth1'],
    ['name: web2,', 'name: web2, mac: "02:00:00:00:00:01",'],
  ] as const) {
    assert.equal(plan(shopWith(what, replacement)), { ...NOTHING, close: ['web2'], replace: ['web2'] }, what);
  }
  const moved = shopWith(
    'network: db, netns: db1, interface: eth0, addresses: [10.2.0.21/24]',
    'network: app, netns: db1, interface: eth0, addresses: [10.1.0.31/24]',
  );
  assert.equal(plan(moved), { ...NOTHING, close: ['db1'], replace: ['db1'] });
});

test("a port that takes a closed one's place waits until that is gone", () => {
  const renamed = shopWith('name: web2, network: app', 'name: web9, network: app');
  assert.equal(plan(renamed), { ...NOTHING, close: ['web2'], replace: ['web9'] });
});

test('addresses, MTU and gateways are set on the running interface', () => {
  assert.equal(plan(shopWith('10.1.0.12/24', '10.1.0.13/24')), { ...NOTHING, adjust: ['web2'] });
  assert.equal(plan(shopWith('vni: 5002,', 'vni: 5002, mtu: 1400,')), { ...NOTHING, adjust: ['db1'] });
  const other = shopWith('gateway: [10.1.0.1, ', 'gateway: [10.1.0.2, ');
  assert.equal(plan(other), { ...NOTHING, adjust: ['web1', 'web2', 'app1'] });
});

test('a port whose device has disappeared is opened again', () => {
  assert.equal(plan(shop(), ['web2']), { ...NOTHING, close: ['web2'], replace: ['web2'] });
});

test('a default route per family, through a gateway that the port can reach', () => {
  const gateways = [...portSetups(shop()).values()].map((setup) => setup.gateways);
  assert.equal(gateways, [['10.1.0.1', 'fd00:1::1'], ['10.1.0.1'], ['10.1.0.1'], []]);
});

test('ports of one namespace: the first has the default route, and gives it up before another takes it', () => {
  const shared = 'netns: web2, interface: eth1, addresses: [10.1.0.21/24]';
  const text = 'netns: app1, interface: eth0, addresses: [10.1.0.21/24]';
  const both = shopWith(text, shared);
  assert.equal(portSetups(both).get('web2')!.gateways, ['10.1.0.1']);
  assert.equal(portSetups(both).get('app1')!.gateways, []);
  const ports = both.ports.toReversed();
  const { giveUp, adjust } = planReload(both, { ...both, ports }, new Set());
  assert.equal(
    giveUp.map(({ after }) => after.port.name),
    ['web2'],
  );
  assert.equal(
    adjust.map(({ after }) => after.port.name),
    ['app1'],
  );
});

test('what needs a restart is told, all of it', () => {
  const before = shop();
  assert.equal(unchangeable(before, shop()), []);
  const datapath = {
    ...before.datapath,
    engine: 'syscall' as const,
    maxConnections: 64,
    busyPollUs: 1,
    meterPacketsPerMs: 0,
    udpIdleMs: 1,
  };
  const problems = unchangeable(before, { ...before, host: 'h2', datapath });
  assert.equal(
    problems.map(({ path }) => path),
    [
      'host',
      'datapath.engine',
      'datapath.maxConnections',
      'datapath.busyPollUs',
      'datapath.meterPacketsPerMs',
    ],
  );
  assert.equal(problems[0], {
    path: 'host',
    found: '"h2"',
    expected: '"h1", which cannot change while the host runs',
  });
});

test.run();
