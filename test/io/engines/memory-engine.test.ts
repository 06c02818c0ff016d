import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryEngine, memoryDevice } from '../../../src/io/engines/memory-engine.ts';

const test = suite('memory engine');

function twoPorts(slots = 16, maxSent?: number): MemoryEngine {
  const engine = new MemoryEngine({ maxPorts: 4, slots, maxSent });
  for (const port of [0, 1]) engine.attach(port, memoryDevice());
  return engine;
}

const frame = (mark: number, length = 60) => new Uint8Array(length).fill(mark);

function forwardAll(engine: MemoryEngine): number {
  let frames = 0;
  for (let count = engine.receive(0); count > 0; count = engine.receive(0)) {
    for (let i = 0; i < count; i++, frames++) {
      const slot = engine.batch.slot[i]!;
      engine.transmit(engine.batch.port[i]! ^ 1, slot, engine.batch.offset[i]!, engine.batch.length[i]!);
      engine.arena.release(slot);
    }
  }
  return frames;
}

test('injected frames come in order, with their vnet headers, and are collected where they were sent', () => {
  const engine = twoPorts(300);
  const header = Uint8Array.from([1, 1, 54, 0, 180, 5, 34, 0, 16, 0, 0, 0]);
  for (let i = 0; i < 200; i++) engine.inject(i & 1, frame(i), i === 7 ? header : undefined);
  assert.is(forwardAll(engine), 200);
  const sent = engine.takeSent();
  assert.is(sent.length, 200);
  sent.forEach(({ port, bytes, vnetHeader }, i) => {
    assert.is(port, (i & 1) ^ 1);
    assert.equal(bytes, frame(i));
    assert.equal(vnetHeader, i === 7 ? header : new Uint8Array(12));
  });
  assert.equal(engine.takeSent(), []);
  assert.is(engine.arena.freeCount, engine.arena.slotCount);
});

test('what is collected is a copy: later use of the slot does not change it', () => {
  const engine = twoPorts(2);
  engine.inject(0, frame(1));
  forwardAll(engine);
  engine.inject(0, frame(2));
  forwardAll(engine);
  assert.equal(
    engine.takeSent().map(({ bytes }) => bytes[0]),
    [1, 2],
  );
});

test('both queues are bounded', () => {
  const engine = twoPorts(16, 5);
  for (let i = 0; i < 16; i++) assert.is(engine.inject(0, frame(i)), true);
  assert.is(engine.inject(0, frame(16)), false);
  assert.is(forwardAll(engine), 16);
  assert.is(engine.takeSent().length, 5);
  assert.is(engine.counters.writeQueueFull, 11);
});

test('without free slots frames wait, and are counted', () => {
  const engine = twoPorts(2);
  const held = [engine.arena.take(), engine.arena.take()];
  engine.inject(0, frame(1));
  assert.is(engine.receive(0), 0);
  assert.is(engine.counters.outOfBuffers, 1);
  for (const slot of held) engine.arena.release(slot);
  assert.is(forwardAll(engine), 1);
});

test('frames for absent ports are counted, removed ports are reported once', () => {
  const engine = twoPorts();
  engine.inject(1, frame(1));
  engine.removePort(1);
  assert.is(engine.gonePorts, 1);
  assert.equal(engine.takeGonePorts(), [1]);
  assert.equal(engine.takeGonePorts(), []);
  assert.is(engine.receive(0), 0);
  engine.inject(0, frame(1));
  assert.is(forwardAll(engine), 1);
  assert.is(engine.counters.writeErrors, 1);
  assert.throws(() => engine.inject(1, frame(1)), /port 1 is not attached/);
  assert.throws(() => engine.inject(0, frame(1, 65_921)), /frame of 65921 bytes, at most 65920 fit/);
  assert.throws(() => engine.inject(0, frame(1), new Uint8Array(10)), /vnet header of 10 bytes/);
});

test('a wake-up is seen once', () => {
  const engine = twoPorts();
  engine.wake();
  assert.is(engine.receive(1_000_000), 0);
  assert.is(engine.takeWake(), true);
  assert.is(engine.takeWake(), false);
});

test.run();
