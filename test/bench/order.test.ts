import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { measuringOrder } from './order.ts';

const order = suite('bench order');

const ROWS = 5;
const PEERS = ['bare', 'ovs', 'kernel'];

/** How often one column was measured directly after the other. */
function timesInARow(orders: readonly string[][], first: string, second: string): number {
  return orders.filter((columns) => {
    const at = columns.indexOf(first);
    return at >= 0 && columns[at + 1] === second;
  }).length;
}

order(
  'what is compared is measured in a row, in both orders equally often, whatever else is measured',
  () => {
    for (const variant of ['before', 'unmeasured']) {
      for (let others = 0; others <= PEERS.length; others++) {
        for (let position = 0; position < ROWS; position++) {
          for (const rounds of [2, 10, 30]) {
            const orders = Array.from({ length: rounds }, (_, round) =>
              measuringOrder(['sluice', variant], PEERS.slice(0, others), round, position),
            );
            const what = `${variant}, ${others} others, row ${position}, ${rounds} rounds`;
            assert.is(timesInARow(orders, 'sluice', variant), rounds / 2, what);
            assert.is(timesInARow(orders, variant, 'sluice'), rounds / 2, what);
          }
        }
      }
    }
  },
);

order('the order of two that are compared changes from round to round', () => {
  const orders = [0, 1, 2, 3].map((round) => measuringOrder(['before', 'sluice'], [], round, 0).join(' '));
  assert.equal(orders, ['before sluice', 'sluice before', 'before sluice', 'sluice before']);
});

order('every column is measured once, and is the first as often as any other place in the rotation', () => {
  for (const [pair, rounds] of [
    [['sluice'], 4],
    [['before', 'sluice'], 8],
  ] as const) {
    const firsts = new Map<string, number>();
    for (let round = 0; round < rounds; round++) {
      const columns = measuringOrder(pair, PEERS, round, 3);
      assert.equal([...columns].sort(), [...pair, ...PEERS].sort());
      const first = PEERS.includes(columns[0]!) ? columns[0]! : 'pair';
      firsts.set(first, (firsts.get(first) ?? 0) + 1);
    }
    assert.equal([...firsts.values()], new Array(4).fill(rounds / 4));
  }
});

order('the columns of one row are rotated when there are no variants', () => {
  assert.equal(measuringOrder(['sluice'], PEERS, 0, 0), ['sluice', ...PEERS]);
  assert.equal(measuringOrder(['sluice'], PEERS, 1, 2), ['kernel', 'sluice', 'bare', 'ovs']);
  assert.equal(measuringOrder([], ['bare', 'ovs'], 1, 0), ['ovs', 'bare']);
});

order.run();
