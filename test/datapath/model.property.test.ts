/**
 * Random interleavings of packets, rule changes, failures, time and table pressure, to the datapath and to a slow model
 * of the whole load balancer (model/lb-model.ts). Every frame that comes out is compared byte for byte with what the
 * model expects, and the connection records after every batch.
 *
 * SLUICE_TEST_SEED plays a run again; SLUICE_MODEL_STEPS is the number of steps, some 3 000 a second (the default is
 * short). A failure is shrunk, and its commands are printed.
 */
import { suite } from 'uvu';
import { Random, runs, seed } from '../support/seed.ts';
import { type Command, listing, nextCommand } from './model/commands.ts';
import { Episode, type EpisodeOptions } from './model/episode.ts';

const model = suite('model of the load balancer');

const STEPS = 5_000;
const TOTAL_STEPS = Number(process.env.SLUICE_MODEL_STEPS ?? runs(30_000));
/** Replays that shrinking may cost. */
const SHRINK_RUNS = 200;

/** Small tables are under pressure, large ones are not. */
function optionsOf(random: Random, episode: number): EpisodeOptions {
  return {
    capacity: [250, 30, 120, 60][(seed + episode) % 4],
    balancer: random.chance(70) ? 'port' : 'host',
    onTableFull: random.chance(60) ? 'refuse' : 'evict-idle',
    startMs: random.pick([1_000, 2 ** 31 - 60_000, 2 ** 32 - 60_000]),
  };
}

/** Plays commands; returns the error and the number of the command that met it, or undefined. */
function play(
  options: EpisodeOptions,
  commands: Iterable<Command>,
): { error: Error; at: number } | undefined {
  let at = 0;
  try {
    const episode = new Episode(options);
    for (const command of commands) {
      episode.run(command);
      at++;
    }
    episode.finish();
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { error, at };
  }
}

/** What kind of failure it is: the message without its particulars. */
const kindOf = (error: Error): string => error.message.replace(/[:\n].*/s, '');

/** A shorter list of commands that fails in the same way: whatever can be left out goes. */
function shrink(options: EpisodeOptions, commands: readonly Command[], kind: string): readonly Command[] {
  let left = commands;
  let budget = SHRINK_RUNS;
  for (let size = Math.ceil(left.length / 2); size >= 1 && budget > 0; size = Math.floor(size / 2)) {
    for (let from = 0; from < left.length && budget > 0; budget--) {
      const shorter = left.toSpliced(from, size);
      const failure = play(options, shorter);
      if (failure === undefined || kindOf(failure.error) !== kind) from += size;
      else left = shorter.slice(0, failure.at + 1);
    }
  }
  return left;
}

function* commandsOf(random: Random, steps: number, record: Command[]): Generator<Command> {
  const haste = random.pick([10, 25, 45]);
  for (let step = 0; step < steps; step++) {
    const command = nextCommand(random, haste);
    record.push(command);
    yield command;
  }
}

model('the datapath does what the model says, whatever happens in whatever order', () => {
  for (let number = 0; number * STEPS < TOTAL_STEPS; number++) {
    const random = new Random(seed, number);
    const steps = Math.min(STEPS, TOTAL_STEPS - number * STEPS);
    const options = optionsOf(random, number);
    const played: Command[] = [];
    const failure = play(options, commandsOf(random, steps, played));
    if (failure === undefined) continue;
    const shortest = shrink(options, played.slice(0, failure.at + 1), kindOf(failure.error));
    const last = play(options, shortest)?.error ?? failure.error;
    throw new Error(
      `episode ${number} of seed ${seed}, step ${failure.at}: ${failure.error.message}\n` +
        `with ${JSON.stringify(options)}, shrunk to ${shortest.length} commands:\n${listing(shortest)}\n${last.stack}`,
    );
  }
});

model.run();
