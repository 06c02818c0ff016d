/** Shares of rows, places and tokens per port: what greedy ports get, and what they leave. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PortRates, PortShares } from '../../../src/tables/common/port-shares.ts';
import { Random, runs, seed } from '../../support/seed.ts';

const shares = suite('port shares');
const rates = suite('port rates');

const PORTS = 8;

/** Takes for each port in turn, again and again, until none gets more; what each has then. */
function greedy(pool: PortShares, ports: readonly number[]): number[] {
  const taken = ports.map(() => 0);
  for (let isMore = true; isMore; ) {
    isMore = false;
    ports.forEach((port, i) => {
      if (!pool.take(port)) return;
      taken[i]++;
      isMore = true;
    });
  }
  return taken;
}

shares('n greedy ports get 1/(n + 1) each, and a late one finds as much free', () => {
  for (let n = 1; n < PORTS; n++) {
    const pool = new PortShares(PORTS, 5_040);
    const taken = greedy(pool, [...Array(n).keys()]);
    for (const share of taken) assert.ok(Math.abs(share - 5_040 / (n + 1)) <= 1, `${n} ports: ${taken}`);
    const late = greedy(pool, [n])[0]!;
    assert.ok(late >= 5_040 / (n + 1) / 2 - 1, `${n} ports were there, the late one got ${late}`);
  }
});

shares('whatever came before, a port that holds less than what is free gets one more', () => {
  const random = new Random(seed, 1);
  for (const weight of [1, 3]) {
    const pool = new PortShares(PORTS, 60, weight);
    const held = new Array<number>(PORTS).fill(0);
    const total = (): number => held.reduce((sum, one) => sum + one, 0);
    for (let step = 0; step < runs(20_000); step++) {
      const port = random.below(PORTS);
      if (random.chance(60)) {
        const isExpected = held[port] < weight * (60 - total());
        assert.is(pool.take(port), isExpected);
        if (isExpected) held[port]++;
      } else if (held[port] > 0) {
        pool.give(port);
        held[port]--;
      } else if (random.chance(5) && total() < 60) {
        pool.hold(port);
        held[port]++;
      }
      assert.is(pool.inUse, total());
      assert.is(pool.of(port), held[port]);
      assert.ok(total() <= 60);
    }
  }
});

/** Takes one for each port as often as it is allowed, every millisecond; events of each from `fromMs` on. */
function pour(pool: PortRates, ports: readonly number[], untilMs: number, fromMs = 0): number[] {
  const taken = ports.map(() => 0);
  for (let ms = 0; ms < untilMs; ms++) {
    for (let isMore = true; isMore; ) {
      isMore = false;
      ports.forEach((port, i) => {
        if (!pool.take(port, 1, ms)) return;
        if (ms >= fromMs) taken[i]++;
        isMore = true;
      });
    }
  }
  return taken;
}

rates('a port alone gets its burst at once, and its rate in the long run', () => {
  const pool = new PortRates(PORTS, 200, 1_000);
  assert.is(pour(pool, [0], 1)[0], 200);
  const [perSecond] = pour(new PortRates(PORTS, 200, 1_000), [0], 11_000, 1_000);
  assert.ok(Math.abs(perSecond / 10 - 1_000) < 20, `${perSecond / 10} a second`);
});

rates('greedy ports share evenly, and all of them together are bounded', () => {
  const taken = pour(new PortRates(PORTS, 200, 1_000), [0, 1, 2], 11_000, 1_000);
  for (const events of taken) assert.ok(Math.abs(events / 10 - 500) < 20, `${taken}`);
});

rates('a port that comes while others use all that they can gets some at once, and its share later', () => {
  const pool = new PortRates(PORTS, 200, 1_000);
  pour(pool, [0, 1], 5_000);
  let atOnce = 0;
  while (pool.take(2, 1, 5_000)) atOnce++;
  assert.ok(atOnce >= 60, `${atOnce} of 200`);
});

rates('what is used up comes back with time, over the end of the clock too', () => {
  const pool = new PortRates(PORTS, 200, 1_000);
  const endMs = 0x7fff_ffff;
  while (pool.take(0, 1, endMs));
  assert.not(pool.hasRoom(0, 1, endMs));
  assert.ok(pool.take(0, 100, (endMs + 1_000) | 0));
});

rates('more than there is in all is never had', () => {
  const pool = new PortRates(PORTS, 200, 1_000);
  assert.ok(pool.take(0, 200, 0));
  assert.not(new PortRates(PORTS, 200, 1_000).take(0, 201, 0));
});

shares.run();
rates.run();
