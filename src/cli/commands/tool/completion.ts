import { Argument, type Command } from 'commander';
import { completionScript, SHELLS, type Shell } from '../../completion.ts';

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a shell completion script; use: source <(sluice completion bash)')
    .addArgument(new Argument('<shell>', 'shell that the script is for').choices(SHELLS))
    .action((shell: Shell) => {
      process.stdout.write(completionScript(program, shell));
    });
}
