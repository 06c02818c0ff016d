/** Checksums by delta against full recomputation, by a sum that shares no line with the code under test. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  checkOf,
  delta16,
  delta32,
  fold,
  fold31,
  replace,
  replacePartial,
  replaceUdp,
  sumBytes,
} from '../../src/wire/checksum.ts';
import { checksum, onesSum } from '../support/internet-checksum.ts';
import { check } from '../support/seed.ts';

const sums = suite('checksum: sums');
const deltas = suite('checksum: deltas');

/** Words near the places where one's complement is odd: two zeros, carries, signs. */
const word16 = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }),
  fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff),
);
const word32 = fc.oneof(
  fc.integer(),
  fc.constantFrom(0, 1, -1, 0xffff, 0x10000, 0x7fff_ffff, -0x8000_0000, 0xffff_0000 | 0, 0x0001_ffff),
);
/** A check field (zero), a protocol number, so that the words are never all zero, and anything behind them. */
const somePacket = fc
  .uint8Array({ minLength: 24, maxLength: 120 })
  .map((rest) => Uint8Array.of(0, 0, 0, 17, ...rest));
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Zero has two forms in one's complement, 0 and 0xffff; as sums they are the same. */
const same = (a: number, b: number): boolean => a % 0xffff === b % 0xffff;

sums('the example of RFC 1071 §3: sum 0xddf2, check 0x220d', () => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  assert.is(onesSum(bytes), 0xddf2);
  assert.is(fold(sumBytes(viewOf(bytes), 0, 8, 0)), 0xddf2);
  assert.is(checkOf(viewOf(bytes), 0, 8, 0), 0x220d);
});

sums('an IPv4 header captured from the wire has the checksum that it carries', () => {
  const header = Uint8Array.from(Buffer.from('45000073000040004011b861c0a80001c0a800c7', 'hex'));
  assert.is(checkOf(viewOf(header), 0, 20, 0), 0);
  header.set([0, 0], 10);
  assert.is(checkOf(viewOf(header), 0, 20, 0), 0xb861);
  assert.is(checksum(header), 0xb861);
});

sums('any bytes from any offset, odd lengths padded with zero, on top of any sum', () => {
  check(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(40), word16, (bytes, skip, initial) => {
      const at = Math.min(skip, bytes.length);
      const expected = onesSum(bytes.subarray(at), initial);
      const sum = fold(sumBytes(viewOf(bytes), at, bytes.length - at, initial));
      assert.is(sum, expected);
      assert.is(checkOf(viewOf(bytes), at, bytes.length - at, initial), 0xffff - expected);
    }),
    1_000,
  );
});

sums('64 KB of the highest bytes do not lose a carry', () => {
  for (const length of [65_534, 65_535, 131_072]) {
    const bytes = new Uint8Array(length).fill(0xff);
    assert.is(fold(sumBytes(viewOf(bytes), 0, length, 0xffff * 4)), onesSum(bytes), `${length} bytes`);
  }
});

sums('fold brings any sum of its range into 16 bits and keeps its value modulo 0xffff', () => {
  const upTo47Bits = fc.oneof(
    fc.maxSafeNat().map((sum) => sum % 2 ** 47),
    fc.constantFrom(0, 1, 0xffff, 0x10000, 0x1_fffe, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 46, 2 ** 47 - 1),
  );
  check(
    fc.property(upTo47Bits, (sum) => {
      const folded = fold(sum);
      assert.ok(folded >= 0 && folded <= 0xffff, `fold(${sum}) = ${folded}`);
      assert.is(folded % 0xffff, sum % 0xffff, `fold(${sum})`);
      assert.is(folded === 0, sum === 0, 'only zero folds to zero');
    }),
    2_000,
  );
});

sums('fold31 does the same up to 2^31 - 1', () => {
  const upTo31Bits = fc.oneof(
    fc.nat(0x7fff_ffff),
    fc.constantFrom(0, 0xffff, 0x10000, 0x1_fffe, 0x7fff_ffff),
  );
  check(
    fc.property(upTo31Bits, (sum) => {
      assert.is(fold31(sum), sum === 0 ? 0 : sum % 0xffff || 0xffff);
    }),
    2_000,
  );
});

