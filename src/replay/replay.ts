/**
 * `sluice replay`: runs a capture through the datapath offline and writes what this host would have sent.
 *
 * It needs no root, devices or clocks: time comes from the packets, the hash key is fixed, MACs come from the
 * configuration. The same capture and configuration give the same bytes. Each frame enters by the port that it came in by
 * (ingress.ts); stations without a configured port are behind their network's outside port (outside.ts).
 *
 * Ports have no offloads here, so outgoing frames are whole: checksums complete, super-segments split. Frames with
 * offloads can be input from captures of link type 147 (USER0), whose records begin with the 12 bytes of
 * virtio_net_hdr_v1 that a TAP delivers with each frame.
 *
 * The output contains the frames that left by any port, in order, with the time of the frame or timer that caused them.
 * Its format is the input's: classic pcap in micro- or nanoseconds, or pcapng with one interface per port.
 *
 * With `explain`, each frame is also reported step by step, as `trace` does, except that what happens to it does happen.
 */
import { loadConfiguration } from '../config/load.ts';
import { ConfigError } from '../config/problems/problems.ts';
import type { PortSpec } from '../datapath/snapshot.ts';
import { SnapshotBuilder } from '../host/publishing/snapshot-builder.ts';
import { limitsFor } from '../host/thread/table-memory.ts';
import { TraceWriter } from '../host/tracing/trace-answer.ts';
import {
  type CapturePacket,
  type CaptureReader,
  type CaptureTime,
  LINKTYPE_ETHERNET,
} from '../io/captures/capture.ts';
import { createCaptureFile, readCaptureFile } from '../io/captures/capture-file.ts';
import { PcapReader } from '../io/captures/pcap-reader.ts';
import type { CaptureFormat } from '../io/captures/pcap-writer.ts';
import { MAX_FRAME_BYTES } from '../tables/frame-arena.ts';
import { HEADER_BYTES as VNET_HEADER_BYTES } from '../wire/virtio-net.ts';
import { IngressRule } from './ingress.ts';
import { type FrameSink, OfflineDatapath } from './offline-datapath.ts';
import { addOutside, type OutsideWorld, presetStations } from './outside.ts';

export interface ReplayOptions {
  readonly pcapPath: string;
  /** Ingress port of frames with an unknown source. */
  readonly port?: string;
  readonly configPath: string;
  /** Absent: what would have been sent is not written. */
  readonly outPath?: string;
  /** Given what happened to each frame, in the capture's order; absent: nobody asks. */
  readonly explain?: (explanation: Explanation) => void;
}

/** What happened to a frame of the capture. */
export interface Explanation extends ReturnType<TraceWriter['explanation']> {
  /** Its number in the capture, from 1. */
  readonly packet: number;
  /** ISO 8601, milliseconds. */
  readonly time: string;
  /** Port that it came in by. */
  readonly port: string;
}

/** LINKTYPE_USER0: a virtio header, then an Ethernet frame. */
export const LINKTYPE_VNET = 147;
/** After the last frame time advances this long, until unresolved neighbours have failed. */
const SETTLE_MS = 30_000;

export interface ReplayResult {
  framesIn: number;
  framesOut: number;
  /** Frames that the datapath answered or consumed. */
  answered: number;
  connectionsMade: number;
  /** Reason → frames. */
  drops: Record<string, number>;
  /** Frames that the capture truncates. */
  cutShort: number;
  /** Frames longer than any frame can be, or shorter than their virtio header. */
  leftOut: number;
  /** Description of the place where the file ends inside a record. */
  truncation: string | undefined;
}

/**
 * Resolves with exit code 0 and prints a summary on stderr. Throws ConfigError for a wrong configuration or unknown port,
 * and Error for files that cannot be read or written.
 */
export async function replay(options: ReplayOptions): Promise<number> {
  process.stderr.write(summaryText(replayCapture(options)));
  return 0;
}

/** The same without a summary; errors as above. */
export function replayCapture(options: ReplayOptions): ReplayResult {
  const configuration = loadConfiguration(options.configPath);
  const limits = limitsFor(configuration);
  const builder = new SnapshotBuilder({ offloads: false, limits });
  const world = addOutside(configuration, builder.build(configuration, 1).snapshot);
  const ingress = new IngressRule(world, preferredPort(world, options));
  const reader = readCaptureFile(options.pcapPath);
  const first = reader.next();
  const startMs = first === null ? 0 : milliseconds(first.time);

  const { ports } = world.snapshot;
  const format = formatOf(reader);
  const interfaces = format === 'pcapng' ? ports.map(({ name }) => ({ name })) : undefined;
  const { outPath, explain } = options;
  const out = outPath === undefined ? undefined : createCaptureFile(outPath, { format, interfaces });
  const result: ReplayResult = {
    framesIn: 0,
    framesOut: 0,
    answered: 0,
    connectionsMade: 0,
    drops: {},
    cutShort: 0,
    leftOut: 0,
    truncation: undefined,
  };
  const interfaceOf = new Map(ports.map(({ id }, i) => [id, format === 'pcapng' ? i : 0]));
  /** The frame being handled; undefined while timers run. */
  let frameTime: CaptureTime | undefined;
  const sink: FrameSink = (port, bytes) => {
    result.framesOut++;
    out?.writer.write(frameTime ?? momentOf(datapath.timeMs), bytes, interfaceOf.get(port)!);
  };
  const portNames = new Map(ports.map(({ id, name }) => [id, name]));
  const writer = new TraceWriter({ ids: builder.ids, configuration, portName: (id) => portNames.get(id) });
  const maxPorts = Math.max(limits.maxPorts, ports.length + 1);
  const datapath = new OfflineDatapath({ ...limits, maxPorts }, startMs, sink);
  try {
    datapath.apply(world.snapshot);
    presetStations(world, datapath.tables);
    for (let packet = first; packet !== null; packet = reader.next()) {
      datapath.advance(milliseconds(packet.time));
      frameTime = packet.time;
      const frame = frameOf(reader, packet, result);
      if (frame !== undefined) {
        const port = ingress.portOf(frame.bytes);
        if (explain === undefined) datapath.feed(port, frame.bytes, frame.vnetHeader);
        else {
          const trace = datapath.explain(port, frame.bytes, frame.vnetHeader);
          const place = { packet: result.framesIn, time: isoTime(packet.time), port: portNames.get(port)! };
          explain({ ...place, ...writer.explanation(trace, frame.bytes) });
        }
      }
      frameTime = undefined;
    }
    datapath.settle(SETTLE_MS);
  } finally {
    out?.close();
  }
  addCounters(result, datapath, ports);
  if (reader.truncation !== null) {
    const { fileOffset, foundBytes, expectedBytes } = reader.truncation;
    result.truncation = `byte ${fileOffset}: ${foundBytes} bytes of a record, expected ${expectedBytes}`;
  }
  return result;
}

