/**
 * The store shared by several controllers: etcd keys `PREFIX state/KEY`, JSON values, beside the election's `PREFIX
 * election/LEASE` (etcd-campaign.ts).
 *
 * Theory of operation. Reads come from a copy maintained by a watch (etcd-mirror.ts), also while etcd is away. A
 * write is one transaction, conditional on the writer's leadership key with the revision of its epoch. A controller
 * that was paused or cut off, and does not know that another one leads, therefore changes nothing: etcd decides at
 * the moment of the write, independently of clocks. Writes are serialized, and complete when the copy contains them.
 */
import { SerialQueue } from '../../api/serial-queue.ts';
import { messageOf } from '../../config/problems/refusal.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { EtcdCampaign } from './etcd-campaign.ts';
import { CALL_TIMEOUT_MS, type EtcdCalls } from './etcd-client.ts';
import { EtcdMirror, type MirrorChanges } from './etcd-mirror.ts';
import type { Operation, TransactionAnswer } from './etcd-wire/protocol.ts';
import type { Dial } from './leader-presence.ts';
import {
  applyChanges,
  type Campaign,
  type CampaignCallbacks,
  type Candidate,
  type Change,
  type EncodedChange,
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

export interface EtcdStoreOptions {
  /** Closed by the store. */
  readonly client: EtcdCalls;
  /** Connects to other controllers' addresses. */
  readonly dial: Dial;
  /** Prefix of all keys; ends in a slash. */
  readonly prefix: string;
}

export class EtcdStore implements Store {
  readonly kind = 'etcd';
  private readonly client: EtcdCalls;
  private readonly dial: Dial;
  private readonly prefix: string;
  private readonly log: StoreLog;
  private readonly runtime: Runtime;
  private readonly watchers: Watchers;
  private readonly mirror: EtcdMirror;
  private readonly entries = new Map<string, unknown>();
  private candidacy: EtcdCampaign | undefined;
  private readonly writes = new SerialQueue();
  private pendingWrites = 0;
  private closed: Promise<void> | undefined;

  private constructor(options: EtcdStoreOptions, log: StoreLog, runtime: Runtime) {
    this.prefix = options.prefix;
    this.log = log;
    this.runtime = runtime;
    this.client = options.client;
    this.dial = options.dial;
    this.watchers = new Watchers(log);
    const take = (changes: MirrorChanges, revision: number) => this.take(changes, revision);
    this.mirror = new EtcdMirror(this.client, this.statePrefix, take, log, runtime);
  }

  /** Resolves when the state is known, however long etcd is away; rejects if `signal` aborts first. */
  static async open(
    options: EtcdStoreOptions,
    log: StoreLog,
    runtime: Runtime,
    signal?: AbortSignal,
  ): Promise<EtcdStore> {
    const store = new EtcdStore(options, log, runtime);
    const giveUp = () => void store.close();
    signal?.addEventListener('abort', giveUp);
    if (signal?.aborted) giveUp();
    store.mirror.start();
    try {
      await store.mirror.reached(0);
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
    return store;
  }

  snapshot(): StoreSnapshot {
    return { revision: this.mirror.revision, entries: new Map(this.entries) };
  }

  watch(listener: StoreListener): () => void {
    return this.watchers.add(listener);
  }

  async write(changes: readonly Change[], epoch: number): Promise<number> {
    const encoded = encodeChanges(changes);
    if (this.closed !== undefined) throw new StoreUnavailable('etcd: the store is closed');
    if (this.pendingWrites >= MAX_PENDING_WRITES)
      throw new StoreUnavailable(`etcd: ${MAX_PENDING_WRITES} writes wait already`);
    this.pendingWrites++;
    try {
      return await this.writes.run(() => this.writeNow(encoded, epoch));
    } finally {
      this.pendingWrites--;
    }
  }

  campaign(self: Candidate, callbacks: CampaignCallbacks): Campaign {
    if (this.closed !== undefined) throw new Error('etcd: campaign after close');
    if (this.candidacy?.isOver === false) throw new Error('etcd: campaign during another one');
    const { log, runtime, dial } = this;
    this.candidacy = new EtcdCampaign(this.client, this.prefix, self, callbacks, { log, runtime, dial });
    return this.candidacy;
  }

  close(): Promise<void> {
    this.closed ??= this.finish();
    return this.closed;
  }

  private async finish(): Promise<void> {
    await this.writes.idle();
    await this.candidacy?.resign();
    this.watchers.clear();
    await this.mirror.close();
    this.client.close();
  }

  private get statePrefix(): string {
    return `${this.prefix}state/`;
  }

  private async writeNow(changes: readonly EncodedChange[], epoch: number): Promise<number> {
    const leadership = this.candidacy?.leadership(epoch);
    if (leadership === undefined) {
      const leading = this.candidacy?.epoch;
      const expected = leading === undefined ? 'we do not lead' : `expected ours, ${leading}`;
      throw new Fenced(`etcd: found epoch ${epoch}, ${expected}`);
    }
    const isLeader = { key: Buffer.from(leadership.key), createRevision: leadership.createRevision };
    let answer: TransactionAnswer;
    try {
      answer = await this.client.transact({
        compare: [isLeader],
        success: changes.map((change) => this.operation(change)),
        failure: [],
      });
    } catch (error) {
      throw new StoreUnavailable(`etcd: ${messageOf(error)}`, { cause: error });
    }
    if (!answer.succeeded) {
      this.candidacy?.fenced(epoch);
      throw new Fenced(`etcd: refused, as epoch ${epoch} is no longer the leader's`);
    }
    const revision = Number(answer.header.revision);
    // Deleting an absent key makes no event, and the revision is another write's.
    if (answer.responses.some((one) => one.responsePut || Number(one.responseDeleteRange?.deleted) > 0))
      await this.mirror.reached(revision, CALL_TIMEOUT_MS);
    return revision;
  }

  private operation({ key, json }: EncodedChange): Operation {
    const path = Buffer.from(this.statePrefix + key);
    return json === undefined
      ? { requestDeleteRange: { key: path } }
      : { requestPut: { key: path, value: Buffer.from(json) } };
  }

  private take(mirrored: MirrorChanges, revision: number): void {
    const changes: Change[] = [];
    for (const [key, entry] of mirrored) {
      if (entry === undefined) {
        changes.push({ key, deleted: true });
        continue;
      }
      try {
        changes.push({ key, value: JSON.parse(entry.value) });
      } catch {
        this.log.warn(
          `etcd: ${this.statePrefix}${key}: found no JSON, expected what a controller wrote: ignored`,
        );
      }
    }
    applyChanges(this.entries, changes);
    if (changes.length > 0) this.watchers.tell(changes, revision);
  }
}
