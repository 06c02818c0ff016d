/**
 * One greedy port and its neighbour: whatever a port takes of what is shared, another port still gets what it needs.
 *
 * Each trial has web2 take as much of one table, queue or rate as it can, and then web1 want some. The last test finds every
 * file that keeps something from one packet to the next: each is named in OF_ALL, with the trials of what ports share there,
 * or the reason why nothing there can be used up by one port at the expense of others.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FlowMemory } from '../../src/datapath/balancing/remembered-flows/flow-memory.ts';
import type { Context } from '../../src/datapath/frame/context.ts';
import { ARENA_SLOTS } from '../../src/host/thread/prepared-datapath.ts';
import type { FlowKey } from '../../src/tables/balancing/flow-key.ts';
import { compileFirewall } from '../../src/tables/firewall/firewall-rules.ts';
import { TcpConversation } from '../support/conversation.ts';
import { DatapathBed, only, portsOf, type Sent } from '../support/datapath-bed.ts';
import { flowKey } from '../support/flow-keys.ts';
import {
  arpFrame,
  BROADCAST,
  countingBytes,
  ethernetFrame,
  plain,
  rawFrame,
  tcpFrame,
  UDP,
  udpFrame,
  type WireFrame,
} from '../support/packets.ts';
import { CHECKOUT } from '../support/paths.ts';
import { APP, DB, members, PORTS, SETTINGS } from '../support/topology.ts';

const shares = suite('shares');
const trials = new Set<string>();
const trial = (name: string, run: () => void): void => {
  trials.add(name);
  shares(name, run);
};

/** Network db is a /16, so that there is something to scan. */
const WIDE = { networks: [APP, { ...DB, subnets: ['10.2.0.0/16', 'fd00:2::/64'] }] };
const wide = (): DatapathBed => new DatapathBed({ ...WIDE, slots: 320 });

const fresh = (i: number): string => `10.2.100.${i}`;
const scanned = (i: number): string => `10.2.${i >>> 8}.${i & 0xff}`;

const udpTo = (bed: DatapathBed, from: string, to: string, sourcePort = 1_000): Sent[] => {
  const ports = { sourcePort, destinationPort: 2_000 };
  return bed.send(from, udpFrame(bed.way(from, to), { ...ports, payload: countingBytes(20) }));
};

/** A station behind db1 or db2 answers the router. */
const answer = (bed: DatapathBed, port: string, address: string): Sent[] =>
  bed.send(port, arpFrame({ ...bed.way(port, '10.2.0.1'), from: address }, 'reply'));

const isQuestion = ({ frame }: Sent): boolean => frame.arp?.operation === 'request';
const delivered = (sent: readonly Sent[], to: string): Sent[] =>
  sent.filter(({ frame }) => frame.packet?.udp !== undefined && frame.packet.to === to);

/** How many of eight neighbours nobody has asked for yet get a packet of web1, with time going by. */
function firstContacts(bed: DatapathBed, meanwhile: () => void): number {
  let reached = 0;
  for (let i = 0; i < 8; i++) {
    const address = fresh(i);
    let sent = udpTo(bed, 'web1', address);
    for (let seconds = 0; seconds < 3 && !sent.some(isQuestion); seconds++) {
      meanwhile();
      sent = bed.pass(1_000);
    }
    if (sent.some(isQuestion)) reached += Math.min(1, delivered(answer(bed, 'db1', address), address).length);
    meanwhile();
  }
  return reached;
}

trial('entries of the neighbour table and questions: a scan of a routed /16', () => {
  const bed = wide();
  let at = 0;
  const scan = (): void => {
    for (let i = 0; i < 2_000; i++) udpTo(bed, 'web2', scanned(at++ % 65_536));
    bed.pass(20);
  };
  for (let i = 0; i < 5; i++) scan();
  assert.ok(bed.counters('web2').drops['neighbour-table-full'] > 1_000, 'the scan has met its bound');
  assert.is(firstContacts(bed, scan), 8);
  assert.is(bed.counters('web1').drops['neighbour-table-full'], undefined);
});

