/** Namespaces, commands inside them and a forwarding loop, for tests with real devices and real stacks. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { deleteNamespace, ensureNamespace } from '../../src/io/devices/namespace.ts';
import type { FrameEngine } from '../../src/io/engine.ts';

const namespaces = new Set<string>();
const children = new Set<ChildProcess>();
let lastNumber = 0;

/** A new namespace with a name that no other test process uses; it goes when the process ends. */
export function makeNamespace(): string {
  const name = `slt-${process.pid}-${++lastNumber}`;
  ensureNamespace(name);
  namespaces.add(name);
  return name;
}

export function dropNamespace(name: string): void {
  if (namespaces.delete(name)) deleteNamespace(name);
}

// A test runner's time limit must not leave namespaces behind.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const name of namespaces) {
    try {
      deleteNamespace(name);
    } catch (error) {
      console.error(String(error));
    }
  }
});

/** Run a command to its end in a namespace: for configuration, while no traffic is needed. */
export const inNamespace = (netns: string, ...command: string[]): string =>
  execFileSync('ip', ['netns', 'exec', netns, ...command], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** Start a command in a namespace. */
export function startInNamespace(netns: string, ...command: string[]): ChildProcess {
  const child = spawn('ip', ['netns', 'exec', netns, ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  child.on('exit', () => children.delete(child));
  return child;
}

export interface Finished {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Run a command in a namespace while the event loop, and with it `runForwarder`, goes on. */
export function finishInNamespace(netns: string, ...command: string[]): Promise<Finished> {
  const child = startInNamespace(netns, ...command);
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout!.on('data', (data: Buffer) => stdout.push(data));
  child.stderr!.on('data', (data) => (stderr += data));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout: Buffer.concat(stdout), stderr }));
  });
}

export interface Forwarder {
  frames: number;
  longestFrame: number;
  gone: number[];
  /** Called for each frame; default: ports 0 and 1, 2 and 3, … are joined. */
  destination: (port: number) => number;
  stop(): Promise<void>;
}

const running = new Set<Forwarder>();

/** Stop all forwarders: those that a failed test has left behind. */
export async function stopForwarders(): Promise<void> {
  await Promise.all([...running].map((forwarder) => forwarder.stop()));
}

/** Forward frames on this thread, in turns with the event loop. */
export function runForwarder(engine: FrameEngine): Forwarder {
  let stopping = false;
  let stopped = () => {};
  const done = new Promise<void>((resolve) => (stopped = resolve));
  const forwarder: Forwarder = {
    frames: 0,
    longestFrame: 0,
    gone: [],
    destination: (port) => port ^ 1,
    stop: () => {
      stopping = true;
      running.delete(forwarder);
      return done;
    },
  };
  running.add(forwarder);
  const turn = () => {
    for (let batches = 0; batches < 100; batches++) {
      const count = engine.receive(1000);
      for (let i = 0; i < count; i++) {
        const slot = engine.batch.slot[i]!;
        const length = engine.batch.length[i]!;
        forwarder.frames++;
        if (length > forwarder.longestFrame) forwarder.longestFrame = length;
        engine.transmit(forwarder.destination(engine.batch.port[i]!), slot, engine.batch.offset[i]!, length);
        engine.arena.release(slot);
      }
      if (engine.gonePorts > 0) forwarder.gone.push(...engine.takeGonePorts());
      if (count === 0) break;
    }
    if (stopping) stopped();
    else setImmediate(turn);
  };
  turn();
  return forwarder;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Wait until `condition` holds; throws after `timeoutMs`. */
export async function until(what: string, condition: () => boolean, timeoutMs = 30_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(5);
  }
}
