/** What the contracts of the engines stand on: an engine per test, its slots counted, frames to send. */
import type { FrameEngine } from '../../../src/io/engine.ts';
import type { EngineOptions } from '../../../src/io/engines/engine-state.ts';
import { stopForwarders } from '../testbed.ts';

export interface EngineUnderTest {
  readonly engine: FrameEngine;
  /** Slots that lie empty at the kernel. */
  slotsOffered(): number;
}

export type CreateEngine = (options: EngineOptions) => EngineUnderTest;
export type EngineTest = (bench: EngineUnderTest) => void | Promise<void>;

/** Run `body` with an engine that is closed afterwards, forwarders stopped. */
export const engineRunner =
  (create: CreateEngine) =>
  (options: Partial<EngineOptions>, body: EngineTest) =>
  async (): Promise<void> => {
    const bench = create({ maxPorts: 8, slots: 256, busyPollUs: 0, ...options });
    try {
      await body(bench);
    } finally {
      await stopForwarders();
      bench.engine.close();
    }
  };

/** Slots that are neither free nor at the kernel. */
export const slotsAway = ({ engine, slotsOffered }: EngineUnderTest): number =>
  engine.arena.slotCount - engine.arena.freeCount - slotsOffered();

/** Broadcast destination, a local source, and an EtherType for experiments (IEEE 802). */
export function ethernetFrame(length: number, mark: number): Buffer {
  const frame = Buffer.alloc(length, mark);
  frame.fill(0xff, 0, 6);
  frame.write('020000000001', 6, 'hex');
  frame.writeUInt16BE(0x88b5, 12);
  return frame;
}