trial('neighbours that the scan has touched before, and could not ask for', () => {
  const bed = wide();
  // As many copies as web2 may have are gone, so that what it wants to know next is asked by nobody.
  while (bed.counters('web2').drops['flood-limited'] === undefined) broadcast(bed, 'web2');
  for (let i = 0; i < 1_100; i++) udpTo(bed, 'web2', scanned(i));
  for (let i = 0; i < 8; i++) assert.equal(udpTo(bed, 'web2', fresh(i)).filter(isQuestion), []);
  assert.is(
    firstContacts(bed, () => undefined),
    8,
  );
});

trial('neighbours in use: a scan of addresses of which each is answered', () => {
  const bed = wide();
  for (let i = 0; i < 8; i++) {
    udpTo(bed, 'web1', fresh(i));
    answer(bed, 'db1', fresh(i));
  }
  for (let i = 0; i < 4_000; i++) {
    udpTo(bed, 'web2', scanned(i));
    answer(bed, 'db2', scanned(i));
    if (i % 100 === 0) {
      bed.pass(200);
      for (let j = 0; j < 8; j++) {
        const sent = udpTo(bed, 'web1', fresh(j));
        assert.is(delivered(sent, fresh(j)).length, 1, `${fresh(j)} after ${i} scanned`);
      }
    }
  }
});

trial('places of packets that wait, in all and at one neighbour', () => {
  const bed = wide();
  for (let i = 0; i < 40; i++) {
    for (let j = 0; j < 20; j++) udpTo(bed, 'web2', fresh(i), 1_000 + j);
  }
  assert.ok(bed.counters('web2').drops['neighbour-queue-full'] > 0, 'its places are taken');
  for (let i = 0; i < 8; i++) udpTo(bed, 'web1', fresh(i));
  assert.is(bed.counters('web1').drops['neighbour-queue-full'], undefined);
  for (let i = 0; i < 8; i++) {
    const fromWeb1 = delivered(answer(bed, 'db1', fresh(i)), fresh(i)).filter(
      ({ frame }) => frame.packet?.from === '10.1.0.11',
    );
    assert.is(fromWeb1.length, 1);
  }
});

function broadcast(bed: DatapathBed, port: string): Sent[] {
  const way = { fromMac: bed.mac(port), toMac: BROADCAST, from: '10.1.0.1', to: '10.1.0.1' };
  return bed.send(port, plain(ethernetFrame(way, countingBytes(50), 0x88b5)));
}

trial('copies of flooded frames', () => {
  const bed = new DatapathBed();
  while (bed.counters('web2').drops['flood-limited'] === undefined) broadcast(bed, 'web2');
  assert.is(broadcast(bed, 'web1').length, 7);
  assert.equal(bed.counters('web1').drops, {});
});

trial('ICMP errors', () => {
  const bed = new DatapathBed();
  while (bed.counters('web2').errorsSuppressed === 0) udpTo(bed, 'web2', '192.0.2.1');
  assert.is(only(udpTo(bed, 'web1', '192.0.2.1')).frame.packet?.icmp?.type, 3);
  assert.is(bed.counters('web1').errorsSuppressed, 0);
});

const VIP = '10.1.0.100';
const GROUP = { name: 'api', vip: VIP, members: members([1]) };
const open = (bed: DatapathBed, port: string, clientPort: number): Sent[] =>
  new TcpConversation(bed, { port, clientPort, vip: VIP, vipPort: 80 }).send('S');

trial('connection records', () => {
  const bed = new DatapathBed({ groups: [GROUP], limits: { maxConnections: 400 } });
  for (let i = 0; i < 1_000; i++) open(bed, 'web2', 1_000 + i);
  assert.ok(bed.counters('web2').drops['connections-full'] > 500);
  for (let i = 0; i < 50; i++) assert.is(open(bed, 'web1', 1_000 + i).length, 1);
  for (let i = 0; i < 10; i++) assert.is(open(bed, 'web3', 1_000 + i).length, 1);
});

