/**
 * The connection to etcd: one gRPC channel per endpoint, of which one is in use.
 *
 * Theory of operation. Calls and streams use one endpoint. If it is unreachable or does not answer in time, the next
 * endpoint takes over; a call that could not be delivered is sent there, until each endpoint was tried once. Every
 * call has a deadline, as has the first response of a stream; a stream's peer that falls silent later is detected by
 * pings. Callers decide how to handle a failed call.
 */
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import {
  Client,
  type ClientDuplexStream,
  credentials as grpcCredentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { messageOf } from '../../config/problems/refusal.ts';
import { ChannelSockets } from '../../messages/channel-sockets.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import {
  LEASE_GRANT,
  LEASE_KEEP_ALIVE,
  LEASE_REVOKE,
  type Method,
  PUT,
  type Put,
  type PutAnswer,
  prefixEnd,
  RANGE,
  type RangeAnswer,
  type Transaction,
  type TransactionAnswer,
  TXN,
  WATCH,
  type WatchAnswer,
} from './etcd-wire/protocol.ts';

export interface EtcdOptions {
  /** `host:port`, or URLs; one scheme for all. The first is used first. */
  readonly endpoints: readonly string[];
  /** Absent: an unencrypted connection. */
  readonly tls?: EtcdTls;
}

/** PEM contents; without `cert` and `key` only etcd is authenticated. */
export interface EtcdTls {
  readonly ca: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Deadline of a call, ms. */
export const CALL_TIMEOUT_MS = 2000;

/** A call that failed: no answer, or an error from etcd. */
export class EtcdError extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.name = 'EtcdError';
    this.code = code;
  }

  /** The lease of the call has expired or was revoked. */
  get isLeaseGone(): boolean {
    return this.code === status.NOT_FOUND;
  }
}

export interface WatchEvents {
  /** An error thrown here ends the watch. */
  received(answer: WatchAnswer): void;
  /** Called once, also after `cancel`. */
  ended(error: Error): void;
}

export interface EtcdWatch {
  cancel(): void;
}

const CHANNEL_OPTIONS = {
  // Reconnects to a restarted etcd within a second.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // Detects a silent peer; etcd closes the connection if pinged more than once per 5 s (--grpc-keepalive-min-time).
  'grpc.keepalive_time_ms': 6000,
  'grpc.keepalive_timeout_ms': 2000,
  'grpc.max_receive_message_length': 256 << 20,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  // Controllers connect to the configured endpoints directly and ignore http_proxy.
  'grpc.enable_http_proxy': 0,
};

/** The calls that the store makes. */
export type EtcdCalls = Pick<
  EtcdClient,
  'close' | 'list' | 'put' | 'transact' | 'grantLease' | 'revokeLease' | 'renewLease' | 'watch'
>;

export class EtcdClient {
  private readonly runtime: Runtime;
  private readonly endpoints: readonly string[];
  private channels: Client[];
  private inUse = 0;

  constructor({ endpoints, tls }: EtcdOptions, runtime: Runtime) {
    this.runtime = runtime;
    this.endpoints = endpoints.map((endpoint) => endpoint.replace(/^https?:\/\//, ''));
    this.channels = this.endpoints.map((endpoint) => connect(endpoint, tls, this.runtime));
  }

  /** Used for new connections; streams stay on their existing ones. */
  useTls(tls: EtcdTls): void {
    const previous = this.channels;
    this.channels = this.endpoints.map((endpoint) => connect(endpoint, tls, this.runtime));
    for (const channel of previous) channel.close();
  }

  close(): void {
    for (const channel of this.channels) channel.close();
  }

  /** All keys with the prefix. */
  list(prefix: string): Promise<RangeAnswer> {
    return this.call(RANGE, { key: Buffer.from(prefix), rangeEnd: prefixEnd(prefix) });
  }

  put(put: Put): Promise<PutAnswer> {
    return this.call(PUT, put);
  }

  transact(transaction: Transaction): Promise<TransactionAnswer> {
    return this.call(TXN, transaction);
  }

  /** Returns the identifier of a new lease. */
  async grantLease(ttlS: number): Promise<string> {
    return (await this.call(LEASE_GRANT, { ttl: ttlS })).id;
  }

  async revokeLease(id: string): Promise<void> {
    await this.call(LEASE_REVOKE, { id });
  }

  /**
   * False: the lease is gone. Each renewal has its own stream, so that the next may use another member of the
   * cluster.
   */
  renewLease(id: string, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const stream = this.open(LEASE_KEEP_ALIVE, this.runtime.wallMs() + timeoutMs, reject);
      stream.on('data', ({ ttl }: { ttl: string }) => {
        resolve(Number(ttl) > 0);
        stream.end();
      });
      stream.on('end', () => reject(new EtcdError(status.UNAVAILABLE, 'the stream ended')));
      stream.write({ id });
    });
  }

