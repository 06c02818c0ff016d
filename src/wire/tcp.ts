/**
 * TCP (RFC 9293 §3.1). All fields big-endian; `at` is the first byte of the header.
 *
 *   |          Source Port          |       Destination Port        |  0
 *   |                        Sequence Number                        |  4
 *   |                    Acknowledgment Number                      |  8
 *   | Offset|  Res. |C|E|U|A|P|R|S|F|            Window             | 12
 *   |           Checksum            |         Urgent Pointer        | 16
 */

export const MIN_HEADER_BYTES = 20;
export const CHECK_OFFSET = 16;

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;
export const ECE = 0x40;
export const CWR = 0x80;

/** Options (RFC 9293 §3.1): kind 0 ends the list, 1 is padding; all others have a length, kind and length included. */
export const OPTION_END = 0;
export const OPTION_NOP = 1;
export const OPTION_MSS = 2;
export const MSS_OPTION_BYTES = 4;
export const OPTION_WINDOW_SCALE = 3;
export const WINDOW_SCALE_OPTION_BYTES = 3;

/** source port << 16 | destination port, signed. */
export const ports = (view: DataView, at: number): number => view.getInt32(at);
export const sequence = (view: DataView, at: number): number => view.getInt32(at + 4);
export const acknowledgment = (view: DataView, at: number): number => view.getInt32(at + 8);
export const headerBytes = (view: DataView, at: number): number => (view.getUint8(at + 12) >>> 4) << 2;
export const window = (view: DataView, at: number): number => view.getUint16(at + 14);
export const flags = (view: DataView, at: number): number => view.getUint8(at + 13);
export const check = (view: DataView, at: number): number => view.getUint16(at + CHECK_OFFSET);
/** Both in one load: header length in words << 12 | flags. */
export const lengthAndFlags = (view: DataView, at: number): number => view.getUint16(at + 12);

export function setSequence(view: DataView, at: number, value: number): void {
  view.setInt32(at + 4, value);
}

export function setFlags(view: DataView, at: number, flagBits: number): void {
  view.setUint8(at + 13, flagBits);
}

/** Value of the MSS option at `option`. */
export const mss = (view: DataView, option: number): number => view.getUint16(option + 2);

export function setMss(view: DataView, option: number, bytes: number): void {
  view.setUint16(option + 2, bytes);
}

/**
 * Place of the first option of a kind, of `optionBytes` bytes, or 0 if there is none, or options that make no sense
 * before it. `end`: of the header, or of what there is of it.
 */
export function optionAt(view: DataView, at: number, end: number, kind: number, optionBytes: number): number {
  for (let option = at + MIN_HEADER_BYTES; option + 1 < end; ) {
    const found = view.getUint8(option);
    if (found === OPTION_END) return 0;
    if (found === OPTION_NOP) {
      option++;
      continue;
    }
    const bytes = view.getUint8(option + 1);
    if (bytes < 2 || option + bytes > end) return 0;
    if (found === kind) return bytes === optionBytes ? option : 0;
    option += bytes;
  }
  return 0;
}

/** Shift count of the window scale option (RFC 7323 §2.2), or -1 without. The whole header is there. */
export function windowShift(view: DataView, at: number): number {
  const end = at + headerBytes(view, at);
  const option = optionAt(view, at, end, OPTION_WINDOW_SCALE, WINDOW_SCALE_OPTION_BYTES);
  return option === 0 ? -1 : view.getUint8(option + 2);
}

export function setCheck(view: DataView, at: number, value: number): void {
  view.setUint16(at + CHECK_OFFSET, value);
}

/** Writes a header without options, with a window and a checksum of 0. */
export function write(
  view: DataView,
  at: number,
  portWord: number,
  sequenceNumber: number,
  acknowledgmentNumber: number,
  flagBits: number,
): void {
  view.setInt32(at, portWord);
  view.setInt32(at + 4, sequenceNumber);
  view.setInt32(at + 8, acknowledgmentNumber);
  view.setUint8(at + 12, 0x50);
  view.setUint8(at + 13, flagBits);
  view.setUint16(at + 14, 0);
  view.setUint32(at + 16, 0);
}

/** tcpdump's letters, in its order. */
const FLAG_LETTERS: readonly [flag: number, letter: string][] = [
  [FIN, 'F'],
  [SYN, 'S'],
  [RST, 'R'],
  [PSH, 'P'],
  [ACK, '.'],
  [URG, 'U'],
  [ECE, 'E'],
  [CWR, 'W'],
];

export const formatFlags = (flagBits: number): string =>
  FLAG_LETTERS.filter(([flag]) => (flagBits & flag) !== 0)
    .map(([, letter]) => letter)
    .join('') || 'none';

/** One line, as `tcpdump -S` prints it. `bytes`: of the segment by the IP header; the whole TCP header is there. */
export function format(view: DataView, at: number, bytes: number): string {
  const header = headerBytes(view, at);
  const payload = bytes - header;
  const flagBits = flags(view, at);
  const first = sequence(view, at) >>> 0;
  const parts = [`Flags [${formatFlags(flagBits)}]`];
  if (payload > 0) parts.push(`seq ${first}:${(first + payload) >>> 0}`);
  else if ((flagBits & (SYN | FIN | RST)) !== 0) parts.push(`seq ${first}`);
  if ((flagBits & ACK) !== 0) parts.push(`ack ${acknowledgment(view, at) >>> 0}`);
  parts.push(`win ${window(view, at)}`);
  if ((flagBits & URG) !== 0) parts.push(`urg ${view.getUint16(at + 18)}`);
  const options = formatOptions(view, at, at + header);
  if (options !== '') parts.push(`options [${options}]`);
  return `${parts.join(', ')}, length ${payload}`;
}

function formatOptions(view: DataView, at: number, end: number): string {
  const texts: string[] = [];
  for (let option = at + MIN_HEADER_BYTES; option < end; ) {
    const kind = view.getUint8(option);
    const bytes = kind <= OPTION_NOP ? 1 : option + 1 < end ? view.getUint8(option + 1) : 0;
    if (bytes === 0 || (kind > OPTION_NOP && bytes < 2) || option + bytes > end) break;
    texts.push(formatOption(view, option, kind, bytes));
    if (kind === OPTION_END) break;
    option += bytes;
  }
  return texts.join(',');
}

function formatOption(view: DataView, option: number, kind: number, bytes: number): string {
  if (kind === OPTION_END) return 'eol';
  if (kind === OPTION_NOP) return 'nop';
  if (kind === OPTION_MSS && bytes === MSS_OPTION_BYTES) return `mss ${view.getUint16(option + 2)}`;
  if (kind === OPTION_WINDOW_SCALE && bytes === WINDOW_SCALE_OPTION_BYTES)
    return `wscale ${view.getUint8(option + 2)}`;
  if (kind === 4 && bytes === 2) return 'sackOK';
  if (kind === 8 && bytes === 10)
    return `TS val ${view.getUint32(option + 2)} ecr ${view.getUint32(option + 6)}`;
  if (kind === 5 && (bytes - 2) % 8 === 0) {
    const blocks = (bytes - 2) / 8;
    const edges = Array.from({ length: blocks }, (_, i) => {
      const block = option + 2 + 8 * i;
      return `{${view.getUint32(block)}:${view.getUint32(block + 4)}}`;
    });
    return `sack ${blocks} ${edges.join('')}`;
  }
  return `unknown-${kind}`;
}
