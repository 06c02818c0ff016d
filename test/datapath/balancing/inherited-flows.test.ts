/**
 * A datapath that goes on with the tables of another one, beside that one, which goes on too: what both make of the same
 * frames must be the same, byte for byte. And tables in which a kill has left anything at all.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COLD, COLD_WORDS, HOT, HOT_WORDS } from '../../../src/tables/balancing/connection-record.ts';
import { Tables } from '../../../src/tables/tables.ts';
import { TcpConversation, UdpConversation } from '../../support/conversation.ts';
import { DatapathBed, type Sent } from '../../support/datapath-bed.ts';
import { tcpFrame } from '../../support/packets.ts';
import { Random, runs, seed } from '../../support/seed.ts';
import {
  type GroupDescription,
  MINUTE_MS,
  members,
  PORTS,
  SETTINGS,
  type Topology,
} from '../../support/topology.ts';

const twins = suite('inherited flows: twins');
const changed = suite('inherited flows: what has changed');
const torn = suite('inherited flows: torn tables');

const PORT_NAMES = PORTS.map(({ name }) => name);
const OTHER_KEY = [99, 7] as const;

const macOf = (member: number): string => `02:00:00:00:00:0${2 + member}`;
const GROUPS: readonly GroupDescription[] = [
  { name: 'tcp4', vip: '10.1.0.100', members: members([1, 2, 3], { port: 8080 }) },
  { name: 'tcp6', vip: 'fd00:1::100', members: members([1, 2], { port: 8080, family: 6 }) },
  { name: 'plain', vip: '10.1.0.101', members: members([1, 1]) },
  {
    name: 'mac',
    vip: '10.1.0.102',
    rewrite: 'mac',
    members: members([1, 1]).map((one, i) => ({ ...one, mac: macOf(1 + i) })),
  },
  {
    name: 'routed',
    vip: '10.1.0.103',
    members: [
      { name: 'db1', address: '10.2.0.31', port: 5432 },
      { name: 'db2', address: '10.2.0.32', port: 5432 },
    ],
  },
  { name: 'sticky', vip: '10.1.0.105', affinityMs: 10 * MINUTE_MS, members: members([1, 1, 1]) },
];
/** Whose client is its member. */
const SELF: GroupDescription = {
  name: 'self',
  vip: '10.1.0.104',
  members: [{ name: 'web1', address: '10.1.0.11', port: 8080 }],
};
const BRIEF = { ...SETTINGS, tcpEstablishedIdleMs: MINUTE_MS };
const TOPOLOGY: Partial<Topology> = { groups: [...GROUPS, SELF] };

/** Frames as they came out, to compare. */
const wires = (sent: readonly Sent[]) =>
  sent.map(
    ({ port, wire }) =>
      `${port} ${Buffer.from(wire.vnet).toString('hex')} ${Buffer.from(wire.bytes).toString('hex')}`,
  );

const follow = (bed: DatapathBed, more: object = {}): DatapathBed =>
  new DatapathBed({
    ...TOPOLOGY,
    nowMs: bed.nowMs,
    wallMs: bed.wallMs,
    hashKey: OTHER_KEY,
    follows: { bed, ports: PORT_NAMES },
    ...more,
  });

/** From now on `second` gets every frame that `bed` gets, and must answer with the same. */
function couple(bed: DatapathBed, second: DatapathBed): void {
  const send = bed.send.bind(bed);
  bed.send = (port, wire) => {
    const sent = send(port, wire);
    assert.equal(wires(second.send(port, wire)), wires(sent));
    return sent;
  };
  const pass = bed.pass.bind(bed);
  bed.pass = (ms) => {
    const sent = pass(ms);
    assert.equal(wires(second.pass(ms)), wires(sent));
    return sent;
  };
}

const vipOf = (name: string): string => GROUPS.find((group) => group.name === name)!.vip;

function randomConversations(
  bed: DatapathBed,
  random: Random,
  count: number,
): (TcpConversation | UdpConversation)[] {
  return Array.from({ length: count }, (_, i) => {
    const { vip } = GROUPS[random.below(GROUPS.length)]!;
    const port = ['web1', 'web2', 'web3'][random.below(3)]!;
    const ends = { port, clientPort: 20_000 + i, vip, vipPort: 80 };
    if (random.chance(25)) {
      const flow = new UdpConversation(bed, ends);
      flow.send();
      if (random.chance(50)) flow.reply();
      return flow;
    }
    const flow = new TcpConversation(bed, ends);
    if (random.chance(20)) flow.send('S');
    else flow.open();
    return flow;
  });
}

