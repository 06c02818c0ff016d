/**
 * When V8 collects the garbage of a host's main thread.
 *
 * Theory of operation. By default V8 collects once the heap has grown by half, which takes minutes on a quiet host, so
 * that resident memory says little. A steady heap is collected after it has grown by a few MB: twice a minute under load,
 * 10 ms each with a small configuration. But a collection takes 1 ms per MB of the heap, 100 ms with 2 million combinations
 * of port, group and member, so a large heap may grow by more in between. A start or a reload makes hundreds of MB: V8's
 * own rule holds meanwhile, and the heap is collected once afterwards.
 *
 * The flags are those of all threads; the datapath's makes garbage only when it takes a snapshot.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { releaseFreeMemory } from './memory.ts';

const STEADY_GROWTH_PERCENT = 3;
/** Of a heap's bytes above SMALL_BYTES, this part may be garbage before it is collected. */
const LARGE_GROWTH = 0.25;
const SMALL_BYTES = 32 << 20;
/** The caller's answer is out by then. */
const DELAY_MS = 500;

let soon: NodeJS.Timeout | undefined;

/** Until the next `steadyHeap`. */
export function roomyHeap(): void {
  clearTimeout(soon);
  setFlagsFromString('--no-optimize-for-size');
  setFlagsFromString('--heap-growing-percent=0');
}

/** In a moment, for as long as the heap has about the size that it has then. */
export function steadyHeap(): void {
  clearTimeout(soon);
  soon = setTimeout(settle, DELAY_MS);
  soon.unref();
}

function settle(): void {
  setFlagsFromString('--optimize-for-size');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const { used_heap_size: heapBytes, external_memory: externalBytes } = getHeapStatistics();
  const growthBytes = LARGE_GROWTH * Math.max(0, heapBytes - SMALL_BYTES);
  // V8 counts the percentage of both.
  const percent = Math.round((100 * growthBytes) / (heapBytes + externalBytes));
  setFlagsFromString(`--heap-growing-percent=${Math.max(STEADY_GROWTH_PERCENT, percent)}`);
  // The limit follows from the flag at the end of a collection.
  collect();
  releaseFreeMemory();
}