  /** Every change of a key with the prefix, from the revision on. */
  watch(prefix: string, startRevision: number, { received, ended }: WatchEvents): EtcdWatch {
    const finish = (error: Error): void => {
      this.runtime.clearTimer(patience);
      if (hasEnded) return;
      hasEnded = true;
      stream.cancel();
      ended(error);
    };
    let hasEnded = false;
    const stream = this.open(WATCH, Number.POSITIVE_INFINITY, finish);
    const patience = this.runtime.setTimer(() => {
      this.leave(endpoint);
      finish(new EtcdError(status.DEADLINE_EXCEEDED, `no answer within ${CALL_TIMEOUT_MS} ms`));
    }, CALL_TIMEOUT_MS);
    const endpoint = this.inUse;
    stream.on('data', (answer: WatchAnswer) => {
      this.runtime.clearTimer(patience);
      if (hasEnded) return;
      try {
        received(answer);
      } catch (error) {
        finish(error instanceof Error ? error : new Error(messageOf(error)));
      }
    });
    stream.on('end', () => finish(new EtcdError(status.UNAVAILABLE, 'the stream ended')));
    stream.write({
      key: Buffer.from(prefix),
      rangeEnd: prefixEnd(prefix),
      startRevision,
      progressNotify: true,
    });
    return { cancel: () => stream.cancel() };
  }

  private async call<Request, Answer>(method: Method<Request, Answer>, request: Request): Promise<Answer> {
    const deadline = this.runtime.wallMs() + CALL_TIMEOUT_MS;
    for (let left = this.channels.length; ; left--) {
      const endpoint = this.inUse;
      try {
        return await unary(this.channels[endpoint]!, method, request, deadline);
      } catch (error) {
        const failure = this.failureAt(endpoint, error as ServiceError);
        if (left <= 1 || failure.code !== status.UNAVAILABLE) throw failure;
      }
    }
  }

  private open<Request, Answer>(
    method: Method<Request, Answer>,
    deadline: number,
    failed: (error: EtcdError) => void,
  ): ClientDuplexStream<Request, Answer> {
    const endpoint = this.inUse;
    const { path, encode, decode } = method;
    const stream = this.channels[endpoint]!.makeBidiStreamRequest(path, encode, decode, requireLeader(), {
      deadline,
    });
    stream.on('error', (error: ServiceError) => failed(this.failureAt(endpoint, error)));
    return stream;
  }

  private failureAt(endpoint: number, { code, details, message }: ServiceError): EtcdError {
    if (code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED) this.leave(endpoint);
    const what = code === status.DEADLINE_EXCEEDED ? 'no answer in time' : details || message;
    return new EtcdError(code, `${this.endpoints[endpoint]}: ${what}`);
  }

  /** Several calls that fail at the same endpoint cause one switch. */
  private leave(endpoint: number): void {
    if (this.inUse === endpoint) this.inUse = (endpoint + 1) % this.channels.length;
  }
}

function connect(endpoint: string, tls: EtcdTls | undefined, runtime: Runtime): Client {
  if (tls === undefined) return new Client(endpoint, grpcCredentials.createInsecure(), CHANNEL_OPTIONS);
  const sockets = new ChannelSockets(runtime);
  const host = endpoint.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  const credentials = grpcCredentials.createSsl(tls.ca, tls.key ?? null, tls.cert ?? null, {
    checkServerIdentity: (_serverName, certificate) => checkServerIdentity(host, certificate),
  });
  return new Client(endpoint, sockets.watch(credentials), {
    ...CHANNEL_OPTIONS,
    // An address is not a valid TLS server name (RFC 6066); the certificate is checked against the address above.
    ...(isIP(host) !== 0 ? { 'grpc.ssl_target_name_override': 'localhost' } : {}),
  });
}

const unary = <Request, Answer>(
  channel: Client,
  { path, encode, decode }: Method<Request, Answer>,
  request: Request,
  deadline: number,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    channel.makeUnaryRequest(path, encode, decode, request, new Metadata(), { deadline }, (error, answer) =>
      error === null ? resolve(answer!) : reject(error),
    );
  });

/** A member that is cut off from the others ends our streams instead of keeping them silent. */
function requireLeader(): Metadata {
  const metadata = new Metadata();
  metadata.set('hasleader', 'true');
  return metadata;
}
