/**
 * Lives of a whole fleet in virtual time, each from its seed: controllers, agents, election, distribution, health checks and
 * policies are the product's own; network, etcd, clocks and the datapaths are simulated. SLUICE_SIMULATION_SEEDS: how many.
 */
// timeout: 600s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runs, seed } from '../support/seed.ts';
import { play } from './simulation.ts';

const SEEDS = runs(Number(process.env.SLUICE_SIMULATION_SEEDS ?? 20));

const simulation = suite('simulation of the control plane');

simulation(`what must hold, holds in ${SEEDS} lives with faults of every kind`, async () => {
  for (let each = seed; each < seed + SEEDS; each++) {
    const { problem } = await play(each);
    assert.is(problem, undefined, `${problem}\nplay it again: node dist/test/simulation/main.js ${each}`);
  }
});

simulation('a seed says everything: the same life again, event by event', async () => {
  const [first, second] = [await play(seed), await play(seed)];
  assert.equal([first.hash, first.events], [second.hash, second.events]);
  assert.is.not((await play(seed + 1)).hash, first.hash);
});

simulation.run();
