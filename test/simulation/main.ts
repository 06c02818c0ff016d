/** `node dist/test/simulation/main.js FROM [COUNT]`: plays seeds; the trace of the first that fails, and how to play it again. */
import { play } from './simulation.ts';

const [from = 1, count = 1] = process.argv.slice(2).map(Number);
const began = performance.now();
let events = 0;
for (let seed = from; seed < from + count; seed++) {
  const outcome = await play(seed);
  events += outcome.events;
  if (outcome.problem !== undefined) {
    if (count === 1) process.stdout.write(`${outcome.trace.join('\n')}\n`);
    process.stdout.write(
      `seed ${seed}: ${outcome.problem}\nagain: node dist/test/simulation/main.js ${seed}\n`,
    );
    process.exitCode = 1;
    if (process.env.SLUICE_SIMULATION_ALL === undefined) break;
  } else if (count === 1) process.stdout.write(`hash ${outcome.hash}\n`);
}
const seconds = ((performance.now() - began) / 1000).toFixed(1);
process.stdout.write(`${count} seeds, ${events} events, ${seconds} s\n`);
