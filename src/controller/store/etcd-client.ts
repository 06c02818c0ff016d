/**
 * The connection to etcd: channels, TLS and typed calls are the etcd3 package's; what to do when a call fails is
 * decided here. The package's own circuit breakers would keep a restarted etcd out for seconds.
 */
import type { Interceptor } from '@grpc/grpc-js';
import { InterceptingCall } from '@grpc/grpc-js';
import { Etcd3, GRPCUnavailableError, type IOptions } from 'etcd3';

export interface EtcdOptions {
  /** `host:port`, or URLs; one scheme for all. */
  readonly endpoints: readonly string[];
  /** PEM contents; without `cert` and `key` only etcd shows who it is. Absent: a plain connection. */
  readonly tls?: { readonly ca: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
}

/** A call that got no answer by then has failed, ms. */
export const CALL_TIMEOUT_MS = 2000;

type FaultPolicy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>;

export const connectEtcd = ({ endpoints, tls }: EtcdOptions): Etcd3 =>
  new Etcd3({
    hosts: endpoints.map((endpoint) => (tls ? `https://${endpoint.replace(/^https:\/\//, '')}` : endpoint)),
    credentials: tls && { rootCertificate: tls.ca, certChain: tls.cert, privateKey: tls.key },
    defaultCallOptions: ({ isStream }) =>
      isStream ? { interceptors: [requireLeader] } : { deadline: Date.now() + CALL_TIMEOUT_MS },
    faultHandling: { host: () => attempts(1), global: attempts(endpoints.length) },
    grpcOptions: {
      // A restarted etcd is found again within a second.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.min_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      // A silent one is noticed; more often than every 5 s etcd closes the connection (--grpc-keepalive-min-time).
      'grpc.keepalive_time_ms': 6000,
      'grpc.keepalive_timeout_ms': 2000,
      'grpc.max_receive_message_length': 256 << 20,
    },
  });

/** A member that is cut off from the others ends our streams, instead of leaving them silent. */
const requireLeader: Interceptor = (options, nextCall) =>
  new InterceptingCall(nextCall(options), {
    start(metadata, listener, next) {
      metadata.set('hasleader', 'true');
      next(metadata, listener);
    },
  });

const noEvent = () => ({ dispose() {} });

/** Calls that could not be sent go to the next endpoint, until each has had its turn. */
const attempts = (count: number): FaultPolicy => ({
  _altReturn: undefined as never,
  onSuccess: noEvent,
  onFailure: noEvent,
  async execute(call, signal = new AbortController().signal) {
    for (let left = count; ; left--) {
      try {
        return await call({ signal });
      } catch (error) {
        if (left <= 1 || !(error instanceof GRPCUnavailableError)) throw error;
      }
    }
  },
});

/** First key after all those that begin with the prefix. */
export function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1]! += 1; // prefixes end in '/', so there is no carry
  return end;
}
