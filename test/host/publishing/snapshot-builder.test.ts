import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type BuiltLoadBalancer,
  type BuiltSnapshot,
  routerMac,
  SnapshotBuilder,
  snapshotOf,
} from '../../../src/host/publishing/snapshot-builder.ts';
import { addressBytes, addressText, macBytes } from '../../support/addresses.ts';
import { concat } from '../../support/packets.ts';
import { shop, shopWith, shopWithPriorities } from '../configurations.ts';

const test = suite('snapshot builder');

const builderOf = () => new SnapshotBuilder({ offloads: true });

const rulesOf = ({ compiled }: BuiltLoadBalancer) => compiled.flatMap(({ rules }) => rules);

test('networks and ports are told as the datapath wants them', () => {
  const { networks, ports, revision, settings } = snapshotOf(shop(), { offloads: false });
  assert.is(revision, 1);
  assert.equal(networks[0], {
    id: 0,
    name: 'app',
    vni: 5001,
    mtu: 1500,
    mssClamp: undefined,
    subnets: ['10.1.0.0/24', 'fd00:1::/64'],
    gateways: ['10.1.0.1', 'fd00:1::1'],
    router: 'default',
    routerMac: '02:53:4c:00:13:89',
    routerAdvertisements: { lifetimeS: 1_800, intervalMs: 600_000, autonomous: false },
    routes: [],
  });
  assert.equal(ports[0]!.addresses, ['10.1.0.11', 'fd00:1::b'], 'without prefix lengths');
  assert.is(ports[0]!.offloads, false);
  assert.equal(
    ports.map(({ id, network }) => [id, network]),
    [
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 1],
    ],
  );
  assert.ok(settings.udpIdleMs >= 120_000, 'RFC 4787 REQ-5');
});

test('the MSS clamp: what fits into the MTU of each family, or what is configured', () => {
  const clampOf = (text: string) =>
    snapshotOf(shopWith('vni: 5001', `vni: 5001, ${text}`), { offloads: true }).networks[0]!.mssClamp;
  assert.equal(clampOf('mssClamp: auto'), { ipv4: 1_460, ipv6: 1_440 });
  assert.equal(clampOf('mtu: 9000, mssClamp: auto'), { ipv4: 8_960, ipv6: 8_940 });
  assert.equal(clampOf('mssClamp: 1300'), { ipv4: 1_300, ipv6: 1_300 });
});

test('a VM that makes itself an address, as the router asks it to, may send from it', () => {
  const settings = 'vni: 5001, routerAdvertisements: { autonomous: true, lifetime: 1h, interval: 30s }';
  const { networks, ports } = snapshotOf(shopWith('vni: 5001', settings), { offloads: true });
  assert.equal(networks[0]!.routerAdvertisements, { lifetimeS: 3_600, intervalMs: 30_000, autonomous: true });
  const mac = macBytes(ports[0]!.mac!);
  const eui64 = Uint8Array.of(mac[0]! ^ 2, mac[1]!, mac[2]!, 0xff, 0xfe, mac[3]!, mac[4]!, mac[5]!);
  const own = addressText(concat(addressBytes('fd00:1::').subarray(0, 8), eui64));
  assert.ok(ports[0]!.allowedSources?.includes(`${own}/128`));
  const off = snapshotOf(shopWith('vni: 5001', 'vni: 5001, routerAdvertisements: false'), { offloads: true });
  assert.is(off.networks[0]!.routerAdvertisements, undefined);
});

test('timers of a group reach its rules', () => {
  const configuration = shopWith(
    'from: { tier: web }',
    'udpIdle: 5m, udpRepick: 20s'.replace(', ', '\n    '),
  );
  const rules = rulesOf(builderOf().build(configuration, 1).loadBalancers[0]!);
  assert.equal(
    rules.map(({ udpIdleMs, udpRepickMs }) => [udpIdleMs, udpRepickMs]),
    [
      [300_000, 20_000],
      [300_000, 20_000],
      [undefined, undefined],
    ],
  );
});

test("the router's MAC is locally administered, unicast, and tells networks apart", () => {
  assert.is(routerMac(0), '02:53:4c:00:00:00');
  assert.is(routerMac(0xffffff), '02:53:4c:ff:ff:ff');
});

test('a group with a VIP per family makes one rule each, with the members of that family', () => {
  const built = builderOf().build(shop(), 1);
  const web1 = built.loadBalancers.find(({ spec }) => spec.name === 'web1')!;
  const api = rulesOf(web1).filter(({ vip }) => vip !== '10.1.0.101');
  assert.equal(
    api.map(({ vip, criteria }) => [vip, criteria[0]!.members.map(({ name }) => name)]),
    [
      ['10.1.0.100', ['app1', 'app2']],
      ['fd00:1::100', ['six']],
    ],
  );
  assert.is(api[0]!.group, api[1]!.group);
  assert.is.not(api[0]!.id, api[1]!.id);
});

