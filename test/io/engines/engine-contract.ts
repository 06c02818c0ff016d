/**
 * What every engine with devices must do with frames, slots and waits: the same test bodies for io_uring and for
 * system calls. The devices are sockets whose other end the test holds.
 */
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineOptions } from '../../../src/io/engines/engine-state.ts';
import { FRAME_HEADROOM_BYTES, SLOT_BYTES } from '../../../src/tables/frame-arena.ts';
import { openSocketDevice, type SocketDevice } from '../socket-pair.ts';
import {
  type CreateEngine,
  type EngineUnderTest,
  engineRunner,
  ethernetFrame,
  slotsAway,
} from './engine-harness.ts';

export function engineContract(name: string, create: CreateEngine): void {
  const test = suite(name);
  const withEngine = engineRunner(create);

  const withSockets =
    (
      forms: readonly (0 | 10 | 12)[],
      options: Partial<EngineOptions>,
      body: (bench: EngineUnderTest, devices: readonly SocketDevice[]) => void | Promise<void>,
    ) =>
    async () => {
      const devices = forms.map((form) => openSocketDevice(form));
      try {
        await withEngine(options, async (bench) => {
          for (const [port, { device }] of devices.entries()) bench.engine.attach(port, device);
          await body(bench, devices);
        })();
      } finally {
        for (const device of devices) device.close();
      }
    };

  for (const form of [0, 10, 12] as const) {
    test(
      `a frame with a ${form}-byte header arrives behind a whole vnet header, and leaves as it came`,
      withSockets([form, form], {}, (bench, [from, to]) => {
        const { engine } = bench;
        engine.arena.bytes.fill(0xee);
        const header = Buffer.from([1, 1, 54, 0, 180, 5, 34, 0, 16, 0, 9, 9]).subarray(0, form);
        const frame = ethernetFrame(61, 7);
        from!.feed(Buffer.concat([header, frame]));
        assert.is(engine.receive(1_000_000), 1);
        const { port, slot, offset, length } = engine.batch;
        assert.is(port[0], 0);
        assert.is(length[0], frame.length);
        assert.ok(offset[0]! >= slot[0]! * SLOT_BYTES + FRAME_HEADROOM_BYTES - 12);
        const seen = Buffer.from(engine.arena.bytes.subarray(offset[0]! - 12, offset[0]! + frame.length));
        const expectedHeader = Buffer.alloc(12);
        header.copy(expectedHeader, 0, 0, 10);
        assert.equal(seen.subarray(0, 12), expectedHeader);
        assert.equal(seen.subarray(12), frame);
        engine.transmit(1, slot[0]!, offset[0]!, length[0]!);
        engine.arena.release(slot[0]!);
        engine.receive(0);
        const sent = to!.take()!;
        assert.equal(sent, Buffer.concat([expectedHeader.subarray(0, form), frame]));
        assert.is(slotsAway(bench), 0);
      }),
    );
  }

  test(
    'one frame goes to ports with all forms of header',
    withSockets([12, 12, 10, 0], {}, (bench, devices) => {
      const { engine } = bench;
      const header = Buffer.from([1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0]);
      const frame = ethernetFrame(100, 3);
      devices[0]!.feed(Buffer.concat([header, frame]));
      assert.is(engine.receive(1_000_000), 1);
      const slot = engine.batch.slot[0]!;
      for (const port of [1, 2, 3]) engine.transmit(port, slot, engine.batch.offset[0]!, frame.length);
      engine.arena.release(slot);
      engine.receive(0);
      assert.equal(devices[1]!.take(), Buffer.concat([header, frame]));
      assert.equal(devices[2]!.take(), Buffer.concat([header.subarray(0, 10), frame]));
      assert.equal(devices[3]!.take(), frame);
      assert.is(slotsAway(bench), 0);
    }),
  );

  test(
    'frames of a port keep their order',
    withSockets([12, 12], {}, ({ engine }, [from]) => {
      let expected = 0;
      for (let round = 0; round < 50; round++) {
        for (let i = 0; i < 8; i++)
          from!.feed(Buffer.concat([Buffer.alloc(12), ethernetFrame(64, round * 8 + i)]));
        for (let got = 0; got < 8; ) {
          const count = engine.receive(1_000_000);
          for (let i = 0; i < count; i++, got++) {
            assert.is(engine.arena.bytes[engine.batch.offset[i]! + 20], expected++ & 0xff);
            engine.arena.release(engine.batch.slot[i]!);
          }
        }
      }
    }),
  );

  test(
    'frames of more ports than one call serves all come, without waiting',
    withSockets(new Array(48).fill(12), { maxPorts: 48, busyPollUs: 50 }, (bench, devices) => {
      const { engine } = bench;
      engine.receive(0);
      for (let round = 0; round < 20; round++) {
        for (const device of devices)
          device.feed(Buffer.concat([Buffer.alloc(12), ethernetFrame(64, round)]));
        const seen = new Set<number>();
        while (seen.size < devices.length) {
          const count = engine.receive(20_000_000);
          assert.ok(count > 0, 'waited to the end, with frames to read');
          for (let i = 0; i < count; i++) {
            seen.add(engine.batch.port[i]!);
            engine.arena.release(engine.batch.slot[i]!);
          }
        }
      }
      assert.is(slotsAway(bench), 0);
    }),
  );

  test(
    'a flooded port does not keep others waiting',
    withSockets([12, 12, 12], {}, (bench, devices) => {
      const { engine } = bench;
      engine.receive(0);
      const frame = Buffer.concat([Buffer.alloc(12), ethernetFrame(64, 1)]);
      for (let i = 0; i < 300; i++) devices[0]!.feed(frame);
      devices[1]!.feed(frame);
      devices[2]!.feed(frame);
      const seen = new Map<number, number>();
      for (let calls = 0; seen.size < 3; calls++) {
        assert.ok(calls < 4, `after ${calls} calls: ${JSON.stringify([...seen])}`);
        const count = engine.receive(1_000_000);
        for (let i = 0; i < count; i++) {
          const port = engine.batch.port[i]!;
          seen.set(port, (seen.get(port) ?? 0) + 1);
          engine.arena.release(engine.batch.slot[i]!);
        }
      }
      assert.ok(seen.get(0)! < 300);
    }),
  );

  test(
    'a datagram shorter than the header is a frame of no bytes',
    withSockets([12], {}, (bench, [from]) => {
      from!.feed(Buffer.alloc(5));
      assert.is(bench.engine.receive(1_000_000), 1);
      assert.is(bench.engine.batch.length[0], 0);
      bench.engine.arena.release(bench.engine.batch.slot[0]!);
    }),
  );

  test(
    'what cannot be sent is counted, and its slot stays with its owner',
    withSockets([12, 12], {}, (bench) => {
      const { engine } = bench;
      const slot = engine.arena.take();
      const offset = engine.arena.frameOffset(slot);
      engine.transmit(5, slot, offset, 60); // no such port
      engine.transmit(-1, slot, offset, 60);
      engine.transmit(99, slot, offset, 60);
      engine.transmit(1, -1, offset - (slot + 1) * SLOT_BYTES, 60); // no such slot
      engine.transmit(1, 256, engine.arena.frameOffset(256), 60);
      engine.transmit(1, slot, offset, 0);
      engine.transmit(1, slot, offset, 65_554); // longer than the device takes
      engine.transmit(1, slot, offset - FRAME_HEADROOM_BYTES, 60); // header before the slot
      engine.transmit(1, slot, offset + SLOT_BYTES - 200, 200); // end behind the slot
      assert.is(engine.counters.writeErrors, 9);
      engine.receive(0);
      assert.is(engine.arena.referencesOf(slot), 1);
      engine.arena.release(slot);
      assert.is(slotsAway(bench), 0);
    }),
  );

  test(
    'a full device drops and counts, and takes frames again afterwards',
    withSockets([12, 12], {}, (bench, [, to]) => {
      const { engine } = bench;
      const send = (count: number) => {
        for (let i = 0; i < count; i++) {
          const slot = engine.arena.take();
          engine.transmit(1, slot, engine.arena.frameOffset(slot), 60);
          engine.arena.release(slot);
          if (engine.arena.freeCount === 0) engine.receive(0);
        }
        engine.receive(0);
        engine.receive(0);
      };
      send(2000);
      let taken = 0;
      while (to!.take() !== null) taken++;
      assert.ok(taken > 0 && taken < 2000, `${taken} taken`);
      assert.is(engine.counters.writeQueueFull, 2000 - taken);
      assert.is(engine.counters.writeErrors, 0);
      assert.is(slotsAway(bench), 0);
      send(1);
      assert.is(to!.take()!.length, 72);
    }),
  );

  test(
    'with all slots taken reading stops, is counted, and resumes when they come home',
    withSockets([12], { slots: 8, busyPollUs: 50 }, (bench, [from]) => {
      const { engine } = bench;
      const held: number[] = [];
      let fed = 0;
      const feed = () => from!.feed(Buffer.concat([Buffer.alloc(12), ethernetFrame(64, fed++)]));
      while (held.length < 8) {
        feed();
        assert.is(engine.receive(1_000_000), 1);
        held.push(engine.batch.slot[0]!);
      }
      assert.is(new Set(held).size, 8);
      for (let i = 0; i < 5; i++) feed();
      for (let i = 0; i < 5; i++) assert.is(engine.receive(1000), 0);
      assert.ok(engine.counters.outOfBuffers > 0);
      const start = performance.now();
      engine.receive(30_000);
      assert.ok(performance.now() - start >= 28, 'frames that cannot be read must not end the wait');
      for (const slot of held) engine.arena.release(slot);
      let got = 0;
      while (got < 5) {
        const count = engine.receive(1_000_000);
        assert.ok(count > 0, `only ${got} of 5 frames came`);
        for (let i = 0; i < count; i++, got++) {
          assert.is(engine.arena.bytes[engine.batch.offset[i]! + 20], 8 + got);
          engine.arena.release(engine.batch.slot[i]!);
        }
      }
      assert.is(slotsAway(bench), 0);
    }),
  );

  test(
    'receive waits as long as it was told to',
    withSockets([12], { busyPollUs: 50 }, ({ engine }) => {
      engine.receive(0);
      // The shortest of some: a busy machine may lengthen any of them.
      const shortestMs = (timeoutUs: number): number => {
        const times = Array.from({ length: 20 }, () => {
          const start = performance.now();
          assert.is(engine.receive(timeoutUs), 0);
          return performance.now() - start;
        });
        return Math.min(...times);
      };
      const waited = shortestMs(30_000);
      assert.ok(waited >= 28 && waited < 100, `${waited} ms`);
      assert.ok(shortestMs(0) < 20);
    }),
  );

  test(
    'another thread ends a wait',
    withSockets([12], { busyPollUs: 50 }, async ({ engine }) => {
      engine.receive(0);
      assert.is(engine.takeWake(), false);
      const waker = new Worker(
        `const { workerData } = require('node:worker_threads');
         const one = Buffer.alloc(8); one[0] = 1;
         setTimeout(() => require('node:fs').writeSync(workerData, one), 100);`,
        { eval: true, workerData: engine.wakeFd },
      );
      for (let wake = 0; wake < 2; wake++) {
        const start = performance.now();
        assert.is(engine.receive(5_000_000), 0);
        assert.ok(performance.now() - start < 4000);
        assert.is(engine.takeWake(), true);
        assert.is(engine.takeWake(), false);
        if (wake === 0)
          new Worker(`require('node:fs').writeSync(${engine.wakeFd}, Buffer.from([1,0,0,0,0,0,0,0]))`, {
            eval: true,
          });
      }
      await waker.terminate();
    }),
  );

  test(
    'attach refuses an index in use or out of range; detach of a free one does nothing',
    withSockets([12], {}, ({ engine }, [first]) => {
      assert.throws(() => engine.attach(0, first!.device), /port 0 is attached already/);
      assert.throws(() => engine.attach(8, first!.device), /port 8, expected 0 to 7/);
      engine.detach(5);
    }),
  );

  test('after stopReading what was taken is received, and the next engine gets the rest', () => {
    const options = { maxPorts: 2, slots: 128, busyPollUs: 0 };
    const frames = 40;
    for (let fedBefore = 0; fedBefore <= frames; fedBefore += 8) {
      const device = openSocketDevice(12);
      const [former, next] = [create(options), create(options)];
      const feed = (count: number): void => {
        for (let i = 0; i < count; i++) device.feed(Buffer.concat([Buffer.alloc(12), ethernetFrame(64, 1)]));
      };
      const drain = ({ engine }: EngineUnderTest): number => {
        let total = 0;
        for (let empty = 0; empty < 2; ) {
          const count = engine.receive(0);
          for (let i = 0; i < count; i++) engine.arena.release(engine.batch.slot[i]!);
          empty = count === 0 ? empty + 1 : 0;
          total += count;
        }
        return total;
      };
      former.engine.attach(0, device.device);
      let received = former.engine.receive(0);
      for (let i = 0; i < received; i++) former.engine.arena.release(former.engine.batch.slot[i]!);
      feed(fedBefore);
      former.engine.stopReading();
      feed(frames - fedBefore);
      received += drain(former);
      assert.ok(received <= fedBefore, `${received} of ${fedBefore}`);
      assert.is(former.engine.counters.readErrors, 0);
      former.engine.close();
      next.engine.attach(0, device.device);
      assert.is(received + drain(next), frames);
      next.engine.close();
      device.close();
    }
  });

  test('a port index that is used again never gets what was meant for its previous owner', async () => {
    const bench = create({ maxPorts: 2, slots: 128, busyPollUs: 0 });
    const { engine } = bench;
    const frame = Buffer.concat([Buffer.alloc(12), ethernetFrame(64, 1)]);
    for (let cycle = 0; cycle < 300; cycle++) {
      const device = openSocketDevice(12);
      engine.attach(0, device.device);
      device.feed(frame);
      device.feed(frame);
      if (cycle % 3 !== 0) {
        const count = engine.receive(cycle % 3 === 1 ? 0 : 1_000_000);
        for (let i = 0; i < count; i++) {
          const slot = engine.batch.slot[i]!;
          engine.transmit(0, slot, engine.batch.offset[i]!, engine.batch.length[i]!);
          if (cycle % 2 === 0) engine.detach(0);
          engine.arena.release(slot);
        }
      }
      device.feed(frame);
      engine.detach(0);
      device.close();
    }
    const last = openSocketDevice(12);
    engine.attach(0, last.device);
    assert.is(engine.receive(20_000), 0);
    assert.equal(engine.takeGonePorts(), []);
    last.feed(frame);
    assert.is(engine.receive(1_000_000), 1);
    engine.arena.release(engine.batch.slot[0]!);
    assert.is(slotsAway(bench), 0);
    engine.close();
    last.close();
  });

  test.run();
}
