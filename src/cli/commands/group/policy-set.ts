import { type Command, InvalidArgumentError } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { apiOf } from '../../settings.ts';
import { printChanged, waitOption } from '../member/changed.ts';

interface Options {
  file?: boolean;
}

export function addPolicySet(parent: Command): void {
  parent
    .command('set')
    .description("change a group's policy until the next change, or until the file has another policy")
    .argument('<group>', 'name of the group')
    .argument('[kind]', 'even, inverse-load or latency-aware')
    .argument('[setting=value...]', 'settings, as under `policy` in the file', collectSetting, {})
    .option('--file', "return to the file's policy", false)
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice policy set api inverse-load spread=3 interval=2s\n  $ sluice policy set api --file',
    )
    .addOption(waitOption())
    .action(
      async (
        group: string,
        kind: string | undefined,
        settings: Settings,
        { file }: Options,
        command: Command,
      ) => {
        if (file === (kind !== undefined)) command.error('error: expected either a policy kind or --file');
        const { parse } = await import('yaml');
        const values = Object.entries(settings).map(([key, value]) => [key, parse(value)]);
        const policy = file ? null : { kind, ...Object.fromEntries(values) };
        const changed = await apiOf(command).post<Changed>(path`/v1/groups/${group}/policy`, { policy });
        await printChanged(command, changed, group);
      },
    );
}

type Settings = Record<string, string>;

function collectSetting(text: string, before: Settings): Settings {
  const at = text.indexOf('=');
  if (at <= 0) throw new InvalidArgumentError('Expected SETTING=VALUE.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
