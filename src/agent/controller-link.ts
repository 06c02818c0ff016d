/**
 * The agent's link to the controllers of a fleet: attaches to one of them, follows redirects to the leader, and finds
 * another controller when the connection is lost.
 *
 * Theory of operation. One stream at a time is opened or in use. A follower answers Redirect, and the agent tries the
 * leader that it names at once, if that is one of the configured controllers. If the Redirect does not help (it names no
 * leader, one that has just failed, or redirects form a circle), the agent stays with the follower for a while: it sends
 * the next leader as soon as there is one, or Welcome if it becomes the leader itself.
 *
 * After a failure, or when the stream is lost, the next controller of the list is tried: in the first round at once but
 * for a little jitter, so that a dead controller costs little; for the first seconds with short pauses, as a new leader
 * is being elected; then with pauses that double per round up to `maxPauseMs`. Each pause is shortened by up to 50 % at
 * random, so that agents which lost the same controller do not return in step.
 *
 * Logged: the loss, each controller's reason once per outage, and the return, but not each attempt.
 */
import { isLocal } from '../config/model/local-endpoint.ts';
import { loadFleetTls, type TlsFiles } from '../config/tls-files.ts';
import { KEEPALIVE, type Keepalive, type LinkLog } from '../messages/fleet-service.ts';
import type {
  ControllerLink,
  ControllerLinkHandler,
  ControllerLinkState,
  ControllerLinkStatus,
} from '../messages/link.ts';
import {
  type FromAgent,
  type FromController,
  PROTOCOL_VERSIONS,
  type Welcome,
} from '../messages/messages.ts';
import { rangeText, speaks } from '../messages/protocol-version.ts';
import type { ReportHeader } from '../messages/report.ts';
import type { ReportTable } from '../messages/report-table.ts';
import { controllerUser } from '../native/processes/users.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';
import { type Call, type CallEvents, ControllerStream } from './controller-stream.ts';
import { openGrpcCall } from './grpc-call.ts';

export interface ControllerLinkTiming {
  /** From the attempt to the controller's first message. */
  readonly attachTimeoutMs: number;
  /** Longest pause before each attempt of the first round. */
  readonly firstPauseMs: number;
  /** Pause from the second round on. */
  readonly pauseMs: number;
  /** Time after the loss from which pauses double with each round. */
  readonly eagerMs: number;
  readonly maxPauseMs: number;
  /** Longest stay with a follower that knows no reachable leader. */
  readonly followerMs: number;
  /** After a failure, a controller is not tried for this long while others can be. */
  readonly unreachableMs: number;
}

export const LINK_TIMING: ControllerLinkTiming = {
  attachTimeoutMs: 3000,
  firstPauseMs: 100,
  pauseMs: 250,
  eagerMs: 10_000,
  maxPauseMs: 2000,
  followerMs: 2000,
  unreachableMs: 2000,
};

export interface ControllerLinkOptions {
  /** `host:port` or `unix:PATH`, at least one. */
  readonly controllers: readonly string[];
  readonly handler: ControllerLinkHandler;
  readonly log: LinkLog;
  readonly runtime: Runtime;
  readonly timing?: ControllerLinkTiming;
}

export interface GrpcLinkOptions extends ControllerLinkOptions {
  readonly tls?: TlsFiles;
  readonly keepalive?: Keepalive;
  /** User that controllers on this machine run as, for connections without TLS; absent: the default. */
  readonly controllerUser?: string;
}

/** Calls a controller. Throws if it must not be called, or not now. */
export type OpenCall = (address: string, events: CallEvents) => Call;

const MAX_REDIRECTS = 3;

