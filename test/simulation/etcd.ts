/**
 * etcd as the store sees it: keys with revisions, leases, transactions, watches; and a client whose calls cross the simulated network.
 *
 * A call that is answered too late has failed for its caller, and may have been carried out all the same.
 */
import { status } from '@grpc/grpc-js';
import {
  CALL_TIMEOUT_MS,
  type EtcdCalls,
  EtcdError,
  type WatchEvents,
} from '../../src/controller/store/etcd-client.ts';
import type {
  KeyValue,
  Operation,
  Put,
  PutAnswer,
  RangeAnswer,
  Transaction,
  TransactionAnswer,
  WatchAnswer,
} from '../../src/controller/store/etcd-wire/protocol.ts';
import type { Network } from './network.ts';
import type { SimulatedProcess, VirtualTime } from './virtual-time.ts';

export const ETCD = 'etcd';

interface Row {
  readonly value: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly lease: string;
}

interface Change {
  readonly revision: number;
  readonly key: string;
  /** undefined: deleted. */
  readonly row: Row | undefined;
}

interface Watcher {
  readonly prefix: string;
  tell(changes: readonly Change[]): void;
}

export class SimulatedEtcd {
  revision = 1;
  /** The disk is full: nothing is written. */
  isFull = false;
  readonly rows = new Map<string, Row>();
  /** Called for each transaction that has written. */
  onWrite: (transaction: Transaction) => void = () => {};
  private readonly time: VirtualTime;
  private readonly history: Change[] = [];
  private readonly leases = new Map<string, { readonly ttlMs: number; untilMs: number }>();
  private readonly watchers = new Set<Watcher>();
  private lastLease = 1000;

  constructor(time: VirtualTime) {
    this.time = time;
  }

  list(prefix: string): RangeAnswer {
    const kvs = [...this.rows].filter(([key]) => key.startsWith(prefix)).map(([key, row]) => kvOf(key, row));
    return { ...this.header, kvs };
  }

  put(put: Put): PutAnswer {
    const [answer] = this.write([{ requestPut: put }]);
    return answer!.responsePut!;
  }

  transact(transaction: Transaction): TransactionAnswer {
    const { compare, success, failure } = transaction;
    const succeeded = compare.every(
      ({ key, createRevision }) => (this.rows.get(key.toString())?.createRevision ?? 0) === createRevision,
    );
    const responses = this.write(succeeded ? success : failure);
    if (succeeded) this.onWrite(transaction);
    return { ...this.header, succeeded, responses };
  }

  grantLease(ttlS: number): string {
    const id = String(this.lastLease++);
    this.leases.set(id, { ttlMs: ttlS * 1000, untilMs: this.time.nowMs + ttlS * 1000 });
    this.expireAt(id);
    return id;
  }

  revokeLease(id: string): void {
    if (!this.leases.delete(id)) throw new EtcdError(status.NOT_FOUND, 'requested lease not found');
    const keys = [...this.rows].filter(([, row]) => row.lease === id).map(([key]) => key);
    if (keys.length === 0) return;
    this.write(keys.map((key) => ({ requestDeleteRange: { key: Buffer.from(key) } })));
  }

  renewLease(id: string): boolean {
    const lease = this.leases.get(id);
    if (lease === undefined) return false;
    lease.untilMs = this.time.nowMs + lease.ttlMs;
    return true;
  }

