/**
 * node send-frames.js: frames, one per line of standard input in hex, out of eth0 as they are. For what a well-behaved
 * kernel would not send. Runs inside a VM.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPacketSocket } from '../../../src/native/packet-socket.ts';

/** The device's queue holds some hundred frames. */
const FRAMES_AT_ONCE = 200;

const { fd } = openPacketSocket('eth0', { promiscuous: false, vnetHeader: 0 });

let sentFrames = 0;
for await (const line of createInterface({ input: process.stdin })) {
  if (++sentFrames % FRAMES_AT_ONCE === 0) await sleep(5);
  const frame = Buffer.from(line, 'hex');
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
