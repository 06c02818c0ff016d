import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MicroResult } from './micro-result.ts';
import { judgeFigures, judgeRatios, mediansOf } from './report.ts';

const report = suite('bench report');

report('a ratio is the median of the rounds, not the ratio of the medians', () => {
  // The machine halves its speed in round 2, and the peer alone is lucky in round 3.
  const values = { udp64: { sluice: [96, 48, 90], kernel: [100, 50, 120], ovs: [null, null, null] } };
  const judged = judgeRatios(values);
  assert.is(judged.length, 1, 'peers without a value are not judged');
  const [ratio] = judged;
  assert.is(ratio!.peer, 'kernel');
  assert.equal(ratio!.perRound, [0.96, 0.96, 0.75]);
  assert.equal(ratio!.spread, { median: 0.96, min: 0.75, max: 0.96, count: 3 });
  assert.ok(ratio!.met);
});

report('times are judged from above, rates from below', () => {
  const judged = judgeRatios({
    rttP50: { sluice: [80], bare: [70] },
    tcp4: { sluice: [10], bare: [20] },
  });
  const verdicts = judged.map(({ row, met }) => [row, met]);
  assert.equal(verdicts, [
    ['tcp4', false],
    ['rttP50', false],
  ]);
});

report('what Sluice costs against itself is judged by the median, with its interval beside it', () => {
  const rounds = (value: (round: number) => number) => Array.from({ length: 10 }, (_, round) => value(round));
  const values = {
    udp64: { sluice: rounds((round) => 93 + round), before: rounds(() => 100), unmeasured: rounds(() => 95) },
    cpuPerMp: { sluice: rounds(() => 8), before: rounds(() => 7), unmeasured: rounds(() => 7) },
    rttP50: { sluice: [30, 31, null], before: [30, 30, 30] },
  };
  const judged = judgeRatios(values).map(({ row, peer, spread, interval, goal, met }) => ({
    what: `${row} ${peer}`,
    median: spread.median,
    interval,
    goal,
    met,
  }));
  assert.equal(judged, [
    {
      what: 'udp64 before',
      median: 0.975,
      interval: { low: 0.94, high: 1.01 },
      goal: { atLeast: 0.97 },
      met: true,
    },
    {
      what: 'rttP50 before',
      median: (1 + 31 / 30) / 2,
      interval: null,
      goal: { atMost: 1.03 },
      met: true,
    },
    {
      what: 'udp64 unmeasured',
      median: (97 / 95 + 98 / 95) / 2,
      interval: { low: 94 / 95, high: 101 / 95 },
      goal: { atLeast: 0.97 },
      met: true,
    },
    {
      what: 'cpuPerMp unmeasured',
      median: 8 / 7,
      interval: { low: 8 / 7, high: 8 / 7 },
      goal: { atMost: 1.03 },
      met: false,
    },
  ]);
});

report('medians are kept per row and column, absent measurements as null', () => {
  const medians = mediansOf({ cpuPerGb: { ovs: [0.5, 0.7, 0.6], kernel: [null, null, null] } });
  assert.equal(medians.cpuPerGb, { ovs: { median: 0.6, min: 0.5, max: 0.7, count: 3 }, kernel: null });
});

const spread = (median: number) => ({ median, min: median, max: median, count: 1 });

report('single figures carry their goals', () => {
  const micro: MicroResult = {
    populations: [
      {
        flows: 10_000,
        hitNs: spread(121),
        replyNs: spread(99),
        newFlowNs: spread(400),
        restoreNs: spread(10),
      },
      {
        flows: 1_000_000,
        hitNs: spread(250),
        replyNs: spread(99),
        newFlowNs: spread(700),
        restoreNs: spread(10),
      },
    ],
    bytesPerConnection: { hotRow: 64, index: 64, coldRow: 64 },
    heap: { hits: { allocatedBytes: 900, keptBytes: 0 }, newFlows: { allocatedBytes: 16e6, keptBytes: 0 } },
  };
  const judged = judgeFigures({ ports: 10, afterUpMiB: 120, afterLoadMiB: 260 }, micro);
  const missed = judged.filter(({ met }) => met === false).map(({ title }) => title);
  assert.equal(missed, [
    'resident memory of up, 10 ports, after load',
    'hit, 10 000 flows',
    'heap allocated per million new flows',
  ]);
  const rate = judged.find(({ title }) => title === 'packets, 1 000 000 flows');
  assert.is(rate?.value, 4);
  assert.ok(rate?.met);
});

report.run();
