/**
 * A copy in memory of all keys under a prefix, kept up to date by a watch.
 *
 * Theory of operation. The keys are listed once at some revision; a watch from the next revision on delivers every
 * later change, in order and in whole transactions. When the stream breaks, the copy remains, and a new stream
 * continues from the last revision seen, so no change is missed. Only if etcd no longer has those revisions
 * (compaction), or never had them (restored from a backup), are the keys listed again and the differences reported as
 * one change.
 */
import { messageOf } from '../../config/problems/refusal.ts';
import { type Runtime, sleep } from '../../runtime/runtime.ts';
import type { EtcdCalls, EtcdWatch } from './etcd-client.ts';
import type { KeyValue, WatchAnswer } from './etcd-wire/protocol.ts';
import { type StoreLog, StoreUnavailable } from './store.ts';

export interface MirrorEntry {
  readonly value: string;
  readonly createRevision: number;
}

/** In order; undefined: the key is gone. */
export type MirrorChanges = readonly (readonly [key: string, entry: MirrorEntry | undefined])[];

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 1000;

export class EtcdMirror {
  /** Without the prefix. */
  readonly entries = new Map<string, MirrorEntry>();
  private readonly client: EtcdCalls;
  private readonly prefix: string;
  private readonly changed: (changes: MirrorChanges, revision: number) => void;
  private readonly log: StoreLog;
  private readonly runtime: Runtime;
  private lastRevision = 0;
  private isListed = false;
  private watch: EtcdWatch | undefined;
  private readonly ended = new AbortController();
  private readonly waiting = new Set<() => void>();
  private running: Promise<void> | undefined;

  constructor(
    client: EtcdCalls,
    prefix: string,
    changed: (changes: MirrorChanges, revision: number) => void,
    log: StoreLog,
    runtime: Runtime,
  ) {
    this.client = client;
    this.prefix = prefix;
    this.changed = changed;
    this.log = log;
    this.runtime = runtime;
  }

  /** Revision of the last change seen, or of the listing. */
  get revision(): number {
    return this.lastRevision;
  }

  start(): void {
    this.running ??= this.run();
  }

  async close(): Promise<void> {
    this.ended.abort();
    this.watch?.cancel();
    await this.running;
    this.wake();
  }

  /**
   * Resolves when the copy has the revision, after at least one listing; without `timeoutMs`, waits as long as etcd
   * is away.
   */
  async reached(revision: number, timeoutMs?: number): Promise<void> {
    const late = new AbortController();
    const deadline = late.signal;
    const timer = timeoutMs === undefined ? undefined : this.runtime.setTimer(() => late.abort(), timeoutMs);
    timer?.unref();
    try {
      await this.untilReached(revision, deadline, timeoutMs);
    } finally {
      this.runtime.clearTimer(timer);
    }
  }

  private async untilReached(
    revision: number,
    deadline: AbortSignal,
    timeoutMs: number | undefined,
  ): Promise<void> {
    while (!this.isListed || this.lastRevision < revision) {
      if (this.ended.signal.aborted) throw new StoreUnavailable('etcd: the store is closed');
      if (deadline.aborted) {
        this.watch?.cancel(); // a watch that misses this revision is useless
        throw new StoreUnavailable(`etcd: revision ${revision} written, but not seen within ${timeoutMs} ms`);
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.waiting.delete(wake);
          deadline.removeEventListener('abort', wake);
          resolve();
        };
        this.waiting.add(wake);
        deadline.addEventListener('abort', wake);
      });
    }
  }

  private wake(): void {
    for (const wake of [...this.waiting]) wake();
  }

  private async run(): Promise<void> {
    let retryMs = RETRY_MIN_MS;
    let isAway = false;
    while (!this.ended.signal.aborted) {
      try {
        if (!this.isListed) await this.list();
        await this.follow(() => {
          if (isAway) this.log.info(`etcd: watching ${this.prefix} again`);
          isAway = false;
          retryMs = RETRY_MIN_MS;
        });
      } catch (error) {
        if (this.ended.signal.aborted) return;
        if (!isAway) this.log.warn(`etcd: watch of ${this.prefix} broken off: ${messageOf(error)}`);
        isAway = true;
      }
      await sleep(this.runtime, retryMs * (0.5 + this.runtime.random()), { signal: this.ended.signal });
      retryMs = Math.min(2 * retryMs, RETRY_MAX_MS);
    }
  }

  private async list(): Promise<void> {
    const { kvs, header } = await this.client.list(this.prefix);
    const found = new Map(kvs.map((kv) => [this.keyOf(kv), entryOf(kv)]));
    const gone = [...this.entries.keys()].filter((key) => !found.has(key));
    const changed = [...found].filter(([key, entry]) => !isSame(entry, this.entries.get(key)));
    this.isListed = true;
    this.lastRevision = Number(header.revision);
    this.apply([...gone.map((key) => [key, undefined] as const), ...changed]);
  }

  /** Until the stream ends, which is an error, or the copy must be listed again. */
  private async follow(connected: () => void): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.watch = this.client.watch(this.prefix, this.lastRevision + 1, {
          received: (answer) => {
            if (answer.canceled && Number(answer.compactRevision) === 0)
              throw new Error(answer.cancelReason || 'the watch was cancelled');
            if (answer.created) connected();
            if (this.take(answer)) resolve();
          },
          ended: reject,
        });
        if (this.ended.signal.aborted) this.watch.cancel();
      });
    } finally {
      this.watch?.cancel();
      this.watch = undefined;
    }
  }

  /** True if the copy cannot continue from its revision. */
  private take(answer: WatchAnswer): boolean {
    const revision = Number(answer.header.revision);
    if (answer.canceled) {
      this.log.info(`etcd: revision ${this.lastRevision} is compacted: listing ${this.prefix} again`);
      this.isListed = false;
      return true;
    }
    if (answer.created) {
      if (revision >= this.lastRevision) return false;
      this.log.warn(
        `etcd: found revision ${revision}, expected ${this.lastRevision} or later: listing again`,
      );
      this.isListed = false;
      return true;
    }
    // For progress notifications, which have no events, the header counts; with events, the header may be ahead of
    // them.
    const last = answer.events.at(-1)?.kv.modRevision ?? revision;
    this.lastRevision = Math.max(this.lastRevision, Number(last));
    this.apply(
      answer.events.map(({ type, kv }) => [this.keyOf(kv), type === 'DELETE' ? undefined : entryOf(kv)]),
    );
    return false;
  }

  private apply(changes: MirrorChanges): void {
    for (const [key, entry] of changes) {
      if (entry === undefined) this.entries.delete(key);
      else this.entries.set(key, entry);
    }
    if (changes.length > 0) this.changed(changes, this.lastRevision);
    this.wake();
  }

  private keyOf(kv: KeyValue): string {
    return kv.key.toString().slice(this.prefix.length);
  }
}

const entryOf = (kv: KeyValue): MirrorEntry => ({
  value: kv.value.toString(),
  createRevision: Number(kv.createRevision),
});

const isSame = (a: MirrorEntry, b: MirrorEntry | undefined): boolean =>
  a.value === b?.value && a.createRevision === b.createRevision;
