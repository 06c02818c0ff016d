/** ARP and Neighbour Discovery: what counts as valid, and where the link-layer address stands. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as arp from '../../src/wire/arp.ts';
import * as icmpv6 from '../../src/wire/icmpv6.ts';
import { addressWords, hexOf, macBytes } from '../support/addresses.ts';
import { advertisementFrame, arpFrame, concat, solicitationFrame, type Way } from '../support/packets.ts';
import { parseFrame } from '../support/parse-frame.ts';
import { assertCovered, check } from '../support/seed.ts';

const arpTests = suite('ARP');
const nd = suite('ND');

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const web1 = '02:00:00:00:01:0b';
const router = '02:53:00:00:00:01';
const way: Way = { fromMac: web1, toMac: 'ff:ff:ff:ff:ff:ff', from: '10.1.0.11', to: '10.1.0.1' };
const way6: Way = { ...way, from: 'fd00:1::b', to: 'fd00:1::1' };
const high = (mac: string): number => viewOf(macBytes(mac)).getUint16(0);
const low = (mac: string): number => viewOf(macBytes(mac)).getInt32(2);

arpTests('a request is valid and read field by field', () => {
  const view = viewOf(arpFrame(way, 'request').bytes);
  assert.ok(arp.isValid(view, 14));
  assert.is(arp.operation(view, 14), arp.REQUEST);
  assert.is(arp.senderMacHigh(view, 14), high(web1));
  assert.is(arp.senderMacLow(view, 14), low(web1));
  assert.is(arp.senderIp(view, 14), addressWords('10.1.0.11')[3]);
  assert.is(arp.targetIp(view, 14), addressWords('10.1.0.1')[3]);
});

arpTests(
  'hardware type, protocol type, both lengths and operation must be those of IPv4 over Ethernet',
  () => {
    for (let at = 0; at < 8; at++) {
      for (const value of [0, 1, 2, 3, 4, 6, 8, 9, 255]) {
        const { bytes } = arpFrame(way, 'request');
        const isSame = bytes[14 + at] === value;
        const isReply = at === 7 && value === 2;
        bytes[14 + at] = value;
        assert.is(arp.isValid(viewOf(bytes), 14), isSame || isReply, `byte ${at} = ${value}`);
      }
    }
  },
);

arpTests('a written message is what the builder makes of the same fields', () => {
  check(
    fc.property(
      fc.integer(),
      fc.integer(),
      fc.integer(),
      fc.nat(0xffff),
      (sender, target, macLow, macHigh) => {
        const bytes = new Uint8Array(28 + 4).fill(0xee);
        const view = viewOf(bytes);
        arp.write(view, 2, arp.REPLY);
        arp.setSender(view, 2, macHigh, macLow, sender);
        arp.setTarget(view, 2, high(web1), low(web1), target);
        assert.ok(arp.isValid(view, 2));
        assert.is(arp.operation(view, 2), 2);
        assert.is(arp.senderMacHigh(view, 2), macHigh);
        assert.is(arp.senderMacLow(view, 2), macLow);
        assert.is(arp.senderIp(view, 2), sender);
        assert.is(arp.targetIp(view, 2), target);
        assert.is(hexOf(bytes.subarray(20, 26)), hexOf(macBytes(web1)));
        assert.is(
          hexOf(bytes.subarray(0, 2)) + hexOf(bytes.subarray(30)),
          'eeeeeeee',
          'and nothing around it',
        );
      },
    ),
  );
});

arpTests('the reply to a request, byte for byte', () => {
  const { bytes } = arpFrame(way, 'request');
  const view = viewOf(bytes);
  arp.write(view, 14, arp.REPLY);
  arp.setSender(view, 14, high(router), low(router), 0x0a010001);
  arp.setTarget(view, 14, high(web1), low(web1), 0x0a01000b);
  const parsed = parseFrame(bytes, new Uint8Array(12)).arp;
  assert.equal(parsed, {
    operation: 'reply',
    senderMac: router,
    senderIp: '10.1.0.1',
    targetMac: web1,
    targetIp: '10.1.0.11',
  });
});

/** Where the ICMPv6 message starts in the builder's frames. */
const L4 = 54;

