/** The log: one line of plain text per event on stderr, for people, journald and files. */
import { writeSync } from 'node:fs';
import { type Logger, pino } from 'pino';

const STDERR = 2;
const MAX_TEXT_LENGTH = 8192;
const LEVEL_NAMES: Readonly<Record<number, string>> = {
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

interface Entry {
  level: number;
  time: number;
  msg?: string;
  err?: { stack?: string };
}

/** `2026-01-31T12:00:00.000Z warn  port web1: …`; a stack trace follows on lines of its own. */
export function formatEntry(json: string): string {
  const { level, time, msg, err } = JSON.parse(json) as Entry;
  const head = `${new Date(time).toISOString()} ${(LEVEL_NAMES[level] ?? String(level)).padEnd(5)}`;
  const stack = err?.stack === undefined ? '' : `\n${err.stack}`;
  return `${head} ${cut(msg ?? '')}${cut(stack)}\n`;
}

/** Lines may quote data of unbounded length from other machines. */
function cut(text: string): string {
  return text.length <= MAX_TEXT_LENGTH
    ? text
    : `${text.slice(0, MAX_TEXT_LENGTH)}… (${text.length} characters)`;
}

/**
 * Writes each line at once, so that a crash loses none. SLUICE_LOG is the lowest level logged: debug, info,
 * warn, error.
 */
export const createLog = (): Logger =>
  pino(
    { base: null, level: process.env.SLUICE_LOG ?? 'info' },
    {
      write(json: string): void {
        try {
          writeSync(STDERR, formatEntry(json));
        } catch {
          // stderr is closed or its disk is full: the process keeps running without a log.
        }
      },
    },
  );
