/** A single frame of a capture, for `sluice trace --pcap`. */
import { type CapturePacket, LINKTYPE_ETHERNET } from '../io/captures/capture.ts';
import { readCaptureFile } from '../io/captures/capture-file.ts';

/**
 * Bytes of the frame with this number, from 1. Throws Error: the file cannot be read, has fewer frames, or the frame is
 * truncated or no Ethernet.
 */
export function nthFrame(path: string, number: number): Uint8Array {
  const reader = readCaptureFile(path);
  let packet: CapturePacket | null = null;
  for (let i = 1; i <= number; i++) {
    packet = reader.next();
    if (packet === null) throw new Error(`${path}: found ${i - 1} frames, expected at least ${number}`);
  }
  const { bytes, originalLength, interfaceIndex } = packet!;
  const { linkType, fcsBytes } = reader.interfaces[interfaceIndex]!;
  if (linkType !== LINKTYPE_ETHERNET)
    throw new Error(`${path}: found link type ${linkType}, expected ${LINKTYPE_ETHERNET} (Ethernet)`);
  if (originalLength > bytes.length)
    throw new Error(`${path}: frame ${number} is truncated: ${bytes.length} of ${originalLength} bytes`);
  return bytes.slice(0, bytes.length - fcsBytes);
}
