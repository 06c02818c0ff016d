/** Options that every command has. */
import { type Command, Option } from 'commander';
import { ApiClient } from './api-client.ts';

const OUTPUT_FORMATS = ['table', 'wide', 'json', 'yaml'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface Settings {
  readonly output: OutputFormat;
  readonly runDir: string;
}

export const outputOption = (): Option =>
  new Option('-o, --output <format>', 'output format; a table fits the terminal, wide has all columns')
    .choices(OUTPUT_FORMATS)
    .default('table');

export const runDirOption = (): Option =>
  new Option('--run-dir <dir>', 'run directory of the process: its API socket, state and log')
    .env('SLUICE_RUN_DIR')
    .default('/run/sluice');

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** For commands that start a process; its child processes read the level from the environment. */
export const logLevelOption = (): Option =>
  new Option('--log-level <level>', 'minimum severity of log messages')
    .env('SLUICE_LOG')
    .choices(LOG_LEVELS)
    .default('info');

export const settingsOf = (command: Command): Settings => command.optsWithGlobals<Settings>();

export const apiOf = (command: Command): ApiClient => new ApiClient(settingsOf(command).runDir);
