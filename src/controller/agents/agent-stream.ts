/**
 * The controller's end of one agent's gRPC stream: decodes what comes in, queues what goes out.
 *
 * Theory of operation. One message is in flight at a time; the next is taken from the queue once gRPC has handed the
 * previous one to the connection, i.e. when the agent's flow-control window has room. A slow agent therefore holds
 * one message in the transport and a bounded, merging queue here, and does not delay the others. An agent that hangs
 * answers no keepalive, and gRPC closes its connection.
 */
import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import { type Identity, identityOf } from '../../config/certificate-roles.ts';
import { messageOf } from '../../config/problems/refusal.ts';
import { AgentDecoder } from '../../messages/codec.ts';
import type { LinkLog } from '../../messages/fleet-service.ts';
import type { AgentSession, AgentSessionListener } from '../../messages/link.ts';
import type { FromAgent, FromController, Hello } from '../../messages/messages.ts';
import { type OutboundLimits, OutboundQueue } from '../../messages/outbound-queue.ts';
import type { ReportScratch } from '../../messages/report-codec.ts';
import { MalformedMessage } from '../../messages/varint.ts';
import type { Runtime, Timer } from '../../runtime/runtime.ts';

export type AttachCall = ServerDuplexStream<Buffer, Buffer>;

/** Monotonic, of all streams of a server. */
export interface StreamCounters {
  receivedMessages: number;
  receivedBytes: number;
  sentMessages: number;
  sentBytes: number;
  /** Rules and GlobalStats that were merged into newer ones while queued. */
  mergedMessages: number;
  /** Streams closed because their queue was full. */
  overflows: number;
  /** Streams closed because the agent sent bytes that do not decode. */
  malformed: number;
  /** Streams closed because handling a message failed: a bug; the log has the error. */
  failed: number;
}

/** Shared by all streams of a server. */
export interface StreamContext {
  readonly runtime: Runtime;
  readonly counters: StreamCounters;
  readonly scratch: ReportScratch;
  readonly limits: OutboundLimits;
  readonly log: Pick<LinkLog, 'warn' | 'error'>;
  /** Encodes a message once for all agents that it goes to. */
  encode(message: FromController): Buffer;
  /** The stream's first message. */
  greeted(stream: AgentStream): void;
  /** Called once. */
  ended(stream: AgentStream, reason: string): void;
}

const NO_HELLO = 'a stream that does not begin with Hello';

export class AgentStream implements AgentSession {
  readonly peer: string;
  private readonly call: AttachCall;
  private readonly context: StreamContext;
  private readonly decoder: AgentDecoder;
  private readonly queue: OutboundQueue;
  private readonly helloTimer: Timer;
  private greeting: Hello | undefined;
  private listener: AgentSessionListener | undefined;
  private isWriting = false;
  private closing: { code: status; reason: string } | undefined;
  private hasEnded = false;

  constructor(call: AttachCall, context: StreamContext, helloTimeoutMs: number) {
    this.call = call;
    this.context = context;
    this.peer = call.getPeer();
    this.decoder = new AgentDecoder(context.scratch);
    this.queue = new OutboundQueue(context.limits);
    this.helloTimer = context.runtime.setTimer(
      () => this.refuse(status.DEADLINE_EXCEEDED, NO_HELLO),
      helloTimeoutMs,
    );
    call.on('data', (bytes: Buffer) => this.receive(bytes));
    call.on('end', () => this.end('the agent ended the stream'));
    call.on('cancelled', () => this.end('the connection to the agent ended'));
    call.on('error', () => {}); // our own status, or also reported by `cancelled`
  }

  get hello(): Hello {
    if (!this.greeting) throw new Error(NO_HELLO);
    return this.greeting;
  }

  /** Undefined before Hello. */
  get host(): string | undefined {
    return this.greeting?.host;
  }

  /** From the agent's certificate; undefined without one: the connection is local to the machine. */
  get identity(): Identity | undefined {
    const certificate = this.call.getAuthContext()?.sslPeerCertificate;
    return certificate && identityOf(certificate.subject.CN, certificate.subjectaltname);
  }

  get certificateExpires(): string | undefined {
    const validTo = this.call.getAuthContext()?.sslPeerCertificate?.valid_to;
    return validTo && new Date(validTo).toISOString();
  }

  get isAdmin(): boolean {
    return this.identity?.roles.includes('admin') ?? true;
  }

  listen(listener: AgentSessionListener): void {
    this.listener = listener;
  }

  send(message: FromController): void {
    if (this.hasEnded || this.closing) return;
    const result = this.queue.push(message);
    if (result === 'merged') this.context.counters.mergedMessages++;
    if (result === 'overflow') {
      this.context.counters.overflows++;
      this.refuse(status.RESOURCE_EXHAUSTED, 'too many messages wait for the agent');
    } else this.pump();
  }

  close(reason: string): void {
    this.closing ??= { code: status.ABORTED, reason };
    this.pump();
  }

  /** Closes the stream at once and drops its queue. */
  refuse(code: status, reason: string): void {
    this.queue.clear();
    this.finish(code, reason);
  }

  private receive(bytes: Buffer): void {
    if (this.hasEnded) return;
    this.context.counters.receivedMessages++;
    this.context.counters.receivedBytes += bytes.length;
    let message: FromAgent | undefined;
    try {
      message = this.decoder.decode(bytes);
      if ((message?.type === 'hello') !== (this.greeting === undefined)) throw new MalformedMessage(NO_HELLO);
    } catch (error) {
      this.endMalformed(messageOf(error));
      return;
    }
    try {
      this.handle(message);
    } catch (error) {
      this.endFailed(error, message?.type);
    }
  }

  private handle(message: FromAgent | undefined): void {
    if (message?.type === 'hello') {
      this.context.runtime.clearTimer(this.helloTimer);
      this.greeting = message;
      this.context.greeted(this);
    } else if (message) this.listener?.received(message);
  }

  private endMalformed(why: string): void {
    this.context.counters.malformed++;
    this.context.log.warn(`agent ${this.host ?? '(no Hello yet)'} from ${this.peer} is sent away: ${why}`);
    this.refuse(status.INVALID_ARGUMENT, why);
  }

  /** Closes this stream; the controller continues. */
  private endFailed(error: unknown, type = 'unknown'): void {
    this.context.counters.failed++;
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.context.log.error(`a message (${type}) of agent ${this.host} from ${this.peer} failed: ${what}`);
    this.refuse(status.INTERNAL, `the controller failed to handle a message: ${messageOf(error)}`);
  }

  private pump(): void {
    if (this.isWriting || this.hasEnded) return;
    const message = this.queue.shift();
    if (!message) {
      if (this.closing) this.finish(this.closing.code, this.closing.reason);
      return;
    }
    const bytes = this.context.encode(message);
    this.isWriting = true;
    this.context.counters.sentMessages++;
    this.context.counters.sentBytes += bytes.length;
    this.call.write(bytes, () => {
      this.isWriting = false;
      this.pump();
    });
  }

  /** Closes the stream from this side; gRPC sends the status after the message in flight. */
  private finish(code: status, reason: string): void {
    if (this.hasEnded) return;
    this.call.emit('error', { code, details: reason });
    this.end(reason);
  }

  private end(reason: string): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.context.runtime.clearTimer(this.helloTimer);
    this.queue.clear();
    this.call.end();
    this.listener?.detached(reason);
    this.context.ended(this, reason);
  }
}
