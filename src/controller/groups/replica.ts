/**
 * The group states that a controller derives from the store, and its changes of the store.
 *
 * Theory of operation. The states always follow the store's documents; a change is written first and takes effect
 * when the store shows it, whoever wrote it. Two kinds of changes take effect even if the store rejects writes: those
 * of the leader's file, so that a controller starts although the disk is full or etcd is unreachable, and findings
 * of hosts, so that a failed member does not stay in service. Both are written once the store accepts them. Another
 * leader does not need them: it has its own file and asks the same hosts.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Configuration } from '../../config/model/model.ts';
import { messageOf, Refusal } from '../../config/problems/refusal.ts';
import type { Runtime, Timer } from '../../runtime/runtime.ts';
import {
  applyChanges,
  type Change,
  Fenced,
  MAX_CHANGES,
  MAX_WRITE_BYTES,
  type Store,
  StoreUnavailable,
} from '../store/store.ts';
import { checkEntries } from './document-checks.ts';
import { fileChanges } from './file-changes.ts';
import { type GroupStates, groupStates } from './group-states.ts';
import { type Entries, KEYS, named, type Tombstone, tombstoneOf } from './stored-documents.ts';

const RETRY_MS = 1_000;

export class Replica {
  private readonly store: Store;
  private readonly log: Logger;
  private readonly runtime: Runtime;
  private readonly onChange: () => void;
  private readonly unwatch: () => void;
  private unwrittenFile: readonly Change[] = [];
  /** `stored`, until the store reports a change. */
  private checked: Entries | undefined;
  private fileKeys: ReadonlySet<string> = new Set();
  private fileRetry: Timer | undefined;
  /** Findings not yet written, by key. */
  private readonly unwrittenFindings = new Map<string, Change>();
  private findingsRetry: Timer | undefined;
  private current: GroupStates;
  /** The store has reported changes since a write started, and they are in force. */
  private isFresh = false;
  private removed: readonly string[] = [];
  /** Of the last preview: its groups are in force at the host by the time the file is applied. */
  private previewed: GroupStates = new Map();
  private aside: ReadonlyMap<string, string> = new Map();

  /** `onChange`: called after the group states have changed. */
  constructor(store: Store, log: Logger, runtime: Runtime, onChange: () => void) {
    this.store = store;
    this.log = log;
    this.runtime = runtime;
    this.onChange = onChange;
    this.current = groupStates(this.entries);
    this.removed = tombstonesIn(this.entries);
    this.unwatch = store.watch((changes) => {
      this.checked = undefined;
      // Keys of the file that is being written are in force already.
      if (!changes.every(({ key }) => this.fileKeys.has(key))) this.refresh();
    });
  }

  get groups(): GroupStates {
    return this.current;
  }

  /** Names of groups that were removed; the same list until that changes. */
  get tombstones(): readonly string[] {
    return this.removed;
  }

  /** Malformed documents of the store that are ignored: reason by key. */
  get setAside(): ReadonlyMap<string, string> {
    return this.aside;
  }

  /** The stored documents without those that were set aside. */
  private get stored(): Entries {
    if (this.checked !== undefined) return this.checked;
    const { entries, setAside } = checkEntries(this.store.snapshot().entries);
    for (const [key, problem] of setAside) {
      if (this.aside.get(key) !== problem) this.log.error(`store: ${key} is set aside: ${problem}`);
    }
    for (const key of this.aside.keys()) {
      if (!setAside.has(key)) this.log.info(`store: ${key} is valid again`);
    }
    this.aside = setAside;
    this.checked = entries;
    return entries;
  }

  /** The documents in force: the stored ones and changes not yet written. */
  get entries(): Entries {
    const entries = this.stored;
    if (this.unwrittenFile.length === 0 && this.unwrittenFindings.size === 0) return entries;
    const overlaid = new Map(entries);
    applyChanges(overlaid, this.unwrittenFile);
    applyChanges(overlaid, [...this.unwrittenFindings.values()]);
    return overlaid;
  }

  /** The groups as they will be once this file is applied. */
  preview(configuration: Configuration, id: string): GroupStates {
    const entries = this.stored;
    const changed = new Map(entries);
    const file = { id, epoch: 0, wallMs: this.runtime.wallMs() };
    applyChanges(changed, fileChanges(configuration, entries, file));
    this.previewed = groupStates(changed, this.current);
    return this.previewed;
  }

  /** Resolves when the changes are durable and in force; rejects with a Refusal if nothing was changed. */
  async write(changes: readonly Change[], epoch: number): Promise<void> {
    this.isFresh = false;
    try {
      await this.store.write(changes, epoch);
    } catch (error) {
      throw refusalOf(error);
    }
    if (!this.isFresh) this.refresh();
  }

  /** The same for findings of hosts: they take effect even if the store cannot be written, and are written later. */
  async writeFindings(changes: readonly Change[], epoch: number): Promise<void> {
    try {
      await this.store.write(changes, epoch);
      for (const { key } of changes) this.unwrittenFindings.delete(key);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw refusalOf(error);
      if (this.unwrittenFindings.size === 0)
        this.log.warn(`findings are in force but not stored yet: ${error.message}`);
      for (const change of changes) this.unwrittenFindings.set(change.key, change);
      this.writeFindingsLater(epoch);
    }
    this.refresh();
  }

  /** Applies the file (file-changes.ts); resolves when it is written, or when the write will be retried. */
  async applyFile(configuration: Configuration, id: string, epoch: number, by?: string): Promise<void> {
    this.runtime.clearTimer(this.fileRetry);
    // On top of what an earlier comparison is still writing.
    const changes = fileChanges(configuration, this.entries, {
      id,
      epoch,
      wallMs: this.runtime.wallMs(),
      by,
    });
    this.setUnwrittenFile(lastOfEach([...this.unwrittenFile, ...changes]));
    const { entries } = this;
    for (const { name } of configuration.groups) {
      const tombstone = tombstoneOf(entries, name);
      if (tombstone === undefined) continue;
      const since = new Date(tombstone.atMs).toISOString();
      this.log.warn(
        `group ${name}: removed at ${since} by ${tombstone.by}; it stays removed, though the file has it`,
      );
    }
    this.refresh();
    this.previewed = new Map();
    await this.writeFile(epoch);
  }

  /** For when leadership is lost. */
  dropUnwritten(): void {
    this.runtime.clearTimer(this.fileRetry);
    this.runtime.clearTimer(this.findingsRetry);
    this.findingsRetry = undefined;
    this.setUnwrittenFile([]);
    this.unwrittenFindings.clear();
  }

  stop(): void {
    this.dropUnwritten();
    this.unwatch();
  }

  private async writeFile(epoch: number): Promise<void> {
    const changes = this.unwrittenFile;
    try {
      // The file's digests are the last change: until they are written, the comparison finds the rest again.
      for (const batch of batches(changes)) await this.store.write(batch, epoch);
      if (this.unwrittenFile === changes) this.setUnwrittenFile([]);
      this.refresh();
    } catch (error) {
      if (this.unwrittenFile !== changes || error instanceof Fenced) return;
      this.log.warn(`the file's groups are in force but not stored yet: ${messageOf(error)}`);
      this.fileRetry = this.runtime.setTimer(() => this.writeFile(epoch), RETRY_MS);
      this.fileRetry.unref();
    }
  }

  private writeFindingsLater(epoch: number): void {
    if (this.findingsRetry !== undefined) return;
    this.findingsRetry = this.runtime.setTimer(() => {
      this.findingsRetry = undefined;
      this.writeUnwrittenFindings(epoch).catch((error) => this.log.error(`findings: ${messageOf(error)}`));
    }, RETRY_MS);
    this.findingsRetry.unref();
  }

  private async writeUnwrittenFindings(epoch: number): Promise<void> {
    try {
      while (this.unwrittenFindings.size > 0) {
        const [batch] = batches([...this.unwrittenFindings.values()]);
        await this.store.write(batch!, epoch);
        for (const change of batch!)
          if (this.unwrittenFindings.get(change.key) === change) this.unwrittenFindings.delete(change.key);
      }
      this.refresh();
    } catch (error) {
      if (error instanceof Fenced) return;
      if (!(error instanceof StoreUnavailable)) throw error;
      this.writeFindingsLater(epoch);
    }
  }

  private setUnwrittenFile(changes: readonly Change[]): void {
    this.unwrittenFile = changes;
    this.fileKeys = new Set(changes.map(({ key }) => key));
  }

  private refresh(): void {
    this.isFresh = true;
    const { entries } = this;
    const next = groupStates(entries, this.current, this.previewed);
    const removed = tombstonesIn(entries);
    const isSame =
      next.size === this.current.size && [...next].every(([name, group]) => this.current.get(name) === group);
    const isSameRemoved = isDeepStrictEqual(removed, this.removed);
    if (isSame && isSameRemoved) return;
    if (!isSameRemoved) this.removed = removed;
    this.current = next;
    this.onChange();
  }
}

const tombstonesIn = (entries: Entries): string[] =>
  [...named<Tombstone>(entries, KEYS.removed)].map(([name]) => name);

/** In their order, each key once. */
function lastOfEach(changes: readonly Change[]): Change[] {
  const last = new Map<string, Change>();
  for (const change of changes) {
    last.delete(change.key);
    last.set(change.key, change);
  }
  return [...last.values()];
}

/** The Refusal for an error of the store. */
function refusalOf(error: unknown): unknown {
  if (error instanceof Fenced)
    return new Refusal(503, 'this controller has lost leadership: nothing was changed');
  if (error instanceof StoreUnavailable)
    return new Refusal(503, `the store cannot be written: ${messageOf(error)}`);
  return error;
}

/** In order, each as large as one write may be. */
function batches(changes: readonly Change[]): Change[][] {
  const result: Change[][] = [];
  let room = 0;
  for (const change of changes) {
    const bytes = Buffer.byteLength(JSON.stringify(change));
    if (bytes > room || result.at(-1)?.length === MAX_CHANGES) {
      result.push([]);
      room = MAX_WRITE_BYTES;
    }
    result.at(-1)!.push(change);
    room -= bytes;
  }
  return result;
}
