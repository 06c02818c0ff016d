/**
 * The gRPC side of the link that both ends share: the method and its settings.
 *
 * The method hands bytes through. Encoding and decoding are the ends' own business: a message that goes to many
 * agents is encoded once, and a report's decoder belongs to its stream.
 */
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';

// gRPC writes failed connections to stderr by itself; the ends say them in their own words, once.
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

/** A larger message ends the stream. */
export const MAX_MESSAGE_BYTES = 16 << 20;

export interface Keepalive {
  /** Pause between pings. */
  readonly timeMs: number;
  /** A ping that is not answered within this time: the peer has gone. */
  readonly timeoutMs: number;
}

/** Each end finds out within timeMs + timeoutMs that the other has gone without a word. */
export const KEEPALIVE: Keepalive = { timeMs: 1500, timeoutMs: 2500 };

export const channelOptions = ({ timeMs, timeoutMs }: Keepalive): Record<string, number> => ({
  'grpc.keepalive_time_ms': timeMs,
  'grpc.keepalive_timeout_ms': timeoutMs,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
});

/** What an end's log is asked for; pino's Logger fits. */
export interface LinkLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
