/**
 * One end of a link as a process, to be run in a network namespace: fleet-peer.js server|agent ADDRESS TLS-DIRECTORY.
 * Prints `attached` and `detached` as they happen.
 */
import { join } from 'node:path';
import { createControllerLink } from '../../src/agent/controller-link.ts';
import { loadTlsFiles } from '../../src/config/tls-files.ts';
import { startFleetServer } from '../../src/controller/agents/fleet-server.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { helloOf, TestLog, welcomeOf } from './link.ts';

const [role, address, directory] = process.argv.slice(2) as [string, string, string];
const log = new TestLog();
const tls = (name: string) => ({
  ca: join(directory, 'ca.pem'),
  cert: join(directory, `${name}.pem`),
  key: join(directory, `${name}.key`),
});

const detached = (reason: string): void => console.log(`detached ${reason}`);

if (role === 'server') {
  await startFleetServer({
    runtime: systemRuntime,
    listen: address,
    tls: loadTlsFiles(tls('c1')),
    log,
    handler: {
      attached(session) {
        session.send({ type: 'welcome', ...welcomeOf('c1') });
        console.log('attached');
        return { received() {}, detached };
      },
    },
  });
  console.log('listening');
} else {
  const handler = {
    hello: () => helloOf('h1'),
    attached: () => console.log('attached'),
    received() {},
    detached,
  };
  createControllerLink({ runtime: systemRuntime, controllers: [address], tls: tls('h1'), log, handler });
}
