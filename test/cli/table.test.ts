import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import type { FlowRow, GroupDetail, PortRow, RuleRow, StatRow, Status } from '../../src/api/shapes.ts';
import { formatGroups } from '../../src/cli/commands/group/group-list.ts';
import { formatGroup } from '../../src/cli/commands/group/group-show.ts';
import { formatFlows } from '../../src/cli/commands/listing/flows.ts';
import { formatPorts } from '../../src/cli/commands/listing/port-list.ts';
import { formatRules } from '../../src/cli/commands/listing/rule-list.ts';
import { formatGroupStats, formatMemberStats } from '../../src/cli/commands/listing/stats.ts';
import { formatStatus } from '../../src/cli/commands/process/status.ts';
import { formatResult } from '../../src/cli/output.ts';
import { cellText, headerOf } from '../../src/cli/table.ts';

/** Template text without its first line break and its indentation. */
const lines = (text: string): string => text.replace(/^\n/, '').replaceAll(/^ {4}/gm, '').replace(/ +$/, '');

const port: PortRow = {
  port: 'web1',
  network: 'app',
  netns: 'web1',
  interface: 'eth0',
  mac: '02:00:00:00:01:0b',
  allowedAddresses: [],
  allowedMacs: [],
  guards: ['anti-spoofing', 'dhcp', 'ra', 'reserved-multicast'],
  addresses: ['10.1.0.11/24', 'fd00:1::b/64'],
  state: 'up',
  rxPackets: 1200,
  rxBytes: 1_234_567,
  txPackets: 9,
  txBytes: 900,
  drops: { 'malformed-ipv4': 2, 'no-route': 1 },
};

const flow: FlowRow = {
  port: 'web1',
  protocol: 'tcp',
  client: '10.1.0.11:40000',
  vip: '10.1.0.100:80',
  member: 'app1',
  destination: '10.1.0.21:8080',
  group: 'api',
  state: 'established',
  priority: null,
  why: 'weighted-round-robin, rule 1, revision 3',
  ageMs: 184_000,
  idleMs: 250,
  packets: 10,
  bytes: 1500,
  replyPackets: 12,
  replyBytes: 15_000_000,
};

const counters = {
  newFlows: 5,
  activeFlows: 2,
  packets: 100,
  bytes: 2_500_000,
  replyPackets: 90,
  replyBytes: 999,
  retransmissions: 3,
  windowBytes: 64_000,
};

const group: GroupDetail = {
  group: 'api',
  kind: 'service',
  chain: null,
  origin: 'file',
  network: 'app',
  networks: ['app', 'web'],
  vip: ['10.1.0.100', 'fd00:1::100'],
  protocol: 'tcp',
  port: 80,
  ports: ['80'],
  rewrite: 'address',
  algorithm: 'maglev',
  hash: 'source-address',
  affinityMs: null,
  avoidSelf: true,
  udpScheduling: 'per-flow',
  drainFallback: true,
  activeMembers: 1,
  activeFlows: 2,
  newFlows: 5,
  effectiveFrom: null,
  effectiveUntil: '2026-12-01T13:00:00.000Z',
  nextChange: '2026-12-01T13:00:00.000Z',
  loadBalancers: 3,
  upcoming: [],
  priorities: [],
  members: [
    {
      member: 'app1',
      address: '10.1.0.21',
      port: 8080,
      priority: null,
      state: 'active',
      weight: 1,
      flowsLeft: null,
      remaining: [],
      drainDeadline: null,
      ...counters,
      loadBalancers: [{ host: 'h1', loadBalancer: 'web1', weight: 4, ...counters }],
      newFlowsPerSecond: 0.25,
      bytesPerSecond: 1_200_000,
    },
    {
      member: 'app2',
      address: '10.1.0.22',
      port: null,
      priority: null,
      state: 'draining',
      weight: 300,
      flowsLeft: 3,
      remaining: [{ host: 'h1', flows: 3, idleEndMs: 60_000 }],
      drainDeadline: '2026-12-01T13:00:00.000Z',
      ...counters,
      loadBalancers: [],
      newFlowsPerSecond: 0,
      bytesPerSecond: 0,
    },
  ],
};

const rule: RuleRow = {
  loadBalancer: 'web1',
  group: 'api',
  vip: '10.1.0.100',
  protocol: 'tcp',
  port: null,
  ports: ['80', '8000-8010'],
  sources: [],
  sourcePort: null,
  sourcePorts: ['1024-65535'],
  mac: [],
  rewrite: 'address',
  algorithm: 'weighted-round-robin',
  hash: null,
  affinityMs: 10_800_000,
  avoidSelf: false,
  udpScheduling: 'per-datagram',
  drainFallback: false,
  priority: null,
  when: null,
  effectiveFrom: null,
  effectiveUntil: '2026-12-01T13:00:00.000Z',
  members: ['app1=1', 'app2=3'],
  revision: 3,
};

