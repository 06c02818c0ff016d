/** Members that change: weights, drain, failure, removal, periods. Running flows stay where they are. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpConversation, UdpConversation } from '../../support/conversation.ts';
import { DatapathBed, describe, only } from '../../support/datapath-bed.ts';
import { tcpFrame } from '../../support/packets.ts';
import { type GroupDescription, members, SETTINGS } from '../../support/topology.ts';

const changes = suite('members');
const periods = suite('time periods');

const VIP = '10.1.0.100';
const group = (weights: readonly number[], more: Partial<GroupDescription> = {}): GroupDescription => ({
  name: 'api',
  vip: VIP,
  members: members(weights, { port: 8080 }),
  ...more,
});

/** The group with one member in another state. */
function withState(weights: readonly number[], name: string, state: 'draining' | 'failed'): GroupDescription {
  const list = members(weights, { port: 8080 });
  return group(weights, {
    members: list.map((member) => (member.name === name ? { ...member, state } : member)),
  });
}

let nextPort = 20_000;
const newFlow = (bed: DatapathBed): TcpConversation =>
  new TcpConversation(bed, { port: 'web1', clientPort: nextPort++, vip: VIP, vipPort: 80 });

/** Members that the next `count` new flows go to. */
function chosen(bed: DatapathBed, count: number): string[] {
  return Array.from({ length: count }, () => only(newFlow(bed).send('S')).port);
}

const count = (names: readonly string[], name: string): number =>
  names.filter((other) => other === name).length;

/** One established flow on each of the named members. */
function flowsOn(bed: DatapathBed, names: readonly string[]): Map<string, TcpConversation> {
  const flows = new Map<string, TcpConversation>();
  for (let i = 0; i < 100 && flows.size < names.length; i++) {
    const flow = newFlow(bed).open();
    if (names.includes(flow.member.port)) flows.set(flow.member.port, flow);
  }
  assert.is(flows.size, names.length);
  return flows;
}

/** Data goes both ways, between the client and the member that had the flow. */
function assertGoesOn(flow: TcpConversation): void {
  const { port } = flow.member;
  assert.is(only(flow.send('AP')).port, port);
  const { clientPort } = flow.ends;
  assert.is(describe(flow.reply('AP')), `web1: tcp ${VIP}:80 > 10.1.0.11:${clientPort} PA`);
}

changes('new weights hold from the next flow on; running flows stay', () => {
  const bed = new DatapathBed({ groups: [group([1, 1])] });
  const flows = flowsOn(bed, ['app1', 'app2']);
  bed.configure({ groups: [group([1, 9])] });
  const names = chosen(bed, 20);
  assert.is(count(names, 'app1'), 2);
  assert.is(count(names, 'app2'), 18);
  for (const flow of flows.values()) assertGoesOn(flow);
});

changes('weight 0: no new flows, running ones stay', () => {
  const bed = new DatapathBed({ groups: [group([1, 1])] });
  const flows = flowsOn(bed, ['app1', 'app2']);
  bed.configure({ groups: [group([0, 1])] });
  assert.equal(new Set(chosen(bed, 10)), new Set(['app2']));
  for (const flow of flows.values()) assertGoesOn(flow);
});

changes('a draining member keeps its flows until they end, and gets no new ones', () => {
  const bed = new DatapathBed({ groups: [group([1, 1, 1])] });
  const flows = flowsOn(bed, ['app1', 'app2', 'app3']);
  bed.configure({ groups: [withState([1, 1, 1], 'app2', 'draining')] });
  const names = chosen(bed, 12);
  assert.equal([count(names, 'app1'), count(names, 'app2'), count(names, 'app3')], [6, 0, 6]);
  for (const flow of flows.values()) assertGoesOn(flow);
  const drained = flows.get('app2');
  drained?.close();
  assert.is(bed.stats('web1', 'api', 'app2').activeFlows, 0);
  // The client uses the port again: a new flow, which goes to a member that may have it.
  assert.is.not(only(drained?.send('S') ?? []).port, 'app2');
});

changes('a removed member keeps its flows too', () => {
  const bed = new DatapathBed({ groups: [group([1, 1])] });
  const flows = flowsOn(bed, ['app1', 'app2']);
  bed.configure({ groups: [group([1, 1], { members: members([1], { port: 8080 }) })] });
  assert.equal(new Set(chosen(bed, 10)), new Set(['app1']));
  for (const flow of flows.values()) assertGoesOn(flow);
});

