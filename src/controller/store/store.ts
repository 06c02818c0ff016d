/**
 * Durable state that the controllers share: small JSON documents under keys (groups/stored-documents.ts), and the
 * election of the leader. Statistics are never stored: they are replaced every second.
 *
 * A store answers reads from memory, also while the disk is full or etcd is unreachable. Only the leader writes,
 * and each write carries the leader's epoch, so a controller that has lost leadership without knowing it yet
 * changes nothing.
 */

export interface Store {
  readonly kind: 'file' | 'etcd';

  /** All durable documents and their revision. The values are shared: callers must not change them. */
  snapshot(): StoreSnapshot;

  /**
   * Reports changes of this and other controllers, in order, once they are durable and part of `snapshot()`. The
   * changes of one write come in one call, which several writes may share. Returns the function that ends the watch.
   */
  watch(listener: StoreListener): () => void;

  /**
   * All changes or none; resolves with the revision when they are durable (fdatasync, etcd transaction) and part of
   * `snapshot()`. Writes take effect in the order in which they were called.
   *
   * Rejects with Fenced when `epoch` is not the current leader's: nothing was written. Rejects with
   * StoreUnavailable when the store cannot be reached or is full: the file store has then written nothing; an etcd
   * that did not answer in time may still apply the write, which `watch` then reports. Rejects with InvalidWrite for
   * changes that no store accepts (see `encodeChanges`).
   */
  write(changes: readonly Change[], epoch: number): Promise<number>;

  /**
   * Stands for election until `resign` is called. Callbacks are called only after `campaign` has returned. A
   * store runs one campaign at a time.
   */
  campaign(self: Candidate, callbacks: CampaignCallbacks): Campaign;

  /** Finishes running writes, then resigns, ends all watches and closes files and connections. */
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
   * This controller leads. Epochs only grow: each election, of any controller, has a greater epoch than those
   * before it, also when the same controller is elected again. Called while it leads, too, after `raiseEpoch`.
   */
  elected(epoch: number): void;
  /** Leadership was lost; the campaign continues, and elected() may follow with another epoch. */
  lost(reason: string): void;
  /** The leader's address according to the store, possibly this controller's; undefined: none is known. */
  leader(address: string | undefined): void;
}

export interface Campaign {
  /**
   * Continues to lead under an epoch greater than `above`, which is durable when elected() is called with it. Nothing
   * happens if this controller does not lead, or under a greater one already. Rejects if it could not be written.
   */
  raiseEpoch(above: number): Promise<void>;
  /** Gives up leadership, if held, and ends the campaign; lost() is called before it resolves. */
  resign(): Promise<void>;
}

/** The part of a logger that stores use. */
export interface StoreLog {
  info(message: string): void;
  warn(message: string): void;
}

/** The writer's epoch is not the current leader's: it must not write any more. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

/** The store cannot be reached, is full, or did not answer in time; a later retry may succeed. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** No store accepts these changes: a mistake of the caller. */
export class InvalidWrite extends Error {
  override readonly name = 'InvalidWrite';
}

/** Changes in one write. etcd accepts 128 operations in a transaction (--max-txn-ops). */
export const MAX_CHANGES = 128;
/** Total bytes of a write's values as JSON. etcd accepts requests of 1.5 MiB (--max-request-bytes). */
export const MAX_WRITE_BYTES = 1 << 20;
export const MAX_KEY_BYTES = 512;
/** Queued writes; more are refused. */
export const MAX_PENDING_WRITES = 1024;

/** A change as it is stored: `json` is undefined for a deletion. */
export interface EncodedChange {
  readonly key: string;
  readonly json: string | undefined;
}

/** Throws InvalidWrite unless every store accepts these changes in one write. */
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

/** The change as other controllers see it: parsed from JSON, so it shares nothing with the writer's objects. */
export const decodeChange = ({ key, json }: EncodedChange): Change =>
  json === undefined ? { key, deleted: true } : { key, value: JSON.parse(json) };

export function applyChanges(entries: Map<string, unknown>, changes: readonly Change[]): void {
  for (const change of changes) {
    if ('deleted' in change) entries.delete(change.key);
    else entries.set(change.key, change.value);
  }
}
