/** Results on stdout, as table, JSON or YAML. */
import type { Command } from 'commander';
import { type OutputFormat, settingsOf } from './settings.ts';

/** Text for people; `maxWidth`: of the terminal, in characters, absent: no limit. */
type Formatter<Result> = (result: Result, maxWidth?: number) => string;

/** Writes a result in the chosen format. JSON and YAML are complete; a table is a selection. */
export async function printResult<Result>(
  command: Command,
  result: Result,
  asTable: Formatter<Result>,
): Promise<void> {
  process.stdout.write(await formatResult(settingsOf(command).output, result, asTable));
}

export async function formatResult<Result>(
  format: OutputFormat,
  result: Result,
  asTable: Formatter<Result>,
): Promise<string> {
  if (format === 'table') return asTable(result, terminalWidth());
  if (format === 'wide') return asTable(result);
  if (format === 'json') return asJson(result);
  const { stringify } = await import('yaml'); // loading it takes as long as loading the rest of the program
  return stringify(result);
}

/** Undefined if stdout is not a terminal, or its size is unknown. */
export const terminalWidth = (): number | undefined =>
  process.stdout.isTTY && process.stdout.columns > 0 ? process.stdout.columns : undefined;

export const asJson = (result: unknown): string => `${JSON.stringify(result, null, 2)}\n`;
