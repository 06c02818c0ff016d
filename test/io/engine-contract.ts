/** What every engine with devices must do: the same test bodies for io_uring and for system calls. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FrameEngine } from '../../src/io/engine.ts';
import type { EngineOptions } from '../../src/io/engine-state.ts';
import { createTap, type Tap } from '../../src/io/tap.ts';
import { closeDescriptor } from '../../src/native/libc.ts';
import { namespacePath, withNamespace } from '../../src/native/netns.ts';
import { openPacketSocket } from '../../src/native/packet-socket.ts';
import { FRAME_HEADROOM_BYTES, SLOT_BYTES } from '../../src/tables/frame-arena.ts';
import { openSocketDevice, type SocketDevice } from './socket-pair.ts';
import {
  dropNamespace,
  finishInNamespace,
  inNamespace,
  makeNamespace,
  runForwarder,
  sleep,
  startInNamespace,
  stopForwarders,
  until,
} from './testbed.ts';

/** Broadcast destination, a local source, and an EtherType for experiments (IEEE 802). */
function ethernetFrame(length: number, mark: number): Buffer {
  const frame = Buffer.alloc(length, mark);
  frame.fill(0xff, 0, 6);
  frame.write('020000000001', 6, 'hex');
  frame.writeUInt16BE(0x88b5, 12);
  return frame;
}

export interface EngineUnderTest {
  readonly engine: FrameEngine;
  /** Slots that lie empty at the kernel. */
  slotsOffered(): number;
}

interface Bed {
  readonly engine: FrameEngine;
  readonly taps: readonly Tap[];
  readonly namespaces: readonly string[];
  close(): void;
}

