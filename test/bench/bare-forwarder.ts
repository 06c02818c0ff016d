/**
 * The bare engine: frames of one TAP go out of the other, untouched. What the same I/O costs without any
 * processing, i.e. the limit against which the datapath is measured.
 *
 *   node dist/test/bench/bare-forwarder.js [--engine auto|uring|syscall] [--busy-poll-us 50] [--slots 1024]
 *        [--ports vmA=10.9.0.1/24,vmB=10.9.0.2/24]
 *
 * Port 0 and 1 are joined, 2 and 3, and so on. Namespaces are made when absent and then removed at the end; the
 * interface in namespace N is called `tap` + N without a leading `vm`. Prints `ready` on stdout when frames can
 * flow; SIGTERM and SIGINT end it; SIGUSR1 prints counters on stderr.
 */
import { parseArgs } from 'node:util';
import { deleteNamespace, ensureNamespace } from '../../src/io/devices/namespace.ts';
import { createTap, type Tap } from '../../src/io/devices/tap.ts';
import type { FrameEngine } from '../../src/io/engine.ts';
import { type EngineChoice, selectEngine } from '../../src/io/engines/select-engine.ts';

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'auto' },
    'busy-poll-us': { type: 'string', default: '50' },
    slots: { type: 'string', default: '1024' },
    ports: { type: 'string', default: 'vmA=10.9.0.1/24,vmB=10.9.0.2/24' },
  },
});

const made: string[] = [];
const taps: Tap[] = [];
let ending = false;

/** Batches between two looks at the event loop, which is where signals arrive. */
const BATCHES_PER_TURN = 10_000;

function forward(engine: FrameEngine): void {
  const { arena, batch } = engine;
  for (let batches = 0; batches < BATCHES_PER_TURN; batches++) {
    const count = engine.receive(10_000);
    for (let i = 0; i < count; i++) {
      const slot = batch.slot[i]!;
      engine.transmit(batch.port[i]! ^ 1, slot, batch.offset[i]!, batch.length[i]!);
      arena.release(slot);
    }
    if (count === 0) return;
  }
}

const { engine, reason } = selectEngine(values.engine as EngineChoice, {
  maxPorts: 16,
  slots: Number(values.slots),
  busyPollUs: Number(values['busy-poll-us']),
});
console.error(`engine ${engine.name}: ${reason}`);

try {
  values.ports.split(',').forEach((port, index) => {
    const [netns, address] = port.split('=') as [string, string];
    if (ensureNamespace(netns)) made.push(netns);
    const interfaceName = `tap${netns.replace(/^vm/, '')}`;
    const tap = createTap({ netns, interfaceName, addresses: [address], gateways: [] });
    taps.push(tap);
    engine.attach(index, tap.device);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => (ending = true));
  process.on('SIGUSR1', () =>
    console.error(JSON.stringify({ ...engine.counters, rss: process.memoryUsage.rss() })),
  );
  console.log('ready');
  while (!ending) {
    forward(engine);
    await new Promise((resolve) => setImmediate(resolve));
  }
} finally {
  engine.close();
  for (const tap of taps) tap.close();
  for (const netns of made) deleteNamespace(netns);
}
