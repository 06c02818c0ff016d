/** The life of connection records: states, timers, port reuse, a full table; with a clock that the test moves. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpConversation, UdpConversation } from '../../support/conversation.ts';
import { DatapathBed, describe, only } from '../../support/datapath-bed.ts';
import { udpFrame } from '../../support/packets.ts';
import { Random, seed } from '../../support/seed.ts';
import { MINUTE_MS, members, PORTS, SETTINGS } from '../../support/topology.ts';

const states = suite('tracking: states');
const timers = suite('tracking: timers');
const pressure = suite('tracking: a full table');

const VIP = '10.1.0.100';
const GROUP = { name: 'api', vip: VIP, members: members([1], { port: 8080 }) };
/** One turn of the ageing hand at the latest, and a batch. */
const SWEEP_MS = 9_000;

const bedOf = (more: object = {}): DatapathBed => new DatapathBed({ groups: [GROUP], ...more });
const tcp = (bed: DatapathBed, clientPort = 40_000): TcpConversation =>
  new TcpConversation(bed, { port: 'web1', clientPort, vip: VIP, vipPort: 80 });
const udp = (bed: DatapathBed, clientPort = 40_000): UdpConversation =>
  new UdpConversation(bed, { port: 'web1', clientPort, vip: VIP, vipPort: 53 });
const stateOf = (bed: DatapathBed): string =>
  bed
    .flows()
    .map(({ state }) => state)
    .join(' ');
const statsOf = (bed: DatapathBed) => bed.stats('web1', 'api', 'app1');

/** Plays segments, `>` from the client and `<` from the member, and tells the state after each. */
function play(script: string): string[] {
  const bed = bedOf();
  const flow = tcp(bed);
  return script.split(' ').map((step) => {
    const sent = step[0] === '>' ? flow.send(step.slice(1)) : flow.reply(step.slice(1));
    assert.is(sent.length, 1, `${step}: every segment of a tracked flow is passed on`);
    return stateOf(bed);
  });
}

states('handshake, data, client closes first', () => {
  assert.equal(play('>S <SA >A >AP <A >FA <A <FA >A'), [
    'syn-sent',
    'syn-received',
    'established',
    'established',
    'established',
    'fin-client',
    'fin-client',
    'time-wait',
    'time-wait',
  ]);
});

states('member closes first', () => {
  assert.equal(play('>S <SA >A <FA >A >FA <A').slice(3), [
    'fin-member',
    'fin-member',
    'time-wait',
    'time-wait',
  ]);
});

states('retransmissions change nothing', () => {
  assert.equal(play('>S >S <SA <SA >A <SA >A >FA >FA <FA >FA <FA'), [
    'syn-sent',
    'syn-sent',
    'syn-received',
    'syn-received',
    'established',
    'established',
    'established',
    'fin-client',
    'fin-client',
    'time-wait',
    'time-wait',
    'time-wait',
  ]);
});

states('refused by the member', () => {
  assert.equal(play('>S <RA'), ['syn-sent', 'reset-by-member']);
});

states('a reset ends a flow; of either side, in any state', () => {
  assert.equal(play('>S <SA >A >R').at(-1), 'reset-by-client');
  assert.equal(play('>S <SA >A <R').at(-1), 'reset-by-member');
  assert.equal(play('>S >R').at(-1), 'reset-by-client');
  assert.equal(play('>S <SA >A >FA <R').at(-1), 'reset-by-member');
  assert.equal(play('>S <SA >A >FA <FA >R').at(-1), 'time-wait', 'what has ended stays ended');
});

states(
  'a reset that one of both sides contradicts is not believed any longer, and the flow is as it was',
  () => {
    assert.equal(play('>S <SA >A <R >A').slice(3), ['reset-by-member', 'established']);
    assert.equal(play('>S <SA >A <R <A').slice(3), ['reset-by-member', 'established']);
    assert.equal(play('>S <SA >A >R <A').slice(3), ['reset-by-client', 'established']);
    assert.equal(play('>S <SA >A >FA <R >A').slice(4), ['reset-by-member', 'fin-client']);
  },
);

