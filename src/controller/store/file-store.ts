/**
 * The store of one machine: a directory with
 *
 *   log        what was written since the snapshot, one frame per group of writes (frame.ts)
 *   snapshot   everything up to a revision, one frame
 *   epoch      how often this store has had a leader (epoch-file.ts)
 *   lock       held by the process that uses the directory (flock)
 *
 * Theory of operation. Writes that arrive while another is being written wait and are then combined: one frame, one
 * fdatasync, one revision. Only then does memory change, watchers are notified, and the writers continue. A frame
 * that cannot be written is truncated, so a full disk fails only the writes made meanwhile. On opening, snapshot and
 * log make up the state; a torn frame at the log's end was never confirmed and is truncated, a damaged frame followed
 * by good ones is an error for a person to resolve.
 *
 * When the log outgrows the snapshot (a mebibyte, and twice the snapshot), a new snapshot is written and the log
 * emptied. After a crash in between, the log repeats the snapshot: frames up to its revision are skipped.
 */
import { closeSync, openSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../config/problems/refusal.ts';
import { tryLockFile } from '../../native/processes/file-lock.ts';
import { encodeFrame } from '../../run-dir/frame.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { EpochFile } from './epoch-file.ts';
import { FileCampaign } from './file-campaign.ts';
import { RecordLog } from './record-log.ts';
import { readSnapshot, replaceSnapshot, syncDirectory } from './snapshot-file.ts';
import {
  applyChanges,
  type Campaign,
  type CampaignCallbacks,
  type Candidate,
  type Change,
  decodeChange,
  encodeChanges,
  Fenced,
  MAX_PENDING_WRITES,
  type Store,
  type StoreListener,
  type StoreLog,
  type StoreSnapshot,
  StoreUnavailable,
} from './store.ts';
import { Watchers } from './watchers.ts';

/** A log up to this length is not compacted, bytes. */
const COMPACT_BYTES = 1 << 20;
/** Writes per frame. */
const MAX_GROUPED_WRITES = 64;

interface LogEntry {
  readonly revision: number;
  readonly changes: readonly Change[];
}

interface PendingWrite {
  readonly changes: readonly Change[];
  readonly epoch: number;
  resolve(revision: number): void;
  reject(error: Error): void;
}

interface Files {
  readonly lock: number;
  readonly epoch: EpochFile;
  readonly log: RecordLog;
}

export class FileStore implements Store {
  readonly kind = 'file';
  private readonly dir: string;
  private readonly files: Files;
  private readonly log: StoreLog;
  private readonly runtime: Runtime;
  private readonly watchers: Watchers;
  private readonly entries: Map<string, unknown>;
  private revision: number;
  /** The log is compacted above this length, bytes. */
  private compactAt = COMPACT_BYTES;
  private readonly pending: PendingWrite[] = [];
  private writing: Promise<void> | undefined;
  private candidacy: FileCampaign | undefined;
  private closed: Promise<void> | undefined;

  private constructor(
    dir: string,
    files: Files,
    entries: Map<string, unknown>,
    revision: number,
    log: StoreLog,
    runtime: Runtime,
  ) {
    this.dir = dir;
    this.files = files;
    this.entries = entries;
    this.revision = revision;
    this.log = log;
    this.runtime = runtime;
    this.watchers = new Watchers(log);
  }

  /** Creates the directory if needed. Throws if another process uses it, or if its files are damaged. */
  static async open({ dir }: { readonly dir: string }, log: StoreLog, runtime: Runtime): Promise<FileStore> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const lock = takeLock(dir);
    let epoch: EpochFile | undefined;
    let records: RecordLog | undefined;
    try {
      epoch = await EpochFile.open(join(dir, 'epoch'), runtime);
      await rm(join(dir, 'snapshot.new'), { force: true });
      const snapshot = await readSnapshot(join(dir, 'snapshot'));
      const opened = await RecordLog.open(join(dir, 'log'));
      records = opened.log;
      await syncDirectory(dir);
      if (opened.tornBytes > 0)
        log.warn(`store ${dir}: the log's last ${opened.tornBytes} bytes are no whole record: cut off`);
      const entries = new Map(snapshot.entries);
      const revision = replay(dir, opened.values as LogEntry[], entries, snapshot.revision);
      return new FileStore(dir, { lock, epoch, log: opened.log }, entries, revision, log, runtime);
    } catch (error) {
      await records?.close();
      await epoch?.close();
      closeSync(lock);
      throw error;
    }
  }

  snapshot(): StoreSnapshot {
    return { revision: this.revision, entries: new Map(this.entries) };
  }

  watch(listener: StoreListener): () => void {
    return this.watchers.add(listener);
  }

  async write(changes: readonly Change[], epoch: number): Promise<number> {
    const own = encodeChanges(changes).map(decodeChange);
    if (this.closed !== undefined) throw new StoreUnavailable(`store ${this.dir}: closed`);
    if (this.pending.length >= MAX_PENDING_WRITES)
      throw new StoreUnavailable(`store ${this.dir}: ${MAX_PENDING_WRITES} writes wait already`);
    const written = new Promise<number>((resolve, reject) => {
      this.pending.push({ changes: own, epoch, resolve, reject });
    });
    this.writing ??= this.writePending();
    return written;
  }

  campaign(self: Candidate, callbacks: CampaignCallbacks): Campaign {
    if (this.closed !== undefined) throw new Error(`store ${this.dir}: campaign after close`);
    if (this.candidacy?.isOver === false) throw new Error(`store ${this.dir}: campaign during another one`);
    this.candidacy = new FileCampaign(this.files.epoch, self, callbacks, this.log, this.runtime);
    return this.candidacy;
  }

  close(): Promise<void> {
    this.closed ??= this.finish();
    return this.closed;
  }

  private async finish(): Promise<void> {
    await this.writing;
    await this.candidacy?.resign();
    this.watchers.clear();
    await this.files.log.close();
    await this.files.epoch.close();
    closeSync(this.files.lock);
  }

  private async writePending(): Promise<void> {
    await Promise.resolve(); // so that `writing` is set before it can be cleared
    while (this.pending.length > 0) {
      const group = this.pending.splice(0, MAX_GROUPED_WRITES);
      await this.writeTogether(group.filter((write) => this.admit(write)));
    }
    this.writing = undefined; // in the same turn as finding nothing pending
  }

  private admit(write: PendingWrite): boolean {
    const leading = this.candidacy?.epoch;
    if (write.epoch === leading) return true;
    const expected = leading === undefined ? 'nobody leads' : `expected the leader's, ${leading}`;
    write.reject(new Fenced(`store ${this.dir}: found epoch ${write.epoch}, ${expected}`));
    return false;
  }

  private async writeTogether(writes: readonly PendingWrite[]): Promise<void> {
    if (writes.length === 0) return;
    const revision = this.revision + 1;
    const changes = writes.flatMap((write) => write.changes);
    try {
      if (this.files.log.isDoubtful) await this.compact();
      await this.files.log.append(encodeFrame({ revision, changes } satisfies LogEntry));
    } catch (error) {
      const problem = new StoreUnavailable(`store ${this.dir}: ${messageOf(error)}`, { cause: error });
      for (const write of writes) write.reject(problem);
      return;
    }
    applyChanges(this.entries, changes);
    this.revision = revision;
    this.watchers.tell(changes, revision);
    for (const write of writes) write.resolve(revision);
    if (this.files.log.bytes > this.compactAt) await this.tryCompact();
  }

  private async tryCompact(): Promise<void> {
    try {
      await this.compact();
    } catch (error) {
      // The log remains usable; the next attempt follows when it has grown by as much again.
      this.compactAt = this.files.log.bytes + COMPACT_BYTES;
      this.log.warn(`store ${this.dir}: could not compact the log: ${messageOf(error)}`);
    }
  }

  private async compact(): Promise<void> {
    const document = { revision: this.revision, entries: [...this.entries] };
    const bytes = await replaceSnapshot(join(this.dir, 'snapshot'), document);
    await this.files.log.clear();
    this.compactAt = Math.max(COMPACT_BYTES, 2 * bytes);
  }
}

function takeLock(dir: string): number {
  const lock = openSync(join(dir, 'lock'), 'a', 0o600);
  try {
    if (tryLockFile(lock)) return lock;
    throw new Error(`store ${dir}: another process uses it`);
  } catch (error) {
    closeSync(lock);
    throw error;
  }
}

/** Replays the log on the state of `snapshotRevision`; returns the resulting revision. */
function replay(
  dir: string,
  log: readonly LogEntry[],
  entries: Map<string, unknown>,
  snapshotRevision: number,
): number {
  let revision = snapshotRevision;
  for (const entry of log) {
    if (!Number.isSafeInteger(entry?.revision) || !Array.isArray(entry.changes))
      throw new Error(
        `${join(dir, 'log')}: found a record of another kind, expected changes with a revision`,
      );
    if (entry.revision <= snapshotRevision) continue;
    if (entry.revision !== revision + 1)
      throw new Error(`${join(dir, 'log')}: found revision ${entry.revision}, expected ${revision + 1}`);
    applyChanges(entries, entry.changes);
    revision = entry.revision;
  }
  return revision;
}
