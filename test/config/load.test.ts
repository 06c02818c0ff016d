import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfiguration, parseConfiguration } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems/problems.ts';
import { DEFAULT_PACKETS_PER_MS } from '../../src/datapath/balancing/flow-meter.ts';
import { policyOf } from '../support/policy-bed.ts';

/** Data files lie beside the sources; this file runs from dist/test/config. */
const dataFile = (name: string): string => new URL(`../../../test/config/${name}`, import.meta.url).pathname;
const dataText = (name: string): string => fs.readFileSync(dataFile(name), 'utf8');

const good = suite('good files');

good("the contract's example becomes the model, with defaults and canonical values", () => {
  const configuration = loadConfiguration(dataFile('contract-example.yaml'));
  assert.equal(configuration.datapath, {
    engine: 'auto',
    maxConnections: 262_144,
    busyPollUs: 50,
    meterPacketsPerMs: DEFAULT_PACKETS_PER_MS,
    loadBalancers: 'port',
    udpIdleMs: 120_000,
    tcpEstablishedIdleMs: 7_440_000,
    tcpTransitoryIdleMs: 240_000,
    activeFlowIdleMs: 30_000,
    answerEchoToVip: true,
    failFast: true,
    onTableFull: 'refuse',
  });
  assert.equal(configuration.networks, [
    {
      name: 'app',
      vni: 5001,
      mtu: 1500,
      mssClamp: undefined,
      chain: [],
      router: undefined,
      subnets: ['10.1.0.0/24', 'fd00:1::/64'],
      gateway: ['10.1.0.1', 'fd00:1::1'],
      routerAdvertisements: { lifetimeMs: 1_800_000, intervalMs: 600_000, autonomous: false },
      routes: [{ to: '10.77.0.0/24', via: '10.1.0.5' }],
      probeAddresses: [],
    },
  ]);
  assert.equal(configuration.ports, [
    {
      name: 'web1',
      network: 'app',
      netns: 'web1',
      interface: 'eth0',
      mac: '02:00:00:00:01:0b',
      addresses: ['10.1.0.11/24', 'fd00:1::b/64'],
      antiSpoofing: true,
      allowedAddresses: [],
      allowedMacs: [],
      allowedEtherTypes: [],
      guards: { dhcp: true, routerAdvertisements: true, reservedMulticast: true },
      labels: { tier: 'web' },
      chain: undefined,
      marks: undefined,
    },
  ]);
  const [api, night] = configuration.groups;
  assert.equal(api, {
    name: 'api',
    network: 'app',
    vip: ['10.1.0.100'],
    protocol: 'tcp',
    port: 80,
    match: { sources: ['10.1.0.0/24'], sourcePort: undefined },
    from: { tier: 'web' },
    rewrite: 'address',
    algorithm: 'weighted-round-robin',
    hash: undefined,
    affinityMs: undefined,
    avoidSelf: false,
    udpIdleMs: undefined,
    udpRepickMs: undefined,
    udpScheduling: 'per-flow',
    drainFallback: false,
    onEmpty: 'reject',
    policy: undefined,
    scaling: undefined,
    health: undefined,
    load: undefined,
    criteria: [
      {
        fromMs: undefined,
        untilMs: undefined,
        members: [
          { name: 'app1', address: '10.1.0.21', port: 8080, mac: undefined, weight: 1, state: 'active' },
          { name: 'app2', address: '10.1.0.22', port: 8080, mac: undefined, weight: 3, state: 'active' },
        ],
      },
    ],
  });
  const switchMs = Date.UTC(2026, 11, 1, 13);
  assert.equal(
    night!.criteria.map(({ fromMs, untilMs, members }) => [fromMs, untilMs, members[0]!.name]),
    [
      [undefined, switchMs, 'app1'],
      [switchMs, undefined, 'app2'],
    ],
  );
});

good('timers of a group and the MSS clamp of a network', () => {
  const { networks, groups } = parseConfiguration(`
host: h1
networks:
  - { name: a, vni: 1, subnets: [10.1.0.0/24], mssClamp: auto }
  - { name: b, vni: 2, subnets: [10.2.0.0/24], mssClamp: 1360 }
groups:
  - { name: dns, network: a, vip: 10.1.0.100, protocol: udp, udpIdle: 10m, udpRepick: 30s, members: [] }
`);
  assert.equal(
    networks.map(({ mssClamp }) => mssClamp),
    ['auto', 1_360],
  );
  assert.equal([groups[0]!.udpIdleMs, groups[0]!.udpRepickMs], [600_000, 30_000]);
});

