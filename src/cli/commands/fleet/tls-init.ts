import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { type Holder, type MadeCertificates, makeCertificates, parseHolders } from '../../development-ca.ts';
import { printResult } from '../../output.ts';

interface Options {
  hosts?: Holder[];
  controllers?: Holder[];
  admins?: Holder[];
  servers?: Holder[];
}

export function addTlsInit(tls: Command): void {
  tls
    .command('init')
    .description('make a development CA, and certificates for hosts, controllers and admins')
    .argument('[DIR]', 'where to; a CA that is there is used again', 'tls')
    .option('--hosts <NAMES>', 'h1,h2: names of hosts, as in their configuration', holdersOf('hosts'))
    .option(
      '--controllers <NAMES>',
      'c1=192.0.2.1: names, with addresses that hosts use; a host with an embedded controller is in both lists',
      holdersOf('controllers'),
    )
    .option('--admins <NAMES>', 'h1: names that may ask for changes of every group', holdersOf('admins'))
    .option('--servers <NAMES>', 'etcd=192.0.2.9: servers that controllers connect to', holdersOf('servers'))
    .action(async (directory: string, options: Options, command: Command) => {
      const { hosts = [], controllers = [], admins = [], servers = [] } = options;
      const holders = [...hosts, ...controllers, ...admins, ...servers];
      if (holders.length === 0)
        command.error('error: found no names, expected --hosts or --controllers', { exitCode: 2 });
      await printResult(command, await makeCertificates(directory, holders), asText);
    });
}

const holdersOf =
  (option: Parameters<typeof parseHolders>[1]) =>
  (text: string): Holder[] => {
    try {
      return parseHolders(text, option);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };

function asText({ ca, caExpires, certificates }: MadeCertificates): string {
  const lines = [`authority ${ca}, expires ${caExpires}`];
  for (const { host, roles, cert, key, names, expires } of certificates) {
    lines.push(
      '',
      `${[...roles].join(' and ') || 'server'} ${host}, expires ${expires}; names: ${names}`,
      `  tls: { ca: ${ca}, cert: ${cert}, key: ${key} }`,
    );
  }
  return `${lines.join('\n')}\n`;
}