  /** What has happened from the revision on, and then what happens. */
  watch(prefix: string, startRevision: number, tell: Watcher['tell']): () => void {
    const watcher = { prefix, tell };
    const missed = this.history.filter(
      ({ revision, key }) => revision >= startRevision && key.startsWith(prefix),
    );
    for (const revision of new Set(missed.map((change) => change.revision)))
      tell(missed.filter((change) => change.revision === revision));
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  get header(): { readonly header: { readonly revision: string } } {
    return { header: { revision: String(this.revision) } };
  }

  private expireAt(id: string): void {
    const lease = this.leases.get(id);
    if (lease === undefined) return;
    this.time.plan(lease.untilMs - this.time.nowMs, `lease ${id}`, () => {
      if (lease.untilMs > this.time.nowMs) this.expireAt(id);
      else if (this.leases.has(id)) this.revokeLease(id);
    });
  }

  private write(operations: readonly Operation[]): TransactionAnswer['responses'] {
    const isWrite = operations.some((operation) => !('requestRange' in operation));
    const puts = operations.flatMap((operation) => ('requestPut' in operation ? [operation.requestPut] : []));
    if (this.isFull && puts.length > 0)
      throw new EtcdError(status.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded');
    if (puts.some(({ lease }) => lease !== undefined && !this.leases.has(String(lease))))
      throw new EtcdError(status.NOT_FOUND, 'etcdserver: requested lease not found');
    const revision = isWrite ? this.revision + 1 : this.revision;
    const changes: Change[] = [];
    const set = (key: string, row: Row | undefined): void => {
      if (row === undefined) this.rows.delete(key);
      else this.rows.set(key, row);
      changes.push({ revision, key, row });
    };
    const answers = operations.map((operation): TransactionAnswer['responses'][number] => {
      if ('requestRange' in operation) {
        const key = operation.requestRange.key.toString();
        const row = this.rows.get(key);
        return { responseRange: { ...this.header, kvs: row === undefined ? [] : [kvOf(key, row)] } };
      }
      if ('requestDeleteRange' in operation) {
        const key = operation.requestDeleteRange.key.toString();
        const deleted = this.rows.has(key);
        if (deleted) set(key, undefined);
        return { responseDeleteRange: { deleted: deleted ? '1' : '0' } };
      }
      const { key: bytes, value, lease } = operation.requestPut;
      const key = bytes.toString();
      const before = this.rows.get(key);
      const createRevision = before?.createRevision ?? revision;
      set(key, { value, createRevision, modRevision: revision, lease: String(lease ?? '') });
      const prevKv = before === undefined ? null : kvOf(key, before);
      return { responsePut: { header: { revision: String(revision) }, prevKv } };
    });
    if (changes.length > 0) this.revision = revision;
    this.history.push(...changes);
    for (const { prefix, tell } of [...this.watchers]) {
      const concerned = changes.filter(({ key }) => key.startsWith(prefix));
      if (concerned.length > 0) tell(concerned);
    }
    return answers;
  }
}

const kvOf = (key: string, row: Row | undefined): KeyValue => ({
  key: Buffer.from(key),
  value: row?.value ?? Buffer.alloc(0),
  createRevision: String(row?.createRevision ?? 0),
  modRevision: String(row?.modRevision ?? 0),
});

/** A process's connection to etcd. */
export function etcdClient(
  etcd: SimulatedEtcd,
  time: VirtualTime,
  network: Network,
  { machine, process }: { readonly machine: string; readonly process: SimulatedProcess },
): EtcdCalls {
  const isCut = (): boolean => network.isCut(machine, ETCD);
  const call = <Answer>(name: string, act: () => Answer, timeoutMs = CALL_TIMEOUT_MS): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const late = time.plan(
        timeoutMs,
        'no answer of etcd',
        () => reject(new EtcdError(status.DEADLINE_EXCEEDED, 'etcd: no answer in time')),
        process,
      );
      time.plan(network.delayMs(), `etcd ${name} of ${machine}`, () => {
        if (isCut() || process.isDead) return;
        let settle: () => void;
        try {
          const answer = act();
          settle = () => resolve(answer);
        } catch (error) {
          settle = () => reject(error as Error);
        }
        if (isCut()) return;
        time.plan(
          network.delayMs(),
          `answer ${name}`,
          () => {
            if (isCut()) return;
            late();
            settle();
          },
          process,
        );
      });
    });
  return {
    close() {},
    list: (prefix) => call('list', () => etcd.list(prefix)),
    put: (put) => call('put', () => etcd.put(put)),
    transact: (transaction) => call('txn', () => etcd.transact(transaction)),
    grantLease: (ttlS) => call('grant', () => etcd.grantLease(ttlS)),
    revokeLease: (id) => call('revoke', () => etcd.revokeLease(id)),
    renewLease: (id, timeoutMs) => call('renew', () => etcd.renewLease(id), timeoutMs),
    watch: (prefix, startRevision, events) =>
      new SimulatedWatch(etcd, time, network, { machine, process }, prefix, startRevision, events),
  };
}