test('source prefixes of the other family make no rule at all, not one for any source', () => {
  const configuration = shopWith('from: { tier: web }', 'match: { sources: [10.1.0.0/24] }');
  const rules = rulesOf(builderOf().build(configuration, 1).loadBalancers[0]!);
  assert.equal(
    rules.filter(({ ports }) => ports?.[0]?.[0] === 80).map(({ vip, sources }) => [vip, sources]),
    [['10.1.0.100', ['10.1.0.0/24']]],
  );
});

test("priorities: conditions of the VIP's family, and none at ports without the labels that they ask for", () => {
  const builder = builderOf();
  const built = builder.build(shopWithPriorities(), 1);
  const whensAt = (name: string) =>
    rulesOf(built.loadBalancers.find(({ spec }) => spec.name === name)!)
      .filter(({ group }) => builder.ids.groupName(group) === 'tiers')
      .map(({ criteria }) => criteria.map(({ when }) => when));
  const marks = { dscps: [46], vlanPriorities: [5, 6] };
  const gold = { sources: ['10.1.0.0/24'], sourcePorts: [[1024, 65_535]], ...marks };
  const silver = {
    sources: ['fd00:1::/64'],
    sourcePorts: undefined,
    dscps: undefined,
    vlanPriorities: undefined,
  };
  assert.equal(whensAt('web1'), [
    [gold, 'never', undefined],
    ['never', silver, undefined],
  ]);
  assert.equal(whensAt('app1'), [
    ['never', 'never', undefined],
    ['never', silver, undefined],
  ]);
});

test('a change of labels alone compiles priorities again', () => {
  const builder = builderOf();
  const configuration = shopWithPriorities();
  builder.commit(configuration, builder.build(configuration, 1));
  const ports = configuration.ports.map((port) =>
    port.name === 'app1' ? { ...port, labels: { tier: 'web', of: 'app' } } : port,
  );
  const groups = configuration.groups.filter(({ name }) => name === 'tiers');
  const built = builder.build({ ...configuration, ports, groups }, 2);
  const [rule] = rulesOf(built.loadBalancers.find(({ spec }) => spec.name === 'app1')!);
  assert.is.not(rule!.criteria[0]!.when, 'never');
});

test('a number belongs to one member of a group at one address, the same for all load balancers', () => {
  const built = builderOf().build(shop(), 1);
  const idsOf = (balancer: BuiltLoadBalancer) =>
    rulesOf(balancer).flatMap(({ criteria }) =>
      criteria.flatMap(({ members }) => members.map(({ id }) => id)),
    );
  // api 3 members, night 2, of which app1 stands in two criteria sets.
  assert.is(new Set(built.loadBalancers.flatMap(idsOf)).size, 5);
  assert.equal(idsOf(built.loadBalancers[0]!), idsOf(built.loadBalancers[1]!));
});

test('numbers stay the same over revisions, whatever else changes', () => {
  const builder = builderOf();
  const before = builder.build(shop(), 1);
  builder.commit(shop(), before);
  const changed = shopWith(
    '  - { name: web1,',
    '  - { name: web0, network: app, netns: web0, interface: eth0, addresses: [10.1.0.10/24], labels: { tier: web } }\n  - { name: web1,',
  );
  const after = builder.build(changed, 2);
  const idsOf = (names: readonly { name: string; id: number }[]) =>
    new Map(names.map(({ name, id }) => [name, id]));
  const portsAfter = idsOf(after.snapshot.ports);
  for (const [name, id] of idsOf(before.snapshot.ports)) assert.is(portsAfter.get(name), id, name);
  const balancersAfter = idsOf(after.snapshot.loadBalancers);
  for (const [name, id] of idsOf(before.snapshot.loadBalancers))
    assert.is(balancersAfter.get(name), id, name);
  assert.equal(
    rulesOf(after.loadBalancers.find(({ spec }) => spec.name === 'web1')!),
    rulesOf(before.loadBalancers[0]!),
  );
});

