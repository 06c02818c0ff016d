/**
 * Health checks in one network: the probe port and the process behind it, created when there is a member to probe and
 * removed when there is none.
 *
 * Theory of operation. `want` sets the desired state; one loop at a time creates or removes port and process until they
 * match it. After a failure they are created again after a pause. Meanwhile there are no verdicts: a host that cannot
 * probe does not judge members.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { PortConfig } from '../../config/model/model.ts';
import { messageOf } from '../../config/problems/host-error.ts';
import type { Host } from '../../host/host.ts';
import type { Runtime, Timer } from '../../runtime/runtime.ts';
import {
  type LoadReading,
  type PreparedKind,
  type ProberTargets,
  preparedKinds,
  type RunningProber,
  type StartProber,
  type Verdict,
} from './prober-protocol.ts';

const RETRY_MS = 2_000;

/** The part of a host that health checks use. */
export type HealthHost = Pick<Host, 'addPort' | 'removePort' | 'onPortGone' | 'publisher'>;

export interface NetworkProberOptions {
  readonly host: HealthHost;
  readonly network: string;
  readonly log: Logger;
  readonly runtime: Runtime;
  readonly startProber: StartProber;
  onVerdicts(verdicts: readonly Verdict[]): void;
  onLoads(loads: readonly LoadReading[]): void;
  /** Discards earlier verdicts. */
  onSilence(): void;
}

interface Wanted {
  readonly port: PortConfig;
  readonly targets: ProberTargets;
}

export class NetworkProber {
  private readonly options: NetworkProberOptions;
  private readonly unwatch: () => void;
  private wanted: Wanted | undefined;
  private port: PortConfig | undefined;
  private process: RunningProber | undefined;
  /** What `process` was started for. */
  private prepared: readonly PreparedKind[] = [];
  private loop: Promise<void> | undefined;
  private retry: Timer | undefined;
  /** Whether a step has failed, and `retry` is set. */
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
    if (wanted !== undefined && isDeepStrictEqual(wanted.port, this.port)) {
      // A process without permissions cannot be prepared for more: another one takes its place.
      if (preparedKinds(wanted.targets).every((kind) => this.prepared.includes(kind)))
        this.process?.send(wanted.targets);
      else this.endProcess();
    }
    this.bringAbout();
  }

  /** Resolves when port and process are removed. */
  async close(): Promise<void> {
    this.unwatch();
    this.isClosed = true;
    this.wanted = undefined;
    this.options.runtime.clearTimer(this.retry);
    this.isBroken = false;
    for (this.bringAbout(); this.loop !== undefined; ) await this.loop;
  }

  private bringAbout(): void {
    if (this.isBroken || this.loop !== undefined) return;
    this.loop = this.steps().then(() => {
      this.loop = undefined;
      // The desired state may have changed after the last step.
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
    const previous = this.port;
    this.port = undefined;
    if (previous !== undefined) await host.removePort(previous.name);
    if (next === undefined) return;
    await host.addPort(next);
    this.port = next;
  }

  private startProcess(): void {
    const { network, startProber, onVerdicts, onLoads } = this.options;
    const name = `health checks in network ${network}`;
    this.prepared = preparedKinds(this.wanted!.targets);
    const start = { name, netns: this.port!.netns, prepared: this.prepared };
    const process = startProber(start, {
      onVerdicts,
      onLoads,
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

  /** Port and process are created again after a pause. */
  private failed(reason: string): void {
    const { network, log } = this.options;
    log.warn(`health checks in network ${network}: ${reason}`);
    this.endProcess();
    this.isBroken = true;
    this.options.runtime.clearTimer(this.retry);
    if (this.isClosed) return;
    this.retry = this.options.runtime.setTimer(() => this.repair(), RETRY_MS);
    this.retry.unref();
  }

  private repair(): void {
    this.isBroken = false;
    const previous = this.port;
    this.port = undefined;
    const removed = previous === undefined ? Promise.resolve() : this.options.host.removePort(previous.name);
    removed.then(
      () => this.bringAbout(),
      (error) => this.failed(messageOf(error)),
    );
  }
}