deltas('a delta stays below 2^18, so that four of them and a check fit into fold31', () => {
  check(
    fc.property(word32, word32, (was, now) => {
      const delta = delta32(was, now);
      assert.ok(delta >= 0 && delta < 2 ** 18);
      assert.is(delta32(was >>> 0, now >>> 0), delta, 'signed or unsigned, the same');
    }),
    2_000,
  );
});

deltas('replace after any 16-bit change is the check computed anew', () => {
  check(
    fc.property(somePacket, fc.nat(), word16, (packet, where, now) => {
      const bytes = Uint8Array.from(packet);
      const view = viewOf(bytes);
      const before = checksum(bytes);
      const at = 4 + 2 * (where % ((bytes.length - 4) >> 1));
      const was = view.getUint16(at);
      view.setUint16(at, now);
      assert.is(replace(before, delta16(was, now)), checksum(bytes));
    }),
    2_000,
  );
});

deltas('replace after an address and a port change together is the check computed anew', () => {
  check(
    fc.property(somePacket, fc.tuple(word32, word32, word32, word32), word16, (packet, address, port) => {
      const bytes = Uint8Array.from(packet);
      const view = viewOf(bytes);
      const before = checksum(bytes);
      let delta = delta16(view.getUint16(4), port);
      view.setUint16(4, port);
      for (let i = 0; i < 4; i++) {
        delta += delta32(view.getInt32(8 + 4 * i), address[i]);
        view.setInt32(8 + 4 * i, address[i]);
      }
      assert.is(replace(before, delta), checksum(bytes));
    }),
    2_000,
  );
});

deltas('there and back again is where it was', () => {
  check(
    fc.property(fc.integer({ min: 0, max: 0xfffe }), word32, word32, (check, was, now) => {
      assert.ok(same(0xffff - replace(replace(check, delta32(was, now)), delta32(now, was)), 0xffff - check));
    }),
    2_000,
  );
});

deltas('UDP: 0 means "not computed" and stays; a check that comes to 0 goes out as 0xffff', () => {
  assert.is(replaceUdp(0, delta32(0x0a010064, 0x0a010015)), 0);
  check(
    fc.property(somePacket, word32, (packet, now) => {
      const bytes = Uint8Array.from(packet);
      const before = checksum(bytes) || 0xffff;
      const was = viewOf(bytes).getInt32(4);
      viewOf(bytes).setInt32(4, now);
      assert.is(replaceUdp(before, delta32(was, now)), checksum(bytes) || 0xffff);
    }),
    2_000,
  );
  // A change that makes the words sum up to 0xffff: a computed check of 0.
  assert.is(replace(0x1234, delta16(0, 0x1234)), 0);
  assert.is(replaceUdp(0x1234, delta16(0, 0x1234)), 0xffff);
});

deltas('a partial check is a pseudo-header sum: after an address change it is the new one', () => {
  check(
    fc.property(fc.uint8Array({ minLength: 36, maxLength: 36 }), word32, fc.nat(7), (header, now, word) => {
      const pseudo = Uint8Array.from(header);
      const view = viewOf(pseudo);
      const partial = onesSum(pseudo);
      const was = view.getInt32(4 * word);
      view.setInt32(4 * word, now);
      const replaced = replacePartial(partial, delta32(was, now));
      assert.ok(replaced >= 0 && replaced <= 0xffff);
      assert.ok(same(replaced, onesSum(pseudo)), `found ${replaced}, expected ${onesSum(pseudo)}`);
    }),
    2_000,
  );
});

deltas('a partial check, completed after the change, is the check of the whole', () => {
  check(
    fc.property(
      fc.uint8Array({ minLength: 12, maxLength: 12 }),
      fc.uint8Array({ minLength: 20, maxLength: 60 }),
      word32,
      (header, payload, now) => {
        const pseudo = Uint8Array.from(header);
        const segment = Uint8Array.of(0, 80, ...payload);
        const view = viewOf(pseudo);
        const partial = replacePartial(onesSum(pseudo), delta32(view.getInt32(4), now));
        view.setInt32(4, now);
        viewOf(segment).setUint16(16, partial);
        const completed = checkOf(viewOf(segment), 0, segment.length, 0);
        viewOf(segment).setUint16(16, 0);
        assert.is(completed, checksum(segment, onesSum(pseudo)));
      },
    ),
    2_000,
  );
});

sums.run();
deltas.run();
