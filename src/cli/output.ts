/** Results on stdout, as table, JSON or YAML. */
import type { Command } from 'commander';
import { type OutputFormat, settingsOf } from './settings.ts';

/** Writes a result as the user wants it; JSON and YAML have it whole, a table is for reading. */
export async function printResult<Result>(
  command: Command,
  result: Result,
  asTable: (result: Result) => string,
): Promise<void> {
  process.stdout.write(await formatResult(settingsOf(command).output, result, asTable));
}

export async function formatResult<Result>(
  format: OutputFormat,
  result: Result,
  asTable: (result: Result) => string,
): Promise<string> {
  if (format === 'table') return asTable(result);
  if (format === 'json') return asJson(result);
  const { stringify } = await import('yaml'); // costs as much as the rest of the program
  return stringify(result);
}

export const asJson = (result: unknown): string => `${JSON.stringify(result, null, 2)}\n`;
