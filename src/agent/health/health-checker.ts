/**
 * Active health checks of a host: probes members from the networks' probe ports, as its groups require, and reports the
 * results to the controllers, which decide (controller/health/health-agreement.ts).
 *
 * Theory of operation. When a change of groups or ports comes into force, the members to probe are computed again and
 * passed to one NetworkProber per network. Probers report changed verdicts, which are stored and sent at once; all
 * verdicts are sent every FULL_INTERVAL_MS, which bounds the effect of a lost message. A member without a verdict (new,
 * or without a running prober) is left out.
 *
 * Members' answers for their load go the same way, collected for LOADS_INTERVAL_MS. They come from probers, which parse
 * what hostile servers say, so they are checked here again.
 */
import type { Logger } from 'pino';
import type { Configuration } from '../../config/model/model.ts';
import { probePort } from '../../config/model/probe-port.ts';
import type { EventSink } from '../../events/event.ts';
import { MAX_DETAIL_LENGTH } from '../../messages/message-checks.ts';
import { MAX_LOAD, type MemberLoad, type ProbeResult, type ProbeResults } from '../../messages/messages.ts';
import type { Runtime, Timer } from '../../runtime/runtime.ts';
import { addressFamily } from '../../wire/address.ts';
import { type HealthHost, NetworkProber } from './network-prober.ts';
import {
  type MemberLoadTarget,
  type MemberTarget,
  type MemberTargets,
  probeTargets,
} from './probe-targets.ts';
import type { LoadReading, StartProber, Verdict } from './prober-protocol.ts';

const FULL_INTERVAL_MS = 5_000;
const LOADS_INTERVAL_MS = 200;
const NO_TARGETS: MemberTargets = { checks: [], loads: [] };

export interface HealthCheckerOptions {
  readonly host: HealthHost;
  readonly log: Logger;
  readonly events: EventSink;
  readonly runtime: Runtime;
  readonly startProber: StartProber;
  onResults(results: ProbeResults): void;
  onLoads(loads: readonly MemberLoad[]): void;
}

export class HealthChecker {
  private readonly options: HealthCheckerOptions;
  private readonly networks = new Map<string, NetworkProber>();
  /** By key. */
  private targets = new Map<string, MemberTarget>();
  /** By key. */
  private loadTargets = new Map<string, MemberLoadTarget>();
  /** By key: the answers that were not passed on yet. */
  private readonly readings = new Map<string, LoadReading & { readonly atMs: number }>();
  private loadTimer: Timer | undefined;
  private readonly verdicts = new Map<string, Verdict>();
  private readonly warnings = new Set<string>();
  private readonly unwatch: () => void;
  private readonly timer: Timer;

  constructor(options: HealthCheckerOptions) {
    this.options = options;
    const { publisher } = options.host;
    this.unwatch = publisher.onInForce((configuration) => this.update(configuration));
    this.timer = options.runtime.setTicker(() => this.tellAll(), FULL_INTERVAL_MS);
    this.timer.unref();
    if (publisher.inForce !== undefined) this.update(publisher.inForce.configuration);
  }

  /** All current verdicts. */
  results(): ProbeResult[] {
    return [...this.verdicts.values()].flatMap((verdict) => this.resultOf(verdict) ?? []);
  }

  /** Resolves when ports and processes are removed. */
  async close(): Promise<void> {
    this.unwatch();
    this.options.runtime.clearTimer(this.timer);
    this.options.runtime.clearTimer(this.loadTimer);
    await Promise.all([...this.networks.values()].map((prober) => prober.close()));
  }