changes('a group that is removed as a whole leaves its running flows running', () => {
  const bed = new DatapathBed({ groups: [group([1, 1])] });
  const flows = flowsOn(bed, ['app1', 'app2']);
  bed.configure({ groups: [] });
  for (const flow of flows.values()) assertGoesOn(flow);
  assert.not(
    newFlow(bed)
      .send('S')
      .some(({ port }) => port.startsWith('app')),
    'and takes no new ones',
  );
  bed.passSlowly(2 * SETTINGS.tcpEstablishedIdleMs, 60_000);
  assert.equal(bed.flows(), []);
  assert.is(bed.tables.endpoints.inUse, 0, 'the last flow gives the last address back');
});

changes('a new member takes part from the next flow on', () => {
  const bed = new DatapathBed({ groups: [group([1, 1])] });
  flowsOn(bed, ['app1', 'app2']);
  bed.configure({ groups: [group([1, 1, 2])] });
  assert.is(count(chosen(bed, 8), 'app3'), 4);
});

function fail(bed: DatapathBed, name: string, weights: readonly number[]): void {
  bed.configure({ groups: [withState(weights, name, 'failed')] });
  bed.datapath.purge([bed.maker.memberId('api', name)], 'all', bed.nowMs);
}

changes('a failed member is out at once: no new flows, and its records are gone with the next packet', () => {
  const bed = new DatapathBed({ groups: [group([1, 1])] });
  const flows = flowsOn(bed, ['app1', 'app2']);
  bed.pass(10);
  fail(bed, 'app1', [1, 1]);
  // Before any sweep: the client hears at once that its connection is no more.
  assert.is(
    describe(flows.get('app1')?.send('AP') ?? []),
    `web1: tcp ${VIP}:80 > 10.1.0.11:${flows.get('app1')?.ends.clientPort} R`,
  );
  assert.equal(new Set(chosen(bed, 6)), new Set(['app2']));
  const other = flows.get('app2');
  assert.ok(other);
  assertGoesOn(other);
  bed.pass(10);
  assert.not(bed.flows().some(({ member }) => member.startsWith('10.1.0.21')));
});

changes('a SYN that meets the record of a failed member goes to another one', () => {
  const bed = new DatapathBed({ groups: [group([1, 1])] });
  const flow = flowsOn(bed, ['app1']).get('app1');
  bed.pass(10);
  fail(bed, 'app1', [1, 1]);
  assert.is(only(flow?.send('S') ?? []).port, 'app2');
});

changes('a UDP flow of a failed member moves with its next packet', () => {
  const bed = new DatapathBed({ groups: [group([1, 1])] });
  const flow = new UdpConversation(bed, { port: 'web1', clientPort: 9_000, vip: VIP, vipPort: 53 });
  flow.send();
  const was = flow.member.port;
  bed.pass(10);
  fail(bed, was, [1, 1]);
  flow.send();
  assert.is.not(flow.member.port, was);
  assert.is(describe(flow.reply()), `web1: udp ${VIP}:53 > 10.1.0.11:9000`);
});

changes('a purge is done within few batches, however many records there are, and takes no others', () => {
  const bed = new DatapathBed({ groups: [group([1, 1])], limits: { maxConnections: 16_384 } });
  for (let i = 0; i < 9_000; i++) {
    const frame = tcpFrame(bed.way('web1', VIP), { sourcePort: 1 + i, destinationPort: 80, flags: 'S' });
    bed.send('web1', frame);
  }
  bed.pass(10);
  fail(bed, 'app1', [1, 1]);
  const before = bed.tables.connections.inUse;
  assert.is(before, 9_000);
  for (let batch = 0; batch < 4; batch++) bed.pass(1);
  assert.is(bed.tables.connections.inUse, 4_500);
  assert.is(bed.stats('web1', 'api', 'app1').activeFlows, 0);
  assert.is(bed.stats('web1', 'api', 'app2').activeFlows, 4_500);
});