/** Throws if a controller cannot be reached without TLS, and TlsFilesError; otherwise retries forever. */
export function createControllerLink(given: GrpcLinkOptions): ControllerLink {
  const { tls, keepalive, controllerUser: user, ...options } = given;
  const trusted = controllerUser(user);
  if (tls) loadFleetTls(tls, 'host');
  options.controllers.forEach((address, index) => {
    const problem = reachProblem(address, tls);
    if (problem) throw new Error(`controllers[${index}]: ${problem}`);
  });
  return new ReconnectingLink(options, (address, events) => {
    const problem = reachProblem(address, tls);
    if (problem) throw new Error(problem);
    // Read for each attempt, so that renewed certificates are used.
    const material = tls && !address.startsWith('unix:') ? loadFleetTls(tls, 'host') : undefined;
    return openGrpcCall(address, { tls: material, trusted }, keepalive ?? KEEPALIVE, options.runtime, events);
  });
}

const reachProblem = (address: string, tls: TlsFiles | undefined): string | undefined =>
  tls || isLocal(address)
    ? undefined
    : `found ${address} without tls, expected a loopback address, unix:PATH, or tls with ca, cert and key`;

export class ReconnectingLink implements ControllerLink {
  private readonly options: ControllerLinkOptions;
  private readonly open: OpenCall;
  private readonly timing: ControllerLinkTiming;
  private readonly runtime: Runtime;
  private readonly counts = {
    attachments: 0,
    failures: 0,
    redirects: 0,
    sent: 0,
    received: 0,
    unsent: 0,
    mergedReports: 0,
    malformed: 0,
  };
  private current: ControllerLinkState = 'connecting';
  private sinceMs: number;
  private lastError = '';
  private address: string;
  private stream: ControllerStream | undefined;
  private timer: Timer | undefined;
  private nextIndex = 0;
  private redirectsInRow = 0;
  private failuresInRow = 0;
  /** After `eagerMs`. */
  private lateFailures = 0;
  /** Of the loss; monotonic. */
  private searchingSince: number;
  /** Whether the agent stays with a follower on this stream. */
  private isStaying = false;
  /** By controller: when the last attempt failed to reach it; monotonic. */
  private readonly unreachable = new Map<string, number>();
  private readonly outage: Outage;
  private isClosed = false;

  constructor(options: ControllerLinkOptions, open: OpenCall) {
    this.open = open;
    const { runtime } = options;
    this.options = options;
    this.runtime = runtime;
    this.sinceMs = runtime.wallMs();
    this.searchingSince = runtime.monotonicMs();
    this.timing = options.timing ?? LINK_TIMING;
    this.outage = new Outage(options.log, runtime);
    this.address = options.controllers[0]!;
    this.timer = this.runtime.setTimer(() => this.tryNext(), 0);
  }

  get state(): ControllerLinkState {
    return this.current;
  }

  get status(): ControllerLinkStatus {
    const { current, address, sinceMs, lastError, counts } = this;
    return { state: current, controller: address, sinceMs, lastError, ...counts };
  }

  send(message: Exclude<FromAgent, { type: 'hello' | 'report' }>): boolean {
    if (!this.isAttached()) return false;
    this.stream?.send(message);
    return true;
  }

  report(header: ReportHeader, table: ReportTable): boolean {
    if (!this.isAttached()) return false;
    this.stream?.report(header, table);
    return true;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.runtime.clearTimer(this.timer);
    this.stream?.end('the agent closed the link');
    this.become('waiting');
  }

  private isAttached(): boolean {
    if (this.current === 'attached') return true;
    this.counts.unsent++;
    return false;
  }

  private tryNext(): void {
    const { controllers } = this.options;
    const { length } = controllers;
    const order = controllers.map((_, offset) => (this.nextIndex + offset) % length);
    // A controller that has just failed may take long to fail again, while another may know the next leader.
    const index = order.find((each) => !this.hasJustFailed(controllers[each]!)) ?? order[0]!;
    this.nextIndex = (index + 1) % length;
    this.attempt(controllers[index]!);
  }

