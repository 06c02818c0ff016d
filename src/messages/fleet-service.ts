/**
 * The gRPC side of the link that both ends share: the method and its settings.
 *
 * The method transfers bytes; both ends encode and decode themselves. A message to many agents is encoded once, and
 * each stream has its own decoder of reports.
 */
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';

// gRPC would write failed connections to stderr; both ends log them once themselves.
if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);

const bytesThrough = (bytes: Buffer): Buffer => bytes;

/** Fleet.Attach of sluice.proto. */
export const ATTACH = {
  path: '/sluice.v1.Fleet/Attach',
  requestStream: true,
  responseStream: true,
  requestSerialize: bytesThrough,
  requestDeserialize: bytesThrough,
  responseSerialize: bytesThrough,
  responseDeserialize: bytesThrough,
} as const;

/** Largest message; a larger one ends the stream. */
export const MAX_MESSAGE_BYTES = 16 << 20;

export interface Keepalive {
  /** Interval between pings. */
  readonly timeMs: number;
  /** The peer is considered gone when a ping is not answered within this time. */
  readonly timeoutMs: number;
}

/** Each end detects within timeMs + timeoutMs that the other has vanished. */
export const KEEPALIVE: Keepalive = { timeMs: 1500, timeoutMs: 2500 };

export const channelOptions = ({ timeMs, timeoutMs }: Keepalive): Record<string, number> => ({
  'grpc.keepalive_time_ms': timeMs,
  'grpc.keepalive_timeout_ms': timeoutMs,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
});

/** The part of pino's Logger that both ends use. */
export interface LinkLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
