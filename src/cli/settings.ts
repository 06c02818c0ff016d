/** Options that every command has. */
import { type Command, Option } from 'commander';
import { ApiClient } from './api-client.ts';

const OUTPUT_FORMATS = ['table', 'json', 'yaml'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface Settings {
  readonly output: OutputFormat;
  readonly runDir: string;
}

export const outputOption = (): Option =>
  new Option('-o, --output <format>', 'form of the result').choices(OUTPUT_FORMATS).default('table');

export const runDirOption = (): Option =>
  new Option('--run-dir <dir>', 'directory that keeps several Sluice processes on one machine apart')
    .env('SLUICE_RUN_DIR')
    .default('/run/sluice');

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** Of the commands that start a process; its own processes find the level in the environment. */
export const logLevelOption = (): Option =>
  new Option('--log-level <level>', 'least severity of what is logged')
    .env('SLUICE_LOG')
    .choices(LOG_LEVELS)
    .default('info');

export const settingsOf = (command: Command): Settings => command.optsWithGlobals<Settings>();

export const apiOf = (command: Command): ApiClient => new ApiClient(settingsOf(command).runDir);
