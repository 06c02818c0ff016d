// The README's first steps, as they stand there, in namespaces of their own; nothing outlives them.
// timeout: 400s
// serial
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CHECKOUT } from '../support/paths.ts';

const test = suite('README');

const readme = readFileSync(join(CHECKOUT, 'README.md'), 'utf8');

/** The shell block under a heading. */
function blockOf(heading: string): string {
  const section = readme.slice(readme.indexOf(`\n## ${heading}\n`));
  return /```sh\n([\s\S]*?)```/.exec(section)![1]!;
}

/** Nothing of this machine's run directory or namespaces is seen or touched. */
const ALONE = `mount -t tmpfs tmpfs /run && mkdir -p /run/netns && ip link set lo up && set -e -o pipefail`;

test('the first steps work, word by word', () => {
  const script = `${ALONE}\n${blockOf('First steps')}`;
  const arguments_ = [
    '--mount',
    '--net',
    '--pid',
    '--fork',
    '--mount-proc',
    '--propagation',
    'private',
    'bash',
    '-c',
    script,
  ];
  const env = { ...process.env, SLUICE_RUN_DIR: undefined };
  const { status, stdout, stderr } = spawnSync('unshare', arguments_, {
    cwd: CHECKOUT,
    env,
    encoding: 'utf8',
    timeout: 360_000,
  });
  const said = `${stdout}${stderr}`;
  assert.is(status, 0, said);
  assert.match(said, 'examples/one-host.yaml: ok');
  assert.match(said, /sluice h1: 3 ports, 1 group/);
  assert.match(said, 'Directory listing');
  assert.match(said, /app2 .*active/);
});

test.run();
