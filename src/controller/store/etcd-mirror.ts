/**
 * A copy in memory of all keys under a prefix, kept up to date by a watch.
 *
 * Theory of operation. The keys are listed once, at some revision; a watch from the next revision on brings every
 * change after it, in order and whole transactions at a time. When the stream breaks, the copy stands, and a new
 * stream goes on from the last revision seen, so nothing is missed. Only where etcd no longer has those revisions
 * (compaction), or never had them (restored from a backup), the keys are listed again, and what differs is told as
 * one change.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Etcd3, IKeyValue, IWatchResponse } from 'etcd3';
import { messageOf } from '../../config/model/refusal.ts';
import { prefixEnd } from './etcd-client.ts';
import { type StoreLog, StoreUnavailable } from './store.ts';

export interface MirrorEntry {
  readonly value: string;
  readonly createRevision: number;
}

/** In order; undefined: the key is gone. */
export type MirrorChanges = readonly (readonly [key: string, entry: MirrorEntry | undefined])[];

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 1000;

type WatchStream = Awaited<ReturnType<Etcd3['watchClient']['watch']>>;

export class EtcdMirror {
  /** Without the prefix. */
  readonly entries = new Map<string, MirrorEntry>();
  private readonly client: Etcd3;
  private readonly prefix: string;
  private readonly changed: (changes: MirrorChanges, revision: number) => void;
  private readonly log: StoreLog;
  private lastRevision = 0;
  private isListed = false;
  private stream: WatchStream | undefined;
  private readonly ended = new AbortController();
  private readonly waiting = new Set<() => void>();
  private running: Promise<void> | undefined;

  constructor(
    client: Etcd3,
    prefix: string,
    changed: (changes: MirrorChanges, revision: number) => void,
    log: StoreLog,
  ) {
    this.client = client;
    this.prefix = prefix;
    this.changed = changed;
    this.log = log;
  }

  /** Of the last change seen, or of the list. */
  get revision(): number {
    return this.lastRevision;
  }

  start(): void {
    this.running ??= this.run();
  }

  async close(): Promise<void> {
    this.ended.abort();
    this.stream?.cancel();
    await this.running;
    this.wake();
  }

  /** Resolves when the copy has the revision, and at least one list; never, without `timeoutMs`, if etcd is away. */
  async reached(revision: number, timeoutMs?: number): Promise<void> {
    const deadline = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    while (!this.isListed || this.lastRevision < revision) {
      if (this.ended.signal.aborted) throw new StoreUnavailable('etcd: the store is closed');
      if (deadline?.aborted) {
        this.stream?.cancel(); // a watch that does not tell what is there is no use
        throw new StoreUnavailable(`etcd: revision ${revision} written, but not seen within ${timeoutMs} ms`);
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.waiting.delete(wake);
          deadline?.removeEventListener('abort', wake);
          resolve();
        };
        this.waiting.add(wake);
        deadline?.addEventListener('abort', wake);
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
      await delay(retryMs * (0.5 + Math.random()), undefined, { signal: this.ended.signal }).catch(() => {});
      retryMs = Math.min(2 * retryMs, RETRY_MAX_MS);
    }
  }

  private async list(): Promise<void> {
    const { kvs, header } = await this.client.kv.range({
      key: Buffer.from(this.prefix),
      range_end: prefixEnd(this.prefix),
    });
    const found = new Map(kvs.map((kv) => [this.keyOf(kv), entryOf(kv)]));
    const gone = [...this.entries.keys()].filter((key) => !found.has(key));
    const changed = [...found].filter(([key, entry]) => !isSame(entry, this.entries.get(key)));
    this.isListed = true;
    this.lastRevision = Number(header.revision);
    this.apply([...gone.map((key) => [key, undefined] as const), ...changed]);
  }

  /** Until the stream ends, which is an error, or the copy is to be listed anew. */
  private async follow(connected: () => void): Promise<void> {
    const stream = await this.client.watchClient.watch();
    this.stream = stream;
    try {
      await new Promise<void>((resolve, reject) => {
        stream.on('error', reject);
        stream.on('end', () => reject(new Error('the stream ended')));
        stream.on('data', (response) => {
          if (response.canceled && Number(response.compact_revision) === 0)
            return reject(new Error(response.cancel_reason || 'the watch was cancelled'));
          if (response.created) connected();
          if (this.take(response)) resolve();
        });
        stream.write({
          create_request: {
            key: Buffer.from(this.prefix),
            range_end: prefixEnd(this.prefix),
            start_revision: this.lastRevision + 1,
            progress_notify: true,
          },
        });
        if (this.ended.signal.aborted) stream.cancel();
      });
    } finally {
      this.stream = undefined;
      stream.on('error', () => {}); // cancelling is one
      stream.cancel();
    }
  }

  /** True when the copy cannot go on from where it is. */
  private take(response: IWatchResponse): boolean {
    const revision = Number(response.header.revision);
    if (response.canceled) {
      this.log.info(`etcd: revision ${this.lastRevision} is compacted: listing ${this.prefix} again`);
      this.isListed = false;
      return true;
    }
    if (response.created) {
      if (revision >= this.lastRevision) return false;
      this.log.warn(
        `etcd: found revision ${revision}, expected ${this.lastRevision} or later: listing again`,
      );
      this.isListed = false;
      return true;
    }
    // Of a note of progress, which has no events, the header counts; with events, the header may be ahead of them.
    const last = response.events.at(-1)?.kv.mod_revision ?? revision;
    this.lastRevision = Math.max(this.lastRevision, Number(last));
    this.apply(
      response.events.map(({ type, kv }) => [this.keyOf(kv), type === 'Delete' ? undefined : entryOf(kv)]),
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

  private keyOf(kv: IKeyValue): string {
    return kv.key.toString().slice(this.prefix.length);
  }
}

const entryOf = (kv: IKeyValue): MirrorEntry => ({
  value: kv.value.toString(),
  createRevision: Number(kv.create_revision),
});

const isSame = (a: MirrorEntry, b: MirrorEntry | undefined): boolean =>
  a.value === b?.value && a.createRevision === b.createRevision;
