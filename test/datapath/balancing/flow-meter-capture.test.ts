/**
 * The flow meter before an independent judge: real kernels' traffic, recorded where a load balancer would stand
 * (test/captures/measure.py: delay, loss, closed windows, refusals, silence, reordering, DNS), goes through the datapath
 * at the times at which it was recorded; tshark analyses the same frames. Counts must be equal, times too, to a
 * microsecond per smoothing.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MemberStats } from '../../../src/tables/stat-table.ts';
import { macBytes } from '../../support/addresses.ts';
import { DatapathBed } from '../../support/datapath-bed.ts';
import {
  CLIENT,
  type Judged,
  judgedFrames,
  MEMBER,
  memberPort,
  recordedFrames,
  TCP_PORTS,
  VIP,
} from './measured-capture.ts';

const test = suite('flow meter: a real capture, judged by tshark');

const START_MS = 1_000;
/** Some seconds before the clock of the meter has no more bits, signed and unsigned. */
const BEFORE_OVERFLOW_MS = [2 ** 31 / 1_000 - 3_000, 2 ** 32 / 1_000 - 3_000];
const NO_VNET = new Uint8Array(12);
/** After this the longest timer has ended every flow of the capture. */
const END_MS = 8_000_000;

const groupOf = (vipPort: number): string => `port-${vipPort}`;

function replayed(frames: ReturnType<typeof recordedFrames>, startMs: number): DatapathBed {
  const bed = new DatapathBed({
    nowMs: startMs,
    groups: [...TCP_PORTS, 53].map((port) => ({
      name: groupOf(port),
      vip: VIP,
      protocol: port === 53 ? 'udp' : 'tcp',
      port,
      members: [{ name: 'db1', address: MEMBER, port: memberPort(port) }],
    })),
  });
  const startWallMs = bed.wallMs;
  for (const { from, bytes, atMicros } of frames) {
    const isClient = from === 'client';
    const way = isClient ? bed.way('web1', VIP) : bed.way('db1', CLIENT);
    bytes.set([...macBytes(way.toMac), ...macBytes(way.fromMac)]);
    bed.nowMs = startMs + atMicros / 1_000;
    bed.wallMs = startWallMs + atMicros / 1_000;
    // The bed judges what comes out: headers, checksums, counters.
    const sent = bed.send(isClient ? 'web1' : 'db1', { bytes, vnet: NO_VNET });
    assert.equal(
      sent.map(({ port }) => port),
      [isClient ? 'db1' : 'web1'],
    );
  }
  bed.passSlowly(END_MS, 10_000);
  return bed;
}

const frames = recordedFrames();
let bed: DatapathBed;
let judged: Judged[];
test.before(async () => {
  judged = await judgedFrames(frames);
  bed = replayed(frames, START_MS);
});

const statsOf = (vipPort: number): MemberStats => bed.stats('web1', groupOf(vipPort), 'db1');
const of = (vipPort: number): Judged[] => judged.filter((one) => one.vipPort === vipPort);
const fromClient = (list: readonly Judged[]): Judged[] => list.filter((one) => one.isFromClient);
const fromMember = (list: readonly Judged[]): Judged[] => list.filter((one) => !one.isFromClient);
const sum = (list: readonly number[]): number => list.reduce((total, one) => total + one, 0);
const streams = (list: readonly Judged[]): Judged[][] =>
  [...new Set(list.map(({ stream }) => stream))].map((number) =>
    list.filter(({ stream }) => stream === number),
  );
const isAnswer = (one: Judged): boolean => !one.isFromClient && one.isSyn && one.hasAck;

/** RFC 6298: 7/8 old, 1/8 new. */
const smoothed = (samples: readonly number[]): number =>
  samples.length === 0 ? 0 : samples.reduce((was, now) => was + (now - was) / 8);

function assertNear(found: number, expected: number, what: string): void {
  assert.ok(Math.abs(found - expected) <= 1, `${what}: found ${found}, expected ${expected} ± 1`);
}

test('the capture holds what it is for, and every flow of it has ended', () => {
  const count = (port: number, what: (one: Judged) => boolean): number => of(port).filter(what).length;
  const isAgain = (one: Judged): boolean => one.isRetransmission || one.isOutOfOrder;
  assert.ok(count(7102, isAgain) >= 5, 'segments that are lost behind the load balancer');
  assert.ok(count(7103, isAgain) >= 5, 'and before it');
  assert.ok(count(7104, (one) => one.isZeroWindow) >= 5, 'closed windows');
  assert.ok(count(7108, (one) => one.isOutOfOrder) >= 5, 'segments that were overtaken');
  assert.equal(bed.flows(), []);
});

for (const port of [...TCP_PORTS, 53]) {
  test(`port ${port}: packets and bytes, each way`, () => {
    const { packets, bytes, replyPackets, replyBytes } = statsOf(port);
    const client = fromClient(of(port));
    const member = fromMember(of(port));
    assert.equal([packets, bytes], [client.length, sum(client.map(({ length }) => length))]);
    assert.equal([replyPackets, replyBytes], [member.length, sum(member.map(({ length }) => length))]);
  });
}

