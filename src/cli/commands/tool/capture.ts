import { type Command, Option } from 'commander';
import { CAPTURE_AT, CAPTURE_ID, MAX_SNAP_LENGTH } from '../../../api/routes.ts';
import { path } from '../../api-client.ts';
import { limitArgument, snapLengthArgument } from '../../arguments.ts';
import { hostCapture } from '../../host-functions.ts';
import { apiOf, settingsOf } from '../../settings.ts';

interface Options {
  port?: string;
  group?: string;
  at: (typeof CAPTURE_AT)[number];
  count?: number;
  snaplen: number;
  write?: string;
}

export function addCapture(parent: Command): void {
  parent
    .command('capture [filter...]')
    .description('capture packets at points of the datapath; the filter is in the language of tcpdump')
    .option('--port <port>', 'only packets that come in or go out by this port or uplink')
    .option('--group <group>', 'only packets balanced to this group, and their replies')
    .addOption(
      new Option('--at <point>', 'point of the datapath').choices(CAPTURE_AT).default('all' as const),
    )
    .option('--count <count>', 'end after COUNT packets', limitArgument)
    .option('--snaplen <bytes>', 'keep at most BYTES of each packet', snapLengthArgument, MAX_SNAP_LENGTH)
    .option('-w, --write <file>', 'write pcapng to FILE, or to stdout if it is -')
    .addHelpText(
      'after',
      `
Points: from-vm: as received from a VM; balanced: translated by a load balancer, either way; to-vm: as given to a VM;
dropped: under its reason; uplink: either way on the physical network.

Examples:
  $ sluice capture --port web1 tcp port 80
  $ sluice capture --at dropped
  $ sluice capture --group api -w api.pcapng
  $ sluice capture -w - | wireshark -k -i -`,
    )
    .action(async (words: string[], { snaplen, ...options }: Options, command: Command) => {
      const api = apiOf(command);
      const { output } = settingsOf(command);
      const wanted = {
        ...options,
        snapLength: snaplen,
        filter: words.join(' '),
        format: output === 'json' || output === 'yaml' ? output : ('line' as const),
      };
      try {
        process.exitCode = await hostCapture(wanted, async (request) => {
          const { headers, bytes, abort } = await api.stream('/v1/captures', request);
          const id = String(headers[CAPTURE_ID]);
          return { bytes, abort, end: async () => void (await api.delete(path`/v1/captures/${id}`)) };
        });
      } catch (error) {
        if (error instanceof Error && error.name === 'BadFilter')
          command.error(`error: ${error.message}`, { exitCode: 2 });
        throw error;
      }
    });
}