states('one reset is counted once, however often it is sent', () => {
  const bed = bedOf();
  const flow = tcp(bed).open();
  for (let i = 0; i < 3; i++) flow.reply('R');
  assert.is(statsOf(bed).resets, 1);
});

states('UDP: unreplied until the member has answered', () => {
  const bed = bedOf();
  const flow = udp(bed);
  flow.send();
  flow.send();
  assert.is(stateOf(bed), 'unreplied');
  flow.reply();
  assert.is(stateOf(bed), 'replied');
  flow.send();
  assert.is(stateOf(bed), 'replied');
});

states('a new SYN on a record that has ended starts a new flow', () => {
  for (const end of ['FA', 'R']) {
    const bed = new DatapathBed({ groups: [{ ...GROUP, members: members([1, 1]) }] });
    const flow = tcp(bed).open();
    const first = flow.member.port;
    if (end === 'FA') flow.close();
    else flow.reply('R');
    flow.send('S');
    assert.is(bed.flows().length, 1);
    assert.is(stateOf(bed), 'syn-sent');
    assert.is.not(flow.member.port, first, 'it is a new flow: the next member gets it');
    const [one, two] = ['app1', 'app2'].map((name) => bed.stats('web1', 'api', name));
    assert.is(one.newFlows + two.newFlows, 2);
    assert.is(one.endedFlows + two.endedFlows, 1);
    assert.is(one.activeFlows + two.activeFlows, 1);
  }
});

states('a new SYN on a record that runs is a packet of the old flow', () => {
  const bed = bedOf();
  const flow = tcp(bed).open();
  assert.is(only(flow.send('S')).port, 'app1');
  assert.is(stateOf(bed), 'established');
  assert.is(statsOf(bed).newFlows, 1);
});

states('a SYN with FIN starts nothing, and ends nothing', () => {
  const bed = bedOf();
  const flow = tcp(bed).open().close();
  flow.send('SF');
  assert.is(stateOf(bed), 'time-wait');
  const fresh = bedOf();
  assert.match(describe(tcp(fresh).send('SF')), / RA$/);
  assert.is(stateOf(fresh), '');
});

/** Idle time after which the record of a flow in some state is removed: bracketed by two observations. */
function assertTimeout(prepare: (bed: DatapathBed) => void, timeoutMs: number): void {
  const bed = bedOf();
  prepare(bed);
  assert.is(bed.flows().length, 1);
  bed.passSlowly(timeoutMs, 10_000);
  assert.is(bed.flows().length, 1, `still there after ${timeoutMs} ms`);
  bed.passSlowly(SWEEP_MS);
  assert.is(bed.flows().length, 0, `gone ${SWEEP_MS} ms later`);
}

timers('each state has its idle time', () => {
  assertTimeout((bed) => tcp(bed).send('S'), SETTINGS.tcpTransitoryIdleMs);
  assertTimeout((bed) => tcp(bed).open(), SETTINGS.tcpEstablishedIdleMs);
  assertTimeout((bed) => tcp(bed).open().send('FA'), SETTINGS.tcpTransitoryIdleMs);
  assertTimeout((bed) => tcp(bed).open().close(), SETTINGS.tcpTransitoryIdleMs);
  assertTimeout((bed) => tcp(bed).open().reply('R'), SETTINGS.tcpTransitoryIdleMs);
  assertTimeout((bed) => udp(bed).send(), SETTINGS.udpIdleMs);
});

timers("the RFCs' minima hold by default: UDP 2 min, TCP 2 h 4 min established, 4 min otherwise", () => {
  assert.ok(SETTINGS.udpIdleMs >= 2 * MINUTE_MS);
  assert.ok(SETTINGS.tcpEstablishedIdleMs >= 124 * MINUTE_MS);
  assert.ok(SETTINGS.tcpTransitoryIdleMs >= 4 * MINUTE_MS);
});

timers('a packet from either side begins the idle time anew', () => {
  for (const speak of ['send', 'reply'] as const) {
    const bed = bedOf();
    const flow = udp(bed);
    flow.send();
    for (let i = 0; i < 5; i++) {
      bed.passSlowly(SETTINGS.udpIdleMs - 5_000, 10_000);
      flow[speak]();
    }
    assert.is(bed.flows().length, 1);
  }
});

