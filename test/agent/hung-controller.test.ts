// A controller that hangs (SIGSTOP): its kernel takes connections, and nobody answers. The agent keeps trying, and
// keeps no sockets.
// timeout: 90s
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createControllerLink } from '../../src/agent/controller-link.ts';
import { makeCertificates, parseHolders } from '../../src/cli/development-ca.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { onEnd, until } from '../support/command.ts';
import { freeze } from '../support/freeze.ts';
import { TestAgent, TestLog } from '../support/link.ts';

const test = suite('hung controller');

const directory = mkdtempSync(join(tmpdir(), 'sluice-hung-'));
onEnd(() => rmSync(directory, { recursive: true, force: true }));
const tls = {
  ca: join(directory, 'ca.pem'),
  cert: join(directory, 'h1.pem'),
  key: join(directory, 'h1.key'),
};

const LISTENER = `require('node:net').createServer(() => {}).listen(0, '127.0.0.1', function () {
  console.log(this.address().port);
})`;

async function hungListener(): Promise<{ address: string; child: ChildProcess }> {
  const child = spawn(process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout!, 'data');
  freeze(child.pid!);
  return { address: `127.0.0.1:${String(port).trim()}`, child };
}

const sockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => /^(TCP|TLS)/.test(name)).length;

const ATTEMPTS = 25;
/** Those of the attempt that is being made, and of the ones that ended within the last half second. */
const AT_MOST = 16;

for (const [name, files] of [
  ['in the clear', undefined],
  ['over TLS', tls],
] as const) {
  test(`${name}: sockets are bounded while it hangs, and gone afterwards`, async () => {
    await makeCertificates(directory, parseHolders('h1', 'hosts'));
    const { address, child } = await hungListener();
    const link = createControllerLink({
      runtime: systemRuntime,
      controllers: [address],
      tls: files,
      handler: new TestAgent(),
      log: new TestLog(),
      timing: {
        attachTimeoutMs: 100,
        firstPauseMs: 1,
        pauseMs: 1,
        eagerMs: 60_000,
        maxPauseMs: 10,
        followerMs: 100,
        unreachableMs: 1,
      },
    });
    try {
      await until('many attempts', () => link.status.failures >= ATTEMPTS);
      assert.ok(sockets() <= AT_MOST, `${sockets()} sockets after ${link.status.failures} attempts`);
      await link.close();
      await until('no socket is left', () => sockets() === 0, 5000);
    } finally {
      await link.close();
      child.kill('SIGKILL');
    }
  });
}

test.run();
