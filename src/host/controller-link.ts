/**
 * The agent's link to the controllers of a fleet: attaches to one of them, follows it to the leader, and finds
 * another when it is lost.
 *
 * Theory of operation. One stream at a time is tried or in use. A controller that does not lead answers Redirect, and
 * the leader it names is tried at once; a chain of redirects that is too long counts as a failure, since leaders may
 * change meanwhile. After a failure, or when the stream is lost, the next controller of the list is tried: within the
 * first round at once but for a little jitter, so that a dead controller costs little; from then on with pauses that
 * double per round up to `maxPauseMs`, each halved by up to 50 % at random, so that agents which lost the same
 * controller do not come back in step. The bound is short: a new leader has to be found within seconds.
 *
 * What is logged: the loss, each controller's reason once per outage, and the return. Not each attempt.
 */
import { isLocal } from '../config/local-endpoint.ts';
import { loadTlsFiles, type TlsFiles, type TlsMaterial } from '../config/tls-files.ts';
import { KEEPALIVE, type Keepalive, type LinkLog } from '../messages/fleet-service.ts';
import type {
  ControllerLink,
  ControllerLinkHandler,
  ControllerLinkState,
  ControllerLinkStatus,
} from '../messages/link.ts';
import { type FromAgent, type FromController, PROTOCOL_VERSION, type Welcome } from '../messages/messages.ts';
import type { ReportHeader } from '../messages/report.ts';
import type { ReportTable } from '../messages/report-table.ts';
import { ControllerStream } from './controller-stream.ts';

export interface ControllerLinkTiming {
  /** From the attempt to the controller's first word. */
  readonly attachTimeoutMs: number;
  /** At most so long before each attempt of the first round. */
  readonly firstPauseMs: number;
  /** Of the second round; doubles with each further one. */
  readonly pauseMs: number;
  readonly maxPauseMs: number;
}

export const LINK_TIMING: ControllerLinkTiming = {
  attachTimeoutMs: 3000,
  firstPauseMs: 100,
  pauseMs: 250,
  maxPauseMs: 2000,
};

export interface ControllerLinkOptions {
  /** `host:port` or `unix:PATH`, at least one. */
  readonly controllers: readonly string[];
  /** Read anew for each attempt, so that renewed certificates are used. */
  readonly tls?: TlsFiles;
  readonly handler: ControllerLinkHandler;
  readonly log: LinkLog;
  readonly keepalive?: Keepalive;
  readonly timing?: ControllerLinkTiming;
}

const MAX_REDIRECTS = 3;

/** Throws when a controller cannot be reached without TLS, and TlsFilesError; from then on it tries for ever. */
export function createControllerLink(options: ControllerLinkOptions): ControllerLink {
  if (options.tls) loadTlsFiles(options.tls);
  options.controllers.forEach((address, index) => {
    const problem = reachProblem(address, options.tls);
    if (problem) throw new Error(`controllers[${index}]: ${problem}`);
  });
  return new GrpcControllerLink(options);
}

const reachProblem = (address: string, tls: TlsFiles | undefined): string | undefined =>
  tls || isLocal(address)
    ? undefined
    : `found ${address} without tls, expected a loopback address, unix:PATH, or tls with ca, cert and key`;

class GrpcControllerLink implements ControllerLink {
  private readonly options: ControllerLinkOptions;
  private readonly timing: ControllerLinkTiming;
  private readonly counts = {
    attachments: 0,
    failures: 0,
    redirects: 0,
    sent: 0,
    received: 0,
    unsent: 0,
    mergedReports: 0,
  };
  private current: ControllerLinkState = 'connecting';
  private sinceMs = Date.now();
  private lastError = '';
  private address: string;
  private stream: ControllerStream | undefined;
  private timer: NodeJS.Timeout | undefined;
  private nextIndex = 0;
  private redirectsInRow = 0;
  private failuresInRow = 0;
  private readonly outage: Outage;
  private isClosed = false;

  constructor(options: ControllerLinkOptions) {
    this.options = options;
    this.timing = options.timing ?? LINK_TIMING;
    this.outage = new Outage(options.log);
    this.address = options.controllers[0]!;
    this.timer = setTimeout(() => this.tryNext(), 0);
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
    clearTimeout(this.timer);
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
    const address = controllers[this.nextIndex % controllers.length]!;
    this.nextIndex = (this.nextIndex + 1) % controllers.length;
    this.attempt(address);
  }

