/** Measuring as packets pass: handshakes, round trips, losses, windows, requests; against a naive twin too. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MemberStats } from '../../../src/tables/stat-table.ts';
import { TcpConversation, UdpConversation } from '../../support/conversation.ts';
import { type BedOptions, DatapathBed } from '../../support/datapath-bed.ts';
import { Random, runs, seed } from '../../support/seed.ts';
import { members } from '../../support/topology.ts';

const VIP = '10.1.0.100';
const bedOf = (options: BedOptions = {}): DatapathBed =>
  new DatapathBed({ groups: [{ name: 'web', vip: VIP, members: members([1]) }], ...options });
const statsOf = (bed: DatapathBed): MemberStats => bed.stats('web1', 'web', 'app1');
const tcpOf = (bed: DatapathBed, clientPort = 40_000): TcpConversation =>
  new TcpConversation(bed, { port: 'web1', clientPort, vip: VIP, vipPort: 80 });
const wait = (bed: DatapathBed, ms: number): void => {
  bed.nowMs += ms;
};
const bytes = (length: number): Uint8Array => new Uint8Array(length);

const test = suite(`flow meter (SLUICE_TEST_SEED=${seed})`);

test('the time of a handshake is from the first SYN to the SYN/ACK; later ones are smoothed in', () => {
  const bed = bedOf();
  const first = tcpOf(bed);
  first.send('S', { sequence: 100 });
  wait(bed, 8);
  first.reply('SA', { sequence: 300, acknowledgment: 101 });
  assert.is(statsOf(bed).connects, 1);
  assert.is(statsOf(bed).synTimeMicros, 8_000);

  const second = tcpOf(bed, 40_001);
  second.send('S', { sequence: 100 });
  wait(bed, 10);
  second.send('S', { sequence: 100 });
  wait(bed, 6);
  second.reply('SA', { sequence: 300, acknowledgment: 101 });
  const { connects, synTimeMicros, retransmissions, rttMicros } = statsOf(bed);
  assert.equal({ connects, synTimeMicros }, { connects: 2, synTimeMicros: 8_000 + (16_000 - 8_000) / 8 });
  assert.equal({ retransmissions, rttMicros }, { retransmissions: 1, rttMicros: 0 });
});

test('a handshake has failed if the member refuses it, or never answers', () => {
  const bed = bedOf();
  const refused = tcpOf(bed);
  refused.send('S', { sequence: 100 });
  refused.reply('RA', { acknowledgment: 101 });
  assert.is(statsOf(bed).failedConnects, 1);
  tcpOf(bed, 40_001).send('S', { sequence: 100 });
  const opened = tcpOf(bed, 40_002).open();
  opened.reply('RA', { sequence: 301, acknowledgment: 101 });
  bed.passSlowly(300_000);
  assert.is(bed.flows().length, 0);
  const { failedConnects, connects } = statsOf(bed);
  assert.equal({ failedConnects, connects }, { failedConnects: 2, connects: 1 });
});

test('a round trip ends with the acknowledgment that covers the data', () => {
  const bed = bedOf();
  const flow = tcpOf(bed).open();
  flow.send('PA', { sequence: 101, acknowledgment: 301, payload: bytes(50) });
  wait(bed, 2);
  flow.send('PA', { sequence: 151, acknowledgment: 301, payload: bytes(50) });
  flow.reply('A', { sequence: 301, acknowledgment: 120 });
  assert.is(statsOf(bed).rttMicros, 0, 'not covered yet');
  wait(bed, 3);
  flow.reply('A', { sequence: 301, acknowledgment: 151 });
  assert.is(statsOf(bed).rttMicros, 5_000);
  assert.is(statsOf(bed).retransmissions, 0);
});

test('what is sent again is counted, from either side, and its round trip is not believed', () => {
  const bed = bedOf();
  const flow = tcpOf(bed).open();
  const data = { sequence: 101, acknowledgment: 301, payload: bytes(50) };
  flow.send('PA', data);
  wait(bed, 200);
  flow.send('PA', data);
  flow.reply('A', { sequence: 301, acknowledgment: 151 });
  assert.equal([statsOf(bed).retransmissions, statsOf(bed).rttMicros], [1, 0]);
  for (let i = 0; i < 3; i++) flow.reply('PA', { sequence: 301, acknowledgment: 151, payload: bytes(10) });
  assert.is(statsOf(bed).retransmissions, 3);
});

test('probes of a keep-alive and of a closed window are no losses', () => {
  const bed = bedOf();
  const flow = tcpOf(bed).open();
  flow.send('PA', { sequence: 101, acknowledgment: 301, payload: bytes(50) });
  for (let i = 0; i < 3; i++) {
    flow.send('A', { sequence: 150, acknowledgment: 301, payload: bytes(1) });
    flow.send('A', { sequence: 150, acknowledgment: 301 });
    flow.reply('A', { sequence: 300, acknowledgment: 151 });
    flow.reply('A', { sequence: 300, acknowledgment: 151, payload: bytes(1) });
  }
  assert.is(statsOf(bed).retransmissions, 0);
});

test('windows are scaled if both ends offer it; a window counts as closed once, until it opens', () => {
  const scale = (shift: number): Uint8Array => Uint8Array.from([1, 3, 3, shift]);
  const cases = [
    { client: scale(7), member: scale(5), window: 1_000 << 5 },
    { client: scale(7), member: undefined, window: 1_000 },
    { client: undefined, member: scale(5), window: 1_000 },
    { client: scale(7), member: scale(200), window: 1_000 << 14 },
  ];
  for (const { client, member, window } of cases) {
    const bed = bedOf();
    const flow = tcpOf(bed);
    flow.send('S', { sequence: 100, options: client });
    flow.reply('SA', { sequence: 300, acknowledgment: 101, options: member, window: 5 });
    flow.send('A', { sequence: 101, acknowledgment: 301 });
    flow.reply('A', { sequence: 301, acknowledgment: 101, window: 1_000 });
    assert.is(statsOf(bed).windowBytes, window);
    for (const size of [0, 0, 1_000, 0, 1_000])
      flow.reply('A', { sequence: 301, acknowledgment: 101, window: size });
    assert.is(statsOf(bed).zeroWindows, 2);
    assert.is(statsOf(bed).windowBytes, window, 'a closed window is counted, not averaged');
  }
});

test('the time of a request is from the first datagram to the next one back', () => {
  const bed = bedOf();
  const flow = new UdpConversation(bed, { port: 'web1', clientPort: 5_000, vip: VIP, vipPort: 53 });
  flow.send();
  wait(bed, 4);
  flow.send();
  flow.reply();
  flow.reply();
  assert.equal([statsOf(bed).requests, statsOf(bed).requestTimeMicros], [1, 4_000]);
});

test('beyond the budget of a millisecond only handshakes are looked at, and the next one is measured again', () => {
  const bed = bedOf();
  const flow = tcpOf(bed).open();
  wait(bed, 1);
  for (let i = 0; i < 500; i++) flow.send('A', { sequence: 101, acknowledgment: 301, payload: bytes(1_000) });
  const counted = statsOf(bed).retransmissions;
  assert.ok(counted > 50 && counted < 400, `${counted} of 499 retransmissions counted`);
  tcpOf(bed, 40_001).open();
  assert.is(statsOf(bed).connects, 2);
  wait(bed, 1);
  flow.send('A', { sequence: 101, acknowledgment: 301, payload: bytes(1_000) });
  assert.is(statsOf(bed).retransmissions, counted + 1);
});

/** What a budget of 0 leaves: the counters of stat-table.ts that are not the meter's. */
const unmeasured: Partial<MemberStats> = {
  connects: 0,
  failedConnects: 0,
  synTimeMicros: 0,
  rttMicros: 0,
  retransmissions: 0,
  zeroWindows: 0,
  windowBytes: 0,
  requests: 0,
  requestTimeMicros: 0,
};