const status: Status = {
  verdict: { well: false, problems: [{ problem: 'uplink up0 is down', advice: 'look at it' }] },
  version: '0.1.0',
  host: 'h1',
  pid: 4711,
  startedAt: '2026-12-01T13:00:00.000Z',
  uptimeMs: 184_000,
  engine: 'uring',
  engineReason: 'auto: this kernel has multishot reads',
  ports: 5,
  uplinks: [
    { uplink: 'up0', interface: 'eth1', state: 'down', since: '2026-12-01T13:01:00.000Z', outages: 2 },
  ],
  groups: 3,
  revision: 12,
  connections: { inUse: 120, max: 262_144, created: 5000, expired: 4880, refused: 0 },
  ioErrors: {
    failedWrites: 7,
    failedWritesBy: { EIO: 4, ENETDOWN: 3 },
    fullQueues: 1,
    failedReads: 2,
    outOfBuffers: 0,
  },
  affinities: { inUse: 3, max: 65_536, evicted: 1 },
  drops: { 'malformed-ipv4': 2, 'no-route': 10 },
  frames: 1_234_567,
  warnings: ['group night: all its criteria have ended, the last one at 2026-12-01T13:00:00.000Z'],
  residentBytes: 120_300_000,
  controllers: {
    kind: 'remote',
    store: null,
    agents: null,
    streams: null,
    setAside: [],
    certificates: [],
    link: {
      state: 'waiting',
      controller: '192.0.2.1:7400',
      since: '2026-12-01T13:02:00.000Z',
      lastError: 'connection refused',
      attachments: 1,
      failures: 4,
      malformed: 0,
    },
  },
};

const tables = suite('tables');

tables('columns are as wide as they must be; numbers stand right', () => {
  const other = { ...port, port: 'a', rxPackets: 7, addresses: [], drops: {}, state: 'gone' as const };
  assert.is(
    formatPorts([port, other]),
    lines(`
    PORT  NETWORK  NETNS  INTERFACE  MAC                ADDRESSES                  STATE  RX-PACKETS  RX-BYTES  TX-PACKETS  TX-BYTES  DROPS
    web1  app      web1   eth0       02:00:00:00:01:0b  10.1.0.11/24,fd00:1::b/64  up           1200    1.2 MB           9     900 B  malformed-ipv4=2,no-route=1
    a     app      web1   eth0       02:00:00:00:01:0b  -                          gone            7    1.2 MB           9     900 B  -
    `),
  );
});

tables('nothing to list is a header alone', () => {
  assert.is(
    formatGroups([]),
    'GROUP  ORIGIN  NETWORK  VIP  PROTOCOL  PORT  REWRITE  ALGORITHM  MEMBERS  ACTIVE-MEMBERS  ACTIVE-FLOWS  NEW-FLOWS\n',
  );
});

tables('flows', () => {
  assert.is(
    formatFlows([flow]),
    lines(`
    PORT  PROTOCOL  CLIENT           VIP            MEMBER  DESTINATION     GROUP  STATE          AGE   IDLE  PACKETS   BYTES  REPLY-PACKETS  REPLY-BYTES  WHY
    web1  tcp       10.1.0.11:40000  10.1.0.100:80  app1    10.1.0.21:8080  api    established  3m 4s  250ms       10  1.5 kB             12        15 MB  weighted-round-robin, rule 1, revision 3
    `),
  );
});

tables('a narrow terminal: columns are hidden in their order, and named', () => {
  assert.is(
    formatFlows([flow], 100),
    lines(`
    PORT  PROTOCOL  CLIENT           VIP            MEMBER  DESTINATION     STATE         IDLE   BYTES
    web1  tcp       10.1.0.11:40000  10.1.0.100:80  app1    10.1.0.21:8080  established  250ms  1.5 kB
    (hidden: GROUP, AGE, PACKETS, REPLY-PACKETS, REPLY-BYTES, WHY; -o wide shows all columns)
    `),
  );
});

tables('a terminal narrower than the columns that always stay: the widest cells are truncated', () => {
  assert.is(
    formatFlows([{ ...flow, client: '[2001:db8:1234:5678:9abc:def0:1234:5678]:40000' }], 60),
    lines(`
    PORT  PROTOCOL  CLIENT      VIP          MEMBER  STATE
    web1  tcp       [2001:db8…  10.1.0.100…  app1    established
    (hidden: DESTINATION, GROUP, AGE, IDLE, PACKETS, BYTES, REPLY-PACKETS, REPLY-BYTES, WHY; -o wide shows all columns)
    `),
  );
});