  private attempt(address: string): void {
    this.address = address;
    this.become('connecting');
    this.isStaying = false;
    let stream: ControllerStream;
    try {
      stream = this.streamTo(address);
    } catch (error) {
      this.notReached((error as Error).message);
      return;
    }
    this.stream = stream;
    const { attachTimeoutMs } = this.timing;
    this.timer = this.runtime.setTimer(
      () => stream.end(`no answer within ${attachTimeoutMs} ms`),
      attachTimeoutMs,
    );
    stream.send({ type: 'hello', ...this.options.handler.hello() });
  }

  private streamTo(address: string): ControllerStream {
    return new ControllerStream((events) => this.open(address, events), {
      received: (message) => this.received(message),
      sent: () => this.counts.sent++,
      merged: () => this.counts.mergedReports++,
      malformed: () => this.counts.malformed++,
      failed: (message, error) => {
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.options.log.error(`a message (${message.type}) of controller ${address} failed: ${what}`);
      },
      ended: (reason, isUnreachable) => this.ended(reason, isUnreachable),
    });
  }

  private received(message: FromController): void {
    if (message.type === 'redirect') this.redirected(message.leader);
    else if (message.type === 'welcome') this.welcomed(message);
    else if (this.current === 'attached') {
      this.counts.received++;
      this.options.handler.received(message);
    } else this.stream?.end(`found ${message.type} as its first message, expected welcome or redirect`);
  }

  private welcomed(welcome: Welcome): void {
    if (!speaks(welcome.protocolVersion)) {
      const expected = rangeText(PROTOCOL_VERSIONS);
      this.stream?.end(`found protocol version ${welcome.protocolVersion}, expected ${expected}`);
      return;
    }
    this.runtime.clearTimer(this.timer);
    this.counts.attachments++;
    this.become('attached');
    this.isStaying = false;
    this.redirectsInRow = 0;
    this.failuresInRow = 0;
    this.lateFailures = 0;
    this.unreachable.clear();
    this.outage.over(this.address, welcome);
    this.options.handler.attached(welcome);
  }

  private redirected(leader: string): void {
    this.counts.redirects++;
    if (this.current === 'attached') {
      this.abandon();
      this.lost(`it lost leadership${leader === '' ? '' : ` to ${leader}`}`);
      if (!this.options.controllers.includes(leader)) this.pause();
      else this.follow(leader, 0);
      return;
    }
    if (leader !== '' && !this.options.controllers.includes(leader)) {
      this.stream?.end(`it says that ${leader} leads, which is not among the configured controllers`);
      return;
    }
    const obstacle = this.obstacleTo(leader);
    if (obstacle !== undefined) return this.stay(obstacle);
    // Many agents may have waited with the same follower for this message.
    const pauseMs = this.isStaying ? this.runtime.random() * this.timing.firstPauseMs : 0;
    this.abandon();
    this.follow(leader, pauseMs);
  }

  /** Why the redirect cannot be followed now; undefined if it can. */
  private obstacleTo(leader: string): string | undefined {
    if (leader === '') return 'it is not the leader and knows none';
    if (this.hasJustFailed(leader)) return `it says that ${leader} leads, which cannot be reached`;
    return this.redirectsInRow >= MAX_REDIRECTS ? 'redirects in a circle' : undefined;
  }

  private hasJustFailed(address: string): boolean {
    const failedAt = this.unreachable.get(address);
    return failedAt !== undefined && this.runtime.monotonicMs() - failedAt < this.timing.unreachableMs;
  }

  private follow(leader: string, pauseMs: number): void {
    if (this.isClosed) return;
    this.redirectsInRow++;
    this.become('waiting');
    this.timer = this.runtime.setTimer(() => this.attempt(leader), pauseMs);
  }

