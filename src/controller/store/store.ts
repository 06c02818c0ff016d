/**
 * What the controllers must not lose: small JSON documents under keys, and who of the controllers leads.
 *
 *   groups/NAME     the configuration of a group       policies/NAME   its policy
 *   overrides/NAME  people's changes of its members    instances/ID    what the VM manager has started
 *   settings        everything else
 *
 * Statistics never go here: they are worth a second and come every second.
 *
 * A store answers reads from memory and goes on doing so when the disk is full or etcd is away. Only the leader
 * writes, and each write names the leader's epoch, so that one who leads no longer, and does not know it yet,
 * changes nothing.
 */

export interface Store {
  readonly kind: 'file' | 'etcd';

  /** Everything that is durable, and the revision that it is of. The values are shared: leave them as they are. */
  snapshot(): StoreSnapshot;

  /**
   * Tells of changes, others' and one's own, in order, once they are durable and part of `snapshot()`; what one
   * write changed comes in one call, several writes may share one. Answers the function that ends it.
   */
  watch(listener: StoreListener): () => void;

  /**
   * All changes or none; resolves with the revision when they are durable (fdatasync, etcd transaction) and part of
   * `snapshot()`. Writes take effect in the order in which they were called.
   *
   * Rejects with Fenced when `epoch` is not, or no longer, the leader's: nothing was written. Rejects with
   * StoreUnavailable when the store cannot be reached or has no room: the file store has then written nothing; an
   * etcd that did not answer in time may still carry it out, and `watch` tells. Rejects with InvalidWrite for what
   * no store takes (see `encodeChanges`).
   */
  write(changes: readonly Change[], epoch: number): Promise<number>;

  /**
   * Stands for election until `resign` is called. Callbacks never come out of `campaign` itself, only later. A
   * store takes one campaign at a time.
   */
  campaign(self: Candidate, callbacks: CampaignCallbacks): Campaign;

  /** Resigns, ends all watches, lets go of files and connections. Writes that are under way are finished first. */
  close(): Promise<void>;
}

export interface StoreSnapshot {
  readonly revision: number;
  readonly entries: ReadonlyMap<string, unknown>;
}

export type Change =
  | { readonly key: string; readonly value: unknown }
  | { readonly key: string; readonly deleted: true };

export type StoreListener = (changes: readonly Change[], revision: number) => void;

export interface Candidate {
  readonly id: string;
  /** Where agents reach this controller, `host:port`. */
  readonly address: string;
}

export interface CampaignCallbacks {
  /**
   * We lead. Epochs only grow: every elected() of any controller brings a greater one than those before it, also
   * when the same controller leads again.
   */
  elected(epoch: number): void;
  /** We lead no longer; the campaign goes on, and elected() may follow with another epoch. */
  lost(reason: string): void;
  /** Who leads as far as the store tells, ourselves included; undefined: nobody, or nobody knows. */
  leader(address: string | undefined): void;
}

export interface Campaign {
  /** Gives leadership up, if we have it, at once and for good; lost() comes before it resolves. */
  resign(): Promise<void>;
}

/** The part of a logger that stores use. */
export interface StoreLog {
  info(message: string): void;
  warn(message: string): void;
}

/** The writer's epoch is not, or no longer, that of the leader: it must not write any more. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

/** Cannot be reached, has no room, or did not answer in time; trying again later makes sense. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** No store would ever take these changes: a mistake of the caller. */
export class InvalidWrite extends Error {
  override readonly name = 'InvalidWrite';
}

/** Changes in one write. etcd takes 128 operations in a transaction (--max-txn-ops). */
export const MAX_CHANGES = 128;
/** All values of one write as JSON, in bytes. etcd takes requests of 1.5 MiB (--max-request-bytes). */
export const MAX_WRITE_BYTES = 1 << 20;
export const MAX_KEY_BYTES = 512;
/** Writes that wait for their turn; more are refused. */
export const MAX_PENDING_WRITES = 1024;

/** A change as it is stored: `json` is undefined for a deletion. */
export interface EncodedChange {
  readonly key: string;
  readonly json: string | undefined;
}

/** Throws InvalidWrite unless every store can take these changes in one write. */
export function encodeChanges(changes: readonly Change[]): EncodedChange[] {
  if (changes.length === 0 || changes.length > MAX_CHANGES)
    throw new InvalidWrite(`found ${changes.length} changes in one write, expected 1 … ${MAX_CHANGES}`);
  const keys = new Set<string>();
  let bytes = 0;
  const encoded = changes.map((change) => {
    const { key } = change;
    const keyBytes = Buffer.byteLength(key);
    if (keyBytes === 0 || keyBytes > MAX_KEY_BYTES)
      throw new InvalidWrite(`found a key of ${keyBytes} bytes, expected 1 … ${MAX_KEY_BYTES}`);
    if (keys.has(key)) throw new InvalidWrite(`found ${key} twice in one write, expected each key once`);
    keys.add(key);
    if ('deleted' in change) return { key, json: undefined };
    const json: string | undefined = JSON.stringify(change.value);
    if (json === undefined)
      throw new InvalidWrite(`${key}: found ${typeof change.value}, expected a JSON value`);
    bytes += Buffer.byteLength(json);
    return { key, json };
  });
  if (bytes > MAX_WRITE_BYTES)
    throw new InvalidWrite(`found ${bytes} bytes in one write, expected at most ${MAX_WRITE_BYTES}`);
  return encoded;
}

/** The change as everyone else will see it: through JSON, so that it shares nothing with the writer's objects. */
export const decodeChange = ({ key, json }: EncodedChange): Change =>
  json === undefined ? { key, deleted: true } : { key, value: JSON.parse(json) };

export function applyChanges(entries: Map<string, unknown>, changes: readonly Change[]): void {
  for (const change of changes) {
    if ('deleted' in change) entries.delete(change.key);
    else entries.set(change.key, change.value);
  }
}