export function engineContract(name: string, create: (options: EngineOptions) => EngineUnderTest): void {
  const test = suite(name);

  const withEngine =
    (options: Partial<EngineOptions>, body: (bench: EngineUnderTest) => void | Promise<void>) => async () => {
      const bench = create({ maxPorts: 8, slots: 256, busyPollUs: 0, ...options });
      try {
        await body(bench);
      } finally {
        await stopForwarders();
        bench.engine.close();
      }
    };

  /** Slots that are neither free nor at the kernel. */
  const slotsAway = ({ engine, slotsOffered }: EngineUnderTest): number =>
    engine.arena.slotCount - engine.arena.freeCount - slotsOffered();

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

  /** Two namespaces, 10.9.0.1 at port 0 and 10.9.0.2 at port 1. */
  function connectTwo(engine: FrameEngine): Bed {
    const namespaces = [makeNamespace(), makeNamespace()];
    const taps = namespaces.map((netns, port) => {
      const addresses = [`10.9.0.${port + 1}/24`, `fd09::${port + 1}/64`];
      const tap = createTap({ netns, interfaceName: 'eth0', addresses, gateways: [] });
      engine.attach(port, tap.device);
      return tap;
    });
    const close = () => {
      taps.forEach((tap, port) => {
        engine.detach(port);
        tap.close();
      });
      namespaces.forEach(dropNamespace);
    };
    return { engine, taps, namespaces, close };
  }

  const withTwoTaps =
    (options: Partial<EngineOptions>, body: (bed: Bed, bench: EngineUnderTest) => Promise<void>) => () =>
      withEngine(options, async (bench) => {
        const bed = connectTwo(bench.engine);
        try {
          await body(bed, bench);
        } finally {
          bed.close();
        }
      })();

  const ping = (netns: string, to: string, ...options: string[]) =>
    finishInNamespace(netns, 'ping', '-c', '1', '-W', '3', ...options, to);

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
      const start = performance.now();
      assert.is(engine.receive(30_000), 0);
      const waited = performance.now() - start;
      assert.ok(waited >= 28 && waited < 500, `${waited} ms`);
      const again = performance.now();
      engine.receive(0);
      assert.ok(performance.now() - again < 20);
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

  test('a port index that is used again never gets what was meant for its former owner', async () => {
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

  test(
    'TCP over IPv4 and IPv6 crosses byte for byte, in super-segments',
    withTwoTaps({}, async ({ engine, namespaces: [a, b] }, bench) => {
      const directory = mkdtempSync(join(tmpdir(), 'sluice-engine-'));
      const forwarder = runForwarder(engine);
      try {
        const bytes = randomBytes(20_000_000);
        const digest = createHash('sha256').update(bytes).digest('hex');
        writeFileSync(join(directory, 'file'), bytes);
        const server = `require('node:http').createServer((q, s) =>
          require('node:fs').createReadStream('${directory}/file').pipe(s)).listen(80, '::', () => console.log('ready'))`;
        const child = startInNamespace(b!, process.execPath, '-e', server);
        await new Promise((resolve) => child.stdout!.once('data', resolve));
        for (const host of ['10.9.0.2', '[fd09::2]']) {
          const got = await finishInNamespace(a!, 'curl', '-sS', '-m', '30', `http://${host}/`);
          assert.is(got.status, 0, got.stderr);
          assert.is(createHash('sha256').update(got.stdout).digest('hex'), digest);
        }
        child.kill();
        assert.ok(forwarder.longestFrame > 9000, `longest frame ${forwarder.longestFrame}`);
      } finally {
        await forwarder.stop();
        rmSync(directory, { recursive: true });
      }
      assert.is(slotsAway(bench), 0);
      assert.is(engine.counters.writeErrors + engine.counters.readErrors, 0);
    }),
  );

  test(
    'more frames in one batch than the write queue holds all arrive',
    withTwoTaps({}, async ({ engine, namespaces: [a] }, bench) => {
      await sleep(100);
      const received = () => Number(inNamespace(a!, 'cat', '/sys/class/net/eth0/statistics/rx_packets'));
      const before = received();
      const slot = engine.arena.take();
      const offset = engine.arena.frameOffset(slot);
      engine.arena.bytes.fill(0, offset - 12, offset);
      engine.arena.bytes.set(ethernetFrame(64, 1), offset);
      for (let i = 0; i < 3000; i++) engine.transmit(0, slot, offset, 64);
      engine.arena.release(slot);
      for (let i = 0; i < 10; i++) {
        const count = engine.receive(0);
        for (let j = 0; j < count; j++) engine.arena.release(engine.batch.slot[j]!);
      }
      assert.is(received() - before, 3000);
      assert.is(slotsAway(bench), 0);
      assert.is(engine.counters.writeQueueFull, 0);
    }),
  );

  for (const [what, remove] of [
    ['interface', (netns: string) => inNamespace(netns, 'ip', 'link', 'del', 'eth0')],
    ['namespace', dropNamespace],
  ] as const) {
    test(
      `a port whose ${what} is deleted under traffic goes; the others stay`,
      withTwoTaps({}, async ({ engine, namespaces: [a, b] }, bench) => {
        const [c, d] = [makeNamespace(), makeNamespace()];
        const others = [c, d].map((netns, i) => {
          const address = `10.9.1.${i + 1}/24`;
          const tap = createTap({ netns, interfaceName: 'eth0', addresses: [address], gateways: [] });
          engine.attach(2 + i, tap.device);
          return tap;
        });
        const forwarder = runForwarder(engine);
        const flood = startInNamespace(a!, 'ping', '-f', '-s', '1000', '10.9.0.2');
        await until('traffic', () => forwarder.frames > 500);
        remove(b!);
        await until('port 1 gone', () => forwarder.gone.length > 0);
        assert.equal(forwarder.gone, [1]);
        const answer = await ping(c, '10.9.1.2');
        assert.is(answer.status, 0, answer.stderr);
        await sleep(50);
        flood.kill();
        await forwarder.stop();
        engine.receive(0);
        assert.equal(forwarder.gone, [1]);
        assert.is(slotsAway(bench), 0);
        others.forEach((tap, i) => {
          engine.detach(2 + i);
          tap.close();
        });
        dropNamespace(c);
        dropNamespace(d);
      }),
    );
  }

  test(
    'detach and attach under traffic lose no slot, and traffic goes on',
    withTwoTaps({}, async ({ engine, taps, namespaces: [a] }, bench) => {
      const forwarder = runForwarder(engine);
      const flood = startInNamespace(a!, 'ping', '-f', '-l', '20', '10.9.0.2');
      await until('traffic', () => forwarder.frames > 500);
      for (let cycle = 0; cycle < 200; cycle++) {
        const port = cycle & 1;
        engine.detach(port);
        if (cycle % 10 === 0) await sleep(1);
        engine.attach(port, taps[port]!.device);
        await sleep(0);
      }
      const answer = await ping(a!, '10.9.0.2');
      assert.is(answer.status, 0, answer.stderr);
      flood.kill();
      await forwarder.stop();
      const before = engine.counters.readErrors;
      engine.receive(0);
      assert.is(engine.counters.readErrors, before);
      assert.equal(forwarder.gone, []);
      assert.is(slotsAway(bench), 0);
    }),
  );

  test(
    'a device whose interface is down refuses writes, and works again when it is up',
    withTwoTaps({}, async ({ engine, namespaces: [a, b] }, bench) => {
      const forwarder = runForwarder(engine);
      assert.is((await ping(a!, '10.9.0.2')).status, 0);
      inNamespace(b!, 'ip', 'link', 'set', 'eth0', 'down');
      assert.is.not((await ping(a!, '10.9.0.2', '-W', '1')).status, 0);
      assert.ok(engine.counters.writeErrors > 0);
      inNamespace(b!, 'ip', 'link', 'set', 'eth0', 'up');
      assert.is((await ping(a!, '10.9.0.2')).status, 0);
      await forwarder.stop();
      assert.equal(forwarder.gone, []);
      assert.is(slotsAway(bench), 0);
    }),
  );

  for (const vnetHeader of ['auto', 10] as const) {
    test(`TCP crosses between a TAP and a packet socket on a veth, vnet header ${vnetHeader}`, () =>
      withEngine({}, async (bench) => {
        const { engine } = bench;
        const [a, b, uplink] = [makeNamespace(), makeNamespace(), makeNamespace()];
        inNamespace(uplink, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1');
        inNamespace(uplink, 'ip', 'link', 'add', 'up0', 'up', 'type', 'veth', 'peer', 'eth0', 'netns', a);
        inNamespace(a, 'ip', 'addr', 'add', '10.9.0.1/24', 'dev', 'eth0');
        inNamespace(a, 'ip', 'link', 'set', 'eth0', 'up');
        const socket = withNamespace(namespacePath(uplink), () => openPacketSocket('up0', { vnetHeader }));
        const tap = createTap({ netns: b, interfaceName: 'eth0', addresses: ['10.9.0.2/24'], gateways: [] });
        engine.attach(0, { ...socket, maxFrameBytes: 65_553 });
        engine.attach(1, tap.device);
        const forwarder = runForwarder(engine);
        for (const reverse of [[], ['-R']]) {
          const server = startInNamespace(b, 'iperf3', '-s', '-1');
          await until('iperf3 server', () => inNamespace(b, 'ss', '-Hltn').includes(':5201'));
          const client = await finishInNamespace(
            a,
            'iperf3',
            '-c',
            '10.9.0.2',
            '-n',
            '40M',
            '-J',
            ...reverse,
          );
          server.kill();
          assert.is(client.status, 0, client.stderr);
          // iperf3 ends when all is sent; some of it is still on its way then.
          const { bytes } = JSON.parse(client.stdout.toString()).end.sum_received;
          assert.ok(bytes >= 30_000_000, `${bytes} bytes received ${reverse}`);
        }
        assert.ok(forwarder.longestFrame > 9000, `longest frame ${forwarder.longestFrame}`);
        assert.equal(forwarder.gone, []);
        // The socket is not told apart from one whose link is down, until a write finds no device.
        inNamespace(uplink, 'ip', 'link', 'del', 'up0');
        await sleep(20);
        await ping(b, '10.9.0.1', '-W', '1');
        await until('port 0 gone', () => forwarder.gone.length > 0);
        await forwarder.stop();
        engine.receive(0);
        assert.equal(forwarder.gone, [0]);
        assert.is(slotsAway(bench), 0);
        closeDescriptor(socket.fd);
        tap.close();
        for (const netns of [a, b, uplink]) dropNamespace(netns);
      })());
  }

  test(
    'the forwarding loop leaves nothing on the heap',
    withTwoTaps({ busyPollUs: 50 }, async ({ engine, namespaces: [a, b] }) => {
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc') as () => void;
      const forwarder = runForwarder(engine);
      const server = startInNamespace(b!, 'iperf3', '-s', '-1');
      await until('iperf3 server', () => inNamespace(b!, 'ss', '-Hltn').includes(':5201'));
      const client = finishInNamespace(
        a!,
        'iperf3',
        '-c',
        '10.9.0.2',
        '-u',
        '-b',
        '0',
        '-l',
        '64',
        '-t',
        '4',
      );
      await until('warm-up', () => forwarder.frames > 20_000, 10_000);
      collect();
      const framesBefore = forwarder.frames;
      const heapBefore = process.memoryUsage().heapUsed;
      await sleep(2500);
      collect();
      const frames = forwarder.frames - framesBefore;
      const perMillion = ((process.memoryUsage().heapUsed - heapBefore) / frames) * 1e6;
      await client;
      server.kill();
      await forwarder.stop();
      assert.ok(frames > 5000, `${frames} frames`);
      assert.ok(perMillion < 64_000, `${perMillion} bytes of heap per million frames (${frames} measured)`);
    }),
  );

  test.run();
}