changes(
  'a member that fails and is removed before the purge is done: still none of its records stays',
  () => {
    const bed = new DatapathBed({ groups: [group([1, 1])], limits: { maxConnections: 16_384 } });
    const flows = flowsOn(bed, ['app1', 'app2']);
    bed.pass(10);
    fail(bed, 'app1', [1, 1]);
    // What removal alone asks for: TCP flows may run on, datagrams move.
    const member = bed.maker.memberId('api', 'app1');
    bed.datapath.purge([member], 'datagrams', bed.nowMs);
    assert.match(describe(flows.get('app1')?.send('AP') ?? []), / R$/);
    bed.pass(10);
    assert.not(bed.flows().some(({ member }) => member.startsWith('10.1.0.21')));
  },
);

changes(
  'a purge reaches every record, wherever the ageing hand stands and though new flows come meanwhile',
  () => {
    for (let handMs = 0; handMs <= 8_000; handMs += 1_000) {
      const bed = new DatapathBed({ groups: [group([1, 1])] });
      for (let i = 0; i < 8; i++) newFlow(bed).open();
      bed.pass(handMs);
      bed.nowMs += 1;
      fail(bed, 'app1', [1, 1]);
      bed.nowMs += 1;
      for (let i = 0; i < 3; i++) newFlow(bed).open();
      bed.pass(1);
      const left = bed.flows().filter(({ member }) => member.startsWith('10.1.0.21')).length;
      assert.is(
        left,
        0,
        `${left} records of the failed member are left, the hand was ${handMs} ms on its way`,
      );
    }
  },
);

changes('a removed member keeps its TCP flows, its datagrams move on', () => {
  const bed = new DatapathBed({ groups: [group([1, 1])] });
  const flow = flowsOn(bed, ['app1']).get('app1');
  const datagrams = Array.from({ length: 2 }, (_, i) => {
    const udp = new UdpConversation(bed, { port: 'web1', clientPort: 9_000 + i, vip: VIP, vipPort: 53 });
    udp.send();
    return udp;
  }).find((udp) => udp.member.port === 'app1');
  bed.pass(10);
  bed.configure({ groups: [group([], { members: members([1, 1], { port: 8080 }).slice(1) })] });
  const member = bed.maker.memberId('api', 'app1');
  bed.datapath.purge([member], 'datagrams', bed.nowMs);
  assert.is(only(datagrams?.send() ?? []).port, 'app2');
  assert.ok(flow);
  assertGoesOn(flow);
});

changes('fail-fast: clients of a failed member are asked, and answer into a reset; a few per batch', () => {
  for (const family of [4, 6] as const) {
    const vip = family === 4 ? VIP : 'fd00:1::64';
    const api = { name: 'api', vip, members: members([1], { family }) };
    const bed = new DatapathBed({ groups: [api], settings: { ...SETTINGS, failFast: true } });
    const flows = Array.from({ length: 300 }, (_, i) =>
      new TcpConversation(bed, { port: 'web1', clientPort: 1 + i, vip, vipPort: 80 }).open(),
    );
    bed.pass(10);
    bed.datapath.purge([bed.maker.memberId('api', 'app1')], 'all', bed.nowMs);
    const told: string[] = [];
    for (let batch = 0; batch < 5; batch++) {
      const sent = bed.pass(1);
      assert.ok(sent.length <= 128, `${sent.length} clients told in one batch`);
      for (const { port, frame } of sent) {
        assert.is(port, 'web1');
        assert.is(frame.packet?.from, vip);
        assert.is(frame.packet?.tcp?.flags, 'A');
        told.push(`${frame.packet?.tcp?.destinationPort}`);
      }
    }
    assert.is(new Set(told).size, flows.length);
    const answer = flows[7].send('A', { sequence: 4_000, acknowledgment: 9_000 });
    const { tcp } = only(answer).frame.packet ?? {};
    assert.equal([tcp?.flags, tcp?.sequence], ['R', 9_000], 'exactly what the client expects next');
    assert.equal(bed.flows(), []);
  }
});

changes('a member that is back after its failure keeps the flows that it gets from then on', () => {
  const bed = new DatapathBed({ groups: [group([1])] });
  newFlow(bed).open();
  bed.pass(10);
  fail(bed, 'app1', [1]);
  bed.nowMs += 5;
  bed.configure({ groups: [group([1])] });
  const flow = newFlow(bed).open();
  bed.pass(1);
  assertGoesOn(flow);
  assert.is(bed.flows().length, 1);
});