const WATCH_KEEPALIVE_MS = 8_000;
const LOOK_MS = 200;

/** A stream of changes, in order; while the network is cut they wait, and after a while the stream ends. */
class SimulatedWatch {
  private readonly time: VirtualTime;
  private readonly network: Network;
  private readonly of: { readonly machine: string; readonly process: SimulatedProcess };
  private readonly events: WatchEvents;
  private readonly queue: WatchAnswer[] = [];
  private unwatch: () => void = () => {};
  private isBusy = false;
  private hasEnded = false;
  private cutSinceMs: number | undefined;

  constructor(
    etcd: SimulatedEtcd,
    time: VirtualTime,
    network: Network,
    of: { readonly machine: string; readonly process: SimulatedProcess },
    prefix: string,
    startRevision: number,
    events: WatchEvents,
  ) {
    this.time = time;
    this.network = network;
    this.of = of;
    this.events = events;
    time.plan(
      CALL_TIMEOUT_MS,
      'no watch',
      () => this.wasCreated || this.end('no answer within the time'),
      of.process,
    );
    time.plan(network.delayMs(), `etcd watch of ${of.machine}`, () => {
      if (network.isCut(of.machine, ETCD) || of.process.isDead || this.hasEnded) return;
      this.push({ ...NOTE, ...etcd.header, created: true, events: [] });
      this.unwatch = etcd.watch(prefix, startRevision, (changes) => {
        const revision = String(changes[0]!.revision);
        const told = changes.map(({ key, row }) => ({
          type: row === undefined ? ('DELETE' as const) : ('PUT' as const),
          kv: { ...kvOf(key, row), modRevision: revision },
        }));
        this.push({ ...NOTE, header: { revision }, created: false, events: told });
      });
    });
  }

  private wasCreated = false;

  cancel(): void {
    if (!this.hasEnded) this.end('cancelled');
  }

  private push(answer: WatchAnswer): void {
    this.queue.push(answer);
    if (this.of.process.isDead) this.unwatch();
    else if (!this.isBusy) this.transmit();
  }

  private transmit(): void {
    this.isBusy = true;
    const isCut = this.network.isCut(this.of.machine, ETCD);
    this.cutSinceMs = isCut ? (this.cutSinceMs ?? this.time.nowMs) : undefined;
    if (this.cutSinceMs !== undefined && this.time.nowMs - this.cutSinceMs > WATCH_KEEPALIVE_MS)
      return this.end('the connection is lost');
    this.time.plan(
      isCut ? LOOK_MS : this.network.delayMs(),
      'watch',
      () => {
        if (this.hasEnded) return;
        if (!this.network.isCut(this.of.machine, ETCD)) this.deliver(this.queue.shift()!);
        this.isBusy = false;
        if (this.queue.length > 0 && !this.hasEnded) this.transmit();
      },
      this.of.process,
    );
  }

  private deliver(answer: WatchAnswer): void {
    this.wasCreated ||= answer.created;
    try {
      this.events.received(answer);
    } catch (error) {
      this.end((error as Error).message);
    }
  }

  private end(reason: string): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.unwatch();
    this.events.ended(new EtcdError(status.UNAVAILABLE, reason));
  }
}

const NOTE = { canceled: false, compactRevision: '0', cancelReason: '' };
