import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { TRACED_PROTOCOLS, type TraceAnswer, type TraceQuestion } from '../../../api/tracing/trace-shapes.ts';
import type { Endpoint } from '../../../wire/address.ts';
import { endpointArgument, integerArgument, limitArgument } from '../../arguments.ts';
import { nthFrameOf } from '../../host-functions.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { formatTrace } from '../../trace-text.ts';

interface Options {
  flags?: string;
  ttl?: number;
  dscp?: number;
  vlan?: number;
  length?: number;
  frame?: string;
  pcap?: string;
  nth: number;
  reply: boolean;
}

type Protocol = (typeof TRACED_PROTOCOLS)[number];

const FIELDS = ['flags', 'ttl', 'dscp', 'vlan', 'length'] as const;

export function addTrace(parent: Command): void {
  parent
    .command('trace')
    .description('show what would become of a packet, step by step, without sending or changing anything')
    .argument('<port>', 'port of the VM that sends it')
    .argument('[protocol]', TRACED_PROTOCOLS.join(', '), protocolArgument)
    .argument('[source]', 'ADDRESS, ADDRESS:PORT or [IPV6]:PORT', endpointArgument)
    .argument('[destination]', 'ADDRESS, ADDRESS:PORT or [IPV6]:PORT', endpointArgument)
    .option('--flags <flags>', 'TCP flags in letters of F S R P A U E W (default: S)')
    .option('--ttl <count>', 'TTL or hop limit (default: 64)', integerArgument(0, 255))
    .option('--dscp <number>', 'DSCP (default: 0)', integerArgument(0, 63))
    .option('--vlan <id>', 'VLAN id of an 802.1Q tag (default: untagged)', integerArgument(1, 4094))
    .option('--length <bytes>', 'length of the IP packet (default: its headers)', integerArgument(20, 65_535))
    .option('--reply', 'also show the way of the receiver’s answer', false)
    .addOption(new Option('--frame <hex>', 'trace this Ethernet frame').conflicts('pcap'))
    .option('--pcap <file>', 'trace a frame of this capture')
    .option('--nth <number>', 'number of the frame in the capture', limitArgument, 1)
    .addHelpText(
      'after',
      `
Examples:
  $ sluice trace web1 tcp 10.1.0.11:40000 10.1.0.100:80 --reply
  $ sluice trace web1 icmp fd00:1::b fd00:1::1
  $ sluice trace web1 --pcap in.pcap --nth 3 -o json`,
    )
    .action(async (port: string, protocol, source, destination, options: Options, command: Command) => {
      const question = await questionOf(command, { port, protocol, source, destination, options });
      const answer = await apiOf(command).post<TraceAnswer>('/v1/trace', question);
      await printResult(command, answer, formatTrace);
    });
}

interface Given {
  readonly port: string;
  readonly protocol?: Protocol;
  readonly source?: Endpoint;
  readonly destination?: Endpoint;
  readonly options: Options;
}

/** Either a description or a frame: otherwise a usage error. */
async function questionOf(
  command: Command,
  { port, protocol, source, destination, options }: Given,
): Promise<TraceQuestion> {
  const { frame, pcap, nth, reply } = options;
  if (frame !== undefined || pcap !== undefined) {
    const given = protocol ?? FIELDS.find((field) => options[field] !== undefined);
    if (given !== undefined)
      command.error(`error: found ${given} beside a whole frame, expected one of both`);
    return { port, reply, frame: frame ?? (await nthFrameOf(resolve(pcap!), nth)) };
  }
  if (protocol === undefined || source === undefined || destination === undefined)
    command.error('error: expected PROTOCOL SOURCE DESTINATION, --frame or --pcap');
  const { flags, ttl, dscp, vlan, length } = options;
  const packet = {
    protocol: protocol!,
    source: source!.address,
    sourcePort: source!.port,
    destination: destination!.address,
    destinationPort: destination!.port,
    ...{ flags, ttl, dscp, vlan, length },
  };
  return { port, reply, packet };
}

function protocolArgument(text: string): Protocol {
  const found = TRACED_PROTOCOLS.find((name) => name === text);
  if (found === undefined) throw new InvalidArgumentError(`Expected one of ${TRACED_PROTOCOLS.join(', ')}.`);
  return found;
}
