/** iproute2 as a batch: one process for many changes, and errors that name the change that failed. */
import { spawn, spawnSync } from 'node:child_process';

/** Longest time that one batch may take. */
const TIMEOUT_MS = 20_000;

/**
 * Run `ip -batch` over `commands` (lines without the leading `ip`), inside namespace `netns` when given. Stops at
 * the first that fails and throws an Error whose message is `cannot PURPOSE: "ip COMMAND" said: TEXT`.
 */
export function runIpBatch(purpose: string, commands: readonly string[], netns?: string): void {
  const batch = { purpose, commands, netns };
  checkBatch(batch);
  const { error, status, stderr } = spawnSync('ip', argumentsOf(batch), {
    input: inputOf(batch),
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  if (error || status !== 0) throw failure(batch, error, status, stderr);
}

export interface IpBatch {
  readonly purpose: string;
  readonly commands: readonly string[];
  readonly netns?: string;
}

/** Processes at a time: each waits for the kernel's one lock on network devices for a part of its time. */
const AT_A_TIME = 8;

/** The same for many batches, several at a time in any order. Rejects after all have ended, with one of their errors. */
export async function runIpBatches(batches: readonly IpBatch[]): Promise<void> {
  for (const batch of batches) checkBatch(batch);
  const left = [...batches];
  const work = async (): Promise<void> => {
    for (let batch = left.shift(); batch !== undefined; batch = left.shift()) await runAside(batch);
  };
  const outcomes = await Promise.allSettled(Array.from({ length: AT_A_TIME }, work));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

function runAside(batch: IpBatch): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('ip', argumentsOf(batch), {
      stdio: ['pipe', 'ignore', 'pipe'],
      timeout: TIMEOUT_MS,
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // A process that ends before it has read everything reports the reason by its status.
    child.stdin.on('error', () => {});
    child.on('error', (error) => reject(failure(batch, error, null, '')));
    child.on('close', (status) => {
      if (status === 0) resolve();
      else reject(failure(batch, undefined, status, stderr));
    });
    child.stdin.end(inputOf(batch));
  });
}

function checkBatch({ purpose, commands }: IpBatch): void {
  const words = commands.find((command) => /[\n\0\\#]/.test(command));
  if (words !== undefined) throw new RangeError(`cannot ${purpose}: "${words}" is no single ip command`);
}

const argumentsOf = ({ netns }: IpBatch): string[] => [
  ...(netns === undefined ? [] : ['-netns', netns]),
  '-batch',
  '-',
];

const inputOf = ({ commands }: IpBatch): string => `${commands.join('\n')}\n`;

function failure(
  { purpose, commands, netns }: IpBatch,
  error: Error | undefined,
  status: number | null,
  stderr: string,
): Error {
  if (error) return new Error(`cannot ${purpose}: ip(8) could not be run: ${error.message}`);
  const said = stderr
    .replace(/^Command failed .*$/gm, '')
    .trim()
    .replace(/\s+/g, ' ');
  const command = failedCommand(commands, stderr);
  const what = command === undefined ? 'ip -batch' : `"ip ${command}"`;
  const where = netns === undefined ? '' : ` in namespace ${netns}`;
  return new Error(`cannot ${purpose}: ${what}${where} said: ${said || `exit status ${status}`}`);
}

/** ip(8) reports `Command failed -:LINE`; for an invalid word it omits that, but quotes the word. */
function failedCommand(commands: readonly string[], stderr: string): string | undefined {
  const line = /^Command failed -:(\d+)$/m.exec(stderr)?.[1];
  if (line !== undefined) return commands[Number(line) - 1];
  if (commands.length === 1) return commands[0];
  const word = /"([^"]+)"/.exec(stderr)?.[1];
  return word === undefined ? undefined : commands.find((command) => command.split(' ').includes(word));
}
