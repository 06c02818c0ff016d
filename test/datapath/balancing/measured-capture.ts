/**
 * test/captures/measured.pcap, frame by frame, and what tshark says about it: the judge of the flow meter.
 *
 * The capture has the frames as they come to a load balancer, so an answer comes from the member's own address. For
 * tshark these would be two conversations of which each has one direction; it is given a copy in which answers come
 * from the VIP. Beyond that nothing is altered, and tshark's analysis is all that the judgement is made of.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaptureTime } from '../../../src/io/captures/capture.ts';
import { createCaptureFile, readCaptureFile } from '../../../src/io/captures/capture-file.ts';
import { addressBytes } from '../../support/addresses.ts';
import { output } from '../../support/command.ts';
import { CHECKOUT } from '../../support/paths.ts';

export const CLIENT = '10.1.0.11';
export const VIP = '10.1.0.130';
export const MEMBER = '10.2.0.31';
/** The VIP's ports 7101 to 7108 lead to the member's 8101 to 8108 (TCP), and 53 to 5353 (UDP). */
export const TCP_PORTS = [7101, 7102, 7103, 7104, 7105, 7106, 7107, 7108] as const;
export const memberPort = (vipPort: number): number => (vipPort === 53 ? 5353 : vipPort + 1_000);

const IP_SOURCE = 26;
const SOURCE_PORT = 34;

export interface RecordedFrame {
  readonly from: 'client' | 'member';
  readonly bytes: Uint8Array;
  readonly time: CaptureTime;
  /** Since the first frame. */
  readonly atMicros: number;
}

const microsOf = ({ seconds, nanoseconds }: CaptureTime): number => seconds * 1e6 + nanoseconds / 1e3;

/** The frames with what the capture has cut off: zeros. */
export function recordedFrames(): RecordedFrame[] {
  const packets = [...readCaptureFile(join(CHECKOUT, 'test/captures/measured.pcap'))];
  const start = microsOf(packets[0]!.time);
  return packets.map(({ bytes: head, originalLength, time }) => {
    const bytes = new Uint8Array(originalLength);
    bytes.set(head);
    const isClient = addressBytes(CLIENT).every((byte, i) => bytes[IP_SOURCE + i] === byte);
    return { from: isClient ? 'client' : 'member', bytes, time, atMicros: microsOf(time) - start };
  });
}

/** One frame in tshark's opinion. Absent analysis is undefined. */
export interface Judged {
  readonly frame: number;
  readonly isFromClient: boolean;
  /** Port of the VIP. */
  readonly vipPort: number;
  /** Wire bytes. */
  readonly length: number;
  readonly atMicros: number;
  /** Number of the TCP conversation; undefined: UDP. */
  readonly stream: number | undefined;
  readonly isSyn: boolean;
  readonly isFin: boolean;
  readonly isReset: boolean;
  readonly hasAck: boolean;
  readonly payloadBytes: number;
  /** Scaled. */
  readonly windowBytes: number;
  /** The frame that this one acknowledges, and how long after it comes. */
  readonly acksFrame: number | undefined;
  readonly ackMicros: number | undefined;
  /** Sent again, quickly or not, needlessly or not. */
  readonly isRetransmission: boolean;
  /** Filled a gap so soon that tshark takes it for overtaken. */
  readonly isOutOfOrder: boolean;
  /** Keep-alives and probes of closed windows. */
  readonly isProbe: boolean;
  readonly isZeroWindow: boolean;
  /** DNS: time of an answer after its question. */
  readonly answerMicros: number | undefined;
  readonly dnsId: number | undefined;
}

const FIELDS = [
  ...['frame.number', 'ip.src', 'tcp.srcport', 'tcp.dstport', 'udp.srcport', 'udp.dstport', 'frame.len'],
  ...['frame.time_relative', 'tcp.stream', 'tcp.flags', 'tcp.len', 'tcp.window_size'],
  ...['tcp.analysis.acks_frame', 'tcp.analysis.ack_rtt', 'tcp.analysis.retransmission'],
  ...['tcp.analysis.out_of_order', 'tcp.analysis.keep_alive', 'tcp.analysis.zero_window_probe'],
  ...['tcp.analysis.zero_window', 'dns.time', 'dns.id'],
] as const;

/** Every frame as tshark judges it, in order. */
export async function judgedFrames(frames: readonly RecordedFrame[]): Promise<Judged[]> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-measured-'));
  try {
    const file = join(directory, 'one-conversation.pcap');
    const { writer, close } = createCaptureFile(file, { format: 'pcap' });
    for (const frame of frames) writer.write(frame.time, fromVip(frame), 0);
    close();
    const options = ['-r', file, '-n', '-T', 'fields', '-E', 'separator=/t'];
    const text = await output('tshark', ...options, ...FIELDS.flatMap((field) => ['-e', field]));
    return text.split('\n').slice(0, -1).map(parse);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function fromVip({ from, bytes }: RecordedFrame): Uint8Array {
  const copy = bytes.slice();
  if (from === 'client') return copy;
  copy.set(addressBytes(VIP), IP_SOURCE);
  const view = new DataView(copy.buffer);
  const port = view.getUint16(SOURCE_PORT);
  view.setUint16(SOURCE_PORT, port === memberPort(53) ? 53 : port - 1_000);
  return copy;
}

function parse(line: string): Judged {
  const values = line.split('\t');
  const text = (field: (typeof FIELDS)[number]): string => values[FIELDS.indexOf(field)] ?? '';
  const number = (field: (typeof FIELDS)[number]): number | undefined =>
    text(field) === '' ? undefined : Number(text(field));
  const micros = (field: (typeof FIELDS)[number]): number | undefined => {
    const seconds = number(field);
    return seconds === undefined ? undefined : Math.round(seconds * 1e6);
  };
  const isFromClient = text('ip.src') === CLIENT;
  const flags = number('tcp.flags') ?? 0;
  const ends = isFromClient
    ? (['tcp.dstport', 'udp.dstport'] as const)
    : (['tcp.srcport', 'udp.srcport'] as const);
  return {
    frame: number('frame.number')!,
    isFromClient,
    vipPort: number(ends[0]) ?? number(ends[1])!,
    length: number('frame.len')!,
    atMicros: micros('frame.time_relative')!,
    stream: number('tcp.stream'),
    isSyn: (flags & 2) !== 0,
    isFin: (flags & 1) !== 0,
    isReset: (flags & 4) !== 0,
    hasAck: (flags & 16) !== 0,
    payloadBytes: number('tcp.len') ?? 0,
    windowBytes: number('tcp.window_size') ?? 0,
    acksFrame: number('tcp.analysis.acks_frame'),
    ackMicros: micros('tcp.analysis.ack_rtt'),
    isRetransmission: text('tcp.analysis.retransmission') !== '',
    isOutOfOrder: text('tcp.analysis.out_of_order') !== '',
    isProbe: text('tcp.analysis.keep_alive') + text('tcp.analysis.zero_window_probe') !== '',
    isZeroWindow: text('tcp.analysis.zero_window') !== '',
    answerMicros: micros('dns.time'),
    dnsId: number('dns.id'),
  };
}