good('what several hosts need is kept', () => {
  const { uplinks, listen, controllers, store, tls } = loadConfiguration(dataFile('several-hosts.yaml'));
  assert.equal(uplinks, [
    { name: 'up0', interface: 'veth0', networks: [{ name: 'app' }], reservedMulticastGuard: true },
  ]);
  assert.equal(listen, { agents: '0.0.0.0:7400', http: '127.0.0.1:7480' });
  assert.equal(controllers, ['192.0.2.1:7400', '192.0.2.2:7400']);
  assert.equal(store, { kind: 'file', dir: '/var/lib/sluice' });
  const beside = dirname(dataFile('several-hosts.yaml'));
  assert.equal(
    tls,
    { ca: `${beside}/ca.pem`, cert: `${beside}/host.pem`, key: `${beside}/host.key` },
    'beside the file, whatever directory one is in',
  );
});

good('keys in etcd have a prefix', () => {
  const storeOf = (further: string) =>
    parseConfiguration(`{ host: h1, store: { kind: etcd, endpoints: ["192.0.2.1:2379"] ${further} } }`).store;
  const endpoints = ['192.0.2.1:2379'];
  assert.equal(storeOf(''), { kind: 'etcd', endpoints, prefix: '/sluice/' });
  assert.equal(storeOf(', prefix: /dc1/sluice/'), { kind: 'etcd', endpoints, prefix: '/dc1/sluice/' });
});

good('addresses, prefixes, MACs, durations and times come out in one form', () => {
  const { datapath, networks, ports, groups } = parseConfiguration(`
    host: h1
    datapath: { udpIdle: 1h30m, tcpTransitoryIdle: 1.5s }
    networks: [ { name: app, vni: 1, subnets: ["FD00:0001::/64"], gateway: "fd00:1:0::1" } ]
    ports: [ { name: web1, network: app, netns: web1, mac: 02-00-00-00-01-0B, addresses: ["FD00:1:0:0::B/64"] } ]
    groups:
      - name: api
        network: app
        vip: "FD00:1::0064"
        criteria: [ { from: "2026-12-01T14:00:00+01:00", members: [ { name: a, address: "fd00:1::0:21" } ] } ]
  `);
  assert.is(datapath.udpIdleMs, 5_400_000);
  assert.is(datapath.tcpTransitoryIdleMs, 1500);
  assert.equal([networks[0]!.subnets, networks[0]!.gateway], [['fd00:1::/64'], ['fd00:1::1']]);
  assert.equal(
    [ports[0]!.mac, ports[0]!.addresses, ports[0]!.interface],
    ['02:00:00:00:01:0b', ['fd00:1::b/64'], 'eth0'],
  );
  assert.equal([groups[0]!.vip, groups[0]!.criteria[0]!.members[0]!.address], [['fd00:1::64'], 'fd00:1::21']);
  assert.is(groups[0]!.criteria[0]!.fromMs, Date.UTC(2026, 11, 1, 13));
});

good('a port without MAC gets one of its own that stays the same', () => {
  const text = (host: string): string => `
    host: ${host}
    networks: [ { name: app, vni: 1 } ]
    ports: [ { name: web1, network: app, netns: a }, { name: web2, network: app, netns: b } ]
  `;
  const macs = (host: string): string[] => parseConfiguration(text(host)).ports.map(({ mac }) => mac);
  const [first, second] = macs('h1');
  assert.match(first!, /^02(:[0-9a-f]{2}){5}$/);
  assert.is.not(first, second);
  assert.equal(macs('h1'), [first, second]);
  assert.is.not(macs('h2')[0], first);
});

good('how members are selected: defaults belong to what asks for them', () => {
  const { groups } = parseConfiguration(`
    host: h1
    networks: [ { name: app, vni: 1 } ]
    groups:
      - { name: a, network: app, vip: 10.1.0.100, members: [] }
      - { name: b, network: app, vip: 10.1.0.101, members: [], algorithm: maglev, affinity: {} }
      - { name: c, network: app, vip: 10.1.0.102, members: [], algorithm: maglev, hash: source-address, avoidSelf: true }
      - { name: d, network: app, vip: 10.1.0.103, members: [], algorithm: least-connections, affinity: { timeout: 90s } }
      - { name: e, network: app, vip: 10.1.0.104, members: [], algorithm: random-two-choices }
  `);
  assert.equal(
    groups.map(({ algorithm, hash, affinityMs, avoidSelf }) => [algorithm, hash, affinityMs, avoidSelf]),
    [
      ['weighted-round-robin', undefined, undefined, false],
      ['maglev', 'five-tuple', 10_800_000, false],
      ['maglev', 'source-address', undefined, true],
      ['least-connections', undefined, 90_000, false],
      ['random-two-choices', undefined, undefined, false],
    ],
  );
});