interface ReplayedFrame {
  readonly bytes: Uint8Array;
  readonly vnetHeader: Uint8Array | undefined;
}

/** Undefined: it cannot be a frame. Counts it. */
function frameOf(
  reader: CaptureReader,
  packet: CapturePacket,
  result: ReplayResult,
): ReplayedFrame | undefined {
  const { linkType, fcsBytes } = reader.interfaces[packet.interfaceIndex]!;
  if (linkType !== LINKTYPE_ETHERNET && linkType !== LINKTYPE_VNET) {
    throw new Error(
      `capture: found packets of link type ${linkType}, expected ${LINKTYPE_ETHERNET} (Ethernet) or ${LINKTYPE_VNET} (virtio header and Ethernet)`,
    );
  }
  result.framesIn++;
  const isWhole = packet.originalLength <= packet.bytes.length;
  if (!isWhole) result.cutShort++;
  const bytes = isWhole ? packet.bytes.subarray(0, packet.bytes.length - fcsBytes) : packet.bytes;
  const headerBytes = linkType === LINKTYPE_VNET ? VNET_HEADER_BYTES : 0;
  const frame = bytes.subarray(headerBytes);
  if (bytes.length < headerBytes || frame.length > MAX_FRAME_BYTES) {
    result.leftOut++;
    return undefined;
  }
  return { bytes: frame, vnetHeader: headerBytes === 0 ? undefined : bytes.subarray(0, headerBytes) };
}

function preferredPort(world: OutsideWorld, { port: name, configPath }: ReplayOptions): PortSpec | undefined {
  if (name === undefined) return undefined;
  const { ports } = world.snapshot;
  const port = ports.find((one) => one.name === name);
  if (port !== undefined) return port;
  const expected = `one of ${ports.map((one) => one.name).join(', ')}`;
  throw new ConfigError(configPath, [{ path: '--port', found: JSON.stringify(name), expected }]);
}

function formatOf(reader: CaptureReader): CaptureFormat {
  if (!(reader instanceof PcapReader)) return 'pcapng';
  return reader.nanosecondsPerUnit === 1 ? 'pcap-ns' : 'pcap';
}

const isoTime = (time: CaptureTime): string => new Date(milliseconds(time)).toISOString();

const milliseconds = ({ seconds, nanoseconds }: CaptureTime): number =>
  seconds * 1000 + Math.floor(nanoseconds / 1e6);

const momentOf = (epochMs: number): CaptureTime => ({
  seconds: Math.floor(epochMs / 1000),
  nanoseconds: (epochMs % 1000) * 1e6,
});

function addCounters(result: ReplayResult, datapath: OfflineDatapath, ports: readonly PortSpec[]): void {
  const { portCounters, connections } = datapath.tables;
  for (const { id } of ports) {
    const { answered, drops } = portCounters.read(id);
    result.answered += answered;
    for (const [reason, frames] of Object.entries(drops)) {
      result.drops[reason] = (result.drops[reason] ?? 0) + frames;
    }
  }
  result.connectionsMade = connections.totals.created;
}

function summaryText(result: ReplayResult): string {
  const drops = Object.entries(result.drops).sort();
  const lines = [
    `frames in: ${result.framesIn}`,
    `frames out: ${result.framesOut}`,
    `answered: ${result.answered}`,
    `connections made: ${result.connectionsMade}`,
    `dropped: ${drops.reduce((sum, [, frames]) => sum + frames, 0)}`,
    ...drops.map(([reason, frames]) => `  ${reason}: ${frames}`),
  ];
  if (result.cutShort > 0) lines.push(`truncated in the capture: ${result.cutShort}`);
  if (result.leftOut > 0) lines.push(`omitted, too long or without a whole virtio header: ${result.leftOut}`);
  if (result.truncation !== undefined) lines.push(`the capture ends early, at ${result.truncation}`);
  return `${lines.join('\n')}\n`;
}
