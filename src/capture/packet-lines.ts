/** Captured packets as lines for people, and as rows for programs. */
import type { CaptureInterface, CapturePacket, CaptureTime } from '../io/captures/capture.ts';
import { formatFrame } from '../wire/format.ts';

/** A packet in JSON. */
export interface PacketRow {
  /** ISO 8601, with nanoseconds. */
  readonly time: string;
  /** Number of the frame in this capture, the same at all points that it passes; null: the datapath's own. */
  readonly packet: number | null;
  readonly port: string;
  readonly point: string;
  readonly direction: 'in' | 'out' | null;
  /** What became of it; null: not known at this point. */
  readonly verdict: string | null;
  /** Name of the drop counter. */
  readonly reason: string | null;
  readonly group: string | null;
  readonly member: string | null;
  /** Bytes on the wire, and how many of them follow. */
  readonly length: number;
  readonly capturedLength: number;
  /** As tcpdump prints it. */
  readonly text: string;
  /** The captured bytes, hexadecimal. */
  readonly bytes: string;
}

/** `described`: of the packet's interface; its name is `port:point`. */
export function packetRow(packet: CapturePacket, described: CaptureInterface): PacketRow {
  const separator = described.name.lastIndexOf(':');
  const said = new URLSearchParams((packet.comment ?? '').replaceAll(' ', '&'));
  return {
    time: isoTime(packet.time),
    packet: packet.packetId ?? null,
    port: described.name.slice(0, separator),
    point: described.name.slice(separator + 1),
    direction: packet.direction ?? null,
    verdict: said.get('verdict'),
    reason: said.get('reason'),
    group: said.get('group'),
    member: said.get('member'),
    length: packet.originalLength,
    capturedLength: packet.bytes.length,
    text: textOf(packet.bytes),
    bytes: Buffer.from(packet.bytes).toString('hex'),
  };
}

/** e.g. `15:04:05.123456 web1 from-vm IP 10.1.0.11.40000 > 10.1.0.100.80: Flags [S] … (delivered, api app1)` */
export function packetLine(packet: CapturePacket, described: CaptureInterface): string {
  const { port, point, direction, verdict, reason, group, member, text } = packetRow(packet, described);
  const way = point === 'uplink' && direction !== null ? `${point} ${direction}` : point;
  const outcome = reason === null ? verdict : `${verdict}: ${reason}`;
  const target = [group, member].filter((name) => name !== null).join(' ');
  const notes = [outcome, target].filter((note) => note !== null && note !== '').join(', ');
  return `${clockTime(packet.time)} ${port} ${way} ${text}${notes === '' ? '' : ` (${notes})`}`;
}

function textOf(bytes: Uint8Array): string {
  try {
    return formatFrame(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
  } catch (error) {
    // A header that says more than was captured.
    if (error instanceof RangeError) return `[|ether] length ${bytes.length}`;
    throw error;
  }
}

const isoTime = ({ seconds, nanoseconds }: CaptureTime): string =>
  `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanoseconds).padStart(9, '0')}Z`;

/** Local time to microseconds, as tcpdump prints it. */
function clockTime({ seconds, nanoseconds }: CaptureTime): string {
  const at = new Date(seconds * 1000);
  const [hours, minutes, rest] = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `${hours}:${minutes}:${rest}.${String(Math.floor(nanoseconds / 1000)).padStart(6, '0')}`;
}
