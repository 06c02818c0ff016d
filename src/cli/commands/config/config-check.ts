import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Configuration } from '../../../config/model/model.ts';
import { ConfigError, formatProblem, type Problem } from '../../../config/problems/problems.ts';
import { printResult } from '../../output.ts';
import { settingsOf } from '../../settings.ts';

interface CheckResult {
  file: string;
  ok: boolean;
  problems: readonly Problem[];
  /** Valid settings that are probably mistakes. */
  warnings: readonly string[];
}

const HELP = `
The checks are those of \`up\` and \`controller\`. Some depend on this machine: interfaces of uplinks, names of interfaces in VMs'
namespaces, TLS files, addresses and ports of listeners, users of templates. --offline skips them. What the process of the run
directory holds counts as free.`;

export function addConfigCheck(parent: Command): void {
  parent
    .command('check')
    .description(
      'report all problems of a configuration, each with its place, what was found and what was expected',
    )
    .requiredOption('-c, --config <file>', 'configuration, YAML')
    .option('--offline', 'skip the checks that depend on this machine, for a file of another one', false)
    .addHelpText('after', HELP)
    .action(async ({ config: file, offline }: { config: string; offline: boolean }, command: Command) => {
      const { RunDir } = await import('../../../run-dir/run-dir.ts');
      const { checkedConfiguration } = await import('../../../process/checked-configuration.ts');
      const { probeWarnings, warningsOf } = await import('../../../config/warnings.ts');
      try {
        const configuration = checkedConfiguration(
          file,
          offline ? 'offline' : 'this machine',
          new RunDir(resolve(settingsOf(command).runDir)),
        );
        const warnings = [...warningsOf(configuration, Date.now()), ...probeWarnings(configuration)];
        const result: CheckResult = { file, ok: true, problems: [], warnings };
        await printResult(command, result, () => `${file}: ok, ${summaryOf(configuration)}\n`);
        for (const warning of warnings) process.stderr.write(`sluice: ${file}: warning: ${warning}\n`);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const result: CheckResult = { file, ok: false, problems: error.problems, warnings: [] };
        await printResult(command, result, ({ problems }) =>
          problems.map((problem) => `${formatProblem(file, problem)}\n`).join(''),
        );
        const ofFile = offline ? error.problems : problemsOf(() => checkedConfiguration(file, 'offline'));
        const ofMachine = error.problems.length - ofFile.length;
        const hint = ofMachine > 0 ? `, ${ofMachine} of this machine, which --offline skips` : '';
        process.stderr.write(`sluice: ${file}: ${counted(error.problems.length, 'problem')}${hint}\n`);
        process.exitCode = 2;
      }
    });
}

function problemsOf(load: () => unknown): readonly Problem[] {
  try {
    load();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

const summaryOf = ({ networks, ports, groups }: Configuration): string =>
  [counted(networks.length, 'network'), counted(ports.length, 'port'), counted(groups.length, 'group')].join(
    ', ',
  );

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
