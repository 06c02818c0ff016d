/**
 * The calls of etcd's v3 protocol that the store uses, as plain values.
 *
 * 64-bit numbers are decimal strings in responses, as a lease's identifier needs all 64 bits; requests accept both. A
 * response without the parts that every etcd sends is an error of that call.
 */
import { etcd } from './generated/etcd.js';

type Int64 = string | number;

export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly createRevision: string;
  readonly modRevision: string;
}

interface Header {
  readonly header: { readonly revision: string };
}

export interface KeyRange {
  readonly key: Buffer;
  /** First key after the range; absent: `key` alone. */
  readonly rangeEnd?: Buffer;
}

export interface Put {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly lease?: Int64;
  readonly prevKv?: boolean;
}

/** Holds if the key was created at this revision; 0: if it does not exist. */
export interface CreatedAt {
  readonly key: Buffer;
  readonly createRevision: number;
}

export type Operation =
  | { readonly requestPut: Put }
  | { readonly requestRange: KeyRange }
  | { readonly requestDeleteRange: KeyRange };

export interface Transaction {
  readonly compare: readonly CreatedAt[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export interface WatchCreate extends KeyRange {
  readonly startRevision: number;
  readonly progressNotify?: boolean;
}

export interface RangeAnswer extends Header {
  readonly kvs: readonly KeyValue[];
}

export interface PutAnswer extends Header {
  readonly prevKv: KeyValue | null;
}

export interface TransactionAnswer extends Header {
  readonly succeeded: boolean;
  /** One per operation of the executed branch, with the member of its kind. */
  readonly responses: readonly {
    readonly responsePut?: PutAnswer;
    readonly responseRange?: RangeAnswer;
    readonly responseDeleteRange?: { readonly deleted: string };
  }[];
}

export interface WatchAnswer extends Header {
  readonly created: boolean;
  readonly canceled: boolean;
  /** Not 0: the watch was cancelled because earlier revisions are compacted. */
  readonly compactRevision: string;
  readonly cancelReason: string;
  readonly events: readonly { readonly type: 'PUT' | 'DELETE'; readonly kv: KeyValue }[];
}

/** A method with its two codecs. */
export interface Method<Request, Answer> {
  readonly path: string;
  encode(request: Request): Buffer;
  /** Throws on bytes that do not decode as a response of this method. */
  decode(bytes: Buffer): Answer;
}

/** Output of the generated code for a message. */
interface Message {
  fromObject(object: Record<string, unknown>): object;
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
  toObject(message: never, options: object): Record<string, unknown>;
}

const PLAIN = { longs: String, enums: String, defaults: true };

function method<Request extends object, Answer>(
  path: string,
  request: Message,
  answer: Message,
  needs: readonly string[] = ['header'],
  wrap: (request: Request) => object = (same) => same,
): Method<Request, Answer> {
  return {
    path: `/etcdserverpb.${path}`,
    encode: (plain) => Buffer.from(request.encode(wrap(plain)).finish()),
    decode(bytes) {
      const plain = answer.toObject(answer.decode(bytes) as never, PLAIN);
      for (const name of needs) {
        if (plain[name] === null) throw new Error(`found no ${name} in an answer to ${path}, expected one`);
      }
      return plain as Answer;
    },
  };
}

const { Compare } = etcd;
const encodable = ({ compare, ...operations }: Transaction): object => ({
  ...operations,
  compare: compare.map((one) => ({
    ...one,
    result: Compare.Result.EQUAL,
    target: Compare.Target.CREATE,
  })),
});

export const RANGE = method<KeyRange, RangeAnswer>('KV/Range', etcd.RangeRequest, etcd.RangeResponse);
export const PUT = method<Put, PutAnswer>('KV/Put', etcd.PutRequest, etcd.PutResponse);
export const TXN = method<Transaction, TransactionAnswer>(
  'KV/Txn',
  etcd.TxnRequest,
  etcd.TxnResponse,
  ['header'],
  encodable,
);
export const LEASE_GRANT = method<{ ttl: number }, { id: string }>(
  'Lease/LeaseGrant',
  etcd.LeaseGrantRequest,
  etcd.LeaseGrantResponse,
  [],
);
export const LEASE_REVOKE = method<{ id: string }, object>(
  'Lease/LeaseRevoke',
  etcd.LeaseRevokeRequest,
  etcd.LeaseRevokeResponse,
  [],
);
export const LEASE_KEEP_ALIVE = method<{ id: string }, { ttl: string }>(
  'Lease/LeaseKeepAlive',
  etcd.LeaseKeepAliveRequest,
  etcd.LeaseKeepAliveResponse,
  [],
);
export const WATCH = method<WatchCreate, WatchAnswer>(
  'Watch/Watch',
  etcd.WatchRequest,
  etcd.WatchResponse,
  ['header'],
  (createRequest) => ({ createRequest }),
);

/** First key after all keys with the prefix. */
export function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1]! += 1; // prefixes end in '/', so there is no carry
  return end;
}
