import { Argument, type Command } from 'commander';
import { completionScript, SHELLS, type Shell } from '../../completion.ts';

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('shell completion: source <(sluice completion bash)')
    .addArgument(new Argument('<shell>', 'shell to complete in').choices(SHELLS))
    .action((shell: Shell) => {
      process.stdout.write(completionScript(program, shell));
    });
}
