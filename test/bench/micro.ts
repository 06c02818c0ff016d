/**
 * The datapath alone: nanoseconds per packet by number of flows, heap use, bytes per connection.
 *
 *   node --expose-gc --max-semi-space-size=64 dist/test/bench/micro.bundle.js [--quick]
 *
 * Prints a MicroResult as JSON. The young generation is made so large that what a million packets may allocate
 * is seen before it is collected.
 */
import { raiseInliningLimits } from '../../src/host/compiler-flags.ts';
import { BucketIndex } from '../../src/tables/bucket-index.ts';
import { COLD_WORDS, HOT_WORDS } from '../../src/tables/connection-table.ts';
import { DEFAULT_LIMITS } from '../../src/tables/tables.ts';
import { BATCH_FRAMES, type Direction, MicroBed } from './micro-bed.ts';
import type { HeapUse, MicroPopulation, MicroResult } from './micro-result.ts';
import { microPopulations } from './plan.ts';
import { spreadOf } from './statistics.ts';

const quick = process.argv.includes('--quick');
const REPETITIONS = quick ? 2 : 5;
/** A multiple of the batch. */
const PACKETS = BATCH_FRAMES * (quick ? 4_000 : 32_000);
const HEAP_PACKETS = BATCH_FRAMES * 15_625;
const HEAP_FLOWS = 10_000;
/** Per repetition, so that small populations are timed long enough. */
const NEW_FLOWS_AT_LEAST = quick ? 20_000 : 100_000;

const collectGarbage = globalThis.gc;
if (collectGarbage === undefined) throw new Error('run with --expose-gc');

/** Flows in random order, the same in every run: a linear congruential generator, numbers from its high bits. */
function randomOrder(flows: number, length: number): Int32Array {
  const order = new Int32Array(length);
  let state = 12_345;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    order[i] = Math.floor((state / 2 ** 32) * flows);
  }
  return order;
}

