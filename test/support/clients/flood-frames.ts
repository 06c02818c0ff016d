/**
 * node flood-frames.js PACKETS_PER_SECOND: the frames of standard input, one per line in hex, out of eth0 over and over, until
 * it is terminated. Prints the number of frames sent so far once a second. Runs inside a VM.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { openPacketSocket } from '../../../src/native/network/packet-socket.ts';

const STEP_MS = 5;

const perStep = (Number(process.argv[2]) * STEP_MS) / 1_000;
const { fd } = openPacketSocket('eth0', { promiscuous: false, vnetHeader: 0 });
const frames: Buffer[] = [];
for await (const line of createInterface({ input: process.stdin })) frames.push(Buffer.from(line, 'hex'));

let sent = 0;
let next = 0;
let due = 0;
setInterval(() => {
  // What a late timer has missed is not made up for: the rate is an upper bound.
  due = Math.min(due + perStep, 2 * perStep);
  for (; due >= 1; due--) {
    try {
      writeSync(fd, frames[next++ % frames.length]!);
      sent++;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EAGAIN' && code !== 'ENOBUFS') throw error;
    }
  }
}, STEP_MS);
setInterval(() => console.log(sent), 1_000);
