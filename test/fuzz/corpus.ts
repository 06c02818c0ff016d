/** Where fuzzing starts: the frames of all golden captures, and the shrunken ones that earlier runs found. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCaptureFile } from '../../src/io/captures/capture-file.ts';
import { LINKTYPE_VNET } from '../../src/replay/replay.ts';
import { CAPTURES, type Testbed } from '../replay/testbed.ts';
import { CHECKOUT } from '../support/paths.ts';
import type { FuzzFrame } from './mutate.ts';

export const FOUND = join(CHECKOUT, 'test/fuzz/corpus.json');

/** As stored: hexadecimal, with the outcome that made the frame worth keeping. */
export interface FoundFrame {
  readonly outcome: string;
  readonly port: string;
  readonly vnetHeader: string;
  readonly frame: string;
}

export function capturedFrames(bed: Testbed): FuzzFrame[] {
  const frames: FuzzFrame[] = [];
  const names = readdirSync(`${CAPTURES}/input`).filter((name) => name.endsWith('.pcapng'));
  for (const name of names.sort()) {
    const reader = readCaptureFile(`${CAPTURES}/input/${name}`);
    for (const { bytes, interfaceIndex } of reader) {
      const header = reader.interfaces[interfaceIndex]!.linkType === LINKTYPE_VNET ? 12 : 0;
      // Copies: the reader gives Buffers, whose slice shares their bytes.
      const frame = Uint8Array.from(bytes.subarray(header));
      const vnetHeader = header === 0 ? new Uint8Array(12) : Uint8Array.from(bytes.subarray(0, header));
      frames.push({ port: bed.ingressOf(frame), bytes: frame, vnetHeader });
    }
  }
  return frames;
}

export function foundFrames(): FuzzFrame[] {
  const stored: FoundFrame[] = JSON.parse(readFileSync(FOUND, 'utf8'));
  return stored.map(({ port, vnetHeader, frame }) => ({
    port,
    bytes: Uint8Array.from(Buffer.from(frame, 'hex')),
    vnetHeader: Uint8Array.from(Buffer.from(vnetHeader, 'hex')),
  }));
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export const asFound = (outcome: string, { port, bytes, vnetHeader }: FuzzFrame): FoundFrame => ({
  outcome,
  port,
  vnetHeader: hex(vnetHeader),
  frame: hex(bytes),
});

export function storeFound(frames: readonly FoundFrame[]): void {
  const lines = frames.map((frame) => JSON.stringify(frame));
  writeFileSync(FOUND, `[\n${lines.join(',\n')}\n]\n`);
}

/** The shortest and plainest frame that still has the property: cut from the end, then zeroed byte by byte. */
export function shrunken(frame: FuzzFrame, stillHolds: (frame: FuzzFrame) => boolean): FuzzFrame {
  let best = frame;
  for (let cut = best.bytes.length >> 1; cut > 0; ) {
    const shorter = { ...best, bytes: best.bytes.slice(0, best.bytes.length - cut) };
    if (cut <= best.bytes.length && stillHolds(shorter)) best = shorter;
    else cut >>= 1;
  }
  for (const part of ['vnetHeader', 'bytes'] as const) {
    for (let i = 0; i < best[part].length; i++) {
      if (best[part][i] === 0) continue;
      const plainer = { ...best, [part]: best[part].slice() };
      plainer[part][i] = 0;
      if (stillHolds(plainer)) best = plainer;
    }
  }
  return best;
}