timers('shorter settings hold for running flows too', () => {
  const bed = bedOf();
  tcp(bed).open();
  bed.configure({ settings: { ...SETTINGS, tcpEstablishedIdleMs: 30_000 } });
  bed.passSlowly(30_000 + SWEEP_MS);
  assert.equal(bed.flows(), []);
});

timers('the clock may wrap around: 2^31 and 2^32 milliseconds are like any other time', () => {
  for (const wrap of [2 ** 31, 2 ** 32]) {
    const bed = bedOf({ nowMs: wrap - 60_000 });
    const flow = udp(bed);
    flow.send();
    bed.passSlowly(SETTINGS.udpIdleMs - 5_000);
    assert.is(bed.flows().length, 1);
    assert.is(only(flow.reply()).port, 'web1');
    bed.passSlowly(SETTINGS.udpIdleMs + SWEEP_MS);
    assert.equal(bed.flows(), []);
  }
});

timers(
  'the gauge of active flows: up with a flow, down when idle, up when it goes on, down when it ends',
  () => {
    const bed = bedOf();
    const flow = tcp(bed).open();
    assert.is(statsOf(bed).activeFlows, 1);
    bed.passSlowly(SETTINGS.activeFlowIdleMs + SWEEP_MS);
    assert.is(statsOf(bed).activeFlows, 0);
    assert.is(bed.flows().length, 1, 'inactive is not gone');
    flow.reply('A');
    assert.is(statsOf(bed).activeFlows, 1);
    flow.close();
    assert.is(statsOf(bed).activeFlows, 0);
    flow.send('A');
    assert.is(statsOf(bed).activeFlows, 0, 'stragglers of an ended flow do not bring it back');
  },
);

timers('after any traffic everything comes to rest: no record, no endpoint reference, no active flow', () => {
  const bed = new DatapathBed({ groups: [{ ...GROUP, members: members([1, 2, 3]) }] });
  const random = new Random(seed, 1);
  const flows = Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? udp(bed, 1 + i) : tcp(bed, 1 + i)));
  for (const flow of flows) {
    if (flow instanceof TcpConversation) flow.send('S');
    else flow.send();
  }
  for (let step = 0; step < 2_000; step++) {
    const flow = random.pick(flows);
    if (flow instanceof UdpConversation) random.chance(50) ? flow.send() : flow.reply();
    else {
      const flags = random.pick(['A', 'AP', 'FA', 'R', 'S', 'SA', 'A', 'A']);
      random.chance(50) ? flow.send(flags) : flow.reply(flags);
    }
    if (step % 20 === 0) bed.pass(random.below(20_000));
  }
  const before = bed.tables.endpoints.inUse;
  bed.passSlowly(SETTINGS.tcpEstablishedIdleMs + SWEEP_MS, 5_000);
  assert.equal(bed.flows(), []);
  assert.is(bed.tables.connections.inUse, 0);
  assert.is(bed.tables.endpoints.inUse, before, 'rules still hold the VIP and the members');
  let created = 0;
  for (const name of ['app1', 'app2', 'app3']) {
    const { activeFlows, newFlows, endedFlows } = bed.stats('web1', 'api', name);
    assert.is(activeFlows, 0);
    assert.is(newFlows, endedFlows);
    created += newFlows;
  }
  assert.equal(bed.tables.connections.totals, { created, expired: created, refused: 0, evicted: 0 });
});

/** Only web1 has a balancer: the whole table is its fair share. */
const ONE_CLIENT = PORTS.map((port) => ({ ...port, balanced: port.name === 'web1' }));

/** A bed whose table is full of flows in the state that `prepare` brings them to. */
function fullBed(prepare: (bed: DatapathBed, clientPort: number) => void): DatapathBed {
  const bed = bedOf({ limits: { maxConnections: 20 }, ports: ONE_CLIENT });
  for (let i = 0; i < 20; i++) prepare(bed, 1_000 + i);
  assert.is(bed.tables.connections.inUse, 20);
  return bed;
}

