/** Lines and rows of captured packets. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packetLine, packetRow } from '../../src/capture/packet-lines.ts';
import type { CapturePacket } from '../../src/io/captures/capture.ts';
import { tcpFrame } from '../support/packets.ts';
import { Random, runs, seed } from '../support/seed.ts';

const test = suite('capture: lines');

const describe = (name: string) => ({ linkType: 1, snapLength: 262_144, fcsBytes: 0, name });

const SYN = tcpFrame(
  { fromMac: '02:00:00:00:01:0b', toMac: '02:53:00:00:00:01', from: '10.1.0.11', to: '10.1.0.100' },
  { sourcePort: 40_000, destinationPort: 80, flags: 'S', sequence: 7 },
).bytes;

const packet = (more: Partial<CapturePacket> = {}): CapturePacket => ({
  interfaceIndex: 0,
  time: { seconds: 1_796_139_682, nanoseconds: 608_939_968 },
  originalLength: SYN.length,
  bytes: SYN,
  fileOffset: 0,
  ...more,
});

/** Without the time of day, which is the machine's zone's. */
const lineOf = (name: string, more: Partial<CapturePacket>): string =>
  packetLine(packet(more), describe(name)).replace(/^\d\d:\d\d:\d\d\.608939 /, '');

test('a line says where the packet was, what it is and what became of it', () => {
  const text = 'IP 10.1.0.11.40000 > 10.1.0.100.80: Flags [S], seq 7, win 64240, length 0';
  assert.is(
    lineOf('web1:from-vm', { comment: 'verdict=delivered group=api member=app1', direction: 'in' }),
    `web1 from-vm ${text} (delivered, api app1)`,
  );
  assert.is(
    lineOf('web1:dropped', { comment: 'verdict=dropped reason=no-member group=api' }),
    `web1 dropped ${text} (dropped: no-member, api)`,
  );
  assert.is(lineOf('up0:uplink', { direction: 'out' }), `up0 uplink out ${text}`);
  assert.is(lineOf('web1:to-vm', { direction: 'out' }), `web1 to-vm ${text}`);
});

test('a row has the same as data, and the bytes', () => {
  const comment = 'verdict=dropped reason=no-member group=api';
  assert.equal(packetRow(packet({ comment, packetId: 5, direction: 'in' }), describe('web1:from-vm')), {
    time: '2026-12-01T15:41:22.608939968Z',
    packet: 5,
    port: 'web1',
    point: 'from-vm',
    direction: 'in',
    verdict: 'dropped',
    reason: 'no-member',
    group: 'api',
    member: null,
    length: SYN.length,
    capturedLength: SYN.length,
    text: 'IP 10.1.0.11.40000 > 10.1.0.100.80: Flags [S], seq 7, win 64240, length 0',
    bytes: Buffer.from(SYN).toString('hex'),
  });
});

test('bytes of any kind and length have a line', () => {
  const random = new Random(seed);
  for (let i = 0; i < runs(20_000); i++) {
    const bytes = random.chance(30) ? random.bytes(random.below(80)) : SYN.slice();
    for (let spoilt = random.below(4); spoilt > 0 && bytes.length > 0; spoilt--)
      bytes[random.below(bytes.length)] = random.word() & 0xff;
    if (bytes.length > 14 && random.chance(50))
      bytes.set(
        random.pick([
          [0x08, 0x00],
          [0x86, 0xdd],
          [0x08, 0x06],
          [0x81, 0x00],
        ]),
        12,
      );
    const cut = bytes.slice(0, random.chance(50) ? random.below(bytes.length + 1) : bytes.length);
    const line = packetLine(packet({ bytes: cut, originalLength: bytes.length }), describe('web1:from-vm'));
    assert.is(line.includes('\n'), false, line);
  }
});

test.run();
