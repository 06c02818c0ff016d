/**
 * gRPC server for agents of other hosts: over TCP with mutual TLS, or without TLS on loopback addresses and unix
 * sockets, where the other end must be root or this user (front-door.ts).
 */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { StreamCounts } from '../../api/shapes.ts';
import { roleProblem } from '../../config/certificate-roles.ts';
import { isLocal } from '../../config/model/local-endpoint.ts';
import type { TlsMaterial } from '../../config/tls-files.ts';
import {
  ATTACH,
  channelOptions,
  KEEPALIVE,
  type Keepalive,
  type LinkLog,
} from '../../messages/fleet-service.ts';
import type { AgentSession, AgentSessionHandler } from '../../messages/link.ts';

import type { OutboundLimits } from '../../messages/outbound-queue.ts';

import type { Runtime } from '../../runtime/runtime.ts';
import type { AttachCall } from './agent-stream.ts';
import { type AgentCounters, AgentStreams, HELLO_TIMEOUT_MS, type RefusedAgent } from './agent-streams.ts';
import { FrontDoor } from './front-door.ts';

export interface FleetServerOptions {
  /** `address:port` (port 0: any free one) or `unix:PATH`. */
  readonly listen: string;
  /** Required for addresses that other machines can reach; ignored on unix sockets. */
  readonly tls?: TlsMaterial;
  readonly handler: AgentSessionHandler;
  readonly log: LinkLog;
  readonly runtime: Runtime;
  readonly keepalive?: Keepalive;
  readonly limits?: OutboundLimits;
  /** From the connection to Hello. */
  readonly helloTimeoutMs?: number;
}

export type FleetCounters = AgentCounters & {
  /** Connections closed before an agent was accepted on them: too slow, too many, or of another user. */
  readonly turnedAway: number;
};

/** For `status`. */
export const streamCounts = (counters: FleetCounters): StreamCounts => {
  const { accepted, refused, turnedAway, malformed, failed, overflows } = counters;
  return { accepted, refused, turnedAway, malformed, failed, overflows };
};

export interface FleetServer {
  /** The address in use, with the port that the kernel chose. */
  readonly address: string;
  readonly sessions: readonly AgentSession[];
  readonly counters: FleetCounters;
  /** Agents refused within the last minute. */
  readonly refusals: readonly RefusedAgent[];
  /** Used for new connections. */
  useTls(tls: TlsMaterial): void;
  /** Notifies the agents, closes all streams, and stops listening. */
  close(): Promise<void>;
}

/** Streams per connection: an agent has one, and may attach again before the old one has ended. */
const MAX_STREAMS = 4;
/** Time to send the final messages to agents on shutdown. */
const CLOSE_MS = 500;

/** Rejects if the address cannot be bound, or requires TLS. */
export async function startFleetServer(options: FleetServerOptions): Promise<FleetServer> {
  const { listen, tls } = options;
  if (!tls && !isLocal(listen)) {
    throw new Error(
      `listen.agents: found ${listen} without tls, expected a loopback address, unix:PATH, or tls with ca, cert and key`,
    );
  }
  const problem = tls && roleProblem(tls.identity, 'controller');
  if (problem !== undefined) throw new Error(`tls.cert: ${problem}`);
  const server = new GrpcFleetServer(options);
  await server.start();
  return server;
}

class GrpcFleetServer implements FleetServer {
  address: string;
  private readonly options: FleetServerOptions;
  private readonly server: Server;
  private readonly agents: AgentStreams;
  private door: FrontDoor | undefined;
  private injector: ReturnType<Server['createConnectionInjector']> | undefined;

  constructor(options: FleetServerOptions) {
    this.options = options;
    this.address = options.listen;
    this.agents = new AgentStreams(options, {
      settled: (peer) => this.door?.settled(peer),
      unsettled: (peer) => this.door?.unsettled(peer),
    });
    this.server = new Server({
      ...channelOptions(options.keepalive ?? KEEPALIVE),
      'grpc.max_concurrent_streams': MAX_STREAMS,
    });
    this.server.addService({ attach: ATTACH }, { attach: (call: AttachCall) => this.agents.accept(call) });
  }

  get sessions(): readonly AgentSession[] {
    return this.agents.sessions;
  }

  get refusals(): readonly RefusedAgent[] {
    return this.agents.refusals;
  }

  get counters(): FleetCounters {
    return { ...this.agents.counters, turnedAway: this.door?.turnedAway ?? 0 };
  }

  async start(): Promise<void> {
    const { listen, log, runtime } = this.options;
    const { hasTls } = this;
    this.useCredentials(this.options.tls);
    this.door = new FrontDoor({
      listen,
      hasTls,
      patienceMs: this.options.helloTimeoutMs ?? HELLO_TIMEOUT_MS,
      log,
      runtime,
      enter: (socket) => this.injector!.injectConnection(socket),
    });
    const port = await this.door.open().catch((error: Error) => {
      throw new Error(`listen.agents: cannot listen on ${listen}: ${error.message}`);
    });
    if (port !== 0) this.address = listen.replace(/:\d+$/, `:${port}`);
  }

  useTls(tls: TlsMaterial): void {
    if (this.hasTls) this.useCredentials(tls);
  }

  async close(): Promise<void> {
    this.door?.shut();
    this.agents.close('the controller shuts down');
    await new Promise<void>((resolve) => {
      const force = this.options.runtime.setTimer(() => {
        this.server.forceShutdown();
        resolve();
      }, CLOSE_MS);
      this.server.tryShutdown(() => {
        this.options.runtime.clearTimer(force);
        resolve();
      });
    });
    this.door?.clear();
  }

  private get hasTls(): boolean {
    return this.options.tls !== undefined && !this.options.listen.startsWith('unix:');
  }

  /** A replaced injector keeps its connections. */
  private useCredentials(tls: TlsMaterial | undefined): void {
    const credentials =
      tls !== undefined && this.hasTls
        ? ServerCredentials.createSsl(tls.ca, [{ private_key: tls.key, cert_chain: tls.cert }], true)
        : ServerCredentials.createInsecure();
    this.injector = this.server.createConnectionInjector(credentials);
  }
}