pressure('a new flow is refused and counted, running ones go on', () => {
  const bed = fullBed((full, clientPort) => tcp(full, clientPort).open());
  assert.equal(tcp(bed).send('S'), []);
  assert.equal(udp(bed).send(), []);
  assert.equal(bed.drops(), { 'connections-full': 2 });
  assert.is(bed.tables.connections.totals.refused, 2);
  const running = tcp(bed, 1_005);
  assert.is(only(running.send('AP')).port, 'app1');
  assert.is(describe(running.reply('A')), `web1: tcp ${VIP}:80 > 10.1.0.11:1005 A`);
});

pressure('flows that have ended make room at once', () => {
  const bed = fullBed((full, clientPort) => {
    const flow = tcp(full, clientPort).open();
    if (clientPort % 2 === 0) flow.close();
  });
  for (let i = 0; i < 10; i++) assert.is(only(tcp(bed, 2_000 + i).send('S')).port, 'app1');
  assert.equal(tcp(bed, 3_000).send('S'), []);
  assert.ok(bed.flows().every(({ state }) => state !== 'time-wait'));
  assert.is(bed.flows().filter(({ state }) => state === 'established').length, 10, 'running ones stay');
});

pressure('half-open flows make room after three seconds: a SYN flood holds the table no longer', () => {
  const bed = fullBed((full, clientPort) => tcp(full, clientPort).send('S'));
  assert.equal(tcp(bed).send('S'), [], 'not at once: their answers may be on the way');
  bed.pass(3_001);
  assert.is(only(tcp(bed).send('S')).port, 'app1');
  assert.is(bed.flows().length, 20);
});

pressure('flows that expired but were not swept yet make room', () => {
  const bed = fullBed((full, clientPort) => tcp(full, clientPort).open());
  // No batch ends in this time: nothing is swept.
  bed.nowMs += SETTINGS.tcpEstablishedIdleMs + 1;
  assert.is(only(tcp(bed).send('S')).port, 'app1');
});

pressure('room that a purged member left is used', () => {
  const bed = fullBed((full, clientPort) => tcp(full, clientPort).open());
  bed.nowMs += 10;
  bed.datapath.purge([bed.maker.memberId('api', 'app1')], 'all', bed.nowMs);
  bed.nowMs += 1;
  assert.is(only(tcp(bed).send('S')).port, 'app1');
});

pressure(
  'a flow that nobody would serve takes no room: the client hears at once, and no running flow is evicted',
  () => {
    for (const onTableFull of ['refuse', 'evict-idle'] as const) {
      const bed = new DatapathBed({
        groups: [GROUP, { name: 'none', vip: '10.1.0.101', members: [] }],
        limits: { maxConnections: 20 },
        ports: ONE_CLIENT,
        settings: { ...SETTINGS, onTableFull },
      });
      for (let i = 0; i < 20; i++) tcp(bed, 1_000 + i).open();
      bed.nowMs += 60_000;
      const nobody = new TcpConversation(bed, {
        port: 'web1',
        clientPort: 5,
        vip: '10.1.0.101',
        vipPort: 80,
      });
      assert.is(describe(nobody.send('S')), 'web1: tcp 10.1.0.101:80 > 10.1.0.11:5 RA', onTableFull);
      assert.is(bed.flows().length, 20);
    }
  },
);

/** web1 and web2 have a balancer: half of the table each. */
const TWO_CLIENTS = PORTS.map((port) => ({
  ...port,
  balanced: port.name === 'web1' || port.name === 'web2',
}));

pressure(
  'fairness: a flood of one port stops at three quarters, and others get three quarters of what is left',
  () => {
    const bed = bedOf({ limits: { maxConnections: 40 }, ports: TWO_CLIENTS });
    let taken = 0;
    for (let i = 0; i < 60; i++) taken += tcp(bed, 1_000 + i).send('S').length;
    assert.is(taken, 30);
    for (let i = 0; i < 8; i++) {
      const flow = new TcpConversation(bed, { port: 'web2', clientPort: 1 + i, vip: VIP, vipPort: 80 });
      assert.is(flow.send('S').length, 1, `flow ${i} of the other port`);
    }
  },
);

