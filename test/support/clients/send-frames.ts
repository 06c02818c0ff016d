/**
 * node send-frames.js [--vnet]: frames, one per line of standard input in hex, out of eth0 as they are. For what a
 * well-behaved kernel would not send. With --vnet each line begins with the 12 bytes of virtio_net_hdr_v1. Runs inside
 * a VM.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPacketSocket } from '../../../src/native/network/packet-socket.ts';

/** The device's queue holds some hundred frames. */
const FRAMES_AT_ONCE = 200;

const VNET_BYTES = 12;

const vnetHeader = process.argv.includes('--vnet') ? 'auto' : 0;
const { fd, vnetHeaderBytes } = openPacketSocket('eth0', { promiscuous: false, vnetHeader });
/** Of the header the older form lacks the last two bytes. */
const kept = (line: Buffer): Buffer =>
  vnetHeaderBytes === 10 ? Buffer.concat([line.subarray(0, 10), line.subarray(VNET_BYTES)]) : line;

let sentFrames = 0;
for await (const line of createInterface({ input: process.stdin })) {
  if (++sentFrames % FRAMES_AT_ONCE === 0) await sleep(5);
  const frame = kept(Buffer.from(line, 'hex'));
  for (let sent = false; !sent; ) {
    try {
      writeSync(fd, frame);
      sent = true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EAGAIN' && code !== 'ENOBUFS') throw error;
    }
  }
}
