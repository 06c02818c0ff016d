import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { planLoadBalancers } from '../../../src/config/model/load-balancer-plan.ts';
import type { Configuration } from '../../../src/config/model/model.ts';
import { shop, shopWithPriorities } from '../../host/configurations.ts';

const test = suite('load balancer plan');

/** `name: ports → groups` */
const lines = (configuration: Configuration): string[] =>
  planLoadBalancers(configuration).map(({ name, ports, groups }) =>
    `${name}: ${ports.map((port) => port.name).join(' ')} → ${groups.map((group) => group.name).join(' ')}`.trimEnd(),
  );

function scoped(loadBalancers: Configuration['datapath']['loadBalancers']): Configuration {
  const configuration = shop();
  return { ...configuration, datapath: { ...configuration.datapath, loadBalancers } };
}

test('one per port: each has the groups that select it', () => {
  assert.equal(lines(scoped('port')), [
    'web1: web1 → api night',
    'web2: web2 → api night',
    'app1: app1 → night',
    'db1: db1 →',
  ]);
});

test('one per network: a selector splits it, so that no rule reaches a port that is not selected', () => {
  assert.equal(lines(scoped('network')), [
    'app[tier=web]: web1 web2 → api night',
    'app: app1 → night',
    'db: db1 →',
  ]);
});

test('labels of a priority split a shared one, as they decide which priorities its flows meet', () => {
  const configuration = shopWithPriorities();
  const priorities = configuration.groups.filter(({ name }) => name === 'tiers');
  const datapath = { ...configuration.datapath, loadBalancers: 'network' as const };
  assert.equal(lines({ ...configuration, groups: priorities, datapath }), [
    'app[tier=web]: web1 web2 → tiers',
    'app: app1 → tiers',
    'db: db1 →',
  ]);
});

test('one per host: split by network too, as networks may use the same addresses', () => {
  assert.equal(lines(scoped('host')), [
    'h1/app[tier=web]: web1 web2 → api night',
    'h1/app: app1 → night',
    'h1/db: db1 →',
  ]);
});

test('named sets share one each, split by network and selectors; other ports have their own', () => {
  assert.equal(lines(scoped({ edge: ['web1', 'app1', 'db1'] })), [
    'edge/app[tier=web]: web1 → api night',
    'web2: web2 → api night',
    'edge/app: app1 → night',
    'edge/db: db1 →',
  ]);
  assert.equal(
    planLoadBalancers(scoped({ edge: ['web1', 'web2'] })).map(({ key }) => key),
    ['set edge/app[tier=web]', 'port app1', 'port db1'],
  );
});

test('without selectors a network has one load balancer', () => {
  const configuration = scoped('network');
  const groups = configuration.groups.map((group) => ({ ...group, from: undefined }));
  assert.equal(lines({ ...configuration, groups }), ['app: web1 web2 app1 → api night', 'db: db1 →']);
});

test('a group that comes or goes does not change who shares a load balancer', () => {
  const configuration = scoped('network');
  const keys = (groups: Configuration['groups']) =>
    planLoadBalancers({ ...configuration, groups }).map(({ key }) => key);
  assert.equal(keys(configuration.groups.filter(({ name }) => name !== 'night')), keys(configuration.groups));
});

test('a VIP holds at the ports of other networks that the router joins, if it lies in its network’s subnets', () => {
  const configuration = scoped('port');
  const routed = configuration.networks.map((network) =>
    network.name === 'db' ? { ...network, gateway: ['10.2.0.1'] } : network,
  );
  const groupsOfDb = (networks: Configuration['networks'], groups = configuration.groups) =>
    planLoadBalancers({ ...configuration, networks, groups })
      .find(({ name }) => name === 'db1')!
      .groups.map(({ name }) => name);
  assert.equal(groupsOfDb(configuration.networks), [], 'db has no gateway');
  assert.equal(groupsOfDb(routed), ['night'], 'api is for tier: web');
  const anywhere = configuration.groups.map((group) => ({ ...group, vip: ['192.0.2.1'] }));
  assert.equal(groupsOfDb(routed, anywhere), [], 'nobody would send it there');
  const own = { ...configuration.groups[1]!, name: 'own', network: 'db', from: undefined };
  assert.equal(
    groupsOfDb(routed, [...configuration.groups, own]),
    ['own'],
    'the own network’s VIP goes first',
  );
});

test('a selector takes all of its labels', () => {
  const configuration = scoped('port');
  const [api] = configuration.groups;
  const groups = [{ ...api!, from: { tier: 'web', zone: 'a' } }];
  const ports = configuration.ports.map((port) =>
    port.name === 'web2' ? { ...port, labels: { tier: 'web', zone: 'a' } } : port,
  );
  assert.equal(lines({ ...configuration, groups, ports }), [
    'web1: web1 →',
    'web2: web2 → api',
    'app1: app1 →',
    'db1: db1 →',
  ]);
});

test.run();
