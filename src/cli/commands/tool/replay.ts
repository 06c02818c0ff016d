import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Explanation } from '../../../replay/replay.ts';
import { hostReplay } from '../../host-functions.ts';
import { settingsOf } from '../../settings.ts';
import { formatTrace } from '../../trace-text.ts';

interface Options {
  pcap: string;
  port?: string;
  config: string;
  write?: string;
  explain: boolean;
}

export function addReplay(parent: Command): void {
  parent
    .command('replay')
    .description('run a capture through the datapath offline, deterministically and without root')
    .requiredOption('--pcap <in>', 'capture to read: pcap (µs or ns) or pcapng')
    .option('--port <port>', 'port that the frames enter by')
    .requiredOption('-c, --config <file>', 'configuration file, YAML')
    .option('-w, --write <out>', 'capture to write; required without --explain')
    .option('--explain', 'print what happens to each packet, step by step, as `trace` does', false)
    .addHelpText(
      'after',
      `
Examples:
  $ sluice replay --pcap in.pcap --port web1 -c sluice.yaml -w out.pcap
  $ sluice replay --pcap in.pcap -c sluice.yaml --explain -o json | jq .verdict`,
    )
    .action(async ({ pcap, port, config, write, explain }: Options, command: Command) => {
      if (write === undefined && !explain) command.error('error: expected -w, --explain or both');
      process.exitCode = await hostReplay({
        pcapPath: resolve(pcap),
        port,
        configPath: resolve(config),
        outPath: write === undefined ? undefined : resolve(write),
        explain: explain ? await explainer(command) : undefined,
      });
    });
}

/** Prints an explanation: a paragraph, a line of JSON or a document of YAML. */
async function explainer(command: Command): Promise<(explanation: Explanation) => void> {
  const { output } = settingsOf(command);
  const print = (text: string): void => void process.stdout.write(text);
  if (output === 'json') return (explanation) => print(`${JSON.stringify(explanation)}\n`);
  if (output === 'yaml') {
    const { stringify } = await import('yaml');
    return (explanation) => print(`---\n${stringify(explanation)}`);
  }
  return (explanation) => {
    const { packet, time, port, given } = explanation;
    print(`packet ${packet}, ${time}, at ${port}: ${given.summary}\n${formatTrace(explanation)}\n`);
  };
}