test('a port that is made anew is another port; one with other addresses or labels is not', () => {
  const builder = builderOf();
  const before = builder.build(shop(), 1);
  builder.commit(shop(), before);
  const idOfWeb1 = (configuration: ReturnType<typeof shop>) =>
    builder.build(configuration, 2).snapshot.ports.find(({ name }) => name === 'web1')!.id;
  assert.is(idOfWeb1(shopWith('10.1.0.11/24', '10.1.0.13/24')), 0);
  assert.is(idOfWeb1(shopWith('labels: { tier: web }', 'labels: { tier: app }')), 0);
  assert.is.not(idOfWeb1(shopWith('netns: web1', 'netns: other')), 0);
  assert.is.not(idOfWeb1(shopWith('name: web1,', 'name: web1, mac: "02:00:00:00:00:01",')), 0);
});

test('a change compiles the groups that it changes; load balancers with the same groups share one list', () => {
  const builder = builderOf();
  const configuration = shop();
  const before = builder.build(configuration, 1);
  builder.commit(configuration, before);
  const same = builder.build({ ...configuration }, 2);
  const listsOf = ({ snapshot }: BuiltSnapshot) => snapshot.loadBalancers.map(({ groups }) => groups);
  const isKept = (a: readonly unknown[], b: readonly unknown[]) => a.map((one, at) => one === b[at]);
  assert.equal(isKept(listsOf(same), listsOf(before)), [true, true, true, true]);
  assert.is(same.snapshot.ports, before.snapshot.ports);
  const [api, night] = configuration.groups;
  const changed = builder.build({ ...configuration, groups: [{ ...api!, port: 81 }, night!] }, 3);
  assert.equal(
    isKept(listsOf(changed), listsOf(before)),
    [false, false, true, true],
    'web1 and web2 enforce api, app1 and db1 do not',
  );
  const [web1, web2] = listsOf(changed);
  assert.is(web1, web2);
  assert.equal(isKept(web1!, listsOf(before)[0]!), [false, true], 'night was compiled before');
});

test('selection settings reach the rules', () => {
  const settings =
    'algorithm: maglev\n    hash: source-address\n    affinity: { timeout: 90s }\n    avoidSelf: true';
  const [web1] = builderOf().build(shopWith('from: { tier: web }', settings), 1).loadBalancers;
  assert.equal(
    rulesOf(web1!).map(({ algorithm, hash, affinityMs, avoidSelf }) => [
      algorithm,
      hash,
      affinityMs,
      avoidSelf,
    ]),
    [
      ['maglev', 'source-address', 90_000, true],
      ['maglev', 'source-address', 90_000, true],
      ['weighted-round-robin', undefined, undefined, false],
    ],
  );
});

test('Maglev tables are shared by the load balancers of a group, and built anew only for other members', () => {
  const builder = builderOf();
  const withMaglev = (configuration: ReturnType<typeof shop>): ReturnType<typeof shop> => ({
    ...configuration,
    groups: configuration.groups.map((group) => ({ ...group, algorithm: 'maglev' as const })),
  });
  const tablesOf = (built: ReturnType<SnapshotBuilder['build']>, name: string) =>
    built.loadBalancers
      .find(({ spec }) => spec.name === name)!
      .spec.groups.flatMap(({ maglevTables }) => maglevTables);
  const first = withMaglev(shop());
  const before = builder.build(first, 1);
  builder.commit(first, before);
  // web1: api by two families, night by two periods; app1 has night alone.
  const [api, six, noon, later] = tablesOf(before, 'web1');
  assert.is(new Set([api, six, noon, later]).size, 4);
  assert.ok(tablesOf(before, 'web2').every((table, at) => table === tablesOf(before, 'web1')[at]));
  assert.ok(tablesOf(before, 'app1').every((table, at) => table === [noon, later][at]));
  assert.is(api!.byteLength, 65_537 * 2);

  const second = withMaglev(shopWith('port: 8080, weight: 3', 'port: 8080, weight: 4'));
  const after = builder.build(second, 2);
  builder.commit(second, after);
  const [apiNow, ...others] = tablesOf(after, 'web1');
  assert.is.not(apiNow, api);
  assert.ok(others.every((table, at) => table === [six, noon, later][at]));

  const back = builder.build(first, 3);
  assert.is.not(tablesOf(back, 'web1')[0], api, 'a table that no rules in force use is forgotten');
  assert.equal(new Uint16Array(tablesOf(back, 'web1')[0]!), new Uint16Array(api!));
});

test('a build that never came into force changes nothing for the next one', () => {
  const builder = builderOf();
  const configuration = shop();
  const before = builder.build(configuration, 1);
  builder.commit(configuration, before);
  builder.build(shopWith('name: api', 'name: other'), 2);
  const after = builder.build(configuration, 3);
  assert.equal({ ...after.snapshot, revision: 1 }, before.snapshot);
});

test.run();