test('without a budget nothing is measured, handshakes neither, while the counters run', () => {
  for (const meterPacketsPerMs of [64, 0]) {
    const bed = bedOf({ meterPacketsPerMs });
    const flow = tcpOf(bed);
    flow.send('S', { sequence: 100 });
    wait(bed, 8);
    flow.reply('SA', { sequence: 300, acknowledgment: 101 });
    flow.send('A', { sequence: 101, acknowledgment: 301 });
    for (let i = 0; i < 2; i++) {
      flow.send('PA', { sequence: 101 + 50 * i, acknowledgment: 301, payload: bytes(50) });
      wait(bed, 2);
      flow.reply('A', { sequence: 301, acknowledgment: 151 + 50 * i, window: 1_000 * i });
    }
    flow.send('PA', { sequence: 101, acknowledgment: 301, payload: bytes(50) });
    const refused = tcpOf(bed, 40_001);
    refused.send('S', { sequence: 100 });
    refused.reply('RA', { acknowledgment: 101 });
    tcpOf(bed, 40_002).send('S', { sequence: 100 });
    bed.passSlowly(300_000);
    const datagrams = new UdpConversation(bed, { port: 'web1', clientPort: 5_000, vip: VIP, vipPort: 53 });
    datagrams.send();
    wait(bed, 4);
    datagrams.reply();

    const { packets, replyPackets, newFlows, resets } = statsOf(bed);
    assert.equal(
      { packets, replyPackets, newFlows, resets },
      { packets: 8, replyPackets: 5, newFlows: 4, resets: 1 },
    );
    for (const [name, nothing] of Object.entries(unmeasured) as [keyof MemberStats, number][]) {
      const found = statsOf(bed)[name];
      if (meterPacketsPerMs === 0) assert.is(found, nothing, name);
      else assert.ok(found > 0, `${name} of this traffic is measured with a budget`);
    }
  }
});

