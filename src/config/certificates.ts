/**
 * The certificates that a process uses, as their files have them now.
 *
 * Theory of operation. Each entry is loaded at start, where a problem ends the start. From then on its files are read
 * again when one of them changes, and on request (SIGHUP, `reload`). Files that cannot be used leave what was loaded
 * before in use: certificate and key are replaced one after the other, and what does not fit is reported once, when
 * the files have been at rest for a moment. New connections use the new certificate; those that exist are kept.
 *
 * Certificates that expire soon are reported: in the log when they come within 30 and 7 days of their end, in `status`
 * for as long as they are.
 */
import { unwatchFile, watchFile } from 'node:fs';
import type { EventSink, Outlets } from '../events/event.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';
import type { Role } from './certificate-roles.ts';
import { messageOf } from './problems/refusal.ts';
import { loadFleetTls, loadTlsFiles, type TlsFiles, type TlsMaterial } from './tls-files.ts';

export const DAY_MS = 86_400_000;
/** Days before the end at which a certificate is reported. */
export const WARN_DAYS = 30;
const URGENT_DAYS = 7;
const POLL_MS = 1000;
const AT_REST_MS = 1000;
const CHECK_EXPIRY_MS = 3_600_000;

export interface Expiring {
  /** End of the validity of the certificate or its authority, whichever is earlier. */
  readonly expiresMs: number;
}

export interface CertificateStatus {
  /** Path of the setting: `tls`, `store.tls`. */
  setting: string;
  /** The certificate, or the authorities where there is no certificate of its own. */
  file: string;
  /** ISO 8601. */
  expires: string;
}

interface CertificateLog {
  info(message: string): void;
  warn(message: string): void;
}

/** One entry: what its files contain. */
export class Renewable<Material extends Expiring> {
  readonly setting: string;
  /** The first is shown. */
  readonly files: readonly string[];
  private readonly load: () => Material;
  private readonly log: CertificateLog;
  private readonly events: EventSink;
  private readonly listeners: ((material: Material) => void)[] = [];
  private material: Material;
  private lastProblem = '';
  private reported = Number.POSITIVE_INFINITY;

  constructor(
    setting: string,
    files: readonly string[],
    load: () => Material,
    { log, events }: Outlets<CertificateLog>,
  ) {
    this.setting = setting;
    this.files = files;
    this.load = load;
    this.log = log;
    this.events = events;
    this.material = load();
  }

  get current(): Material {
    return this.material;
  }

  /** Called with each new content, not with the first. */
  onChange(listener: (material: Material) => void): void {
    this.listeners.push(listener);
  }

  reread(): void {
    let next: Material;
    try {
      next = this.load();
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== this.lastProblem)
        this.log.warn(
          `${this.setting}: the files as they are now cannot be used, the previous certificate stays in use: ${problem}`,
        );
      this.lastProblem = problem;
      return;
    }
    this.lastProblem = '';
    if (contentOf(next) === contentOf(this.material)) return;
    this.material = next;
    this.reported = Number.POSITIVE_INFINITY;
    const until = iso(next.expiresMs);
    this.events.emit({
      type: 'certificate.renewed',
      subject: this.setting,
      details: { until },
      line: `${this.setting}: read again, valid until ${until}`,
    });
    for (const listener of this.listeners) listener(next);
  }

  /** Why someone should look at it; undefined: no reason. */
  warning(nowMs: number): string | undefined {
    const leftMs = this.material.expiresMs - nowMs;
    if (leftMs > WARN_DAYS * DAY_MS) return undefined;
    const when = leftMs <= 0 ? 'has expired' : `expires in ${daysText(leftMs)}`;
    return `${this.setting}: ${this.files[0]} or its authority ${when}, ${iso(this.material.expiresMs)}`;
  }

  /** Logs the warning each time a threshold is passed. */
  logExpiry(nowMs: number): void {
    const leftMs = this.material.expiresMs - nowMs;
    const threshold = [0, URGENT_DAYS, WARN_DAYS].find((days) => leftMs <= days * DAY_MS);
    if (threshold === undefined || threshold >= this.reported) return;
    this.reported = threshold;
    const line = this.warning(nowMs)!;
    const details = { until: iso(this.material.expiresMs) };
    this.events.emit({
      type: 'certificate.expiring',
      subject: this.setting,
      reason: line,
      details,
      line,
      level: 'warn',
    });
  }
}

