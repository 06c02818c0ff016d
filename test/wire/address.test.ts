import * as net from 'node:net';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AddressError,
  addressFamily,
  addressToWords,
  bytesToMac,
  canonicalAddress,
  canonicalMac,
  formatEndpoint,
  formatPrefix,
  ipv4ToWord,
  isAddress,
  isEndpoint,
  isGroupMac,
  isIpv4,
  isIpv6,
  isMac,
  isPrefix,
  isUnicast,
  macHigh16,
  macLow32,
  macToBytes,
  networkOf,
  parseEndpoint,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
  prefixMask,
  wordsToAddress,
  wordsToMac,
  wordToIpv4,
} from '../../src/wire/address.ts';

const wordsOf = (text: string): Int32Array => {
  const words = new Int32Array(4);
  addressToWords(text, words, 0);
  return words;
};

/** The WHATWG URL parser, an independent implementation of RFC 5952 for everything but mapped addresses. */
const urlCanonical = (text: string): string => new URL(`http://[${text}]/`).hostname.slice(1, -1);

const anyWords = fc
  .array(fc.oneof(fc.integer(), fc.constantFrom(0, 0xffff, 0x10000, 1, -65536)), {
    minLength: 4,
    maxLength: 4,
  })
  .map((words) => Int32Array.from(words));

/** Texts near the border of the syntax: valid addresses with a character changed, doubled or lost. */
const nearAddress = fc
  .tuple(
    fc.oneof(
      fc.ipV6(),
      fc.ipV4(),
      fc.ipV4().map((v4) => `::ffff:${v4}`),
      fc.constantFrom('::', '1::', '::1', '0:0::'),
    ),
    fc.nat(50),
    fc.constantFrom('', ':', '::', '.', '0', 'f', 'g', '1', '/', ' ', '255', '256', '\n'),
    fc.nat(2),
  )
  .map(([text, at, insert, remove]) => text.slice(0, at) + insert + text.slice(at + remove));

const addresses = suite('addresses');

addresses('validators agree with node:net on texts near the border of the syntax', () => {
  let valid = 0;
  fc.assert(
    fc.property(nearAddress, (text) => {
      assert.is(isIpv4(text), net.isIPv4(text), text);
      assert.is(isIpv6(text), net.isIPv6(text), text);
      assert.is(isAddress(text), net.isIP(text) !== 0, text);
      if (isAddress(text)) valid++;
    }),
    { numRuns: 20_000 },
  );
  assert.ok(valid > 1000, `only ${valid} texts were valid: the generator tests too little`);
});

addresses('words survive text, and the text is what the URL parser would write', () => {
  fc.assert(
    fc.property(anyWords, (words) => {
      const text = wordsToAddress(words, 0);
      assert.equal(wordsOf(text), words);
      if (addressFamily(text) === 6) assert.is(text, urlCanonical(text));
    }),
    { numRuns: 5_000 },
  );
});

addresses('any IPv6 spelling becomes the canonical one', () => {
  fc.assert(
    fc.property(fc.ipV6(), fc.boolean(), (spelling, upper) => {
      const text = upper ? spelling.toUpperCase() : spelling;
      const canonical = canonicalAddress(text);
      if (addressFamily(text) === 6) assert.is(canonical, urlCanonical(text));
      assert.is(canonicalAddress(canonical), canonical);
    }),
    { numRuns: 5_000 },
  );
});