for (const port of TCP_PORTS) {
  test(`port ${port}: handshakes, answered and failed, and their time`, () => {
    const opened = streams(of(port));
    const answered = opened.filter((stream) => stream.some(isAnswer));
    const { connects, failedConnects, synTimeMicros } = statsOf(port);
    assert.equal([connects, failedConnects], [answered.length, opened.length - answered.length]);
    const times = answered.map((stream) => {
      const first = stream.find((one) => one.isSyn)!;
      const answer = stream.find(isAnswer)!;
      // tshark's time is that of the last SYN before the answer: the same one, unless it was sent again.
      const isRepeated = stream.some((one) => one.isSyn && one.isFromClient && one.isRetransmission);
      if (!isRepeated) assert.is(answer.ackMicros, answer.atMicros - first.atMicros);
      return answer.atMicros - first.atMicros;
    });
    assertNear(synTimeMicros, smoothed(times), 'time of handshakes');
  });

  test(`port ${port}: what is sent again, or too late`, () => {
    const again = of(port).filter((one) => (one.isRetransmission || one.isOutOfOrder) && !one.isProbe);
    assert.is(statsOf(port).retransmissions, again.length);
  });

  test(`port ${port}: closed windows, and the size of open ones`, () => {
    const said = streams(fromMember(of(port))).map((stream) =>
      stream.filter((one) => one.hasAck && !one.isSyn && !one.isFin && !one.isReset),
    );
    // One closing is one, however often it is told.
    const closings = said.map(
      (stream) => stream.filter((one, i) => one.isZeroWindow && !stream[i - 1]?.isZeroWindow).length,
    );
    const { zeroWindows, windowBytes } = statsOf(port);
    assert.is(zeroWindows, sum(closings));
    const sizes = said.flat().filter(({ windowBytes: bytes }) => bytes > 0);
    const inOrder = sizes.sort((a, b) => a.frame - b.frame).map((one) => one.windowBytes);
    assertNear(windowBytes, smoothed(inOrder), 'window');
  });

  test(`port ${port}: the smoothed round trip, of one segment at a time`, () => {
    const samples = streams(of(port)).flatMap(roundTrips);
    const inOrder = samples.sort((a, b) => a.frame - b.frame).map(({ micros }) => micros);
    assertNear(statsOf(port).rttMicros, smoothed(inOrder), `round trip, ${inOrder.length} samples`);
  });
}

/**
 * What a naive reader of tshark's analysis measures: the first segment that the client has sent since the last
 * measurement, up to the frame that acknowledges it or a later one; given up when something is sent again.
 */
function roundTrips(stream: readonly Judged[]): { frame: number; micros: number }[] {
  const samples: { frame: number; micros: number }[] = [];
  let pending: Judged | undefined;
  for (const one of stream) {
    if (one.isReset) continue;
    if (one.isFromClient) {
      const isNews = !(one.isRetransmission || one.isOutOfOrder || one.isProbe);
      if (!isNews && !one.isProbe && !one.isSyn) pending = undefined;
      if (isNews && (one.payloadBytes > 0 || one.isSyn || one.isFin)) pending ??= one;
    } else if (pending !== undefined && one.acksFrame !== undefined && one.acksFrame >= pending.frame) {
      // Of a single segment the time is tshark's own.
      const own = one.acksFrame === pending.frame ? one.ackMicros! : one.atMicros - pending.atMicros;
      if (!isAnswer(one)) samples.push({ frame: one.frame, micros: own });
      pending = undefined;
    }
  }
  return samples;
}

test('single requests: every round trip is one that tshark has, too', () => {
  const acknowledged = fromMember(of(7101)).filter((one) => !one.isSyn && one.ackMicros !== undefined);
  assert.ok(acknowledged.length >= 24, `${acknowledged.length} round trips`);
  assertNear(
    statsOf(7101).rttMicros,
    smoothed(acknowledged.map(({ ackMicros }) => ackMicros!)),
    'round trip',
  );
});

test('DNS: how many questions were answered, and how soon', () => {
  const answered = new Map<number, number>();
  for (const { dnsId, answerMicros } of fromMember(of(53))) {
    if (answerMicros !== undefined && !answered.has(dnsId!)) answered.set(dnsId!, answerMicros);
  }
  const { requests, requestTimeMicros } = statsOf(53);
  assert.ok(answered.size >= 20, `${answered.size} questions`);
  assert.is(requests, answered.size);
  assertNear(requestTimeMicros, smoothed([...answered.values()]), 'time of requests');
});

test('when the clock begins is all the same, also where it wraps', () => {
  for (const startMs of BEFORE_OVERFLOW_MS) {
    const other = replayed(frames, startMs);
    for (const port of [...TCP_PORTS, 53]) {
      assert.equal(other.stats('web1', groupOf(port), 'db1'), statsOf(port), `port ${port}`);
    }
  }
});

test.run();