export class Certificates {
  private readonly log: CertificateLog;
  /** Until there is one, the log says what happens. */
  private events: EventSink;
  private readonly runtime: Runtime;
  private readonly entries: Renewable<Expiring>[] = [];
  private readonly watchers: (() => void)[] = [];
  private readonly expiryTimer: Timer;

  constructor(log: CertificateLog, runtime: Runtime) {
    this.log = log;
    this.events = {
      emit: ({ line, level = 'info' }) => {
        if (line !== undefined) log[level === 'info' ? 'info' : 'warn'](line);
      },
    };
    this.runtime = runtime;
    this.expiryTimer = runtime.setTicker(() => this.logExpiry(), CHECK_EXPIRY_MS);
    this.expiryTimer.unref();
  }

  /** Where it reports from now on. */
  reportTo(events: EventSink): void {
    this.events = events;
  }

  /** Throws what `load` throws. */
  add<Material extends Expiring>(
    setting: string,
    files: readonly string[],
    load: () => Material,
  ): Renewable<Material> {
    const entry = new Renewable(setting, files, load, {
      log: this.log,
      events: { emit: (event) => this.events.emit(event) },
    });
    this.entries.push(entry as unknown as Renewable<Expiring>);
    entry.logExpiry(this.runtime.wallMs());
    let timer: Timer | undefined;
    const changed = (): void => {
      this.runtime.clearTimer(timer);
      timer = this.runtime.setTimer(() => {
        entry.reread();
        entry.logExpiry(this.runtime.wallMs());
      }, AT_REST_MS);
      timer.unref();
    };
    for (const file of files) watchFile(file, { interval: POLL_MS, persistent: false }, changed);
    this.watchers.push(() => {
      this.runtime.clearTimer(timer);
      for (const file of files) unwatchFile(file, changed);
    });
    return entry;
  }

  /** The entry of `tls:`, undefined if it is; `role`: that the certificate must have. Throws TlsFilesError. */
  addFleet(tls: TlsFiles | undefined, role: Role | undefined): Renewable<TlsMaterial> | undefined {
    if (tls === undefined) return undefined;
    const load = (): TlsMaterial => (role === undefined ? loadTlsFiles(tls) : loadFleetTls(tls, role));
    return this.add('tls', [tls.cert, tls.key, tls.ca], load);
  }

  /** Reads all files again at once. */
  reread(): void {
    for (const entry of this.entries) {
      entry.reread();
      entry.logExpiry(this.runtime.wallMs());
    }
  }

  /** For `status`. */
  get list(): CertificateStatus[] {
    return this.entries.map(({ setting, files, current }) => ({
      setting,
      file: files[0]!,
      expires: iso(current.expiresMs),
    }));
  }

  /** For `status`: one line per certificate that expires within 30 days. */
  get warnings(): string[] {
    return this.entries.flatMap((entry) => entry.warning(this.runtime.wallMs()) ?? []);
  }

  close(): void {
    this.runtime.clearTimer(this.expiryTimer);
    for (const end of this.watchers.splice(0)) end();
  }

  private logExpiry(): void {
    for (const entry of this.entries) entry.logExpiry(this.runtime.wallMs());
  }
}

const iso = (ms: number): string => new Date(ms).toISOString();

export function daysText(ms: number): string {
  const days = Math.floor(ms / DAY_MS);
  if (days < 1) return 'less than a day';
  return days === 1 ? '1 day' : `${days} days`;
}

/** Buffers as text, so that equal contents are equal. */
const contentOf = (material: object): string =>
  JSON.stringify(material, (_key, value) => (Buffer.isBuffer(value) ? value.toString('latin1') : value));