pressure('fairness: a port over its share lives on the rows of flows that have ended', () => {
  const bed = bedOf({ limits: { maxConnections: 40 }, ports: TWO_CLIENTS });
  for (let i = 0; i < 200; i++) {
    const flow = tcp(bed, 1_000 + i);
    assert.is(flow.send('S').length, 1, `flow ${i}`);
    flow.reply('SA');
    flow.send('A');
    flow.close();
  }
});

pressure(
  'evict-idle: instead of being refused, a new flow takes the row of the one that was silent longest',
  () => {
    const settings = { ...SETTINGS, onTableFull: 'evict-idle' as const };
    const bed = bedOf({ limits: { maxConnections: 20 }, ports: ONE_CLIENT, settings });
    const flows = Array.from({ length: 20 }, (_, i) => {
      bed.pass(1_000);
      return tcp(bed, 1_000 + i).open();
    });
    assert.equal(tcp(bed, 1).send('S').length, 1);
    const left = new Set(bed.flows().map(({ client }) => client));
    assert.not(left.has('10.1.0.11:1000'), 'the first one was silent for 20 s');
    assert.is(bed.flows().length, 20);
    assert.is(bed.tables.connections.totals.evicted, 1);
    for (const flow of flows.slice(1)) flow.send('A');
    assert.equal(tcp(bed, 2).send('S'), [], 'nobody is idle: refused after all');
    assert.equal(bed.drops(), { 'connections-full': 1 });
  },
);

pressure('exact shares hold for the flows that were let in', () => {
  const weights = [1, 3, 2];
  const bed = new DatapathBed({
    groups: [{ ...GROUP, members: members(weights) }],
    limits: { maxConnections: 24 },
    ports: ONE_CLIENT,
  });
  const random = new Random(seed, 2);
  const chosen: string[] = [];
  const open: TcpConversation[] = [];
  for (let i = 0; chosen.length < 120; i++) {
    const flow = tcp(bed, 1 + i);
    const sent = flow.send('S');
    if (sent.length > 0) {
      chosen.push(sent[0].port);
      flow.reply('SA');
      flow.send('A');
      open.push(flow);
    } else if (random.chance(30)) {
      // Refused: some flow ends, so that the next one finds room.
      open.splice(random.below(open.length), 1)[0].close();
    }
  }
  for (let at = 0; at + 6 <= chosen.length; at++) {
    const window = chosen.slice(at, at + 6);
    const shares = ['app1', 'app2', 'app3'].map((name) => window.filter((port) => port === name).length);
    assert.equal(shares, weights, `flows ${at} … ${at + 5}`);
  }
});

pressure(
  'no room for another endpoint is said when the rules come, and flows are refused under that reason',
  () => {
    // The VIP and app1, in each of the two networks.
    const bed = new DatapathBed({ groups: [GROUP], limits: { maxEndpoints: 4 } });
    const more = { name: 'more', vip: VIP, protocol: 'udp' as const, members: members([0, 1]) };
    const problems = bed.configure({ groups: [GROUP, more] });
    assert.ok(problems.length > 0);
    assert.ok(
      problems.every((problem) => /endpoint table is full/.test(problem)),
      problems.join(),
    );
    assert.is(only(tcp(bed).send('S')).port, 'app1', 'what fits is in force');
    assert.equal(bed.send('web1', udpFrame(bed.way('web1', VIP), { sourcePort: 1, destinationPort: 2 })), []);
    assert.equal(bed.drops(), { 'endpoints-full': 1 });
  },
);

pressure(
  'no room for another statistics row: flows to members that have none are refused under that reason',
  () => {
    const group = { ...GROUP, members: members([0, 1, 2]) };
    const bed = new DatapathBed({ groups: [group], limits: { maxStatSlots: 2 } });
    const sent = Array.from({ length: 6 }, (_, at) => tcp(bed, 1 + at).send('S'));
    const accepted = sent.filter((frames) => frames.length > 0);
    assert.ok(accepted.length > 0);
    assert.is(new Set(accepted.map((frames) => only(frames).port)).size, 1, 'the member that has the row');
    assert.equal(bed.drops(), { 'statistics-full': 6 - accepted.length });
  },
);

states.run();
timers.run();
pressure.run();
