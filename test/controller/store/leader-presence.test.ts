import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dialTcp, LeaderPresence } from '../../../src/controller/store/leader-presence.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { freePorts } from '../../support/etcd.ts';
import { until } from './support.ts';

const TIMING = { recheckMs: 10, retryMs: 20 };

/** A process as far as its sockets show it. */
class Leader {
  accepted = 0;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor() {
    this.server = createServer((socket) => {
      this.accepted++;
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => {});
    });
  }

  static async at(port: number): Promise<Leader> {
    const leader = new Leader();
    leader.server.listen(port, '127.0.0.1');
    await once(leader.server, 'listening');
    return leader;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  hangUp(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  async die(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.hangUp();
    await closed;
  }
}

class Watch {
  verdicts = 0;
  private readonly presence: LeaderPresence;

  constructor(port: number, timing = TIMING) {
    this.presence = new LeaderPresence(
      `127.0.0.1:${port}`,
      () => this.verdicts++,
      systemRuntime,
      dialTcp,
      timing,
    );
  }

  close(): void {
    this.presence.close();
  }
}

const test = suite('leader presence');

test('who was there and refuses connections is gone', async () => {
  const leader = await Leader.at(0);
  const watch = new Watch(leader.port);
  await until(() => leader.accepted === 1, 'the connection');
  await leader.die();
  await until(() => watch.verdicts === 1, 'the verdict');
  await delay(10 * TIMING.retryMs);
  assert.is(watch.verdicts, 1, 'once');
  watch.close();
});

test('connections that end are made anew, and mean nothing', async () => {
  const leader = await Leader.at(0);
  const watch = new Watch(leader.port);
  for (let count = 1; count <= 5; count++) {
    await until(() => leader.accepted === count, `connection ${count}`);
    leader.hangUp();
  }
  await delay(10 * TIMING.retryMs);
  assert.is(watch.verdicts, 0);
  watch.close();
  await leader.die();
});

test('who was never reached may be there for others', async () => {
  const [port] = await freePorts(1);
  const watch = new Watch(port!);
  await delay(10 * TIMING.retryMs);
  assert.is(watch.verdicts, 0);
  const leader = await Leader.at(port!);
  await until(() => leader.accepted > 0, 'the connection');
  await leader.die();
  await until(() => watch.verdicts === 1, 'now it is known');
  watch.close();
});

test('addresses that are no endpoints are left to the lease, and closing ends it', async () => {
  for (const address of ['unix:/run/nobody.sock', 'nonsense', '']) {
    new LeaderPresence(address, () => assert.unreachable(address), systemRuntime, dialTcp, TIMING).close();
  }
  const leader = await Leader.at(0);
  const watch = new Watch(leader.port);
  await until(() => leader.accepted === 1, 'the connection');
  watch.close();
  await leader.die();
  await delay(10 * TIMING.retryMs);
  assert.is(watch.verdicts, 0);
});

test.run();
