/**
 * gRPC's health service (grpc.health.v1.Health/Check): whether a server says SERVING. A channel of its own per probe, like
 * the connections of the other probes. Messages are so small that their bytes are written here:
 *
 *   HealthCheckRequest  { string service = 1; }
 *   HealthCheckResponse { ServingStatus status = 1; }    0 UNKNOWN, 1 SERVING, 2 NOT_SERVING, 3 SERVICE_UNKNOWN
 */
import { Client, credentials, Metadata, status as Status } from '@grpc/grpc-js';
import { VarintReader, VarintWriter } from '../../messages/varint.ts';
import { formatEndpoint } from '../../wire/address.ts';
import type { ProbeOutcome } from './probe-outcome.ts';
import type { Ask } from './question.ts';

const METHOD = '/grpc.health.v1.Health/Check';
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const SERVING = 1;
const SERVICE_TAG = (1 << 3) | 2;
const STATUS_TAG = 1 << 3;

const OPTIONS = {
  'grpc.max_receive_message_length': 1_024,
  'grpc.max_metadata_size': 8_192,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
};

export const probeGrpc =
  ({ address, port, service }: { address: string; port: number; service: string }): Ask<ProbeOutcome> =>
  (settle) => {
    const client = new Client(formatEndpoint(address, port), credentials.createInsecure(), OPTIONS);
    const call = client.makeUnaryRequest(
      METHOD,
      encodeRequest,
      decodeStatus,
      service,
      new Metadata(),
      (error, status) => {
        if (error === null) {
          const detail = STATUSES[status ?? 0] ?? `status ${status}`;
          settle({ isGood: status === SERVING, detail: `gRPC health: ${detail}` });
        } else settle({ isGood: false, detail: `gRPC: ${Status[error.code]}` });
      },
    );
    return () => {
      call.cancel();
      client.close();
    };
  };

export function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  const writer = new VarintWriter();
  writer.unsigned(SERVICE_TAG);
  writer.unsigned(name.length);
  writer.append(name);
  return Buffer.from(writer.bytes.slice(0, writer.length));
}

/** Throws on bytes that are no message: the call then fails. */
export function decodeStatus(bytes: Uint8Array): number {
  const reader = new VarintReader(bytes);
  let status = 0;
  while (reader.at < reader.end) {
    const tag = reader.unsigned();
    if (tag === STATUS_TAG) status = reader.unsigned();
    else reader.skip(tag & 7);
  }
  return status;
}
