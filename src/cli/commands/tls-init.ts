import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { type HostNames, type MadeCertificates, makeCertificates, parseHosts } from '../development-ca.ts';
import { printResult } from '../output.ts';

interface Options {
  hosts: HostNames[];
}

export function addTlsInit(tls: Command): void {
  tls
    .command('init')
    .description('make a development CA, and certificates for hosts and controllers')
    .argument('[DIR]', 'where to; a CA that is there is used again', 'tls')
    .requiredOption('--hosts <NAMES>', 'h1,h2,c1=192.0.2.1: names, with addresses that others use', hostsOf)
    .action(async (directory: string, options: Options, command: Command) => {
      await printResult(command, await makeCertificates(directory, options.hosts), asText);
    });
}

function hostsOf(text: string): HostNames[] {
  try {
    return parseHosts(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function asText({ ca, caExpires, certificates }: MadeCertificates): string {
  const lines = [`authority ${ca}, expires ${caExpires}`];
  for (const { host, cert, key, names, expires } of certificates) {
    lines.push(
      '',
      `host ${host}, expires ${expires}; names: ${names}`,
      `  tls: { ca: ${ca}, cert: ${cert}, key: ${key} }`,
    );
  }
  return `${lines.join('\n')}\n`;
}
