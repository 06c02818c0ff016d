/**
 * The way into one network for health checks: the probe port and the process behind it, made when there is something
 * to probe and removed when there is not.
 *
 * Theory of operation. `want` says what should be; one loop at a time brings about what is (port, process), and looks
 * again when that has changed meanwhile. What fails or disappears is made anew after a while, with no verdicts
 * in between: a host that cannot probe has nothing to say about members.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { messageOf } from '../../config/model/host-error.ts';
import type { PortConfig } from '../../config/model/model.ts';
import type { Host } from '../../host/host.ts';
import { ProberProcess } from './prober-process.ts';
import type { ProbeTarget, Verdict } from './prober-protocol.ts';

const RETRY_MS = 2_000;

/** What health checks need of a host. */
export type HealthHost = Pick<Host, 'addPort' | 'removePort' | 'onPortGone' | 'publisher'>;

export interface NetworkProberOptions {
  readonly host: HealthHost;
  readonly network: string;
  readonly log: Logger;
  onVerdicts(verdicts: readonly Verdict[]): void;
  /** Verdicts told before count no more. */
  onSilence(): void;
}

interface Wanted {
  readonly port: PortConfig;
  readonly targets: readonly ProbeTarget[];
}

export class NetworkProber {
  private readonly options: NetworkProberOptions;
  private readonly unwatch: () => void;
  private wanted: Wanted | undefined;
  private port: PortConfig | undefined;
  private process: ProberProcess | undefined;
  private loop: Promise<void> | undefined;
  private retry: NodeJS.Timeout | undefined;
  /** Something has failed, and `retry` is set. */
  private isBroken = false;
  private isClosed = false;

  constructor(options: NetworkProberOptions) {
    this.options = options;
    this.unwatch = options.host.onPortGone((name) => {
      if (name === this.port?.name) this.failed('its probe port has disappeared');
    });
  }

  want(wanted: Wanted | undefined): void {
    const before = this.wanted;
    this.wanted = wanted;
    if (isDeepStrictEqual(before, wanted)) return;
    if (wanted !== undefined && isDeepStrictEqual(wanted.port, this.port)) this.process?.send(wanted.targets);
    this.bringAbout();
  }

  /** Resolves when nothing is left. */
  async close(): Promise<void> {
    this.unwatch();
    this.isClosed = true;
    this.wanted = undefined;
    clearTimeout(this.retry);
    this.isBroken = false;
    for (this.bringAbout(); this.loop !== undefined; ) await this.loop;
  }

  private bringAbout(): void {
    if (this.isBroken || this.loop !== undefined) return;
    this.loop = this.steps().then(() => {
      this.loop = undefined;
      // What is wanted may have changed after the last step.
      if (this.isPortWrong() || this.isProcessMissing()) this.bringAbout();
    });
  }

  private async steps(): Promise<void> {
    try {
      while (!this.isBroken && (this.isPortWrong() || this.isProcessMissing())) {
        if (this.isPortWrong()) await this.replacePort(this.wanted?.port);
        else this.startProcess();
      }
    } catch (error) {
      this.failed(messageOf(error));
    }
  }

  private isPortWrong(): boolean {
    return !isDeepStrictEqual(this.wanted?.port, this.port);
  }

  private isProcessMissing(): boolean {
    return this.wanted !== undefined && this.port !== undefined && this.process === undefined;
  }

  private async replacePort(next: PortConfig | undefined): Promise<void> {
    const { host } = this.options;
    this.endProcess();
    const former = this.port;
    this.port = undefined;
    if (former !== undefined) await host.removePort(former.name);
    if (next === undefined) return;
    await host.addPort(next);
    this.port = next;
  }

  private startProcess(): void {
    const { network, log, onVerdicts } = this.options;
    const name = `health checks in network ${network}`;
    const process = new ProberProcess(name, this.port!.netns, log, {
      onVerdicts,
      onEnd: (reason) => this.failed(`its prober has ended: ${reason}`),
    });
    process.send(this.wanted!.targets);
    this.process = process;
  }

  private endProcess(): void {
    if (this.process === undefined) return;
    this.process.stop();
    this.process = undefined;
    this.options.onSilence();
  }

  /** Port and process are made anew, a while later. */
  private failed(reason: string): void {
    const { network, log } = this.options;
    log.warn(`health checks in network ${network}: ${reason}`);
    this.endProcess();
    this.isBroken = true;
    clearTimeout(this.retry);
    if (this.isClosed) return;
    this.retry = setTimeout(() => this.repair(), RETRY_MS);
    this.retry.unref();
  }

  private repair(): void {
    this.isBroken = false;
    const former = this.port;
    this.port = undefined;
    const removed = former === undefined ? Promise.resolve() : this.options.host.removePort(former.name);
    removed.then(
      () => this.bringAbout(),
      (error) => this.failed(messageOf(error)),
    );
  }
}
