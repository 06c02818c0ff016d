import { mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SnapshotBuilder } from '../../../src/host/publishing/snapshot-builder.ts';
import { DatapathThread, type ThreadEvents } from '../../../src/host/thread/datapath-thread.ts';
import { mapFile } from '../../../src/native/memory.ts';
import { DEFAULT_LIMITS, Tables } from '../../../src/tables/tables.ts';
import { shop } from '../configurations.ts';

const test = suite('datapath thread');

const LIMITS = { ...DEFAULT_LIMITS, maxConnections: 1024, maxPorts: 16 };

const unexpected: ThreadEvents = {
  onPortsGone: (ports) => {
    throw new Error(`ports ${ports} have gone`);
  },
  onDeath: (reason) => {
    throw new Error(`the thread has died: ${reason}`);
  },
};

async function start(events: ThreadEvents = unexpected, engine: 'auto' | 'syscall' = 'auto') {
  const length = Tables.bytesNeeded(LIMITS);
  const path = join(mkdtempSync('/dev/shm/sluice-thread-'), 'tables');
  const { bytes } = mapFile(path, length);
  const thread = await DatapathThread.start(
    {
      engine,
      slots: 128,
      busyPollUs: 0,
      meterPacketsPerMs: 64,
      limits: LIMITS,
      tables: { path, length },
      hashKey: [1, 2],
    },
    events,
  );
  rmSync(dirname(path), { recursive: true });
  return { thread, tables: new Tables(bytes, 0, LIMITS, [0, 0]) };
}

for (const engine of ['auto', 'syscall'] as const) {
  test(`${engine}: it takes a snapshot, and stops when asked`, async () => {
    const { thread } = await start(unexpected, engine);
    assert.match(thread.engineReason, engine === 'auto' ? /^auto: / : /^asked for$/);
    const { snapshot } = new SnapshotBuilder({ offloads: true, limits: LIMITS }).build(shop(), 1);
    assert.equal(await thread.apply(snapshot), []);
    await thread.stop();
    await thread.stop();
  });
}

test('requests are answered in order, many at a time', async () => {
  const { thread } = await start();
  const builder = new SnapshotBuilder({ offloads: true, limits: LIMITS });
  const answered: number[] = [];
  await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      thread.apply(builder.build(shop(), i + 1).snapshot).then(() => answered.push(i)),
    ),
  );
  assert.equal(
    answered,
    Array.from({ length: 50 }, (_, i) => i),
  );
  await thread.stop();
});

test('a request that is refused says why, and the thread goes on', async () => {
  const { thread } = await start();
  const device = { fd: 0, vnetHeaderBytes: 12, maxFrameBytes: 65_553 } as const;
  try {
    await thread.attach([1, LIMITS.maxPorts].map((port) => ({ port, device })));
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /port 16, expected 0 to 15/);
  }
  await thread.purge([1, 2, 3], 'all');
  await thread.stop();
});

test('a thread that ends by itself is reported once, and answers no more', async () => {
  const deaths: string[] = [];
  const { thread } = await start({ ...unexpected, onDeath: (reason) => deaths.push(reason) });
  const waiting = thread.purge([1], 'all').then(
    () => 'done',
    (error) => (error as Error).message,
  );
  // biome-ignore lint/complexity/useLiteralKeys: the way to a private member
  await thread['worker'].terminate();
  assert.ok(['done', 'the datapath has ended'].includes(await waiting));
  assert.equal(deaths, ['it ended with code 1']);
  try {
    await thread.purge([1], 'all');
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'the datapath has ended');
  }
  await thread.stop();
});

test('one that cannot start says why', async () => {
  try {
    await DatapathThread.start(
      {
        engine: 'auto',
        slots: 1,
        busyPollUs: 0,
        meterPacketsPerMs: 64,
        limits: LIMITS,
        tables: { path: '/dev/null', length: 4096 },
        hashKey: [1, 2],
      },
      unexpected,
    );
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /slots 1, expected/);
  }
});

test.run();