function goOn(flow: TcpConversation | UdpConversation, random: Random): void {
  const payload = new Uint8Array(random.below(200));
  if (flow instanceof UdpConversation) {
    if (random.chance(50)) flow.send({ payload });
    else flow.reply({ payload });
    return;
  }
  const flags = ['A', 'AP', 'AP', 'A', 'FA', 'RA'][random.below(random.chance(10) ? 6 : 4)]!;
  if (random.chance(50)) flow.send(flags, { payload });
  else flow.reply(flags, { payload });
}

const sorted = (bed: DatapathBed) => bed.flows().sort((a, b) => (a.client < b.client ? -1 : 1));

twins('whatever the flows, the datapath that follows treats them as the previous one would have', () => {
  for (let run = 0; run < runs(60); run++) {
    const random = new Random(seed, run);
    const bed = new DatapathBed(TOPOLOGY);
    const flows = randomConversations(bed, random, 1 + random.below(40));
    for (let i = 0; i < 50; i++) goOn(flows[random.below(flows.length)]!, random);
    bed.pass(random.below(20_000));
    const second = follow(bed);
    assert.equal(sorted(second), sorted(bed));
    couple(bed, second);
    for (let i = 0; i < 200; i++) {
      if (random.chance(5)) bed.pass(random.below(5_000));
      goOn(flows[random.below(flows.length)]!, random);
    }
    assert.equal(sorted(second), sorted(bed));
    for (let minute = 0; minute < 130; minute++) for (let i = 0; i < 60; i++) bed.pass(1_000);
    assert.equal([bed.flows(), second.flows()], [[], []]);
    assert.is(
      second.tables.endpoints.inUse,
      new DatapathBed(TOPOLOGY).tables.endpoints.inUse,
      'no reference is left',
    );
  }
});

twins(
  'gauges begin with what there is, counters with 0; and a row is idle when its last flow has gone',
  () => {
    const bed = new DatapathBed(TOPOLOGY);
    const open = [1, 2, 3].map((i) =>
      new TcpConversation(bed, {
        port: 'web1',
        clientPort: 30_000 + i,
        vip: vipOf('routed'),
        vipPort: 80,
      }).open(),
    );
    open[0]!.close();
    const second = follow(bed);
    const stats = () => second.stats('web1', 'routed', 'db1');
    const { newFlows, activeFlows, records, endedFlows, packets } = stats();
    assert.equal([newFlows, activeFlows, records, endedFlows, packets], [0, 1, 2, 0, 0]);
    couple(bed, second);
    for (const flow of open.slice(1)) flow.close();
    second.passSlowly(5 * MINUTE_MS);
    assert.equal([stats().activeFlows, stats().records, stats().endedFlows], [0, 0, 2]);
  },
);

twins('a VM that is its own member goes on talking to itself', () => {
  const bed = new DatapathBed(TOPOLOGY);
  const send = (sourcePort: number, destinationPort: number, flags: string) =>
    bed.send('web1', tcpFrame(bed.way('web1', SELF.vip), { sourcePort, destinationPort, flags }));
  assert.is(send(30_000, 80, 'S').length, 1);
  assert.is(send(8080, 30_000, 'SA').length, 1);
  couple(bed, follow(bed));
  for (const flags of ['A', 'AP', 'FA']) {
    assert.is(send(30_000, 80, flags)[0]!.port, 'web1');
    assert.is(send(8080, 30_000, flags)[0]!.port, 'web1');
  }
});

twins('a client keeps its member, though it has no connection left', () => {
  const bed = new DatapathBed(TOPOLOGY);
  const ask = (of: DatapathBed, clientPort: number): string => {
    const flow = new TcpConversation(of, {
      port: 'web2',
      clientPort,
      vip: vipOf('sticky'),
      vipPort: 80,
    }).open();
    flow.close();
    return flow.member.port;
  };
  const member = ask(bed, 30_000);
  bed.passSlowly(5 * MINUTE_MS);
  assert.equal(bed.flows(), []);
  const second = follow(bed);
  for (let i = 1; i < 8; i++) assert.is(ask(second, 30_000 + i), member);
  second.passSlowly(11 * MINUTE_MS);
  assert.is(second.tables.affinities.inUse, 0);
});

twins('two times in a row, and into a smaller table: what has no room is left out', () => {
  const bed = new DatapathBed(TOPOLOGY);
  const flows = randomConversations(bed, new Random(seed, 1), 40);
  const third = follow(follow(bed));
  assert.equal(sorted(third), sorted(bed));
  couple(bed, third);
  for (const flow of flows) flow.send(flow instanceof TcpConversation ? 'A' : (undefined as never));
  const small = follow(bed, { limits: { maxConnections: 7 } });
  assert.is(small.flows().length, 7);
  for (const flow of small.flows()) assert.ok(bed.flows().some(({ client }) => client === flow.client));
});

