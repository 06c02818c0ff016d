/**
 * Resets and FINs are believed within what both sides have sent and acknowledged. The scenes of netfilter's packetdrill scripts
 * (tools/testing/selftests/net/netfilter/packetdrill) are here as conversations through a VIP, and blind attackers.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpConversation } from '../../support/conversation.ts';
import { type BedOptions, DatapathBed, describe } from '../../support/datapath-bed.ts';
import { Random, seed } from '../../support/seed.ts';
import { members, SETTINGS } from '../../support/topology.ts';

const scenes = suite('sequence numbers: scenes of netfilter');
const blind = suite('sequence numbers: a blind attacker');

const VIP = '10.1.0.100';
const GROUP = { name: 'api', vip: VIP, members: members([1], { port: 8080 }) };
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(0x61);

const bedOf = (more: Partial<BedOptions> = {}): DatapathBed => new DatapathBed({ groups: [GROUP], ...more });
const flowOf = (bed: DatapathBed, clientPort = 40_000): TcpConversation =>
  new TcpConversation(bed, { port: 'web1', clientPort, vip: VIP, vipPort: 80 });
const stateOf = (bed: DatapathBed): string =>
  bed
    .flows()
    .map(({ state }) => state)
    .join(' ');

scenes('inexact_rst: a reset inside the window, but not exact, leaves an established flow as it was', () => {
  const bed = bedOf();
  const flow = flowOf(bed).open();
  const { next } = flow.server;
  assert.is(describe(flow.reply('R', { sequence: next + 10 })), `web1: tcp ${VIP}:80 > 10.1.0.11:40000 R`);
  assert.is(stateOf(bed), 'established');
  // The client asks back, and the member's exact reset ends the flow.
  flow.send('A');
  flow.reply('R', { sequence: next });
  assert.is(stateOf(bed), 'reset-by-member');
});

scenes('rst_invalid: a reset out of the window changes nothing, the exact one ends the flow', () => {
  for (const side of ['client', 'server'] as const) {
    const bed = bedOf();
    const flow = flowOf(bed).open();
    const { next } = flow[side];
    const send = side === 'client' ? flow.send.bind(flow) : flow.reply.bind(flow);
    for (const sequence of [0, next - 1, next + 70_000, (next + 2 ** 31) % 2 ** 32]) send('R', { sequence });
    assert.is(stateOf(bed), 'established');
    assert.is(bed.stats('web1', 'api', 'app1').resets, 0);
    send('R', { sequence: next });
    assert.match(stateOf(bed), /^reset-by/);
    assert.is(bed.stats('web1', 'api', 'app1').resets, 1);
  }
});

scenes(
  'ack_loss_stall: data sent again, as their acknowledgments were lost, are translated and change nothing',
  () => {
    const bed = bedOf();
    const flow = flowOf(bed).open();
    flow.send('AP', { payload: bytes(500) });
    const again = { sequence: 101, acknowledgment: 301, payload: bytes(500) };
    for (let i = 0; i < 3; i++) assert.match(describe(flow.send('AP', again)), /^app1: tcp 10.1.0.11:40000/);
    flow.reply('A');
    flow.send('AP', { payload: bytes(100) });
    flow.reply('A');
    assert.is(stateOf(bed), 'established');
    flow.reply('R');
    assert.is(stateOf(bed), 'reset-by-member', 'the numbers have gone along');
  },
);

scenes(
  'syn_challenge_ack: a rebooted client uses its port again; challenge ACK, reset, and a new connection',
  () => {
    const bed = bedOf({ groups: [{ ...GROUP, members: members([1, 1]) }] });
    const flow = flowOf(bed).open();
    const first = flow.member.port;
    assert.match(describe(flow.send('S', { sequence: 900_000 })), /S$/);
    assert.is(stateOf(bed), 'established');
    assert.is(describe(flow.reply('A')), `web1: tcp ${VIP}:80 > 10.1.0.11:40000 A`, 'the challenge');
    // The client resets what the challenge acknowledges: the old connection.
    flow.send('R', { sequence: 101 });
    assert.is(stateOf(bed), 'reset-by-client');
    flow.send('S', { sequence: 900_000 });
    assert.is(stateOf(bed), 'syn-sent');
    assert.is.not(flow.member.port, first, 'it is a new flow');
  },
);

scenes('synack_reuse: the same with a challenge that comes late', () => {
  const bed = bedOf();
  const flow = flowOf(bed).open();
  flow.send('S', { sequence: 900_000 });
  flow.send('S', { sequence: 900_000 });
  flow.reply('A');
  flow.send('R', { sequence: 101 });
  flow.send('S', { sequence: 900_000 });
  flow.reply('SA', { sequence: 7_000, acknowledgment: 900_001 });
  assert.is(stateOf(bed), 'syn-received');
  flow.send('A', { sequence: 900_001, acknowledgment: 7_001 });
  assert.is(stateOf(bed), 'established');
});

scenes(
  'synack_old: an answer to a previous SYN opens nothing, and the reset that it provokes ends nothing',
  () => {
    const bed = bedOf();
    const flow = flowOf(bed);
    flow.send('S', { sequence: 5_000 });
    flow.reply('SA', { sequence: 300, acknowledgment: 1_234 });
    assert.is(stateOf(bed), 'syn-sent');
    flow.send('R', { sequence: 1_234 });
    assert.is(stateOf(bed), 'syn-sent');
    flow.send('S', { sequence: 5_000 });
    flow.reply('SA', { sequence: 800, acknowledgment: 5_001 });
    flow.send('A', { sequence: 5_001, acknowledgment: 801 });
    assert.is(stateOf(bed), 'established');
  },
);

scenes('a refusal must acknowledge the SYN (RFC 9293 §3.10.7.3)', () => {
  const bed = bedOf();
  const flow = flowOf(bed);
  flow.send('S', { sequence: 5_000 });
  flow.reply('R', { sequence: 5_001 });
  flow.reply('RA', { sequence: 0, acknowledgment: 77 });
  assert.is(stateOf(bed), 'syn-sent');
  flow.reply('RA', { sequence: 0, acknowledgment: 5_001 });
  assert.is(stateOf(bed), 'reset-by-member');
});

blind('resets and FINs of any number, in the member’s name, do not shorten an idle connection', () => {
  for (const flags of ['R', 'RA', 'FA', 'FPA', 'SA']) {
    const bed = bedOf();
    const flow = flowOf(bed).open();
    const random = new Random(seed, flags.length);
    for (let i = 0; i < 500; i++) {
      const sequence = random.word() >>> 0;
      const numbers = { sequence, acknowledgment: random.word() >>> 0 };
      // The numbers in use are hit with a probability of 10^-7 over all rounds: leave them out.
      if (Math.abs(sequence - flow.server.next) < 2) continue;
      flow.reply(flags, numbers);
    }
    assert.is(stateOf(bed), 'established', flags);
    bed.passSlowly(SETTINGS.tcpEstablishedIdleMs - 60_000, 60_000);
    assert.is(describe(flow.reply('PA', { payload: bytes(5) })), `web1: tcp ${VIP}:80 > 10.1.0.11:40000 PA`);
  }
});

blind('data in the member’s name do not prepare the ground for a reset', () => {
  const bed = bedOf({ meterPacketsPerMs: 10_000 });
  const flow = flowOf(bed).open();
  const random = new Random(seed, 2);
  for (let i = 0; i < 500; i++) {
    const sequence = random.word() >>> 0;
    const acknowledgment = random.word() >>> 0;
    if (acknowledgment === flow.client.next || Math.abs(sequence - flow.server.next) < 1_000) continue;
    flow.reply('PA', { sequence, acknowledgment, payload: bytes(10) });
    flow.reply('R', { sequence: (sequence + 10) % 2 ** 32 });
    assert.is(stateOf(bed), 'established');
  }
});

blind('where nothing is known, a reset is believed until the client goes on', () => {
  // One packet per millisecond is looked at: the handshake is, what follows is not.
  const bed = bedOf({ meterPacketsPerMs: 1 });
  const flow = flowOf(bed).open();
  for (let i = 0; i < 3; i++) flow.send('AP', { payload: bytes(10) });
  flow.reply('R', { sequence: 0x7777_7777 });
  assert.is(stateOf(bed), 'reset-by-member');
  flow.send('A');
  assert.is(stateOf(bed), 'established', 'the challenge ACK');
  flow.reply('FA', { sequence: 0x7777_7777, acknowledgment: 5 });
  assert.is(stateOf(bed), 'fin-member');
  flow.reply('PA', { payload: bytes(10) });
  assert.is(stateOf(bed), 'established', 'the member sends on: it was not its FIN');
});

blind('after a silence of the meter the numbers are learned anew from both sides', () => {
  const bed = bedOf({ meterPacketsPerMs: 4 });
  const flow = flowOf(bed).open();
  for (let i = 0; i < 20; i++) {
    flow.send('AP', { payload: bytes(1_000) });
    flow.reply('AP', { payload: bytes(2_000) });
  }
  bed.pass(5);
  flow.send('A');
  flow.reply('A');
  flow.reply('R', { sequence: flow.server.next + 5 });
  assert.is(stateOf(bed), 'established');
  flow.reply('R');
  assert.is(stateOf(bed), 'reset-by-member');
});

blind(
  'what a member sends after its record has expired reaches the client neither translated nor as it is',
  () => {
    const bed = bedOf();
    const flow = flowOf(bed).open();
    bed.passSlowly(SETTINGS.tcpEstablishedIdleMs + 9_000, 60_000);
    assert.equal(bed.flows(), []);
    assert.equal(flow.reply('PA', { payload: bytes(10) }), []);
    assert.is(bed.drops()['no-connection'], 1);
  },
);

scenes.run();
blind.run();
