/**
 * Where agents of other hosts attach: a gRPC server, over TCP with mutual TLS, or without it where nothing leaves
 * the machine (loopback addresses, unix sockets) and the other end is root or this user (front-door.ts).
 *
 * Who may attach: an agent that speaks a protocol version of ours, whose host is named by its certificate, and that is not
 * older than the one which is attached for the same host. A younger one takes the place of the older, whose
 * connection may have died without a word.
 */
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { StreamCounts } from '../../api/shapes.ts';
import { roleProblem } from '../../config/certificate-roles.ts';
import { isLocal } from '../../config/model/local-endpoint.ts';
import type { TlsMaterial } from '../../config/tls-files.ts';
import { encodeFromController } from '../../messages/codec.ts';
import {
  ATTACH,
  channelOptions,
  KEEPALIVE,
  type Keepalive,
  type LinkLog,
} from '../../messages/fleet-service.ts';
import type { AgentSession, AgentSessionHandler } from '../../messages/link.ts';
import type { FromController } from '../../messages/messages.ts';
import { OUTBOUND_LIMITS, type OutboundLimits } from '../../messages/outbound-queue.ts';
import { versionProblem } from '../../messages/protocol-version.ts';
import { ReportScratch } from '../../messages/report-codec.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { AgentStream, type AttachCall, type StreamContext, type StreamCounters } from './agent-stream.ts';
import { FrontDoor } from './front-door.ts';

export interface FleetServerOptions {
  /** `address:port` (port 0: any free one) or `unix:PATH`. */
  readonly listen: string;
  /** Needed for addresses that others can reach; not used on unix sockets. */
  readonly tls?: TlsMaterial;
  readonly handler: AgentSessionHandler;
  readonly log: LinkLog;
  readonly runtime: Runtime;
  readonly keepalive?: Keepalive;
  readonly limits?: OutboundLimits;
  /** From the connection to Hello. */
  readonly helloTimeoutMs?: number;
}

export interface FleetCounters extends Readonly<StreamCounters> {
  /** Streams whose Hello was taken. */
  readonly accepted: number;
  readonly refused: number;
  /** Connections that were closed before an agent was accepted on them: too slow, too many, or of another user. */
  readonly turnedAway: number;
}

/** For `status`. */
export const streamCounts = (counters: FleetCounters): StreamCounts => {
  const { accepted, refused, turnedAway, malformed, failed, overflows } = counters;
  return { accepted, refused, turnedAway, malformed, failed, overflows };
};

export interface FleetServer {
  /** As listened on, with the port that was chosen. */
  readonly address: string;
  readonly sessions: readonly AgentSession[];
  readonly counters: FleetCounters;
  /** For connections that come from now on. */
  useTls(tls: TlsMaterial): void;
  /** Ends all streams, tells the agents, and stops listening. */
  close(): Promise<void>;
}

/** An agent that says nothing for this long after it connected is sent away. */
const HELLO_TIMEOUT_MS = 5000;
/** On one connection: an agent has one, and may attach anew before the old one has ended. */
const MAX_STREAMS = 4;
/** Time for the last words to agents at the end. */
const CLOSE_MS = 500;

/** Rejects when the address cannot be listened on, or must not without TLS. */
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
  private readonly context: StreamContext;
  private readonly streams = new Set<AgentStream>();
  private readonly byHost = new Map<string, AgentStream>();
  private readonly encoded = new WeakMap<FromController, Buffer>();
  private door: FrontDoor | undefined;
  private injector: ReturnType<Server['createConnectionInjector']> | undefined;
  private acceptedCount = 0;
  private refusedCount = 0;

  constructor(options: FleetServerOptions) {
    this.options = options;
    this.address = options.listen;
    this.context = {
      runtime: options.runtime,
      counters: {
        receivedMessages: 0,
        receivedBytes: 0,
        sentMessages: 0,
        sentBytes: 0,
        mergedMessages: 0,
        overflows: 0,
        malformed: 0,
        failed: 0,
      },
      log: options.log,
      scratch: new ReportScratch(),
      limits: options.limits ?? OUTBOUND_LIMITS,
      encode: (message) => this.encode(message),
      greeted: (stream) => this.greeted(stream),
      ended: (stream) => this.ended(stream),
    };
    this.server = new Server({
      ...channelOptions(options.keepalive ?? KEEPALIVE),
      'grpc.max_concurrent_streams': MAX_STREAMS,
    });
    this.server.addService({ attach: ATTACH }, { attach: (call: AttachCall) => this.accept(call) });
  }

  get sessions(): readonly AgentSession[] {
    return [...this.byHost.values()];
  }

  get counters(): FleetCounters {
    return {
      ...this.context.counters,
      accepted: this.acceptedCount,
      refused: this.refusedCount,
      turnedAway: this.door?.turnedAway ?? 0,
    };
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
    for (const stream of this.streams) stream.close('the controller shuts down');
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

  /** A former injector keeps the connections that it has. */
  private useCredentials(tls: TlsMaterial | undefined): void {
    const credentials =
      tls !== undefined && this.hasTls
        ? ServerCredentials.createSsl(tls.ca, [{ private_key: tls.key, cert_chain: tls.cert }], true)
        : ServerCredentials.createInsecure();
    this.injector = this.server.createConnectionInjector(credentials);
  }

  private accept(call: AttachCall): void {
    this.streams.add(new AgentStream(call, this.context, this.options.helloTimeoutMs ?? HELLO_TIMEOUT_MS));
  }

  private greeted(stream: AgentStream): void {
    const { hello, peer } = stream;
    const refusal = this.refusalOf(stream);
    if (refusal) {
      this.refusedCount++;
      this.options.log.warn(`agent ${hello.host} from ${peer} is refused: ${refusal.reason}`);
      stream.refuse(refusal.code, refusal.reason);
      return;
    }
    const older = this.byHost.get(hello.host);
    this.byHost.set(hello.host, stream);
    older?.refuse(status.ABORTED, `the agent of ${hello.host} attached anew from ${peer}`);
    this.acceptedCount++;
    this.door?.settled(peer);
    stream.listen(this.options.handler.attached(stream));
  }

  private refusalOf(stream: AgentStream): { code: status; reason: string } | undefined {
    const { host, agentEpoch } = stream.hello;
    const versions = versionProblem(stream.hello);
    if (versions !== undefined) return { code: status.FAILED_PRECONDITION, reason: versions };
    const { identity } = stream;
    if (identity && !identity.names.includes(host)) {
      const reason = `found host ${host}, expected a name of its certificate: ${identity.names.join(', ')}`;
      return { code: status.PERMISSION_DENIED, reason };
    }
    const problem = identity && roleProblem(identity, 'host');
    if (problem !== undefined) return { code: status.PERMISSION_DENIED, reason: problem };
    const attached = this.byHost.get(host);
    if (attached && attached.hello.agentEpoch > agentEpoch) {
      const reason = `host ${host} is attached from ${attached.peer} by an agent that started later`;
      return { code: status.ALREADY_EXISTS, reason };
    }
    return undefined;
  }

  private ended(stream: AgentStream): void {
    this.streams.delete(stream);
    const { host } = stream;
    if (host === undefined || this.byHost.get(host) !== stream) return;
    this.byHost.delete(host);
    this.door?.unsettled(stream.peer);
  }

  private encode(message: FromController): Buffer {
    let bytes = this.encoded.get(message);
    if (!bytes) {
      const { buffer, byteOffset, byteLength } = encodeFromController(message);
      bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
      this.encoded.set(message, bytes);
    }
    return bytes;
  }
}
