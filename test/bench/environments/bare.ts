/**
 * Sluice's frame engine with nothing behind it: two TAPs, each frame of one is sent to the other. It is the
 * most that this way of moving frames can do; what Sluice loses against it is the price of its processing.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  addNamespace,
  CLIENT_ADDRESS,
  type Context,
  type Forwarder,
  makeDirectory,
  namespaceOf,
  PREFIX_BITS,
  UDP_SERVER_ADDRESS,
} from '../environment.ts';
import { Daemon } from '../process.ts';

const READY_TIMEOUT_MS = 10_000;

export function bareForwarder(context: Context): Forwarder {
  const log = join(makeDirectory(context, 'bare'), 'log');
  let daemon: Daemon | undefined;
  const said = (): string => readFileSync(log, 'utf8');
  return {
    name: 'bare',
    destination: UDP_SERVER_ADDRESS,
    async start() {
      const namespace = await addNamespace('bare', 'host');
      const script = join(context.root, 'dist', 'test', 'bench', 'bare-forwarder.js');
      const ends = [
        `${namespaceOf('bare', 'client')}=${CLIENT_ADDRESS}/${PREFIX_BITS}`,
        `${namespaceOf('bare', 'server')}=${UDP_SERVER_ADDRESS}/${PREFIX_BITS}`,
      ];
      const engine = ['--engine', context.engine, '--busy-poll-us', String(context.busyPollUs)];
      daemon = new Daemon(process.execPath, [script, ...engine, '--ports', ends.join(',')], log, {
        namespace,
      });
      await daemon.waitUntil(() => /^ready$/m.test(said()), READY_TIMEOUT_MS);
    },
    pids: () => (daemon?.running ? [daemon.pid] : []),
    version: async () => said().split('\n', 1)[0]!,
    async stop() {
      await daemon?.stop();
    },
  };
}
