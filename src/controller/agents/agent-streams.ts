/**
 * The streams of all agents of one controller: who may attach, and one agent per host.
 *
 * An agent may attach if it speaks one of our protocol versions, if its certificate names its host, and if the agent that is
 * attached for the same host did not start later. Otherwise a new stream replaces the older one, whose connection may
 * have died unnoticed.
 */
import { status } from '@grpc/grpc-js';
import { roleProblem } from '../../config/certificate-roles.ts';
import { encodeFromController } from '../../messages/codec.ts';
import type { LinkLog } from '../../messages/fleet-service.ts';
import type { AgentSession, AgentSessionHandler } from '../../messages/link.ts';
import type { FromController } from '../../messages/messages.ts';
import { OUTBOUND_LIMITS, type OutboundLimits } from '../../messages/outbound-queue.ts';
import { versionProblem } from '../../messages/protocol-version.ts';
import { ReportScratch } from '../../messages/report-codec.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { AgentStream, type AttachCall, type StreamContext, type StreamCounters } from './agent-stream.ts';

export interface AgentStreamsOptions {
  readonly handler: AgentSessionHandler;
  readonly log: LinkLog;
  readonly runtime: Runtime;
  readonly limits?: OutboundLimits;
  /** From the call to Hello. */
  readonly helloTimeoutMs?: number;
}

export interface PeerEvents {
  /** An agent was accepted on the connection that gRPC names `peer`. */
  settled(peer: string): void;
  /** Its stream has ended. */
  unsettled(peer: string): void;
}

export type AgentCounters = Readonly<StreamCounters> & {
  /** Streams whose Hello was accepted. */
  readonly accepted: number;
  readonly refused: number;
};

/** An agent that may not attach. */
export interface RefusedAgent {
  readonly host: string;
  readonly peer: string;
  readonly version: string;
  readonly reason: string;
  /** Wall clock: the first and the last refusal. */
  readonly sinceMs: number;
  readonly atMs: number;
}

const MAX_REFUSALS = 64;
const REFUSAL_SHOWN_MS = 60_000;

/** Streams without a Hello after this time are closed. */
export const HELLO_TIMEOUT_MS = 5000;

export class AgentStreams {
  private readonly options: AgentStreamsOptions;
  private readonly peers: PeerEvents;
  private readonly context: StreamContext;
  private readonly streams = new Set<AgentStream>();
  private readonly byHost = new Map<string, AgentStream>();
  private readonly encoded = new WeakMap<FromController, Buffer>();
  private readonly recent = new Map<string, RefusedAgent>();
  private acceptedCount = 0;
  private refusedCount = 0;

  constructor(options: AgentStreamsOptions, peers: PeerEvents) {
    this.options = options;
    this.peers = peers;
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
  }

  get sessions(): readonly AgentSession[] {
    return [...this.byHost.values()];
  }

  get counters(): AgentCounters {
    return { ...this.context.counters, accepted: this.acceptedCount, refused: this.refusedCount };
  }

  /** Agents refused within the last minute: a refused agent retries every few seconds. */
  get refusals(): readonly RefusedAgent[] {
    const nowMs = this.options.runtime.wallMs();
    return [...this.recent.values()].filter(({ atMs }) => Math.abs(nowMs - atMs) < REFUSAL_SHOWN_MS);
  }

  accept(call: AttachCall): void {
    this.streams.add(new AgentStream(call, this.context, this.options.helloTimeoutMs ?? HELLO_TIMEOUT_MS));
  }

  /** Closes all streams after their queues are sent. */
  close(reason: string): void {
    for (const stream of this.streams) stream.close(reason);
  }

  private greeted(stream: AgentStream): void {
    const { hello, peer } = stream;
    const refusal = this.refusalOf(stream);
    if (refusal) {
      this.refusedCount++;
      this.options.log.warn(`agent ${hello.host} from ${peer} is refused: ${refusal.reason}`);
      stream.refuse(refusal.code, refusal.reason);
      this.note(stream, refusal.reason);
      return;
    }
    const older = this.byHost.get(hello.host);
    this.byHost.set(hello.host, stream);
    older?.refuse(status.ABORTED, `the agent of ${hello.host} attached again from ${peer}`);
    this.acceptedCount++;
    this.peers.settled(peer);
    stream.listen(this.options.handler.attached(stream));
  }

  private note({ hello, peer }: AgentStream, reason: string): void {
    const atMs = this.options.runtime.wallMs();
    const key = `${hello.host} ${peer.replace(/:\d+$/, '')}`;
    const sinceMs = this.recent.get(key)?.sinceMs ?? atMs;
    this.recent.delete(key); // moves the entry to the end: the map is ordered by last refusal
    this.recent.set(key, { host: hello.host, peer, version: hello.version, reason, sinceMs, atMs });
    const [oldest] = this.recent.keys();
    if (this.recent.size > MAX_REFUSALS) this.recent.delete(oldest!);
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
    this.peers.unsettled(stream.peer);
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
