/**
 * The link of an agent to the controller in its own process: the semantics of the gRPC pair, without encoding.
 *
 * Theory of operation. Each direction is a bounded queue that is drained in a separate turn of the event loop
 * (Runtime.soon), so neither side is ever called from inside its own `send`, and successive Rules within one turn arrive
 * merged. A stream that ends is opened again after `retryMs`, with a new Hello.
 */

import type { Runtime, Timer } from '../runtime/runtime.ts';
import type {
  AgentSession,
  AgentSessionHandler,
  AgentSessionListener,
  ControllerLink,
  ControllerLinkHandler,
  ControllerLinkState,
  ControllerLinkStatus,
} from './link.ts';
import type { FromAgent, FromController, Hello } from './messages.ts';
import { OUTBOUND_LIMITS, type OutboundLimits, OutboundQueue } from './outbound-queue.ts';
import type { ReportHeader } from './report.ts';
import { ReportDiff, type ReportTable } from './report-table.ts';

export const IN_PROCESS_PEER = 'in-process';

export interface InProcessOptions {
  readonly runtime: Runtime;
  /** Pause before an ended stream is replaced. */
  readonly retryMs?: number;
  readonly limits?: OutboundLimits;
}

const RETRY_MS = 100;

export function createInProcessLink(
  controller: AgentSessionHandler,
  agent: ControllerLinkHandler,
  options: InProcessOptions,
): ControllerLink {
  return new InProcessLink(controller, agent, options);
}

class InProcessLink implements ControllerLink {
  private readonly controller: AgentSessionHandler;
  private readonly agent: ControllerLinkHandler;
  private readonly runtime: Runtime;
  private readonly retryMs: number;
  private readonly limits: OutboundLimits;
  private readonly counts = { attachments: 0, failures: 0, redirects: 0, sent: 0, received: 0, unsent: 0 };
  private current: ControllerLinkState = 'connecting';
  private sinceMs: number;
  private lastError = '';
  private stream: Stream | undefined;
  private retry: Timer | undefined;
  private isClosed = false;

  constructor(controller: AgentSessionHandler, agent: ControllerLinkHandler, options: InProcessOptions) {
    this.controller = controller;
    this.agent = agent;
    this.runtime = options.runtime;
    this.sinceMs = this.runtime.wallMs();
    this.retryMs = options.retryMs ?? RETRY_MS;
    this.limits = options.limits ?? OUTBOUND_LIMITS;
    this.runtime.soon(() => this.open());
  }

  get state(): ControllerLinkState {
    return this.current;
  }

  get status(): ControllerLinkStatus {
    const { current, sinceMs, lastError, counts } = this;
    return {
      state: current,
      controller: IN_PROCESS_PEER,
      sinceMs,
      lastError,
      ...counts,
      mergedReports: 0,
      malformed: 0,
    };
  }

  send(message: Exclude<FromAgent, { type: 'hello' | 'report' }>): boolean {
    return this.pass((stream) => stream.toController(message));
  }

  report(header: ReportHeader, table: ReportTable): boolean {
    return this.pass((stream) => stream.toController({ type: 'report', ...stream.diff.next(header, table) }));
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.runtime.clearTimer(this.retry);
    this.stream?.end('the agent closed the link');
    this.become('waiting');
  }

  private pass(send: (stream: Stream) => void): boolean {
    if (this.current !== 'attached' || !this.stream) {
      this.counts.unsent++;
      return false;
    }
    this.counts.sent++;
    send(this.stream);
    return true;
  }

  private open(): void {
    if (this.isClosed) return;
    this.become('connecting');
    this.stream = new Stream(this.runtime, this.agent.hello(), this.limits, {
      received: (message) => this.received(message),
      ended: (reason) => this.ended(reason),
    });
    this.stream.attach(this.controller);
  }

  private received(message: FromController): void {
    if (message.type === 'redirect') {
      this.counts.redirects++; // there is no other controller; this one may become the leader
    } else if (message.type === 'welcome' && this.stream) {
      this.stream.isWelcome = true;
      this.counts.attachments++;
      this.become('attached');
      this.agent.attached(message);
    } else {
      this.counts.received++;
      this.agent.received(message);
    }
  }

  private ended(reason: string): void {
    const wasAttached = this.stream?.isWelcome ?? false;
    this.stream = undefined;
    this.lastError = reason;
    this.become('waiting');
    if (wasAttached) this.agent.detached(reason);
    else this.counts.failures++;
    if (!this.isClosed) this.retry = this.runtime.setTimer(() => this.open(), this.retryMs);
  }

  private become(state: ControllerLinkState): void {
    if (state === this.current) return;
    this.current = state;
    this.sinceMs = this.runtime.wallMs();
  }
}

interface StreamEvents {
  received(message: FromController): void;
  /** Once. */
  ended(reason: string): void;
}

/** One Hello, and what is said after it in both directions. */
class Stream implements AgentSession {
  readonly hello: Hello;
  readonly peer = IN_PROCESS_PEER;
  readonly isAdmin = true;
  readonly diff = new ReportDiff();
  isWelcome = false;
  private readonly runtime: Runtime;
  private readonly events: StreamEvents;
  private readonly toAgent: OutboundQueue;
  private readonly fromAgent: FromAgent[] = [];
  private readonly limits: OutboundLimits;
  private listener: AgentSessionListener | undefined;
  private closing: string | undefined;
  private hasEnded = false;
  private isDraining = false;

  constructor(runtime: Runtime, hello: Hello, limits: OutboundLimits, events: StreamEvents) {
    this.runtime = runtime;
    this.hello = hello;
    this.limits = limits;
    this.events = events;
    this.toAgent = new OutboundQueue(limits);
  }

  attach(controller: AgentSessionHandler): void {
    this.listener = controller.attached(this);
  }

  send(message: FromController): void {
    if (this.hasEnded || this.closing !== undefined) return;
    if (this.toAgent.push(message) === 'overflow') this.end('the queue to the agent is full');
    this.drainSoon();
  }

  toController(message: FromAgent): void {
    if (this.fromAgent.length >= this.limits.maxMessages)
      return this.end('the queue to the controller is full');
    this.fromAgent.push(message);
    this.drainSoon();
  }

  close(reason: string): void {
    this.closing ??= reason;
    this.drainSoon();
  }

  end(reason: string): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.toAgent.clear();
    this.fromAgent.length = 0;
    this.runtime.soon(() => {
      this.listener?.detached(reason);
      this.events.ended(reason);
    });
  }

  private drainSoon(): void {
    if (this.isDraining) return;
    this.isDraining = true;
    this.runtime.soon(() => this.drain());
  }

  private drain(): void {
    this.isDraining = false;
    for (const message of this.fromAgent.splice(0)) {
      if (!this.hasEnded) this.listener?.received(message);
    }
    for (let count = this.toAgent.size; count > 0 && !this.hasEnded; count--) {
      this.events.received(this.toAgent.shift()!);
    }
    if (this.closing !== undefined && this.toAgent.size === 0) this.end(this.closing);
    if (this.toAgent.size > 0 || this.fromAgent.length > 0) this.drainSoon();
  }
}
