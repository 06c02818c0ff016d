/** A writer (writer.ts) in a process of its own, and what it has said. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { StoreConfig } from '../../../src/config/model/model.ts';
import { onEnd } from '../../support/command.ts';
import { until } from './support.ts';

const WRITER = join(import.meta.dirname, 'writer.js');

export interface Said {
  readonly line: string;
  /** performance.now() of this process when it was read. */
  readonly at: number;
}

export class WriterProcess {
  readonly said: Said[] = [];
  private readonly child: ChildProcess;
  private readonly forgetCleanup: () => void;
  private readonly closed: Promise<unknown>;

  constructor(config: StoreConfig, id: string, paddingBytes = 0) {
    this.child = spawn(process.execPath, [WRITER, JSON.stringify(config), id, String(paddingBytes)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.forgetCleanup = onEnd(() => void this.child.kill('SIGKILL'));
    this.closed = once(this.child, 'close');
    createInterface(this.child.stdout!).on('line', (line) => {
      this.said.push({ line, at: performance.now() });
    });
  }

  /** Until it says a line that begins so, counted from `from`; answers when it did. */
  async saying(start: string, { from = 0, timeoutMs = 30_000 } = {}): Promise<Said> {
    const find = () => this.said.slice(from).find(({ line }) => line.startsWith(start));
    await until(() => find() !== undefined, `"${start}" said`, timeoutMs);
    return find()!;
  }

  /** Until it is a candidate behind the leader of this id. */
  async following(leader: string): Promise<void> {
    await this.saying(`leader ${leader}:1`);
    await delay(500); // it knows the leader: its own key is there in a moment
  }

  /** Number and epoch of the last write that it knows to be done. */
  lastWritten(): { number: number; epoch: number } {
    const line = this.said.findLast(({ line }) => line.startsWith('written'))?.line ?? 'written 0 0';
    const [, number, epoch] = line.split(' ');
    return { number: Number(number), epoch: Number(epoch) };
  }

  signal(signal: 'SIGHUP' | 'SIGSTOP' | 'SIGCONT' | 'SIGUSR2'): void {
    this.child.kill(signal);
  }

  /** All that it has said before is read when this resolves. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.closed;
    this.forgetCleanup();
  }
}
