/**
 * Where connections of agents come in, before gRPC sees them.
 *
 * Theory of operation. A connection is a newcomer until an agent has been accepted on it: its share, and the time that
 * TLS and Hello may take, are bounded (newcomers.ts). Without TLS, where connections never leave the machine, only root
 * and the user of this process are let in. Descriptors are kept back from all of them for the rest of the process: the
 * store, the API, files.
 */
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Newcomers } from '../../api/newcomers.ts';
import { messageOf } from '../../config/model/refusal.ts';
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
  /** Hands a connection to gRPC. */
  enter(socket: Socket): void;
}

/** Kept back from connections of agents. */
const SPARE_DESCRIPTORS = 128;
const MAX_NEWCOMERS = 256;
const MAX_NEWCOMERS_PER_ADDRESS = 64;
const LOG_INTERVAL_MS = 10_000;

export class FrontDoor {
  private readonly options: FrontDoorOptions;
  private readonly server: Server;
  private readonly newcomers: Newcomers;
  /** By the name that gRPC gives to a connection. */
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
    // More than newcomers alone, so that a new one is accepted and takes the place of the oldest.
    this.server.maxConnections = Math.max(2 * max, descriptors - SPARE_DESCRIPTORS);
    this.server.on('error', (error) => options.log.error(`listen.agents: ${messageOf(error)}`));
  }

  /** Connections that were closed before an agent was accepted on them, and, without TLS, those of other users. */
  get turnedAway(): number {
    return this.newcomers.turnedAway + this.strangers;
  }

  /** The port; 0 for a unix socket. */
  async open(): Promise<number> {
    const path = unixPath(this.options.listen);
    if (path !== undefined) await removeStale(path);
    // The socket is made with its final mode: there is no moment in which others could connect.
    const umask = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        this.server.once('error', reject);
        const done = (): void => {
          this.server.off('error', reject);
          resolve();
        };
        if (path !== undefined) this.server.listen(path, done);
        else this.server.listen(...portAndHost(this.options.listen), done);
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

  /** Its stream has ended: the connection has to show anew what it is for. */
  unsettled(peer: string): void {
    const socket = this.sockets.get(peer);
    if (socket !== undefined && !socket.destroyed) this.newcomers.add(socket);
  }

  /** Takes no more; what has come in stays. */
  shut(): void {
    this.server.close();
    const path = unixPath(this.options.listen);
    if (path !== undefined) rmSync(path, { force: true });
  }

  /** Closes what is left. */
  clear(): void {
    for (const socket of [...this.sockets.values()]) socket.destroy();
    this.newcomers.clear();
  }

  private came(socket: Socket): void {
    socket.on('error', () => {}); // a peer that resets; gRPC hears of it, too
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
      // Who may connect to the socket's file has shown what it is.
      if (socket.remoteAddress === undefined) this.newcomers.settle(socket);
      this.options.enter(socket);
      return;
    }
    this.strangers++;
    this.warn(`a connection to ${this.options.listen} is refused: ${problem}`);
    socket.destroy();
  }

  /** Whoever is refused may come often. */
  private warn(line: string): void {
    const nowMs = this.options.runtime.monotonicMs();
    if (nowMs - this.lastLogMs < LOG_INTERVAL_MS) return;
    this.lastLogMs = nowMs;
    this.options.log.warn(line);
  }
}

const portAndHost = (listen: string): [port: number, host: string] => {
  const [, host, port] = /^(.*):(\d+)$/.exec(listen) ?? [];
  return [Number(port), (host ?? '').replace(/^\[(.*)\]$/, '$1')];
};

/** Open files that this process may have. */
function descriptorLimit(): number {
  const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return soft === undefined ? 1024 : Number(soft);
}

const unixPath = (address: string): string | undefined =>
  address.startsWith('unix:') ? address.slice('unix:'.length).replace(/^\/\//, '') : undefined;

/** A socket that nobody listens on any more is in the way of a new one. */
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
