/** iproute2 as a batch: one process for many changes, and errors that name the change that failed. */
import { spawnSync } from 'node:child_process';

/** Longest time that one batch may take. */
const TIMEOUT_MS = 20_000;

/**
 * Run `ip -batch` over `commands` (lines without the leading `ip`), inside namespace `netns` when given. Stops at
 * the first that fails and throws an Error whose message is `cannot PURPOSE: "ip COMMAND" said: TEXT`.
 */
export function runIpBatch(purpose: string, commands: readonly string[], netns?: string): void {
  const words = commands.find((command) => /[\n\0\\#]/.test(command));
  if (words !== undefined) throw new RangeError(`cannot ${purpose}: "${words}" is no single ip command`);
  const inNamespace = netns === undefined ? [] : ['-netns', netns];
  const run = spawnSync('ip', [...inNamespace, '-batch', '-'], {
    input: `${commands.join('\n')}\n`,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  if (run.error) throw new Error(`cannot ${purpose}: ip(8) could not be run: ${run.error.message}`);
  if (run.status === 0) return;
  const said = run.stderr
    .replace(/^Command failed .*$/gm, '')
    .trim()
    .replace(/\s+/g, ' ');
  const command = failedCommand(commands, run.stderr);
  const what = command === undefined ? 'ip -batch' : `"ip ${command}"`;
  const where = netns === undefined ? '' : ` in namespace ${netns}`;
  throw new Error(`cannot ${purpose}: ${what}${where} said: ${said || `exit status ${run.status}`}`);
}

/** ip(8) says `Command failed -:LINE`; for a wrong word it exits without, but quotes the word. */
function failedCommand(commands: readonly string[], stderr: string): string | undefined {
  const line = /^Command failed -:(\d+)$/m.exec(stderr)?.[1];
  if (line !== undefined) return commands[Number(line) - 1];
  if (commands.length === 1) return commands[0];
  const word = /"([^"]+)"/.exec(stderr)?.[1];
  return word === undefined ? undefined : commands.find((command) => command.split(' ').includes(word));
}
