/**
 * Sluice's frame engine with nothing behind it: two TAPs, each frame of one is sent to the other. It is the
 * most that this way of moving frames can do; what Sluice loses against it is the price of its processing.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  addNamespace,
  type Context,
  configureInterface,
  type Forwarder,
  interfaceOf,
  makeDirectory,
  namespaceOf,
  SERVER_ADDRESS,
} from '../environment.ts';
import { Daemon } from '../process.ts';

const READY_TIMEOUT_MS = 10_000;
const sides = ['client', 'server'] as const;

export function bareForwarder(context: Context): Forwarder {
  const directory = makeDirectory(context, 'bare');
  let daemon: Daemon | undefined;
  return {
    name: 'bare',
    destination: SERVER_ADDRESS,
    async start() {
      const namespace = await addNamespace('bare', 'host');
      const script = join(context.root, 'dist', 'test', 'bench', 'bare-forwarder.js');
      const ends = sides.map((side) => namespaceOf('bare', side));
      const args = [script, context.engine, String(context.busyPollUs), ...ends];
      daemon = new Daemon(process.execPath, args, join(directory, 'log'), { namespace });
      const arrived = () => sides.every((side) => existsSync(interfaceOf(side)));
      await daemon.waitUntil(arrived, READY_TIMEOUT_MS);
      for (const side of sides) await configureInterface('bare', side);
    },
    pids: () => (daemon?.running ? [daemon.pid] : []),
    version: async () => `engine ${context.engine}, Node ${process.version}`,
    async stop() {
      await daemon?.stop();
    },
  };
}
