/** Runs the compiled command line as users do: as a process. */
import { spawn } from 'node:child_process';

const MAIN = new URL('../../src/cli/main.js', import.meta.url).pathname;

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Relative paths start at the repository's root. */
export function sluice(args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  const cwd = new URL('../../../', import.meta.url).pathname;
  const { SLUICE_RUN_DIR: _ignored, ...inherited } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: { ...inherited, ...env },
    timeout: 20_000,
  });
  const result: Result = { code: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    result.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    result.stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...result, code }));
  });
}
