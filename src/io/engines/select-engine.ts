/** Which engine moves the frames, and why: what `engine: auto | uring | syscall` of the configuration means. */
import { release } from 'node:os';
import { probeIoUring } from '../../native/uring/io-uring.ts';
import type { FrameEngine } from '../engine.ts';
import type { EngineOptions } from './engine-state.ts';
import { SyscallEngine } from './syscall-engine.ts';
import { UringEngine } from './uring-engine.ts';

export type EngineChoice = 'auto' | 'uring' | 'syscall';

export interface SelectedEngine {
  readonly engine: FrameEngine;
  /** For people, e.g. `auto: Linux 6.18.44 has io_uring with multishot reads`. */
  readonly reason: string;
}

/** Call it on the thread that will use the engine. Throws if `uring` is requested but unavailable. */
export function selectEngine(choice: EngineChoice, options: EngineOptions): SelectedEngine {
  const kernel = `Linux ${release()}`;
  if (choice === 'syscall') return { engine: new SyscallEngine(options), reason: 'asked for' };
  const obstacle = probeIoUring();
  if (choice === 'uring') {
    if (obstacle !== null)
      throw new Error(`engine uring was asked for, but ${kernel} does not offer it: ${obstacle}`);
    return { engine: new UringEngine(options), reason: 'asked for' };
  }
  if (obstacle === null)
    return { engine: new UringEngine(options), reason: `auto: ${kernel} has io_uring with multishot reads` };
  return {
    engine: new SyscallEngine(options),
    reason: `auto: io_uring is not usable on ${kernel}: ${obstacle}`,
  };
}