changes('a port that goes takes its own records along, and no others', () => {
  const bed = new DatapathBed({ groups: [group([1])] });
  newFlow(bed).open();
  const other = new TcpConversation(bed, { port: 'web2', clientPort: 7, vip: VIP, vipPort: 80 }).open();
  bed.datapath.portGone(bed.maker.portId('web1'));
  assert.equal(
    bed.flows().map(({ port }) => port),
    ['web2'],
  );
  assert.is(only(other.send('A')).port, 'app1');
  const dead = tcpFrame(bed.way('web1', VIP), { sourcePort: 1, destinationPort: 80, flags: 'S' });
  assert.equal(bed.send('web1', dead), []);
  assert.equal(bed.counters('web1').drops, { 'port-down': 1 });
});

const NOON = Date.parse('2026-12-01T12:00:00Z');

periods('the switch is seamless: flows that run stay, new ones follow the period', () => {
  const bed = new DatapathBed({
    wallMs: NOON - 10_000,
    groups: [
      {
        name: 'night',
        vip: VIP,
        criteria: [
          { untilMs: NOON, members: [{ name: 'app1', address: '10.1.0.21' }] },
          { fromMs: NOON, members: [{ name: 'app2', address: '10.1.0.22' }] },
        ],
      },
    ],
  });
  const early = newFlow(bed).open();
  assert.is(early.member.port, 'app1');
  bed.pass(9_999);
  assert.equal(chosen(bed, 3), ['app1', 'app1', 'app1'], 'the last millisecond');
  bed.pass(1);
  assert.equal(chosen(bed, 3), ['app2', 'app2', 'app2'], 'the first one');
  assert.is(only(early.send('AP')).port, 'app1');
  assert.is(describe(early.reply('AP')), `web1: tcp ${VIP}:80 > 10.1.0.11:${early.ends.clientPort} PA`);
  assert.equal(
    bed.flows().map(({ criteria }) => criteria),
    [0, 0, 0, 0, 1, 1, 1],
    'every record knows the set that decided it',
  );
});

periods('each period has its own exact cycle, which goes on when the period returns', () => {
  const both = (weights: readonly number[]) => members(weights);
  const bed = new DatapathBed({
    wallMs: NOON,
    groups: [
      {
        name: 'day',
        vip: VIP,
        criteria: [
          { fromMs: NOON, untilMs: NOON + 1_000, members: both([3, 1]) },
          { fromMs: NOON + 1_000, members: both([1, 4]) },
        ],
      },
    ],
  });
  const first = chosen(bed, 8);
  assert.equal([count(first, 'app1'), count(first, 'app2')], [6, 2]);
  const begun = chosen(bed, 2);
  bed.pass(1_000);
  const second = chosen(bed, 10);
  assert.equal([count(second, 'app1'), count(second, 'app2')], [2, 8]);
  bed.wallMs = NOON;
  const rest = [...begun, ...chosen(bed, 2)];
  assert.equal([count(rest, 'app1'), count(rest, 'app2')], [3, 1]);
});

periods('a ramp: weight moves from one member to the other, period by period', () => {
  const steps = [
    [4, 0],
    [3, 1],
    [2, 2],
    [1, 3],
    [0, 4],
  ];
  const criteria = steps.map((weights, i) => ({
    fromMs: i === 0 ? undefined : NOON + i * 1_000,
    untilMs: i === steps.length - 1 ? undefined : NOON + (i + 1) * 1_000,
    members: members(weights),
  }));
  const bed = new DatapathBed({ wallMs: NOON, groups: [{ name: 'ramp', vip: VIP, criteria }] });
  for (const weights of steps) {
    const names = chosen(bed, 4);
    assert.equal([count(names, 'app1'), count(names, 'app2')], weights);
    bed.pass(1_000);
  }
});

periods('between two periods there is nobody: new flows are refused, running ones go on', () => {
  const only1 = members([1]);
  const bed = new DatapathBed({
    wallMs: NOON,
    groups: [
      {
        name: 'gap',
        vip: VIP,
        criteria: [
          { untilMs: NOON + 1_000, members: only1 },
          { fromMs: NOON + 2_000, members: only1 },
        ],
      },
    ],
  });
  const flow = newFlow(bed).open();
  bed.pass(1_000);
  const refused = newFlow(bed);
  assert.is(describe(refused.send('S')), `web1: tcp ${VIP}:80 > 10.1.0.11:${refused.ends.clientPort} RA`);
  assert.is(only(flow.send('AP')).port, 'app1');
  bed.pass(1_000);
  assert.equal(chosen(bed, 1), ['app1']);
});

changes.run();
periods.run();