  private attempt(address: string): void {
    this.address = address;
    this.become('connecting');
    let tls: TlsMaterial | undefined;
    try {
      const problem = reachProblem(address, this.options.tls);
      if (problem) throw new Error(problem);
      if (this.options.tls && !address.startsWith('unix:')) tls = loadTlsFiles(this.options.tls);
    } catch (error) {
      this.failed((error as Error).message);
      return;
    }
    const stream = new ControllerStream(address, tls, this.options.keepalive ?? KEEPALIVE, {
      received: (message) => this.received(message),
      sent: () => this.counts.sent++,
      merged: () => this.counts.mergedReports++,
      ended: (reason) => this.ended(reason),
    });
    this.stream = stream;
    const { attachTimeoutMs } = this.timing;
    this.timer = setTimeout(() => stream.end(`no answer within ${attachTimeoutMs} ms`), attachTimeoutMs);
    stream.send({ type: 'hello', ...this.options.handler.hello() });
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
    if (welcome.protocolVersion !== PROTOCOL_VERSION) {
      const reason = `found protocol version ${welcome.protocolVersion}, expected ${PROTOCOL_VERSION}`;
      this.stream?.end(reason);
      return;
    }
    clearTimeout(this.timer);
    this.counts.attachments++;
    this.become('attached');
    this.redirectsInRow = 0;
    this.failuresInRow = 0;
    this.outage.over(this.address, welcome);
    this.options.handler.attached(welcome);
  }

  private redirected(leader: string): void {
    this.counts.redirects++;
    const wasAttached = this.abandon();
    if (wasAttached) this.lost(`it leads no more${leader === '' ? '' : `, ${leader} does`}`);
    if (this.isClosed) return;
    if (leader !== '' && ++this.redirectsInRow <= MAX_REDIRECTS) {
      this.become('waiting');
      this.timer = setTimeout(() => this.attempt(leader), 0);
    } else {
      this.redirectsInRow = 0;
      this.failed(leader === '' ? 'it does not lead, and knows no leader' : 'redirects in a circle');
    }
  }

  /** The stream is of no more interest, whatever it still has to say. */
  private abandon(): boolean {
    const { stream } = this;
    this.stream = undefined;
    stream?.end('redirected');
    clearTimeout(this.timer);
    return this.current === 'attached';
  }

  private ended(reason: string): void {
    if (!this.stream) return;
    this.stream = undefined;
    clearTimeout(this.timer);
    if (this.current !== 'attached') {
      this.failed(reason);
      return;
    }
    this.lost(reason);
    this.pause();
  }

  private lost(reason: string): void {
    this.lastError = reason;
    this.become('waiting');
    if (!this.isClosed) this.outage.began(this.address, reason);
    this.options.handler.detached(reason);
  }

  private failed(reason: string): void {
    this.lastError = reason;
    this.counts.failures++;
    this.failuresInRow++;
    this.become('waiting');
    if (!this.isClosed) this.outage.failure(this.address, reason);
    this.pause();
  }

  private pause(): void {
    if (this.isClosed) return;
    const { firstPauseMs, pauseMs, maxPauseMs } = this.timing;
    const round = Math.floor(this.failuresInRow / this.options.controllers.length);
    const bound = round === 0 ? firstPauseMs : Math.min(maxPauseMs, pauseMs * 2 ** (round - 1));
    this.timer = setTimeout(() => this.tryNext(), bound * (0.5 + Math.random() / 2));
  }

  private become(state: ControllerLinkState): void {
    if (state === this.current) return;
    this.current = state;
    this.sinceMs = Date.now();
  }
}

/** What was said about the time without a controller, so that nothing is said twice. */
class Outage {
  private readonly log: LinkLog;
  private readonly told = new Set<string>();
  private beganMs = Date.now();
  private failures = 0;

  constructor(log: LinkLog) {
    this.log = log;
  }

  began(address: string, reason: string): void {
    this.beganMs = Date.now();
    this.log.warn(`controller ${address} is lost: ${reason}; looking for another`);
  }

  failure(address: string, reason: string): void {
    this.failures++;
    const line = `controller ${address}: ${reason}`;
    if (this.told.has(line) || this.told.size >= 100) return;
    this.told.add(line);
    this.log.warn(`${line}; trying on`);
  }

  over(address: string, { controller, epoch }: Welcome): void {
    const seconds = ((Date.now() - this.beganMs) / 1000).toFixed(1);
    const after = this.failures === 0 ? '' : ` after ${seconds} s and ${this.failures} failed attempts`;
    this.log.info(`attached to controller ${controller} at ${address}, epoch ${epoch}${after}`);
    this.told.clear();
    this.failures = 0;
  }
}