  private update(configuration: Configuration): void {
    const byNetwork = probeTargets(configuration);
    const all = [...byNetwork.values()];
    this.targets = new Map(all.flatMap(({ checks }) => checks.map((target) => [target.key, target])));
    this.loadTargets = new Map(all.flatMap(({ loads }) => loads.map((target) => [target.key, target])));
    for (const key of this.verdicts.keys()) if (!this.targets.has(key)) this.verdicts.delete(key);
    for (const network of configuration.networks) {
      const wanted = byNetwork.get(network.name) ?? NO_TARGETS;
      const count = wanted.checks.length + wanted.loads.length;
      let prober = this.networks.get(network.name);
      if (prober === undefined) {
        if (count === 0) continue;
        prober = this.prober(network.name);
      }
      const port = probePort(configuration, network, `sluice-probe-${process.pid}-${network.name}`);
      const families = new Set(port.addresses.map((text) => addressFamily(text.slice(0, text.indexOf('/')))));
      const isReachable = ({ address }: { address: string }): boolean => families.has(addressFamily(address));
      const targets = { checks: wanted.checks.filter(isReachable), loads: wanted.loads.filter(isReachable) };
      const reachable = targets.checks.length + targets.loads.length;
      if (reachable < count) this.warnOnce(network.name);
      prober.want(reachable === 0 ? undefined : { port, targets });
    }
    for (const [name, prober] of this.networks) {
      if (!configuration.networks.some((network) => network.name === name)) prober.want(undefined);
    }
  }

  private prober(network: string): NetworkProber {
    const { host, log, runtime, startProber } = this.options;
    const prober = new NetworkProber({
      host,
      network,
      log,
      runtime,
      startProber,
      onVerdicts: (verdicts) => this.take(verdicts),
      onLoads: (readings) => this.takeLoads(readings),
      onSilence: () => this.silence(network),
    });
    this.networks.set(network, prober);
    return prober;
  }

  private take(verdicts: readonly Verdict[]): void {
    const current = verdicts.filter(({ key }) => this.targets.has(key));
    for (const verdict of current) this.verdicts.set(verdict.key, verdict);
    const results = current.flatMap((verdict) => this.resultOf(verdict) ?? []);
    for (const { group, member, isHealthy, isDraining, detail } of results)
      this.options.events.emit({
        type: isHealthy ? 'health.passed' : 'health.failed',
        subject: `${group}/${member}`,
        reason: detail,
        actor: 'health checks',
        line: `group ${group}: ${member} is ${isHealthy ? 'healthy' : isDraining ? 'draining' : 'unhealthy'}: ${detail}`,
      });
    if (results.length > 0) this.options.onResults({ isFull: false, results });
  }

  private takeLoads(readings: readonly LoadReading[]): void {
    const { runtime } = this.options;
    for (const reading of readings)
      if (this.loadTargets.has(reading.key))
        this.readings.set(reading.key, { ...reading, atMs: runtime.monotonicMs() });
    if (this.loadTimer !== undefined || this.readings.size === 0) return;
    this.loadTimer = runtime.setTimer(() => this.tellLoads(), LOADS_INTERVAL_MS);
    this.loadTimer.unref();
  }

  private tellLoads(): void {
    this.loadTimer = undefined;
    const nowMs = this.options.runtime.monotonicMs();
    const loads = [...this.readings.values()].flatMap(({ key, load, detail, atMs }) => {
      const target = this.loadTargets.get(key);
      if (target === undefined) return [];
      const { group, member, address } = target;
      const isKnown = typeof load === 'number' && load >= 0 && load <= MAX_LOAD;
      const text = String(detail).slice(0, MAX_DETAIL_LENGTH);
      return [
        {
          group,
          member,
          address,
          isKnown,
          load: isKnown ? load : 0,
          ageMs: Math.round(nowMs - atMs),
          detail: text,
        },
      ];
    });
    this.readings.clear();
    if (loads.length > 0) this.options.onLoads(loads);
  }

  private silence(network: string): void {
    for (const { key, network: of } of this.targets.values()) if (of === network) this.verdicts.delete(key);
    this.tellAll();
  }

  private tellAll(): void {
    if (this.targets.size > 0) this.options.onResults({ isFull: true, results: this.results() });
  }

  private resultOf({
    key,
    isHealthy,
    isDraining = false,
    sinceMs,
    detail,
  }: Verdict): ProbeResult | undefined {
    const target = this.targets.get(key);
    if (target === undefined) return undefined;
    const { group, member, address } = target;
    return { group, member, address, isHealthy, isDraining, sinceMs, detail };
  }

  private warnOnce(network: string): void {
    if (this.warnings.has(network)) return;
    this.warnings.add(network);
    this.options.log.warn(
      `network ${network}: found no address for health checks of some members, expected a probeAddress of their family`,
    );
  }
}
