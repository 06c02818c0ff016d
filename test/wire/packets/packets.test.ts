/** Composed packets are what the tests' own twin would make; their answers and their fields, too. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { composePacket, parseFlags } from '../../../src/wire/packets/compose.ts';
import { changesBetween, decodeFrame } from '../../../src/wire/packets/decode.ts';
import { replyTo } from '../../../src/wire/packets/reply.ts';
import { echoFrame, icmpFrame, tcpFrame, udpFrame } from '../../support/packets.ts';
import { parseFrame } from '../../support/parse-frame.ts';

const packets = suite('whole packets');

const WAYS = {
  4: { fromMac: '02:00:00:00:01:0b', toMac: '02:53:00:00:00:01', from: '10.1.0.11', to: '10.1.0.100' },
  6: { fromMac: '02:00:00:00:01:0b', toMac: '02:53:00:00:00:01', from: 'fd00:1::b', to: 'fd00:1::64' },
} as const;

const NO_OFFLOAD = new Uint8Array(12);

for (const family of [4, 6] as const) {
  const way = WAYS[family];
  const usual = {
    sourceMac: way.fromMac,
    destinationMac: way.toMac,
    source: way.from,
    destination: way.to,
    sourcePort: 40_000,
    destinationPort: 80,
    flags: parseFlags('S')!,
    ttl: 9,
    dscp: 46,
  };
  for (const protocol of ['tcp', 'udp', 'icmp'] as const) {
    packets(`IPv${family}, ${protocol}: composed with right checksums, and answered to the sender`, () => {
      const bytes = composePacket({ ...usual, protocol, vlan: 7, length: 120 });
      // parseFrame throws on any wrong length or checksum.
      const { packet } = parseFrame(bytes, NO_OFFLOAD);
      assert.is(packet?.from, way.from);
      assert.is(packet?.to, way.to);
      const decoded = decodeFrame(bytes);
      assert.equal([decoded.vlan, decoded.ip?.ttl, decoded.ip?.dscp, decoded.ip?.length], [[7], 9, 46, 120]);
      const reply = replyTo(bytes)!;
      const answered = parseFrame(reply, NO_OFFLOAD);
      assert.equal([answered.fromMac, answered.toMac], [way.toMac, way.fromMac]);
      assert.equal([answered.packet?.from, answered.packet?.to], [way.to, way.from]);
    });
  }

  packets(`IPv${family}: answers are those of a host`, () => {
    const ports = { sourcePort: 40_000, destinationPort: 80 };
    const flagsOf = (flags: string): string | undefined => {
      const reply = replyTo(tcpFrame(way, { ...ports, flags }).bytes);
      return reply && decodeFrame(reply).tcp?.flags;
    };
    assert.is(flagsOf('S'), 'S.');
    assert.is(flagsOf('A'), '.');
    assert.is(flagsOf('FA'), 'F.');
    assert.is(flagsOf('R'), undefined);
    const payload = Uint8Array.of(1, 2, 3);
    const datagram = parseFrame(replyTo(udpFrame(way, { ...ports, payload }).bytes)!, NO_OFFLOAD);
    assert.equal(datagram.packet?.udp?.sourcePort, 80);
    const echo = decodeFrame(replyTo(echoFrame(way, 77, 1).bytes)!);
    assert.equal(echo.icmp, { type: family === 4 ? 0 : 129, code: 0, identifier: 77 });
    assert.is(replyTo(icmpFrame(way, 3, 1, 0).bytes), undefined, 'nobody answers an error');
  });
}

packets('what is no whole packet gets no answer and does not throw, whatever its length', () => {
  const whole = composePacket({
    protocol: 'tcp',
    sourceMac: WAYS[4].fromMac,
    destinationMac: WAYS[4].toMac,
    source: WAYS[4].from,
    destination: WAYS[4].to,
    sourcePort: 1,
    destinationPort: 2,
    flags: 2,
    ttl: 64,
    dscp: 0,
  });
  for (let length = 0; length < whole.length; length++) {
    const part = whole.slice(0, length);
    assert.type(decodeFrame(part).summary, 'string');
    replyTo(part);
  }
});

packets('changes are named, with both values', () => {
  const before = tcpFrame(WAYS[4], { sourcePort: 1, destinationPort: 80, flags: 'S' }).bytes;
  const way = { ...WAYS[4], to: '10.1.0.21' };
  const after = tcpFrame(way, { sourcePort: 1, destinationPort: 8080, flags: 'S' }).bytes;
  assert.equal(changesBetween(before, after), ['destination 10.1.0.100:80 → 10.1.0.21:8080']);
  assert.equal(changesBetween(before, before), []);
});

packets('flags are letters as tcpdump prints them', () => {
  assert.is(parseFlags('SA'), 0x12);
  assert.is(parseFlags('S.'), 0x12);
  assert.is(parseFlags('SX'), undefined);
});

packets.run();
