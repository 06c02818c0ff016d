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
    .description('create a development CA and certificates for hosts, controllers and admins')
    .argument('[DIR]', 'output directory; an existing CA in it is used again', 'tls')
    .option('--hosts <NAMES>', 'names of hosts, as in their configuration: h1,h2', holdersOf('hosts'))
    .option(
      '--controllers <NAMES>',
      'names of controllers with the addresses that hosts connect to: c1=192.0.2.1; a host with an embedded controller needs both options',
      holdersOf('controllers'),
    )
    .option('--admins <NAMES>', 'names that may change every group: h1', holdersOf('admins'))
    .option(
      '--servers <NAMES>',
      'names of servers that controllers connect to: etcd=192.0.2.9',
      holdersOf('servers'),
    )
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