trial('connection records that give way by policy: never another port’s', () => {
  const settings = { ...SETTINGS, onTableFull: 'evict-idle' as const };
  const bed = new DatapathBed({ groups: [GROUP], limits: { maxConnections: 400 }, settings });
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 5_000, vip: VIP, vipPort: 80 }).open();
  bed.pass(20_000);
  for (let i = 0; i < 2_000; i++) open(bed, 'web2', 1_000 + i);
  assert.is(flow.send('A').length, 1);
});

/** A datagram to the VIP in three fragments. */
function pieces(bed: DatapathBed, port: string, identification: number): [WireFrame, WireFrame, WireFrame] {
  const way = bed.way(port, VIP);
  const payload = countingBytes(1_100);
  const whole = udpFrame(way, { sourcePort: 1_000, destinationPort: 80, payload }).bytes.subarray(34);
  const piece = (offset: number): WireFrame => {
    const fragment = { offset, more: offset + 400 < whole.length };
    return rawFrame({ ...way, identification, fragment }, UDP, whole.subarray(offset, offset + 400));
  };
  return [piece(0), piece(400), piece(800)];
}

trial('datagrams in fragments, and fragments that wait', () => {
  const bed = new DatapathBed({ groups: [GROUP], slots: 600, limits: { maxDatagrams: 64 } });
  for (const greedy of ['web2', 'web3']) {
    for (let id = 0; id < 200; id++) bed.send(greedy, pieces(bed, greedy, id)[1]);
  }
  const [first, second, third] = pieces(bed, 'web1', 1);
  assert.is(bed.send('web1', third).length, 0);
  for (let id = 200; id < 400; id++) bed.send('web2', pieces(bed, 'web2', id)[0]);
  bed.send('web1', second);
  assert.is(bed.send('web1', first).length, 3);
});

trial('learned MACs: where others send to does not change', () => {
  const bed = new DatapathBed({
    ports: PORTS.map((port) => ({ ...port, mac: null })),
    limits: { maxMacs: 256 },
  });
  const stations = Array.from({ length: 8 }, (_, i) => `02:00:00:00:99:${(16 + i).toString(16)}`);
  const frame = (fromMac: string, toMac: string): WireFrame =>
    plain(ethernetFrame({ fromMac, toMac, from: '10.1.0.1', to: '10.1.0.1' }, countingBytes(50), 0x88b5));
  const known = stations.filter((mac) => {
    bed.send('web1', frame(mac, BROADCAST));
    return bed.send('app1', frame('02:00:00:00:aa:01', mac)).length === 1;
  });
  assert.is(known.length, 8);
  for (let i = 0; i < 3_000; i++) {
    const tail = `${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`;
    bed.send('web2', frame(`02:00:00:66:${tail}`, '02:00:00:00:aa:01'));
  }
  for (const mac of known) assert.equal(portsOf(bed.send('app1', frame('02:00:00:00:aa:01', mac))), ['web1']);
});

trial('clients whose member is remembered', () => {
  const group = { ...GROUP, members: members([1, 1, 1]), affinityMs: 600_000 };
  const bed = new DatapathBed({ groups: [group], limits: { maxAffinities: 64, maxConnections: 16_384 } });
  const memberOf = (port: string, from: string, clientPort: number): string | undefined =>
    bed.send(
      port,
      tcpFrame(bed.way(port, VIP, { from }), { sourcePort: clientPort, destinationPort: 80, flags: 'S' }),
    )[0]?.port;
  const clients = Array.from({ length: 12 }, (_, i) => `10.1.0.${200 + i}`);
  const first = clients.map((from) => memberOf('web1', from, 1_000));
  assert.is(bed.tables.affinities.evicted, 0, 'the table has room for them');
  for (let i = 0; i < 2_000; i++) memberOf('web2', `10.9.${i >> 8}.${i & 255}`, 1_000);
  assert.equal(
    clients.map((from) => memberOf('web1', from, 2_000)),
    first,
  );
});

