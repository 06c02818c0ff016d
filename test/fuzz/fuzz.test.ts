// timeout: 300s
/**
 * A million frames, good, mutated and random, through the datapath as replay runs it: nothing throws, and every
 * frame is accounted for.
 *
 * SLUICE_TEST_SEED repeats a run (the seed is printed), SLUICE_FUZZ_FRAMES sets its length. A failure prints the
 * frame, shrunken as far as it still fails. With SLUICE_FUZZ_COLLECT=1 a run stores a shrunken frame for each
 * outcome that it met in corpus.json.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Testbed } from '../replay/testbed.ts';
import { runs, seed } from '../support/seed.ts';
import { Accounting, isComplete } from './accounting.ts';
import { asFound, capturedFrames, type FoundFrame, foundFrames, shrunken, storeFound } from './corpus.ts';
import { type FuzzFrame, nextFrame } from './mutate.ts';
import { Xorshift } from './xorshift.ts';

const FRAMES = Number(process.env.SLUICE_FUZZ_FRAMES ?? runs(1_000_000));
/** A slow machine stops here; the frames until then were all right. */
const LIMIT_MS = 120_000;
const COLLECT = process.env.SLUICE_FUZZ_COLLECT === '1';

const test = suite(`fuzz (SLUICE_TEST_SEED=${seed})`);

/** What feeding the frame to a datapath of its own throws, in words; undefined: nothing. */
function failureOf(frame: FuzzFrame, offloads: boolean): string | undefined {
  try {
    new Accounting(new Testbed(offloads)).feed(frame);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function failed(error: Error, frame: FuzzFrame, number: number, offloads: boolean): Error {
  const alone = failureOf(frame, offloads);
  const least = alone === undefined ? frame : shrunken(frame, (one) => failureOf(one, offloads) === alone);
  const told = JSON.stringify(asFound(error.message, least));
  const how = alone === undefined ? 'only after the frames before it' : 'by itself';
  return new Error(`frame ${number} of seed ${seed}, ${how}: ${told}`, { cause: error });
}

test('the stored corpus is accounted for, and still meets many outcomes', () => {
  const bed = new Testbed(false);
  const accounting = new Accounting(bed);
  for (const frame of foundFrames()) accounting.feed(frame);
  assert.ok(accounting.outcomes.size >= 25, [...accounting.outcomes.keys()].join('; '));
});

for (const [offloads, frames] of [
  [false, FRAMES],
  [true, Math.ceil(FRAMES / 5)],
] as const) {
  test(`${frames} frames, ${offloads ? 'offloads kept' : 'offloads finished'}`, () => {
    const random = new Xorshift(seed);
    const bed = new Testbed(offloads);
    const accounting = new Accounting(bed);
    const corpus = [...capturedFrames(bed), ...foundFrames()];
    const ports = [...bed.portIds.keys()];
    const firstOf = new Map<string, FuzzFrame>();
    const startedMs = performance.now();
    let fed = 0;
    for (; fed < frames && performance.now() - startedMs < LIMIT_MS; fed++) {
      const frame = nextFrame(random, corpus, ports);
      if (random.below(1000) === 0) bed.datapath.advance(bed.datapath.timeMs + random.below(20_000));
      try {
        const outcome = accounting.feed(frame);
        if (!firstOf.has(outcome)) firstOf.set(outcome, frame);
      } catch (error) {
        throw failed(error as Error, frame, fed, offloads);
      }
    }
    bed.datapath.settle(60_000);
    assert.ok(isComplete(bed.datapath.arena), 'every frame buffer comes home');
    const { connections } = bed.datapath.tables;
    assert.ok(connections.inUse <= connections.capacity);
    assert.ok(connections.totals.created * 100 > frames, 'flows were made');
    assert.is(fed, frames, `the time limit of ${LIMIT_MS} ms`);
    if (COLLECT && !offloads) collect(firstOf);
  });
}

function collect(firstOf: ReadonlyMap<string, FuzzFrame>): void {
  const found: FoundFrame[] = [];
  for (const [outcome, frame] of [...firstOf].sort()) {
    const accounting = new Accounting(new Testbed(false));
    const holds = (one: FuzzFrame): boolean => accounting.feed(one) === outcome;
    if (!holds(frame)) continue; // it takes more than this frame alone
    found.push(asFound(outcome, shrunken(frame, holds)));
  }
  storeFound(found);
}

test.run();
