/** Headers that are written here are read by the test's own parser, and the other way round. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as ethernet from '../../src/wire/ethernet.ts';
import * as icmp from '../../src/wire/icmp.ts';
import * as icmpv6 from '../../src/wire/icmpv6.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import * as tcp from '../../src/wire/tcp.ts';
import * as udp from '../../src/wire/udp.ts';
import { addressText, addressWords, hexOf, macBytes } from '../support/addresses.ts';
import { checksum } from '../support/internet-checksum.ts';
import {
  flagLetters,
  icmpFrame,
  ipPacket,
  TCP,
  tcpFrame,
  UDP,
  udpFrame,
  type Way,
} from '../support/packets.ts';
import { parseFrame, parsePacket } from '../support/parse-frame.ts';
import { check } from '../support/seed.ts';

const headers = suite('headers');

const port = fc.integer({ min: 0, max: 0xffff });
const word = fc.integer();
const byte = fc.integer({ min: 0, max: 255 });
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const way: Way = {
  fromMac: '02:00:00:00:01:0b',
  toMac: '02:53:00:00:00:01',
  from: '10.1.0.11',
  to: '10.1.0.100',
};
const way6: Way = { ...way, from: 'fd00:1::b', to: 'fd00:1::64' };

/** Bytes of an array that differ, to see that a setter touches its own field only. */
const changed = (before: Uint8Array, after: Uint8Array): number[] =>
  [...after.keys()].filter((i) => before[i] !== after[i]);

headers('Ethernet: the two numbers of a MAC are its bytes, destination first', () => {
  const frame = tcpFrame(way, { sourcePort: 1, destinationPort: 2, flags: 'S' });
  const view = viewOf(frame.bytes);
  assert.is(ethernet.destinationHigh(view, 0), 0x0253);
  assert.is(ethernet.destinationLow(view, 0), 0x0000_0001);
  assert.is(ethernet.sourceHigh(view, 0), 0x0200);
  assert.is(ethernet.sourceLow(view, 0), 0x0000_010b);
  assert.is(ethernet.etherType(view, 0), ethernet.TYPE_IPV4);
  ethernet.setDestination(view, 0, 0xffee, 0xddccbbaa | 0);
  ethernet.setSource(view, 0, 0x0102, 0x03040506);
  ethernet.setEtherType(view, 0, ethernet.TYPE_ARP);
  assert.is(hexOf(frame.bytes.subarray(0, 14)), 'ffeeddccbbaa0102030405060806');
  assert.is(ethernet.destinationLow(view, 0), 0xddccbbaa | 0, 'signed');
});

headers('Ethernet: the group bit is the lowest of the first octet', () => {
  const high = (mac: string): number => macBytes(mac)[0] * 256 + macBytes(mac)[1];
  assert.ok(ethernet.isGroup(high('ff:ff:ff:ff:ff:ff')));
  assert.ok(ethernet.isGroup(high('01:00:5e:00:00:01')));
  assert.ok(ethernet.isGroup(high('33:33:00:00:00:01')));
  assert.not(ethernet.isGroup(high('02:01:00:00:00:01')));
  assert.not(ethernet.isGroup(high('fe:ff:ff:ff:ff:ff')));
});

headers('IPv4: a written header is whole, right and says what was asked for', () => {
  check(
    fc.property(fc.integer({ min: 20, max: 1500 }), byte, word, word, (total, ttl, source, destination) => {
      const bytes = new Uint8Array(total + 8).fill(0xee);
      const view = viewOf(bytes);
      ipv4.setSource(view, 4, source);
      ipv4.setDestination(view, 4, destination);
      ipv4.write(view, 4, total, ttl, 99);
      const packet = parsePacket(bytes.subarray(4, 4 + total), 4);
      assert.is(packet.bytes.length, total);
      assert.is(packet.ttl, ttl);
      assert.is(packet.protocol, 99);
      assert.is(addressWords(packet.from)[3], source);
      assert.is(addressWords(packet.to)[3], destination);
      assert.ok(packet.df);
      assert.is(packet.headerBytes, 20);
      assert.ok(
        bytes.subarray(24).every((value) => value === 0xee),
        'nothing behind the header',
      );
      assert.ok(
        bytes.subarray(0, 4).every((value) => value === 0xee),
        'nothing before it',
      );
    }),
  );
});

headers('IPv4: accessors read what the builder wrote, options and fragments included', () => {
  check(
    fc.property(
      byte,
      port,
      fc.nat(10).map((words) => new Uint8Array(words * 4).fill(1)),
      fc.option(fc.record({ offset: fc.nat(8000).map((n) => n * 8), more: fc.boolean() }), {
        nil: undefined,
      }),
      fc.integer({ min: 0, max: 60 }).map((n) => new Uint8Array(n)),
      (ttl, identification, ipOptions, fragment, payload) => {
        const bytes = ipPacket({ ...way, ttl, identification, ipOptions, fragment }, UDP, payload);
        const view = viewOf(bytes);
        assert.is(ipv4.version(view, 0), 4);
        assert.is(ipv4.headerBytes(view, 0), 20 + ipOptions.length);
        assert.is(ipv4.totalLength(view, 0), bytes.length);
        assert.is(ipv4.ttl(view, 0), ttl);
        assert.is(ipv4.protocol(view, 0), UDP);
        assert.is(ipv4.source(view, 0), addressWords(way.from)[3]);
        assert.is(ipv4.destination(view, 0), addressWords(way.to)[3]);
        const word = ipv4.fragmentWord(view, 0);
        assert.is((word & 0x1fff) * 8, fragment?.offset ?? 0);
        assert.is((word & ipv4.FLAG_MF) !== 0, fragment?.more ?? false);
        assert.is((word & ipv4.FLAG_DF) !== 0, fragment === undefined);
      },
    ),
  );
});