  /** Stays with the follower for its next redirect, for a limited time, as it may be partitioned from the others. */
  private stay(reason: string): void {
    const { stream, isStaying } = this;
    this.lastError = reason;
    if (isStaying) return;
    this.isStaying = true;
    this.redirectsInRow = 0;
    this.become('waiting');
    this.runtime.clearTimer(this.timer);
    const stayMs = this.timing.followerMs * (0.5 + this.runtime.random() / 2);
    this.timer = this.runtime.setTimer(() => stream?.end(this.lastError), stayMs);
  }

  /** Ignores the stream from now on. */
  private abandon(): void {
    const { stream } = this;
    this.stream = undefined;
    stream?.end('redirected');
    this.runtime.clearTimer(this.timer);
  }

  private ended(reason: string, isUnreachable: boolean): void {
    if (!this.stream) return;
    this.stream = undefined;
    this.runtime.clearTimer(this.timer);
    if (this.current === 'attached') {
      if (isUnreachable) this.noteFailure();
      this.lost(reason);
      this.pause();
    } else if (this.isStaying) this.failed(reason);
    else this.notReached(reason);
  }

  private notReached(reason: string): void {
    this.noteFailure();
    this.failed(reason);
  }

  private noteFailure(): void {
    const now = this.runtime.monotonicMs();
    for (const [address, failedAt] of this.unreachable) {
      if (now - failedAt >= this.timing.unreachableMs) this.unreachable.delete(address);
    }
    this.unreachable.set(this.address, now);
  }

  private lost(reason: string): void {
    this.lastError = reason;
    this.searchingSince = this.runtime.monotonicMs();
    this.become('waiting');
    if (!this.isClosed) this.outage.began(this.address, reason);
    this.options.handler.detached(reason);
  }

  private failed(reason: string): void {
    this.lastError = reason;
    this.counts.failures++;
    this.failuresInRow++;
    this.redirectsInRow = 0;
    this.become('waiting');
    if (!this.isClosed) this.outage.failure(this.address, reason);
    this.pause();
  }

  private pause(): void {
    if (this.isClosed) return;
    const { firstPauseMs, pauseMs, eagerMs, maxPauseMs } = this.timing;
    const { length } = this.options.controllers;
    const isEager = this.runtime.monotonicMs() - this.searchingSince < eagerMs;
    if (!isEager) this.lateFailures++;
    const later = Math.min(maxPauseMs, pauseMs * 2 ** Math.ceil(this.lateFailures / length));
    const bound = this.failuresInRow < length ? firstPauseMs : later;
    this.timer = this.runtime.setTimer(() => this.tryNext(), bound * (0.5 + this.runtime.random() / 2));
  }

  private become(state: ControllerLinkState): void {
    if (state === this.current) return;
    this.current = state;
    this.sinceMs = this.runtime.wallMs();
  }
}

/** Log messages of one outage, so that none is repeated. */
class Outage {
  private readonly log: LinkLog;
  private readonly runtime: Runtime;
  private readonly told = new Set<string>();
  /** Monotonic. */
  private beganMs: number;
  private failures = 0;

  constructor(log: LinkLog, runtime: Runtime) {
    this.log = log;
    this.runtime = runtime;
    this.beganMs = runtime.monotonicMs();
  }

  began(address: string, reason: string): void {
    this.beganMs = this.runtime.monotonicMs();
    this.log.warn(`controller ${address} is lost: ${reason}; looking for another`);
  }

  failure(address: string, reason: string): void {
    this.failures++;
    const line = `controller ${address}: ${reason}`;
    if (this.told.has(line) || this.told.size >= 100) return;
    this.told.add(line);
    this.log.warn(`${line}; retrying`);
  }

  over(address: string, { controller, epoch }: Welcome): void {
    const seconds = ((this.runtime.monotonicMs() - this.beganMs) / 1000).toFixed(1);
    const after = this.failures === 0 ? '' : ` after ${seconds} s and ${this.failures} failed attempts`;
    this.log.info(`attached to controller ${controller} at ${address}, epoch ${epoch}${after}`);
    this.told.clear();
    this.failures = 0;
  }
}
