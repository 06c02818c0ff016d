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
    .description('run a capture through the datapath offline: no root needed, same input, same bytes out')
    .requiredOption('--pcap <in>', 'capture to read: pcap (µs, ns) or pcapng')
    .option('--port <port>', 'port that the frames come from')
    .requiredOption('-c, --config <file>', 'configuration, YAML')
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