/** The twin: one flow as a list of what was sent, with numbers that do not wrap. */
class Twin {
  retransmissions = 0;
  rtts: number[] = [];
  private readonly sent: { readonly end: number; readonly from: 'client' | 'member' }[] = [];
  private pair: { readonly end: number; readonly atMs: number } | undefined;

  segment(from: 'client' | 'member', sequence: number, length: number, nowMs: number): void {
    if (length === 0) return;
    const end = sequence + length;
    const before = this.sent.filter((one) => one.from === from).map((one) => one.end);
    const isNew = before.every((one) => one < end);
    const isProbe = !isNew && length === 1 && end >= Math.max(...before) - 1;
    this.sent.push({ end, from });
    if (isNew && from === 'client') this.pair ??= { end, atMs: nowMs };
    if (isNew || isProbe) return;
    this.retransmissions++;
    if (from === 'client') this.pair = undefined;
  }

  acknowledged(upTo: number, nowMs: number): void {
    if (this.pair === undefined || upTo < this.pair.end) return;
    this.rtts.push(nowMs - this.pair.atMs);
    this.pair = undefined;
  }

  /** RFC 6298's smoothing. */
  get smoothedMicros(): number {
    const [first, ...rest] = this.rtts.map((ms) => ms * 1_000);
    if (first === undefined) return 0;
    const smooth = (smoothed: number, rtt: number): number => Math.max(1, smoothed + (rtt - smoothed) / 8);
    return Math.round(rest.reduce(smooth, Math.max(1, first)));
  }
}

test('any conversation is measured as the twin does it, also where sequence numbers wrap', () => {
  for (let run = 0; run < runs(40); run++) {
    const random = new Random(seed, run);
    const bed = bedOf();
    const flow = tcpOf(bed);
    const start = random.pick([100, 2 ** 32 - 300, 2 ** 31 - 300]);
    const wire = (sequence: number): number => (start + sequence) % 2 ** 32;
    flow.send('S', { sequence: wire(0) });
    flow.reply('SA', { sequence: wire(0), acknowledgment: wire(1) });
    flow.send('A', { sequence: wire(1), acknowledgment: wire(1) });
    const twin = new Twin();
    const next = { client: 1, member: 1 };
    let acknowledged = 1;
    for (let step = 0; step < 60; step++) {
      wait(bed, random.below(5));
      const from = random.pick(['client', 'member'] as const);
      const length = random.pick([0, 0, 1, 10, 100]);
      const back = random.chance(30) ? random.below(Math.min(next[from], 120)) : 0;
      const sequence = next[from] - back;
      next[from] = Math.max(next[from], sequence + length);
      const fields = { sequence: wire(sequence), payload: bytes(length) };
      twin.segment(from, sequence, length, bed.nowMs);
      if (from === 'client') flow.send('A', { ...fields, acknowledgment: wire(next.member) });
      else {
        acknowledged = random.between(acknowledged, next.client);
        twin.acknowledged(acknowledged, bed.nowMs);
        flow.reply('A', { ...fields, acknowledgment: wire(acknowledged) });
      }
    }
    const { retransmissions, rttMicros } = statsOf(bed);
    assert.is(retransmissions, twin.retransmissions, `seed ${seed}, run ${run}: retransmissions`);
    assert.is(rttMicros, twin.smoothedMicros, `seed ${seed}, run ${run}: smoothed round trip`);
  }
});

test.run();
