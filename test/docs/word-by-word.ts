/** Runs commands of documents as they stand there, in namespaces of their own; nothing outlives them. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKOUT } from '../support/paths.ts';

/** The shell blocks of a document, or of one of its sections. */
export function blocksOf(document: string, heading?: string): string[] {
  const text = readFileSync(join(CHECKOUT, document), 'utf8');
  const from = heading === undefined ? 0 : text.indexOf(`\n## ${heading}\n`);
  const to = heading === undefined ? -1 : text.indexOf('\n## ', from + 1);
  const section = text.slice(from, to < 0 ? undefined : to);
  return [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block!);
}

/** Nothing of this machine's run directory or namespaces is seen or touched. */
const ALONE = `mount -t tmpfs tmpfs /run && mkdir -p /run/netns && ip link set lo up && set -e -o pipefail`;

export interface Said {
  readonly status: number | null;
  readonly text: string;
}

export function runAlone(script: string, timeoutMs: number): Said {
  const namespaces = ['--mount', '--net', '--pid', '--fork', '--mount-proc', '--propagation', 'private'];
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    [...namespaces, 'bash', '-c', `${ALONE}\n${script}`],
    {
      cwd: CHECKOUT,
      env: { ...process.env, SLUICE_RUN_DIR: undefined },
      encoding: 'utf8',
      timeout: timeoutMs,
    },
  );
  return { status, text: `${stdout}${stderr}` };
}
