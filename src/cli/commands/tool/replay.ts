import { resolve } from 'node:path';
import type { Command } from 'commander';
import { hostReplay } from '../../host-functions.ts';

interface Options {
  pcap: string;
  port?: string;
  config: string;
  write: string;
}

export function addReplay(parent: Command): void {
  parent
    .command('replay')
    .description('run a capture through the datapath offline, deterministically and without root')
    .requiredOption('--pcap <in>', 'capture to read: pcap (µs or ns) or pcapng')
    .option('--port <port>', 'port that the frames enter by')
    .requiredOption('-c, --config <file>', 'configuration file, YAML')
    .requiredOption('-w, --write <out>', 'capture to write')
    .addHelpText(
      'after',
      '\nExample:\n  $ sluice replay --pcap in.pcap --port web1 -c sluice.yaml -w out.pcap',
    )
    .action(async ({ pcap, port, config, write }: Options) => {
      process.exitCode = await hostReplay({
        pcapPath: resolve(pcap),
        port,
        configPath: resolve(config),
        outPath: resolve(write),
      });
    });
}