headers('IPv4: every hop lowers the TTL by one and keeps the checksum right', () => {
  const bytes = ipPacket({ ...way, ttl: 255, identification: 0xbeef }, 99, new Uint8Array(8));
  for (let ttl = 255; ttl > 0; ttl--) {
    assert.is(parsePacket(bytes, 4).ttl, ttl);
    ipv4.decrementTtlWithChecksum(viewOf(bytes), 0);
  }
  assert.is(parsePacket(bytes, 4).ttl, 0);
});

headers('IPv4: setters change their field and nothing else', () => {
  const bytes = ipPacket(way, 99, new Uint8Array(8));
  const before = Uint8Array.from(bytes);
  ipv4.setSource(viewOf(bytes), 0, 0xc0a80101 | 0);
  assert.equal(changed(before, bytes), [12, 13, 14, 15]);
  ipv4.setDestination(viewOf(bytes), 0, 0xdededede | 0);
  assert.equal(changed(before, bytes), [12, 13, 14, 15, 16, 17, 18, 19]);
  ipv4.setHeaderCheck(viewOf(bytes), 0, 0);
  ipv4.setHeaderCheck(viewOf(bytes), 0, checksum(bytes.subarray(0, 20)));
  assert.is(parsePacket(bytes, 4).from, '192.168.1.1');
  assert.is(ipv4.headerCheck(viewOf(bytes), 0), bytes[10] * 256 + bytes[11]);
});

headers('IPv4: addresses that no packet comes from, and groups', () => {
  const at = (address: string): number => addressWords(address)[3];
  for (const bad of [
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '127.0.0.1',
    '0.0.0.1',
  ]) {
    assert.ok(ipv4.isBadSource(at(bad)), bad);
  }
  for (const good of ['0.0.0.0', '10.1.0.11', '126.255.255.255', '128.0.0.1', '223.255.255.255', '1.0.0.0']) {
    assert.not(ipv4.isBadSource(at(good)), good);
  }
  assert.ok(ipv4.isGroup(at('224.0.0.1')));
  assert.ok(ipv4.isGroup(at('239.1.2.3')));
  assert.ok(ipv4.isGroup(at('255.255.255.255')));
  assert.not(ipv4.isGroup(at('223.255.255.255')));
  assert.not(ipv4.isGroup(at('240.0.0.1')));
});

headers('IPv6: a written header says what was asked for', () => {
  check(
    fc.property(
      fc.integer({ min: 0, max: 1400 }),
      byte,
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (payloadBytes, hops, addresses) => {
        const bytes = new Uint8Array(40 + payloadBytes);
        const view = viewOf(bytes);
        const words = viewOf(addresses);
        const at = (i: number): number => words.getInt32(4 * i);
        ipv6.writeFixed(view, 0, payloadBytes, ipv6.NEXT_NONE, hops);
        ipv6.setSource(view, 0, at(0), at(1), at(2), at(3));
        ipv6.setDestination(view, 0, at(4), at(5), at(6), at(7));
        const packet = parsePacket(bytes, 6);
        assert.is(packet.from, addressText(addresses.subarray(0, 16)));
        assert.is(packet.to, addressText(addresses.subarray(16)));
        assert.is(packet.ttl, hops);
        assert.is(packet.protocol, 59);
        for (let i = 0; i < 4; i++) {
          assert.is(ipv6.sourceWord(view, 0, i), at(i));
          assert.is(ipv6.destinationWord(view, 0, i), at(4 + i));
        }
        assert.is(ipv6.payloadLength(view, 0), payloadBytes);
        assert.is(ipv6.nextHeader(view, 0), 59);
        if (hops > 0) {
          ipv6.decrementHopLimit(view, 0);
          assert.is(ipv6.hopLimit(view, 0), hops - 1);
        }
      },
    ),
  );
});

headers('IPv6: extension headers and their lengths', () => {
  const bytes = new Uint8Array(64);
  for (const length of [0, 1, 3, 255]) {
    bytes[1] = length;
    for (const next of [0, 43, 60, 135]) {
      assert.is(ipv6.extensionBytes(viewOf(bytes), 0, next), 8 * (length + 1), `type ${next}`);
    }
    // RFC 4302 §2.2: the authentication header counts 4-byte units, less 2.
    assert.is(ipv6.extensionBytes(viewOf(bytes), 0, 51), Math.max(8, 4 * (length + 2)));
    assert.is(ipv6.extensionBytes(viewOf(bytes), 0, 44), 8, 'a fragment header has no length');
  }
  for (let next = 0; next < 256; next++) {
    assert.is(ipv6.isExtension(next), [0, 43, 44, 51, 60, 135].includes(next), `next header ${next}`);
  }
});