addresses('RFC 5952 section 4 and 4291 section 2.2 examples', () => {
  const examples: [given: string, canonical: string][] = [
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['FF01:0:0:0:0:0:0:101', 'ff01::101'],
    ['::13.1.68.3', '::d01:4403'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
  ];
  for (const [given, canonical] of examples) assert.is(canonicalAddress(given), canonical);
});

addresses('IPv4 lies in the 128-bit space as mapped address, at any index', () => {
  const out = new Int32Array(6).fill(7);
  assert.is(addressToWords('10.1.0.11', out, 1), 4);
  assert.equal([...out], [7, 0, 0, 0xffff, 0x0a01000b, 7]);
  assert.is(wordsToAddress(out, 1), '10.1.0.11');
  assert.is(addressToWords('fd00:1::b', out, 2), 6);
  assert.equal([...out.subarray(2)], [0xfd000001 | 0, 0, 0, 0xb]);
  assert.is(ipv4ToWord('255.255.255.255'), -1);
  assert.is(wordToIpv4(-1), '255.255.255.255');
});

addresses('bad text throws with found and expected, and leaves the output alone', () => {
  const out = Int32Array.of(1, 2, 3, 4);
  for (const text of [
    '',
    '10.1.0',
    '10.1.0.256',
    '010.1.0.1',
    '1::2::3',
    'fe80::1%eth0',
    ' 10.1.0.1',
    '[::1]',
    '1:2:3:4:5:6:7:8:9',
  ]) {
    try {
      addressToWords(text, out, 0);
      assert.unreachable(text);
    } catch (error) {
      assert.instance(error, AddressError);
      assert.is(
        (error as AddressError).message,
        `found ${JSON.stringify(text)}, expected an IPv4 or IPv6 address`,
      );
    }
  }
  assert.equal([...out], [1, 2, 3, 4]);
});

addresses('unicast means that one node can have it', () => {
  for (const text of [
    '10.1.0.1',
    '223.255.255.255',
    '1.0.0.0',
    'fd00::1',
    'fe80::1',
    '::2',
    '::ffff:10.0.0.1',
  ]) {
    assert.ok(isUnicast(text), text);
  }
  for (const text of ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255', '::', '::1', 'ff02::1', 'x']) {
    assert.not(isUnicast(text), text);
  }
});

addresses.run();

const prefixes = suite('prefixes');

prefixes('length counts in the 128-bit space, host bits stay', () => {
  const subnet = parsePrefix('10.1.0.11/24');
  assert.equal([subnet.bits, subnet.family, subnet.words[3]], [120, 4, 0x0a01000b]);
  assert.is(formatPrefix(subnet), '10.1.0.11/24');
  assert.is(formatPrefix(networkOf(subnet)), '10.1.0.0/24');
  const v6 = parsePrefix('FD00:1::B/64');
  assert.equal([v6.bits, v6.family], [64, 6]);
  assert.is(formatPrefix(v6), 'fd00:1::b/64');
  assert.is(formatPrefix(networkOf(v6)), 'fd00:1::/64');
  assert.is(formatPrefix(parsePrefix('::ffff:10.0.0.0/104')), '10.0.0.0/8');
  assert.is(formatPrefix(parsePrefix('::ffff:0:0/90')), '::ffff:0:0/90');
});

prefixes('a prefix contains what a bit-by-bit comparison of BigInts says', () => {
  const big = (words: Int32Array): bigint =>
    words.reduce((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n);
  const isMapped = (value: bigint): boolean => value >> 32n === 0xffffn;
  let contained = 0;
  fc.assert(
    fc.property(anyWords, fc.nat(128), fc.nat(127), (words, bits, flippedBit) => {
      const prefix = parsePrefix(`${wordsToAddressAlways6(words)}/${bits}`);
      const other = Int32Array.from(words);
      other[flippedBit >> 5]! ^= 1 << (31 - (flippedBit & 31));
      const sameFamily = isMapped(big(other)) === (isMapped(big(words)) && bits >= 96);
      const shift = BigInt(128 - bits);
      const expected = sameFamily && big(words) >> shift === big(other) >> shift;
      assert.is(prefixContains(prefix, other, 0), expected);
      assert.is(big(networkOf(prefix).words), (big(words) >> shift) << shift);
      if (expected) contained++;
    }),
    { numRuns: 5_000 },
  );
  assert.ok(contained > 500, `only ${contained} cases were inside`);
});

/** Hex groups without any compression, so that mapped addresses keep their 128-bit prefix length. */
const wordsToAddressAlways6 = (words: Int32Array): string =>
  [...words].map((word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(':');

prefixes('masks at word borders', () => {
  assert.equal(
    [0, 1, 31, 32].map((bits) => prefixMask(bits, 0) >>> 0),
    [0, 0x80000000, 0xfffffffe, 0xffffffff],
  );
  assert.equal(
    [96, 97, 120, 128].map((bits) => prefixMask(bits, 3) >>> 0),
    [0, 0x80000000, 0xffffff00, 0xffffffff],
  );
});

prefixes('families never overlap, not even in ::/0', () => {
  assert.not(prefixContains(parsePrefix('::/0'), wordsOf('10.0.0.1'), 0));
  assert.not(prefixesOverlap(parsePrefix('::/0'), parsePrefix('0.0.0.0/0')));
  assert.ok(prefixContains(parsePrefix('0.0.0.0/0'), wordsOf('10.0.0.1'), 0));
  assert.ok(prefixesOverlap(parsePrefix('10.0.0.0/8'), parsePrefix('10.1.0.0/24')));
  assert.not(prefixesOverlap(parsePrefix('10.1.1.0/24'), parsePrefix('10.1.0.0/24')));
});

prefixes('bad prefixes', () => {
  for (const text of [
    '10.1.0.0',
    '10.1.0.0/33',
    'fd00::/129',
    '10.1.0.0/',
    '/24',
    '10.1.0.0/024',
    '10.1.0.0/-1',
    '10.1.0/24',
  ]) {
    assert.not(isPrefix(text), text);
    assert.throws(() => parsePrefix(text), /expected a prefix such as/);
  }
});

prefixes.run();

const endpoints = suite('endpoints');

endpoints('every way to write one', () => {
  assert.equal(parseEndpoint('10.1.0.21'), { address: '10.1.0.21' });
  assert.equal(parseEndpoint('10.1.0.21:8080'), { address: '10.1.0.21', port: 8080 });
  assert.equal(parseEndpoint('FD00::1'), { address: 'fd00::1' });
  assert.equal(parseEndpoint('[fd00::1]'), { address: 'fd00::1' });
  assert.equal(parseEndpoint('[fd00:0::1]:8080'), { address: 'fd00::1', port: 8080 });
});

endpoints('round trip', () => {
  fc.assert(
    fc.property(anyWords, fc.integer({ min: 1, max: 65535 }), (words, port) => {
      const address = wordsToAddress(words, 0);
      assert.equal(parseEndpoint(formatEndpoint(address, port)), { address, port });
    }),
  );
});

endpoints('bad endpoints', () => {
  for (const text of [
    '10.1.0.21:0',
    '10.1.0.21:65536',
    '10.1.0.21:',
    '[10.1.0.21]:80',
    '[fd00::1]80',
    'host:80',
    ':80',
    '10.1.0.21:080',
    '10.1.0.21:80:80',
  ]) {
    assert.not(isEndpoint(text), text);
    assert.throws(() => parseEndpoint(text), /expected ADDRESS, ADDRESS:PORT/);
  }
});

endpoints.run();

const macs = suite('MAC addresses');

macs('text, two integers and bytes say the same', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), fc.nat(3), (octets, at) => {
      const text = [...octets].map((octet) => octet.toString(16).padStart(2, '0')).join(':');
      const bytes = new Uint8Array(at + 6);
      macToBytes(text.toUpperCase(), bytes, at);
      assert.equal(bytes.subarray(at), octets);
      assert.is(bytesToMac(bytes, at), text);
      assert.is(wordsToMac(macHigh16(text), macLow32(text)), text);
      assert.is(macLow32(text), macLow32(text) | 0);
      assert.is(canonicalMac(text.toUpperCase().replaceAll(':', '-')), text);
      assert.is(isGroupMac(text), (octets[0]! & 1) === 1);
    }),
  );
});

macs('bad MAC addresses', () => {
  for (const text of [
    '',
    '02:00:00:00:01',
    '02:00:00:00:01:0b:00',
    '2:0:0:0:1:b',
    '02:00-00:00:01:0b',
    '0200.0000.010b',
    '02:00:00:00:01:0g',
  ]) {
    assert.not(isMac(text), text);
    assert.throws(() => macToBytes(text, new Uint8Array(6), 0), /expected a MAC address such as/);
  }
});

macs.run();