/** Every flow once, in random order (Fisher-Yates). */
function shuffled(flows: number): Int32Array {
  const order = Int32Array.from({ length: flows }, (_, flow) => flow);
  const picks = randomOrder(2 ** 30, flows);
  for (let i = flows - 1; i > 0; i--) {
    const j = picks[i]! % (i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/**
 * CPU time in nanoseconds that `order`'s packets take, handled or only written. CPU time, not the clock's: it is
 * the same while nothing else runs, and does not count the times at which something else does.
 */
function timed(bed: MicroBed, direction: Direction, order: Int32Array, handled: boolean): number {
  const sentBefore = bed.sent;
  const startedAt = process.cpuUsage();
  for (let first = 0; first < order.length; first += BATCH_FRAMES) {
    const count = Math.min(BATCH_FRAMES, order.length - first);
    bed.fill(direction, order, first, count);
    if (handled) bed.handle(count);
    else bed.discard(count);
  }
  const used = process.cpuUsage(startedAt);
  const expected = handled ? order.length : 0;
  if (bed.sent - sentBefore !== expected) {
    throw new Error(`${direction}: ${expected} frames handled, ${bed.sent - sentBefore} sent`);
  }
  return (used.user + used.system) * 1e3;
}

/** One step of the handshake for every flow, each frame checked. */
function checkedStep(bed: MicroBed, direction: Direction, order: Int32Array): void {
  for (let first = 0; first < order.length; first += BATCH_FRAMES) {
    const count = Math.min(BATCH_FRAMES, order.length - first);
    bed.fill(direction, order, first, count);
    bed.handleChecked(direction, count);
  }
}

function established(flows: number): MicroBed {
  const bed = new MicroBed(flows);
  const order = shuffled(flows);
  for (const direction of ['syn', 'synAck', 'forward', 'reverse'] as const)
    checkedStep(bed, direction, order);
  if (bed.tables.connections.inUse !== flows) {
    throw new Error(`${bed.tables.connections.inUse} connections, expected ${flows}`);
  }
  return bed;
}

function measurePopulation(flows: number): MicroPopulation {
  const bed = established(flows);
  const order = randomOrder(flows, PACKETS);
  const hit: number[] = [];
  const reply: number[] = [];
  const restore: number[] = [];
  const hitNs = (direction: Direction): number => {
    const writing = timed(bed, direction, order, false);
    if (direction === 'forward') restore.push(writing / PACKETS);
    return (timed(bed, direction, order, true) - writing) / PACKETS;
  };
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    hit.push(hitNs('forward'));
    reply.push(hitNs('reverse'));
  }
  return {
    flows,
    hitNs: spreadOf(hit)!,
    replyNs: spreadOf(reply)!,
    newFlowNs: spreadOf(newFlowNs(flows))!,
    restoreNs: spreadOf(restore)!,
  };
}

/** The table is filled from empty to `flows`, emptied, and filled again: memory that was used before, as in service. */
function newFlowNs(flows: number): number[] {
  const bed = new MicroBed(flows);
  const order = shuffled(flows);
  const figures: number[] = [];
  timed(bed, 'syn', order, true);
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    let elapsedNs = 0;
    let made = 0;
    while (made < NEW_FLOWS_AT_LEAST) {
      bed.forgetConnections();
      elapsedNs += timed(bed, 'syn', order, true) - timed(bed, 'syn', order, false);
      made += flows;
    }
    figures.push(elapsedNs / made);
  }
  return figures;
}

/**
 * Heap use of `work`, which handles `packets`; per million of them. The least of several: the compiler allocates
 * on the same heap, at times of its own choosing.
 */
function heapUse(packets: number, prepare: () => void, work: () => void): HeapUse {
  const uses = Array.from({ length: 3 }, () => {
    prepare();
    return heapUseOnce(packets, work);
  });
  return uses.reduce((least, use) => (use.allocatedBytes < least.allocatedBytes ? use : least));
}

function heapUseOnce(packets: number, work: () => void): HeapUse {
  collectGarbage!();
  const before = process.memoryUsage().heapUsed;
  work();
  const after = process.memoryUsage().heapUsed;
  collectGarbage!();
  const kept = process.memoryUsage().heapUsed;
  const perMillion = 1e6 / packets;
  return {
    allocatedBytes: (after - before) * perMillion,
    keptBytes: (kept - before) * perMillion,
  };
}

function measureHeap(): MicroResult['heap'] {
  const bed = established(HEAP_FLOWS);
  const order = randomOrder(HEAP_FLOWS, HEAP_PACKETS / 2);
  const hits = heapUse(
    HEAP_PACKETS,
    () => {},
    () => {
      timed(bed, 'forward', order, true);
      timed(bed, 'reverse', order, true);
    },
  );
  const flows = DEFAULT_LIMITS.maxConnections / 2;
  const filled = new MicroBed(flows);
  const syns = shuffled(flows);
  const newFlows = heapUse(
    flows,
    () => filled.forgetConnections(),
    () => {
      timed(filled, 'syn', syns, true);
    },
  );
  return { hits, newFlows };
}

// As the host's worker does.
raiseInliningLimits();

const warmUp = established(microPopulations[0]);
for (const direction of ['forward', 'reverse'] as const) {
  timed(warmUp, direction, randomOrder(warmUp.flows, PACKETS), true);
}
newFlowNs(microPopulations[0]);

const { maxConnections } = DEFAULT_LIMITS;
const result: MicroResult = {
  populations: [],
  bytesPerConnection: {
    hotRow: HOT_WORDS * 4,
    index: (BucketIndex.wordsNeeded(maxConnections * 2) * 4) / maxConnections,
    coldRow: COLD_WORDS * 4,
  },
  heap: measureHeap(),
};
for (const flows of microPopulations) {
  if (quick && flows > 100_000) break;
  result.populations.push(measurePopulation(flows));
  collectGarbage();
}
process.stdout.write(`${JSON.stringify(result)}\n`);