changed('flows of a port that is gone are gone', () => {
  const bed = new DatapathBed(TOPOLOGY);
  randomConversations(bed, new Random(seed, 2), 40);
  const ports = PORTS.filter(({ name }) => name !== 'web2');
  const second = follow(bed, { ports, follows: { bed, ports: ports.map(({ name }) => name) } });
  assert.ok(bed.flows().some(({ port }) => port === 'web2'));
  assert.equal(
    sorted(second),
    sorted(bed).filter(({ port }) => port !== 'web2'),
  );
});

changed('a VIP and a member that no rule knows any more: their TCP flows run to their end', () => {
  const bed = new DatapathBed(TOPOLOGY);
  const flow = new TcpConversation(bed, {
    port: 'web1',
    clientPort: 30_000,
    vip: vipOf('plain'),
    vipPort: 80,
  }).open();
  const second = follow(bed, { groups: [] });
  bed.configure({ groups: [] });
  couple(bed, second);
  flow.send('AP', { payload: new Uint8Array(10) });
  flow.reply('AP', { payload: new Uint8Array(10) });
  flow.close();
  second.passSlowly(5 * MINUTE_MS);
  assert.is(second.tables.endpoints.inUse, 0);
});

/** A copy of a bed's tables, for a test to break. */
function copyOf(bed: DatapathBed): Tables {
  const { limits } = bed.tables;
  const memory = (bed.tables.connections.hot.buffer as ArrayBuffer).slice(0);
  return new Tables(memory, 0, limits, [0, 0]);
}

const BREAKS: Record<string, (tables: Tables, row: number) => void> = {
  'made, but not whole': ({ connections: { cold } }, row) => (cold[row * COLD_WORDS + COLD.via] = 0),
  'in a state that is none': ({ connections }, row) => connections.setState(row, 200),
  'to an endpoint that is none': ({ connections: { hot } }, row) =>
    (hot[row * HOT_WORDS + HOT.endpoints] = 0x7fff_0001),
  'in another network than its VIP': ({ connections: { cold } }, row) =>
    (cold[row * COLD_WORDS + COLD.network] = 77),
  'counted for a row that is none': ({ connections: { hot } }, row) =>
    (hot[row * HOT_WORDS + HOT.balancerSlot] |= 0xf_ffff),
  'of a port that is none': ({ connections: { cold } }, row) =>
    (cold[row * COLD_WORDS + COLD.owner] = 0xffff),
  'there twice': ({ connections: { hot, cold } }, row) => {
    hot.copyWithin(row * HOT_WORDS, (row + 1) * HOT_WORDS, (row + 2) * HOT_WORDS);
    cold.copyWithin(row * COLD_WORDS, (row + 1) * COLD_WORDS, (row + 2) * COLD_WORDS);
  },
};
for (const [what, breakIt] of Object.entries(BREAKS)) {
  torn(`a record that is ${what} is left out, and no other`, () => {
    const bed = new DatapathBed(TOPOLOGY);
    randomConversations(bed, new Random(seed, 3), 20);
    const tables = copyOf(bed);
    const lost = bed.flows()[4]!;
    breakIt(tables, 5);
    const second = follow(bed, { follows: { bed, tables, ports: PORT_NAMES } });
    assert.equal(
      sorted(second),
      sorted(bed).filter(({ client }) => client !== lost.client),
    );
  });
}

torn(
  'whatever lies in the tables: nothing throws, and all that was taken over ends like any other flow',
  () => {
    for (let run = 0; run < runs(60); run++) {
      const random = new Random(seed, 1_000 + run);
      const bed = new DatapathBed({
        ...TOPOLOGY,
        settings: BRIEF,
      });
      randomConversations(bed, random, 30);
      const tables = copyOf(bed);
      const { connections, endpoints } = tables;
      const areAddressesRight = random.chance(50);
      const regions = [connections.hot, connections.cold, ...(areAddressesRight ? [] : [endpoints.rows])];
      for (let i = 0; i < 200; i++) {
        const region = regions[random.below(regions.length)]!;
        // Mostly where there is something.
        const at = random.below(random.chance(25) ? region.length : 32 * HOT_WORDS);
        region[at] = random.chance(50) ? random.word() : random.below(40);
      }
      const second = follow(bed, { settings: BRIEF, follows: { bed, tables, ports: PORT_NAMES } });
      second.judges = false;
      second.passSlowly(30 * MINUTE_MS, 5_000);
      assert.equal(second.flows(), []);
      if (!areAddressesRight) continue;
      second.judges = true;
      for (const { vip } of GROUPS) {
        const flow = new TcpConversation(second, { port: 'web3', clientPort: 50_000, vip, vipPort: 80 });
        assert.is(flow.send('S').length, 1);
        assert.is(flow.reply('SA').length, 1);
      }
    }
  },
);

twins.run();
changed.run();
torn.run();
