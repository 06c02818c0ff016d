/** What every engine must do between real network stacks: TAPs and packet sockets, in namespaces. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createTap, type Tap } from '../../../src/io/devices/tap.ts';
import type { FrameEngine } from '../../../src/io/engine.ts';
import type { EngineOptions } from '../../../src/io/engines/engine-state.ts';
import { closeDescriptor } from '../../../src/native/libc.ts';
import { namespacePath, withNamespace } from '../../../src/native/network/netns.ts';
import { openPacketSocket } from '../../../src/native/network/packet-socket.ts';
import {
  dropNamespace,
  finishInNamespace,
  inNamespace,
  makeNamespace,
  runForwarder,
  sleep,
  startInNamespace,
  until,
} from '../testbed.ts';
import {
  type CreateEngine,
  type EngineUnderTest,
  engineRunner,
  ethernetFrame,
  slotsAway,
} from './engine-harness.ts';

interface Bed {
  readonly engine: FrameEngine;
  readonly taps: readonly Tap[];
  readonly namespaces: readonly string[];
  close(): void;
}

export function engineNetworkContract(name: string, create: CreateEngine): void {
  const test = suite(`${name}, real stacks`);
  const withEngine = engineRunner(create);

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
      const flood = ['iperf3', '-c', '10.9.0.2', '-u', '-b', '0', '-l', '64', '-t', '60'];
      const client = startInNamespace(a!, ...flood);
      await until('warm-up', () => forwarder.frames > 20_000, 20_000);
      collect();
      const framesBefore = forwarder.frames;
      const heapBefore = process.memoryUsage().heapUsed;
      await until('50 000 frames', () => forwarder.frames - framesBefore > 50_000, 30_000);
      collect();
      const grown = process.memoryUsage().heapUsed - heapBefore;
      const frames = forwarder.frames - framesBefore;
      client.kill();
      server.kill();
      await forwarder.stop();
      // A single number left per frame would be 16 bytes of each, 800 KB in all.
      assert.ok(grown < 200_000, `${grown} bytes of heap after ${frames} frames`);
    }),
  );

  test.run();
}
