/**
 * Which test files there are, and how each wants to be run. Directives stand in comment lines at the very top:
 *
 *     // timeout: 300s     default 120 s
 *     // serial            alone, not beside another file; test/e2e and test/bench always are
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TestFile {
  /** Path of the source, relative to the checkout: test/wire/tcp.test.ts. */
  readonly source: string;
  /** Absolute path of the compiled file. */
  readonly compiled: string;
  /** The compiled file is missing: it cannot be run, and must not be left out. */
  readonly missing: boolean;
  readonly timeoutMs: number;
  readonly serial: boolean;
}

const DEFAULT_TIMEOUT_MS = 120_000;
const ALWAYS_SERIAL = ['test/e2e/', 'test/bench/'];

/** Every *.test.ts under ROOT/test, by path. */
export function discover(root: string): TestFile[] {
  return readdirSync(join(root, 'test'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort()
    .map((source) => describe(root, source));
}

function describe(root: string, source: string): TestFile {
  const compiled = join(root, 'dist', source.replace(/\.ts$/, '.js'));
  const directives = parseDirectives(readFileSync(join(root, source), 'utf8'), source);
  return {
    source,
    compiled,
    missing: !existsSync(compiled),
    timeoutMs: directives.timeoutMs,
    serial: directives.serial || ALWAYS_SERIAL.some((room) => source.startsWith(room)),
  };
}

/** Reads the leading `//` lines. Throws when a line looks like a directive but is none. */
export function parseDirectives(text: string, source: string): { timeoutMs: number; serial: boolean } {
  let timeoutMs = DEFAULT_TIMEOUT_MS;
  let serial = false;
  for (const line of text.split('\n')) {
    if (!line.startsWith('//')) break;
    const timeout = /^\/\/ timeout: (\d+)s$/.exec(line);
    if (timeout) timeoutMs = Number(timeout[1]) * 1000;
    else if (line === '// serial') serial = true;
    else if (/timeout|serial/i.test(line)) {
      throw new Error(`${source}: found directive "${line}", expected "// timeout: 300s" or "// serial"`);
    }
  }
  return { timeoutMs, serial };
}