headers('IPv6: kinds of addresses', () => {
  const words = addressWords;
  assert.ok(ipv6.isGroup(words('ff02::1')[0]));
  assert.not(ipv6.isGroup(words('fe80::1')[0]));
  assert.ok(ipv6.isLinkLocal(words('fe80::1')[0]));
  assert.ok(ipv6.isLinkLocal(words('febf:ffff::1')[0]));
  assert.not(ipv6.isLinkLocal(words('fec0::1')[0]));
  assert.not(ipv6.isLinkLocal(words('fd00::1')[0]));
  assert.ok(ipv6.isUnspecified(...words('::')));
  assert.not(ipv6.isUnspecified(...words('::1')));
  assert.ok(ipv6.isLoopback(...words('::1')));
  assert.not(ipv6.isLoopback(...words('1::1')));
  assert.not(ipv6.isLoopback(...words('::2')));
});

headers('TCP: a written header is read back by the parser, checksum and all', () => {
  check(
    fc.property(word, word, word, byte, (ports, sequence, acknowledgment, flags) => {
      const segment = new Uint8Array(20).fill(0xee);
      const view = viewOf(segment);
      tcp.write(view, 0, ports, sequence, acknowledgment, flags);
      assert.is(tcp.check(view, 0), 0);
      const packet = ipPacket(way, TCP, segment);
      const whole = viewOf(packet);
      const pseudo = Uint8Array.from([...packet.subarray(12, 20), 0, TCP, 0, 20]);
      tcp.setCheck(whole, 20, checksum(Uint8Array.from([...pseudo, ...packet.subarray(20)])));
      const { tcp: parsed } = parsePacket(packet, 4);
      assert.is(parsed?.sourcePort, ports >>> 16);
      assert.is(parsed?.destinationPort, ports & 0xffff);
      assert.is(parsed?.sequence, sequence >>> 0);
      assert.is(parsed?.acknowledgment, acknowledgment >>> 0);
      assert.is(parsed?.flags, flagLetters(flags));
      assert.is(parsed?.window, 0);
      assert.is(tcp.ports(whole, 20), ports);
      assert.is(tcp.sequence(whole, 20), sequence);
      assert.is(tcp.acknowledgment(whole, 20), acknowledgment);
      assert.is(tcp.flags(whole, 20), flags);
      assert.is(tcp.headerBytes(whole, 20), 20);
    }),
  );
});

headers('TCP and UDP: accessors read what the builder wrote', () => {
  check(
    fc.property(
      port,
      port,
      fc.nat(10),
      fc.uint8Array({ maxLength: 50 }),
      (source, destination, options, payload) => {
        const fields = { sourcePort: source, destinationPort: destination, payload };
        const segment = tcpFrame(way, {
          ...fields,
          flags: 'AP',
          options: new Uint8Array(options * 4).fill(1),
        });
        const view = viewOf(segment.bytes);
        assert.is(tcp.ports(view, 34), (source << 16) | destination);
        assert.is(tcp.headerBytes(view, 34), 20 + options * 4);
        assert.is(tcp.flags(view, 34), tcp.ACK | tcp.PSH);
        const datagram = viewOf(udpFrame(way6, fields).bytes);
        assert.is(udp.ports(datagram, 54), (source << 16) | destination);
        assert.is(udp.length(datagram, 54), 8 + payload.length);
        udp.setCheck(datagram, 54, 0x1234);
        assert.is(udp.check(datagram, 54), 0x1234);
      },
    ),
  );
});

headers('ICMP: errors are the messages that quote a packet', () => {
  const errors = [3, 4, 5, 11, 12];
  for (let type = 0; type < 256; type++) {
    assert.is(icmp.isError(type), errors.includes(type), `ICMP type ${type}`);
    assert.is(icmpv6.isError(type), type < 128, `ICMPv6 type ${type}`);
  }
});

headers('ICMP: accessors and setters', () => {
  const { bytes, vnet } = icmpFrame(way, icmp.ECHO, 0, 0xabcd_0001);
  const view = viewOf(bytes);
  assert.is(icmp.type(view, 34), 8);
  assert.is(icmp.code(view, 34), 0);
  assert.is(icmp.identifier(view, 34), 0xabcd);
  icmp.setType(view, 34, icmp.ECHO_REPLY);
  icmp.setCheck(view, 34, 0);
  icmp.setCheck(view, 34, checksum(bytes.subarray(34)));
  assert.is(parseFrame(bytes, vnet).packet?.icmp?.type, 0);
  const six = viewOf(icmpFrame(way6, icmpv6.ECHO, 7, 1).bytes);
  assert.is(icmpv6.type(six, 54), 128);
  assert.is(icmpv6.code(six, 54), 7);
});

headers.run();
