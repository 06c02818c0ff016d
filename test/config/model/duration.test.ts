import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDuration } from '../../../src/config/model/duration.ts';

const duration = suite('durations');

duration('numbers with units', () => {
  const examples: [text: string, ms: number][] = [
    ['0s', 0],
    ['250ms', 250],
    ['90s', 90_000],
    ['2m', 120_000],
    ['2h4m', 7_440_000],
    ['1.5h', 5_400_000],
    ['1d12h', 129_600_000],
    ['0.0004s', 0],
  ];
  for (const [text, ms] of examples) assert.is(parseDuration(text), ms, text);
});

duration('what is none', () => {
  for (const text of ['', '120', 's', '2 m', '-1s', '1.s', '.5s', '2M', '1h30', '1w', '1e3s']) {
    assert.is(parseDuration(text), undefined, text);
  }
});

duration.run();