trial('memories of flows: direct ones, those that were cut off, and datagrams that no rule covers', () => {
  const { context } = new DatapathBed().datapath as unknown as { context: Context };
  const memory = new FlowMemory(context, 4_096, 60_000);
  const keyOf = (client: number): FlowKey => flowKey(0, [0, 0, 0xffff, client], 80, 7, 6);
  const note = (port: number, client: number): void => memory.note(keyOf(client), port);
  for (let i = 0; i < 16; i++) note(1, i);
  const noted = Array.from({ length: 16 }, (_, i) => memory.knows(keyOf(i)));
  for (let i = 0; i < 10_000; i++) note(2, 1_000 + i);
  const left = Array.from({ length: 16 }, (_, i) => memory.knows(keyOf(i)));
  assert.equal(left, noted);
});

trial('flows that firewalls have allowed', () => {
  const rules = compileFirewall({ default: 'allow', rules: [] });
  const chain = [{ kind: 'firewall' as const, rules }];
  const ports = PORTS.map((port) => ({ ...port, chain }));
  const bed = new DatapathBed({ ports, limits: { maxFirewallFlows: 400 } });
  const ask = (port: string, clientPort: number): Sent[] =>
    bed.send(
      port,
      udpFrame(bed.way(port, bed.address('app1')), { sourcePort: clientPort, destinationPort: 53 }),
    );
  const answer = (port: string, clientPort: number): Sent[] =>
    bed.send(
      'app1',
      udpFrame(bed.way('app1', bed.address(port)), { sourcePort: 53, destinationPort: clientPort }),
    );
  for (let i = 0; i < 20; i++) {
    assert.is(ask('web1', 2_000 + i).length, 1);
    assert.is(answer('web1', 2_000 + i).length, 1);
  }
  for (let i = 0; i < 1_000; i++) ask('web2', 10_000 + i);
  for (let i = 0; i < 20; i++) assert.is(answer('web1', 2_000 + i).length, 1, 'a flow in use stays');
  assert.is(ask('web3', 3_000).length, 1, 'another port may begin flows');
});

trial('packets that are measured', () => {
  const bed = new DatapathBed({ groups: [GROUP], meterPacketsPerMs: 16 });
  const flows = ['web1', 'web2'].map((port) =>
    new TcpConversation(bed, { port, clientPort: 5_000, vip: VIP, vipPort: 80 }).open(),
  ) as [TcpConversation, TcpConversation];
  bed.pass(10);
  const retransmitted = (port: string): number => bed.stats(port, 'api', 'app1').retransmissions;
  // The same segment again and again: each one that is looked at counts.
  const segment = (port: string): WireFrame =>
    tcpFrame(bed.way(port, VIP), {
      sourcePort: 5_000,
      destinationPort: 80,
      flags: 'A',
      sequence: 101,
      acknowledgment: 301,
      payload: countingBytes(10),
    });
  for (let i = 0; i < 100; i++) bed.send('web2', segment('web2'));
  for (let i = 0; i < 5; i++) bed.send('web1', segment('web1'));
  assert.ok(flows.length === 2 && retransmitted('web2') < 20, `${retransmitted('web2')} of the greedy one's`);
  assert.ok(retransmitted('web1') >= 3, `${retransmitted('web1')} of five`);
});

