import type { Command } from 'commander';
import type { Configuration } from '../../config/model/model.ts';
import { ConfigError, formatProblem, type Problem } from '../../config/model/problems.ts';
import { printResult } from '../output.ts';

interface CheckResult {
  file: string;
  ok: boolean;
  problems: readonly Problem[];
}

export function addConfigCheck(parent: Command): void {
  parent
    .command('check')
    .description('tell every problem of a configuration at once: where, what was found, what was expected')
    .requiredOption('-c, --config <file>', 'configuration, YAML')
    .action(async ({ config: file }: { config: string }, command: Command) => {
      const { loadConfiguration } = await import('../../config/load.ts');
      try {
        const configuration = loadConfiguration(file);
        const result: CheckResult = { file, ok: true, problems: [] };
        await printResult(command, result, () => `${file}: ok, ${summaryOf(configuration)}\n`);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const result: CheckResult = { file, ok: false, problems: error.problems };
        await printResult(command, result, ({ problems }) =>
          problems.map((problem) => `${formatProblem(file, problem)}\n`).join(''),
        );
        process.stderr.write(`sluice: ${file}: ${counted(error.problems.length, 'problem')}\n`);
        process.exitCode = 2;
      }
    });
}

const summaryOf = ({ networks, ports, groups }: Configuration): string =>
  [counted(networks.length, 'network'), counted(ports.length, 'port'), counted(groups.length, 'group')].join(
    ', ',
  );

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
