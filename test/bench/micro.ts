/**
 * The datapath alone: nanoseconds per packet by number of flows, heap use, bytes per connection.
 *
 *   node --expose-gc --max-semi-space-size=64 dist/test/bench/micro.bundle.js [--quick]
 *
 * Prints a MicroResult as JSON. The young generation is made so large that what a million packets may allocate
 * is seen before it is collected. Each part is measured in a process of its own (`--part`): a host has one datapath, and
 * V8 compiles the addresses of its tables into the code, which it does not once it has seen a second one.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setCompilerFlags } from '../../src/host/thread/compiler-flags.ts';
import { COLD_WORDS, HOT_WORDS } from '../../src/tables/balancing/connection-record.ts';
import { BucketIndex } from '../../src/tables/common/bucket-index.ts';
import { DEFAULT_LIMITS } from '../../src/tables/tables.ts';
import { BATCH_FRAMES, type Direction, MicroBed } from './micro-bed.ts';
import type { HeapUse, MicroPopulation, MicroResult } from './micro-result.ts';
import { microPopulations } from './plan.ts';
import { spreadOf } from './statistics.ts';

const quick = process.argv.includes('--quick');
const REPETITIONS = quick ? 2 : 5;
/** Packets timed in one go: of several windows the least counts, as whatever else the machine does only adds to one. */
const WINDOW = BATCH_FRAMES * 1_000;
const WINDOWS = quick ? 4 : 32;
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

/** Both directions in turn, as on a host: V8 compiles for what it has seen. */
function warmUp(bed: MicroBed, order: Int32Array): void {
  for (let first = 0; first < order.length; first += BATCH_FRAMES) {
    const batch = order.subarray(first, first + BATCH_FRAMES);
    timed(bed, 'forward', batch, true);
    timed(bed, 'reverse', batch, true);
  }
}

function measureHits(flows: number): Omit<MicroPopulation, 'flows' | 'newFlowNs'> {
  const bed = established(flows);
  const order = randomOrder(flows, WINDOW * WINDOWS);
  const windows = Array.from({ length: WINDOWS }, (_, i) => order.subarray(i * WINDOW, (i + 1) * WINDOW));
  for (const window of windows) warmUp(bed, window);
  const hit: number[] = [];
  const reply: number[] = [];
  const restore: number[] = [];
  const hitNs = (direction: Direction): number => {
    const least = (handled: boolean): number =>
      Math.min(...windows.map((window) => timed(bed, direction, window, handled)));
    const writing = least(false);
    if (direction === 'forward') restore.push(writing / WINDOW);
    return (least(true) - writing) / WINDOW;
  };
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    hit.push(hitNs('forward'));
    reply.push(hitNs('reverse'));
  }
  return { hitNs: spreadOf(hit)!, replyNs: spreadOf(reply)!, restoreNs: spreadOf(restore)! };
}

/** The table is filled from empty to `flows`, emptied, and filled again: memory that was used before, as in service. */
function measureNewFlows(flows: number): Pick<MicroPopulation, 'newFlowNs'> {
  const bed = new MicroBed(flows);
  const order = shuffled(flows);
  const figures: number[] = [];
  for (let made = 0; made < NEW_FLOWS_AT_LEAST; made += flows) {
    bed.forgetConnections();
    timed(bed, 'syn', order, true);
  }
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
  return { newFlowNs: spreadOf(figures)! };
}

/**
 * Heap use of `work`, which handles `packets`; per million of them. The least of several: the compiler allocates
 * on the same heap, at times of its own choosing.
 */
function heapUse(packets: number, prepare: () => void, work: () => void): HeapUse {
  const uses = Array.from({ length: 6 }, () => {
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

function measureHeap(hitFlows: number): MicroResult['heap'] {
  const bed = established(hitFlows);
  const order = randomOrder(hitFlows, HEAP_PACKETS / 2);
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

/** What a process can be asked to measure, and the flows that it is to do it with. */
const parts = {
  hits: measureHits,
  'new-flows': measureNewFlows,
  heap: measureHeap,
} as const;
type Part = keyof typeof parts;

/** Measures in a process of its own. */
function measured<P extends Part>(part: P, flows: number): ReturnType<(typeof parts)[P]> {
  const argv = [...process.execArgv, fileURLToPath(import.meta.url), '--part', part, `${flows}`];
  if (quick) argv.push('--quick');
  return JSON.parse(
    execFileSync(process.execPath, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  );
}

function measureAll(): MicroResult {
  const { maxConnections } = DEFAULT_LIMITS;
  const populations = microPopulations.filter((flows) => !quick || flows <= 100_000);
  return {
    populations: populations.map((flows) => ({
      flows,
      ...measured('hits', flows),
      ...measured('new-flows', flows),
    })),
    bytesPerConnection: {
      hotRow: HOT_WORDS * 4,
      index: (BucketIndex.wordsNeeded(maxConnections * 2) * 4) / maxConnections,
      coldRow: COLD_WORDS * 4,
    },
    heap: measured('heap', HEAP_FLOWS),
  };
}

// As the host's worker does.
setCompilerFlags();
const [option, part, flows] = process.argv.slice(2);
const result = option === '--part' ? parts[part as Part](Number(flows)) : measureAll();
process.stdout.write(`${JSON.stringify(result)}\n`);