good('policies: a kind alone has the defaults that settings have', () => {
  const { groups } = parseConfiguration(`
    host: h1
    networks: [ { name: app, vni: 1, subnets: [10.1.0.0/24] } ]
    groups:
      - { name: a, network: app, vip: 10.1.0.100, members: [], policy: inverse-load }
      - { name: b, network: app, vip: 10.1.0.101, members: [], policy: { kind: inverse-load } }
      - name: c
        network: app
        vip: 10.1.0.102
        members: []
        policy: { kind: latency-aware, mode: distribute-stats, interval: 500ms, staleAfter: 2s, slowStart: 1m, ceiling: 3, outlierEjection: {} }
        scaling:
          members: { template: app, average: { above: 100, below: 20 }, single: { above: 200 }, minimum: 2, maximum: 8 }
          sources: { template: web, metric: new-flows, maximum: 4, coolDown: 2m }
    templates:
      - { name: app, network: app, command: [run-app], addresses: 10.1.0.128/25 }
      - { name: web, network: app, command: [run-web], addresses: 10.1.0.64/26 }
  `);
  const [byName, bySettings, full] = groups;
  assert.equal(
    byName!.policy,
    policyOf('inverse-load', { flowLimit: undefined, ceiling: undefined, outlierEjection: undefined }),
  );
  assert.equal(bySettings!.policy, byName!.policy);
  assert.equal(
    full!.policy,
    policyOf('latency-aware', {
      mode: 'distribute-stats',
      intervalMs: 500,
      flowLimit: undefined,
      staleAfterMs: 2_000,
      slowStartMs: 60_000,
      hysteresis: 0.05,
      ceiling: 3,
      outlierEjection: {
        failureRatio: 0.5,
        minimumFlowsPerSecond: 1,
        ejectionMs: 30_000,
        maximumShare: 0.34,
        panicThreshold: 0.5,
      },
    }),
  );
  const side = { step: 1, sustainMs: 3_000, drainDeadlineMs: 300_000 };
  assert.equal(full!.scaling, {
    members: {
      ...side,
      template: 'app',
      metric: 'active-flows',
      average: { above: 100, below: 20 },
      single: { above: 200 },
      minimum: 2,
      maximum: 8,
      coolDownMs: 30_000,
    },
    sources: {
      ...side,
      template: 'web',
      metric: 'new-flows',
      average: {},
      single: {},
      minimum: 1,
      maximum: 4,
      coolDownMs: 120_000,
    },
  });
});

good('anchors and merge keys', () => {
  const { groups } = parseConfiguration(`
    host: h1
    networks: [ { name: app, vni: 1 } ]
    groups:
      - &api { name: api, network: app, vip: 10.1.0.100, protocol: tcp, members: &members [ { name: a, address: 10.1.0.21 } ] }
      - { <<: *api, name: api2, vip: 10.1.0.101, members: *members }
  `);
  assert.equal([groups[1]!.name, groups[1]!.protocol], ['api2', 'tcp']);
});

good.run();

const whole = suite('whole files');

whole('a file with many problems tells them all at once, with their lines', () => {
  assert.throws(
    () => parseConfiguration(dataText('problems.yaml'), 'problems.yaml'),
    (error: unknown) => {
      assert.instance(error, ConfigError);
      assert.fixture(`${(error as ConfigError).message}\n`, dataText('problems.txt'));
      return true;
    },
  );
});

whole('YAML that cannot be read', () => {
  const message = (text: string): string => {
    try {
      parseConfiguration(text, 'x.yaml');
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  assert.match(
    message('host: h1\nnetworks: [ {name: app}\n'),
    /^x\.yaml:\d+: found a YAML error: .*, expected a YAML 1\.2 document$/m,
  );
  assert.match(message('host: h1\nhost: h2\n'), /^x\.yaml:2: found a YAML error: Map keys must be unique/);
  assert.match(message('host: *nowhere\n'), /^x\.yaml:1: found a YAML error: /);
  assert.is(message(''), 'x.yaml:1: found nothing, expected a mapping');
  assert.is(
    message('just text'),
    'x.yaml: found a file without any of its settings, expected a configuration',
  );
});

whole('a file that is not there', () => {
  assert.throws(
    () => loadConfiguration('/nonexistent/sluice.yaml'),
    /^\/nonexistent\/sluice\.yaml: found no such file, expected a readable file$/,
  );
});

const notOurs = suite('files that are no configuration');

for (const [what, text] of [
  ['a list of passwords', 'root:$6$salt$secret:19000:0:99999:7:::\nbin:*:19000:0:99999:7:::\n'],
  ['a private key', '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n'],
  ['settings of something else', 'username: admin\npassword: [secret\n'],
  ['one word', 'secret'],
] as const) {
  notOurs(`nothing of ${what} is told`, () => {
    try {
      parseConfiguration(text, 'FILE');
      assert.unreachable('it is no configuration');
    } catch (error) {
      assert.instance(error, ConfigError);
      const { message, problems } = error as ConfigError;
      assert.is(problems.length, 1);
      assert.match(message, /^FILE.*: found a file without any of its settings, expected a configuration/);
      assert.not.match(message, /secret|root|admin/);
    }
  });
}

notOurs('a configuration that lacks its host is still told so', () => {
  assert.throws(() => parseConfiguration('networks: []\n'), /host/);
  assert.throws(() => parseConfiguration('{"networks": [{"name": 5}]}'), /networks\[0\]/);
});

notOurs.run();
whole.run();
