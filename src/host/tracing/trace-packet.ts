/** Answers POST /v1/trace: what would become of a packet at one of this host's ports. */
import type { z } from 'zod';
import type { TraceAnswer, traceQuestion } from '../../api/tracing/trace-shapes.ts';
import { HostError } from '../../config/problems/host-error.ts';
import { expectOneOf } from '../../config/problems/problems.ts';
import { HEADER_BYTES as VNET_BYTES } from '../../wire/virtio-net.ts';
import type { Host } from '../host.ts';
import { TraceWriter } from './trace-answer.ts';
import { frameFromDescription, frameFromHex } from './traced-packet.ts';

/** Throws HostError: 404 for an unknown port, 400 for a packet that cannot be. */
export async function tracePacket(
  host: Host,
  question: z.output<typeof traceQuestion>,
): Promise<TraceAnswer> {
  const { configuration, builder } = host;
  const port = configuration.ports.find(({ name }) => name === question.port);
  if (port === undefined) {
    const known = configuration.ports.map(({ name }) => name);
    throw new HostError(404, `port: found ${question.port}, expected ${expectOneOf(question.port, known)}`);
  }
  const { packet, frame, reply } = question;
  if ((packet === undefined) === (frame === undefined))
    throw new HostError(400, 'no packet to trace: expected either `packet` or `frame`');
  const bytes = packet === undefined ? frameFromHex(frame!) : frameFromDescription(packet, port);
  const id = builder.ids.findPort(port);
  if (id === undefined) throw new HostError(409, `port ${port.name} is not in force yet`);
  const trace = await host.thread.trace({
    port: id,
    frame: { bytes, vnet: new Uint8Array(VNET_BYTES) },
    resolves: packet !== undefined,
    reply,
  });
  return new TraceWriter({ ids: builder.ids, configuration }).answer(trace);
}