nd('the link-layer address of a solicitation and of an advertisement', () => {
  const solicitation = viewOf(solicitationFrame(way6, 'fd00:1::1', web1).bytes);
  const end = solicitation.byteLength;
  const at = icmpv6.linkAddressAt(solicitation, L4, end, icmpv6.OPTION_SOURCE_LINK_ADDRESS);
  assert.is(at, L4 + 26);
  assert.is(solicitation.getUint16(at), high(web1));
  assert.is(solicitation.getInt32(at + 2), low(web1));
  assert.is(
    icmpv6.linkAddressAt(solicitation, L4, end, icmpv6.OPTION_TARGET_LINK_ADDRESS),
    0,
    'none of that kind',
  );
  const advertisement = viewOf(advertisementFrame(way6, 'fd00:1::b', web1, 'SO').bytes);
  assert.is(icmpv6.linkAddressAt(advertisement, L4, end, icmpv6.OPTION_TARGET_LINK_ADDRESS), L4 + 26);
  assert.is(advertisement.getInt32(L4 + 4), icmpv6.FLAG_SOLICITED | icmpv6.FLAG_OVERRIDE);
  for (let word = 0; word < 4; word++) {
    assert.is(icmpv6.targetWord(advertisement, L4, word), addressWords('fd00:1::b')[word]);
  }
});

nd('without options there is no address', () => {
  const view = viewOf(solicitationFrame(way6, 'fd00:1::1').bytes);
  assert.is(icmpv6.linkAddressAt(view, L4, view.byteLength, 1), 0);
});

/** The same walk, written down as RFC 4861 §4.6 tells it. */
function naiveLinkAddress(message: Uint8Array, wanted: number): number {
  let at = 24;
  while (message.length - at >= 2) {
    const length = message[at + 1] * 8;
    if (length === 0) return -1;
    if (at + length > message.length) return -1;
    if (message[at] === wanted && length === 8) return at + 2;
    at += length;
  }
  return 0;
}

nd('any options: other kinds are skipped, a length of zero or past the end is malformed', () => {
  const wellFormed = fc
    .tuple(fc.constantFrom(1, 2, 3), fc.constantFrom(1, 1, 1, 2))
    .map(([type, units]) => Uint8Array.of(type, units, ...new Uint8Array(units * 8 - 2)));
  const malformed = fc.oneof(
    fc.constantFrom(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), Uint8Array.of(2, 9), Uint8Array.of(1)),
    fc.uint8Array({ maxLength: 9 }),
  );
  const options = fc.array(
    fc.oneof({ arbitrary: wellFormed, weight: 5 }, { arbitrary: malformed, weight: 1 }),
    {
      maxLength: 4,
    },
  );
  let found = 0;
  let refused = 0;
  check(
    fc.property(options, fc.constantFrom(1, 2), (parts, wanted) => {
      const message = concat(new Uint8Array(24), ...parts);
      // Bytes behind the message that a walk out of bounds would take for the wanted option.
      const memory = concat(new Uint8Array(10), message, Uint8Array.of(wanted, 1), new Uint8Array(6));
      const expected = naiveLinkAddress(message, wanted);
      const at = icmpv6.linkAddressAt(viewOf(memory), 10, 10 + message.length, wanted);
      assert.is(at, expected > 0 ? expected + 10 : expected);
      if (expected > 0) found++;
      if (expected < 0) refused++;
    }),
    1_000,
  );
  assertCovered(
    found > 50 && refused > 50,
    `${found} found, ${refused} refused: the property saw too little`,
  );
});

arpTests.run();
nd.run();