trial('frame buffers', () => {
  const slots = ARENA_SLOTS;
  const bed = new DatapathBed({ ...WIDE, groups: [GROUP], slots });
  for (const greedy of ['web2', 'web3', 'app2', 'app3', 'app4', 'app5']) {
    for (let i = 0; i < 130; i++) {
      bed.send(greedy, pieces(bed, greedy, i)[1]);
      for (let j = 0; j < 2; j++) udpTo(bed, greedy, fresh(i), j);
    }
  }
  assert.ok(bed.waiting() > slots / 2, `${bed.waiting()} frames wait`);
  assert.ok(bed.arena.freeCount > slots / 5, `${bed.arena.freeCount} of ${slots} buffers are free`);
  assert.is(open(bed, 'web1', 1_000).length, 1);
});

/** Trials of what is shared in a file, or why it needs none. */
const OF_ALL: Readonly<Record<string, readonly string[] | string>> = {
  'tables/balancing/affinity-table': ['clients whose member is remembered'],
  'tables/capture-ring': 'of whom root looks at: what does not fit is missed there, and forwarded',
  'datapath/capture/capture-points': 'for the packet at hand, and at most four captures',
  'datapath/capture/packet-filter': 'for the packet at hand',
  'tables/common/bucket-index': 'part of tables that have shares',
  'tables/balancing/connection-table': [
    'connection records',
    'connection records that give way by policy: never another port’s',
  ],
  'tables/balancing/chain-table': 'a row per connection record',
  'datapath/balancing/chains/handed-flows': 'made by configuration only',
  'tables/balancing/idle-timeouts': 'made by configuration only',
  'tables/balancing/packet-conditions': 'made by configuration only',
  'tables/balancing/endpoint-table': 'made by configuration only',
  'datapath/balancing/rule-sets': 'made by configuration only',
  'tables/firewall/firewall-table': ['flows that firewalls have allowed'],
  'tables/firewall/firewall-rules': 'made by configuration only',
  'tables/firewall/denied-log': 'for people: the newest entries of all ports',
  'datapath/firewall/firewall-flows': 'for the packet at hand',
  'tables/copied-memory': 'for the packet that is traced',
  'datapath/tracing/checkpoint': 'for the packet that is traced',
  'datapath/tracing/packet-tracer': 'for the packet that is traced',
  'datapath/tracing/step-recorder': 'for the packet that is traced',
  'datapath/operators/mirror':
    'for the packet at hand; copies take frame buffers like the packets themselves',
  'datapath/firewall/rejudging': 'an entry per port with a firewall',
  'tables/forwarding/fragment-table': ['datagrams in fragments, and fragments that wait'],
  'tables/frame-arena': ['frame buffers'],
  'tables/common/hash': 'fixed',
  'tables/forwarding/mac-table': ['learned MACs: where others send to does not change'],
  'tables/balancing/maglev-table': 'made by configuration only',
  'tables/forwarding/neighbour-table': [
    'entries of the neighbour table and questions: a scan of a routed /16',
    'neighbours that the scan has touched before, and could not ask for',
    'neighbours in use: a scan of addresses of which each is answered',
    'places of packets that wait, in all and at one neighbour',
  ],
  'tables/port-counters': 'a row per port',
  'tables/common/port-shares': 'the shares themselves',
  'tables/forwarding/received-units': 'part of the fragment table',
  'tables/balancing/rule-table': 'made by configuration only',
  'tables/stat-table': 'made by configuration only',
  'tables/tables': 'where the tables lie',
  'datapath/port-chain': 'made by configuration only',
  'datapath/ports/operator': 'made by configuration only',
  'datapath/datapath': 'made by configuration only; ageing goes by the clock',
  'datapath/frame/context': 'what all parts share, each listed here',
  'datapath/operators/anti-spoofing': 'made by configuration only',
  'datapath/balancing/remembered-flows/cut-off-flows': [
    'memories of flows: direct ones, those that were cut off, and datagrams that no rule covers',
  ],
  'datapath/balancing/remembered-flows/running-flows': [
    'memories of flows: direct ones, those that were cut off, and datagrams that no rule covers',
  ],
  'datapath/balancing/remembered-flows/direct-flows': [
    'memories of flows: direct ones, those that were cut off, and datagrams that no rule covers',
  ],
  'tables/common/xorshift': 'one random number after another',
  'datapath/balancing/balancer-rules': 'made by configuration only',
  'datapath/balancing/connection-tracking': [
    'connection records',
    'connection records that give way by policy: never another port’s',
  ],
  'datapath/balancing/remembered-flows/flow-memory': [
    'memories of flows: direct ones, those that were cut off, and datagrams that no rule covers',
  ],
  'datapath/balancing/flow-meter': ['packets that are measured'],
  'datapath/balancing/icmp-translation': 'for the packet at hand',
  'datapath/balancing/purge-marks': 'a mark per member; only the control side makes them',
  'datapath/balancing/selection/previous-sets': 'made by configuration only',
  'datapath/balancing/selection/least-connections': 'per load balancer and criteria set',
  'datapath/balancing/selection/random-two-choices': 'per load balancer and criteria set',
  'datapath/balancing/selection/weighted-round-robin': 'per load balancer and criteria set',
  'datapath/balancing/member-rows': 'made by configuration only',
  'datapath/balancing/sequence-numbers': 'for the packet at hand',
  'datapath/balancing/undelivered-flows': 'for the neighbour at hand, as many as frames may wait',
  'datapath/fast-path/fast-path': 'for the batch at hand',
  'datapath/fast-path/plain-packets': 'for the batch at hand',
  'datapath/fast-path/port-facts': 'a row per port',
  'datapath/forwarding/announcer':
    'an entry per configured address, in turn; copies have a share of the floods',
  'datapath/forwarding/fragments': 'for the packet at hand',
  'datapath/forwarding/icmp-errors': ['ICMP errors'],
  'datapath/forwarding/logical-switch': ['copies of flooded frames'],
  'datapath/forwarding/logical-router': 'made by configuration only',
  'datapath/forwarding/neighbour-resolver': [
    'entries of the neighbour table and questions: a scan of a routed /16',
    'neighbours that the scan has touched before, and could not ask for',
  ],
  'datapath/forwarding/router-advertiser': 'a schedule and a bucket per port',
  'datapath/ports/networks': ['copies of flooded frames'],
  'io/engines/engine-state': 'a row per port',
  'io/engines/memory-engine': 'for tests and replay',
  'io/engines/port-queue': 'a place per port',
  'io/engines/syscall-engine': 'reads from readable ports in turn, FRAMES_PER_TURN each',
  'io/engines/uring-engine':
    'empty buffers for the next batch; ports whose reads have ended are read in turn',
};

/** State that outlives a packet: arrays, collections, shares, and what is counted per time. */
const KEEPS =
  /new (?:\w+Array|Map|Set|Array|PortShares|PortRates|FlowMemory)\b|: \w+\[\]\[? = |_PER_(?:SECOND|TICK|BATCH|MS)\b|[tT]okens|[bB]udget|: Int32Array;/;

shares('every file that keeps something between packets is accounted for', () => {
  const found = ['tables', 'datapath', 'io/engines'].flatMap((room) =>
    readdirSync(join(CHECKOUT, 'src', room), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => `${room}/${file.slice(0, -3)}`)
      .filter((file) => KEEPS.test(readFileSync(join(CHECKOUT, 'src', `${file}.ts`), 'utf8'))),
  );
  const missing = found.filter((file) => OF_ALL[file] === undefined);
  assert.equal(
    missing,
    [],
    'a table, queue or bucket without a trial of its shares, or a reason to need none',
  );
  for (const [file, shown] of Object.entries(OF_ALL)) {
    assert.ok(existsSync(join(CHECKOUT, 'src', `${file}.ts`)), `${file} is no more`);
    if (typeof shown !== 'string') for (const name of shown) assert.ok(trials.has(name), `${file}: ${name}`);
  }
});

shares.run();
