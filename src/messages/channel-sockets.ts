/**
 * The sockets of one gRPC channel, from TCP's connect on.
 *
 * gRPC gives up a connection that it is done with, but not one whose TLS handshake is never answered, and it closes a
 * connection only when the peer takes part. Towards a peer that hangs (SIGSTOP, a lost machine) each of these would
 * stay open for ever. Here a handshake has a time limit, and what is left after the channel's end is destroyed.
 */
import type { Socket } from 'node:net';
import type { ChannelCredentials } from '@grpc/grpc-js';
import type { Runtime, Timer } from '../runtime/runtime.ts';

const HANDSHAKE_TIMEOUT_MS = 5000;
/** For the last words to a peer that listens. */
const CLOSE_MS = 500;

export class ChannelSockets {
  private readonly runtime: Runtime;
  private readonly open = new Set<Socket>();
  private isClosed = false;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  /** The same credentials, for one channel. `check`: why the peer is not to be spoken to; undefined: it may. */
  watch(
    credentials: ChannelCredentials,
    check?: (socket: Socket) => Promise<string | undefined>,
  ): ChannelCredentials {
    const makeConnector = credentials._createSecureConnector.bind(credentials);
    credentials._createSecureConnector = (...args) => {
      const connector = makeConnector(...args);
      return {
        // Methods of a class are not own properties.
        waitForReady: () => connector.waitForReady(),
        getCallCredentials: () => connector.getCallCredentials(),
        destroy: () => connector.destroy(),
        connect: async (socket) => {
          this.opened(socket);
          const problem = await check?.(socket);
          if (problem !== undefined) throw new Error(problem);
          return this.inTime(connector.connect(socket));
        },
      };
    };
    return credentials;
  }

  /** The channel is closed. */
  close(): void {
    this.isClosed = true;
    if (this.open.size === 0) return;
    this.runtime
      .setTimer(() => {
        for (const socket of this.open) socket.destroy();
      }, CLOSE_MS)
      .unref();
  }

  private opened(socket: Socket): void {
    if (this.isClosed) {
      socket.destroy();
      throw new Error('the channel is closed');
    }
    this.open.add(socket);
    socket.on('error', () => {}); // gRPC reports it, too, as long as it listens
    socket.once('close', () => this.open.delete(socket));
  }

  private async inTime<Result>(connecting: Promise<Result>): Promise<Result> {
    let timer: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = this.runtime.setTimer(
        () => reject(new Error(`no TLS handshake within ${HANDSHAKE_TIMEOUT_MS} ms`)),
        HANDSHAKE_TIMEOUT_MS,
      );
    });
    try {
      return await Promise.race([connecting, late]);
    } finally {
      this.runtime.clearTimer(timer);
    }
  }
}
