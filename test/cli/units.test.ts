import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { humanBytes, humanDuration, humanRate } from '../../src/cli/units.ts';
import { parseDuration } from '../../src/config/model/duration.ts';

const units = suite('units');

units('bytes', () => {
  const examples: [bytes: number, text: string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1_234_567, '1.2 MB'],
    [9_960_000, '10 MB'],
    [34_000_000_000, '34 GB'],
    [999_600, '1.0 MB'],
    [2 ** 53, '9.0 PB'],
    [5e18, '5000 PB'],
  ];
  for (const [bytes, text] of examples) assert.is(humanBytes(bytes), text);
});

units('bytes are never off by more than the last digit shown', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (bytes) => {
      const [, number, unit] = /^(\d+|\d\.\d) (.*)$/.exec(humanBytes(bytes))!;
      const factor = 1000 ** ['B', 'kB', 'MB', 'GB', 'TB', 'PB'].indexOf(unit!);
      assert.ok(
        Math.abs(Number(number) * factor - bytes) <= (number!.includes('.') ? 0.0501 : 0.5001) * factor,
      );
    }),
  );
});

units('durations', () => {
  const examples: [ms: number, text: string][] = [
    [0, '0ms'],
    [250, '250ms'],
    [4000, '4s'],
    [184_000, '3m 4s'],
    [180_999, '3m'],
    [7_440_000, '2h 4m'],
    [277_200_000, '3d 5h'],
    [999.6, '1000ms'],
  ];
  for (const [ms, text] of examples) assert.is(humanDuration(ms), text);
});

units('durations, read again, lack at most what the second unit cannot show', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 1e9 }), (ms) => {
      const again = parseDuration(humanDuration(ms).replaceAll(' ', ''))!;
      const grainMs = ms >= 86_400_000 ? 3_600_000 : ms >= 3_600_000 ? 60_000 : 1000;
      assert.ok(again <= ms && ms - again < grainMs, `${ms} became ${again}`);
    }),
  );
});

units('rates', () => {
  assert.equal([0, 0.25, 9.94, 9.96, 1234.5].map(humanRate), ['0', '0.3', '9.9', '10', '1235']);
});

units.run();
