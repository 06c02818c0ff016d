/**
 * Accepts the connections of agents before gRPC handles them.
 *
 * Theory of operation. A connection is a newcomer until an agent is accepted on it: the number of newcomers, and
 * their time for TLS and Hello, are bounded (newcomers.ts). Without TLS, where connections never leave the machine,
 * only root and the user of this process are admitted. Some descriptors are reserved for the rest of the process: the
 * store, the API, files.
 */
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Newcomers } from '../../api/newcomers.ts';
import { messageOf } from '../../config/problems/refusal.ts';
import type { LinkLog } from '../../messages/fleet-service.ts';
import { peerProblem } from '../../native/processes/peer-user.ts';
import type { Runtime } from '../../runtime/runtime.ts';

export interface FrontDoorOptions {
  /** `address:port` or `unix:PATH`. */
  readonly listen: string;
  readonly hasTls: boolean;
  /** From TCP's handshake to the Hello of an agent. */
  readonly patienceMs: number;
  readonly log: LinkLog;
  readonly runtime: Runtime;
  /** Passes a connection to gRPC. */
  enter(socket: Socket): void;
}

/** Descriptors reserved for other uses. */
const SPARE_DESCRIPTORS = 128;
const MAX_NEWCOMERS = 256;
const MAX_NEWCOMERS_PER_ADDRESS = 64;
const LOG_INTERVAL_MS = 10_000;
/** Connections that wait to be accepted; beyond them the kernel drops new ones, those of agents too (listen(2)). */
const BACKLOG = 4_096;

export class FrontDoor {
  private readonly options: FrontDoorOptions;
  private readonly server: Server;
  private readonly newcomers: Newcomers;
  /** Keyed by gRPC's name for the connection. */
  private readonly sockets = new Map<string, Socket>();
  private strangers = 0;
  private lastLogMs = Number.NEGATIVE_INFINITY;

  constructor(options: FrontDoorOptions) {
    this.options = options;
    const descriptors = descriptorLimit();
    const max = Math.max(8, Math.min(MAX_NEWCOMERS, Math.floor((descriptors - SPARE_DESCRIPTORS) / 4)));
    const maxPerAddress = Math.min(MAX_NEWCOMERS_PER_ADDRESS, Math.ceil(max / 2));
    this.newcomers = new Newcomers({ max, maxPerAddress, patienceMs: options.patienceMs }, options.runtime);
    this.server = createServer((socket) => this.came(socket));
    // Exceeds the limit of newcomers, so that a new connection is accepted and displaces the oldest newcomer.
    this.server.maxConnections = Math.max(2 * max, descriptors - SPARE_DESCRIPTORS);
    this.server.on('error', (error) => options.log.error(`listen.agents: ${messageOf(error)}`));
  }

  /** Connections closed before an agent was accepted on them, and, without TLS, those of other users. */
  get turnedAway(): number {
    return this.newcomers.turnedAway + this.strangers;
  }

  /** The port; 0 for a unix socket. */
  async open(): Promise<number> {
    const path = unixPath(this.options.listen);
    if (path !== undefined) await removeStale(path);
    // The socket is created with its final mode, so others can never connect to it.
    const umask = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        this.server.once('error', reject);
        const done = (): void => {
          this.server.off('error', reject);
          resolve();
        };
        const at = path === undefined ? portAndHost(this.options.listen) : { path };
        this.server.listen({ ...at, backlog: BACKLOG }, done);
      });
    } finally {
      process.umask(umask);
    }
    if (path !== undefined) chmodSync(path, 0o600);
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** An agent was accepted on the connection; `peer`: gRPC's name of it. */
  settled(peer: string): void {
    const socket = this.sockets.get(peer);
    if (socket !== undefined) this.newcomers.settle(socket);
  }

  /** Its stream has ended; the connection is a newcomer again. */
  unsettled(peer: string): void {
    const socket = this.sockets.get(peer);
    if (socket !== undefined && !socket.destroyed) this.newcomers.add(socket);
  }

  /** Stops accepting; existing connections stay. */
  shut(): void {
    this.server.close();
    const path = unixPath(this.options.listen);
    if (path !== undefined) rmSync(path, { force: true });
  }

  /** Closes the remaining connections. */
  clear(): void {
    for (const socket of [...this.sockets.values()]) socket.destroy();
    this.newcomers.clear();
  }

  private came(socket: Socket): void {
    socket.on('error', () => {}); // a reset by the peer; gRPC handles it, too
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress !== undefined) {
      const name = `${remoteAddress}:${remotePort}`;
      this.sockets.set(name, socket);
      socket.once('close', () => this.sockets.delete(name));
    }
    this.newcomers.add(socket);
    if (this.options.hasTls) this.options.enter(socket);
    else this.enterIfTrusted(socket).catch((error) => socket.destroy(error as Error));
  }

  private async enterIfTrusted(socket: Socket): Promise<void> {
    const problem = await peerProblem(socket);
    if (socket.destroyed) return;
    if (problem === undefined) {
      // The mode of the socket's file has authorized the peer.
      if (socket.remoteAddress === undefined) this.newcomers.settle(socket);
      this.options.enter(socket);
      return;
    }
    this.strangers++;
    this.warn(`a connection to ${this.options.listen} is refused: ${problem}`);
    socket.destroy();
  }

  /** Rate-limited, as a refused peer may retry often. */
  private warn(line: string): void {
    const nowMs = this.options.runtime.monotonicMs();
    if (nowMs - this.lastLogMs < LOG_INTERVAL_MS) return;
    this.lastLogMs = nowMs;
    this.options.log.warn(line);
  }
}

const portAndHost = (listen: string): { port: number; host: string } => {
  const [, host, port] = /^(.*):(\d+)$/.exec(listen) ?? [];
  return { port: Number(port), host: (host ?? '').replace(/^\[(.*)\]$/, '$1') };
};

/** Limit of open files of this process. */
function descriptorLimit(): number {
  const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return soft === undefined ? 1024 : Number(soft);
}

const unixPath = (address: string): string | undefined =>
  address.startsWith('unix:') ? address.slice('unix:'.length).replace(/^\/\//, '') : undefined;

/** Removes a stale socket that would block a new one. */
const removeStale = (path: string): Promise<void> =>
  new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve();
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') rmSync(path, { force: true });
      resolve();
    });
  });