tables('no line of any table is wider than the terminal, down to 72 columns', () => {
  const wide = [
    formatFlows([flow], 72),
    formatPorts([port], 72),
    formatRules([rule], 72),
    formatGroups([], 72),
  ];
  for (const line of wide.flatMap((text) => text.split('\n'))) {
    if (!line.startsWith('(hidden:')) assert.ok(line.length <= 72, line);
  }
});

tables('a group: what it is, then its members', () => {
  assert.is(
    formatGroup(group),
    lines(`
    group           api
    origin          file
    network         app,web
    vip             10.1.0.100,fd00:1::100
    match           tcp port 80
    rewrite         address
    algorithm       maglev by source-address
    affinity        -
    avoid self      yes
    UDP scheduling  per-flow
    drain fallback  yes
    criteria set    until 2026-12-01T13:00:00.000Z
    members         1 active of 2
    flows           2 active, 5 in total

    MEMBER  ADDRESS    PORT  STATE     WEIGHT  ACTIVE-FLOWS  NEW-FLOWS  PACKETS   BYTES  REPLY-PACKETS  REPLY-BYTES  NEW-FLOWS/S  BYTES/S
    app1    10.1.0.21  8080  active         1             2          5      100  2.5 MB             90        999 B          0.3   1.2 MB
    app2    10.1.0.22     -  draining     300             2          5      100  2.5 MB             90        999 B            0      0 B
    app1: weight 4 at h1 web1
    app2 drains: 3 flows left, until 2026-12-01T13:00:00.000Z at the latest
    `),
  );
});

tables('rules', () => {
  assert.is(
    formatRules([rule]),
    lines(`
    LOAD-BALANCER  GROUP  VIP         PROTOCOL  PORT          SOURCES  SOURCE-PORT  MAC  REWRITE  ALGORITHM             HASH  AFFINITY  AVOID-SELF  UDP-SCHEDULING  DRAIN-FALLBACK  PRIORITY  WHEN  EFFECTIVE-FROM  EFFECTIVE-UNTIL           MEMBERS        REVISION
    web1           api    10.1.0.100  tcp       80,8000-8010  -        1024-65535   -    address  weighted-round-robin  -           3h  false       per-datagram    false           -         -     -               2026-12-01T13:00:00.000Z  app1=1,app2=3         3
    `),
  );
});

tables('statistics by group and by member', () => {
  const row: StatRow = { group: 'api', member: 'app1', ...counters };
  assert.match(formatMemberStats([row]), /^GROUP {2}MEMBER {2}NEW-FLOWS .*\napi {4}app1 {4} +5 /);
  assert.match(formatGroupStats([{ group: 'api', ...counters }]), /^GROUP {2}NEW-FLOWS .*\napi +5 /);
});

tables('status, with and without drops', () => {
  const text = formatStatus(status);
  assert.is(
    text,
    lines(`
    1 thing is not well
    - uplink up0 is down: look at it

    host         h1
    version      0.1.0
    pid          4711
    uptime       3m 4s, since 2026-12-01T13:00:00.000Z
    engine       uring (auto: this kernel has multishot reads)
    ports        5
    uplink       up0 (eth1) down since 2026-12-01T13:01:00.000Z; 2 outages
    groups       3
    revision     12
    connections  120 of 262144; 5000 created, 4880 expired, 0 refused
    I/O errors   7 failed writes (4 EIO, 3 ENETDOWN), 1 full queues, 2 failed reads, 0 out of buffers
    affinities   3 of 65536; 1 evicted
    frames       1234567
    controllers  192.0.2.1:7400: waiting since 2026-12-01T13:02:00.000Z (connection refused)
    memory       120 MB
    warning      group night: all its criteria have ended, the last one at 2026-12-01T13:00:00.000Z

    DROP            FRAMES
    malformed-ipv4       2
    no-route            10
    `),
  );
  assert.match(formatStatus({ ...status, drops: {} }), /13:00:00\.000Z\n\nno drops\n$/);
});

tables('JSON and YAML have the rows as they are', async () => {
  assert.equal(JSON.parse(await formatResult('json', [flow], formatFlows)), [flow]);
  assert.equal(parse(await formatResult('yaml', group, formatGroup)), group);
  assert.is(await formatResult('table', [flow], formatFlows), formatFlows([flow]));
});

tables('headers are the JSON keys', () => {
  assert.is(headerOf('rxPackets'), 'RX-PACKETS');
  assert.is(headerOf('bytesPerSecond'), 'BYTES/S');
  assert.is(headerOf('idleMs'), 'IDLE');
});

tables('cells without a value', () => {
  for (const value of [null, undefined, '', [], {}]) assert.is(cellText(value), '-');
  assert.is(cellText(0), '0');
});

tables.run();
