/**
 * What happens in an episode, as plain data: any of them may be left out, and the rest still makes sense. So a failing
 * episode can be shrunk, and printed.
 */
import type { Random } from '../../support/seed.ts';
import { CLIENTS } from './world.ts';

/** From a client to a VIP. */
export interface SendCommand {
  readonly kind: 'send';
  readonly client: string;
  /** Position of the group whose VIP is meant. */
  readonly group: number;
  readonly clientPort: number;
  readonly toPort: number;
  readonly protocol: 'tcp' | 'udp';
  readonly flags: string;
  readonly payload: number;
  readonly partial: boolean;
}

/** From the member, or from the client, of a flow, or sent on by the member; `flow` counts through those that there are. */
export interface FlowCommand {
  readonly kind: 'reply' | 'go-on' | 'send-on';
  readonly flow: number;
  readonly flags: string;
  readonly payload: number;
}

/** Between a client and a member, past all VIPs. */
export interface DirectCommand {
  readonly kind: 'direct' | 'direct-answer';
  readonly client: string;
  readonly member: string;
  readonly clientPort: number;
  readonly toPort: number;
  readonly protocol: 'tcp' | 'udp';
  readonly flags: string;
}

/** An ICMP error about a flow from one of its sides. */
export interface ErrorCommand {
  readonly kind: 'error';
  readonly flow: number;
  readonly side: 'client' | 'member';
}

export interface PingCommand {
  readonly kind: 'ping';
  readonly client: string;
  readonly group: number;
}

/** A member of a group changes. */
export interface ChangeCommand {
  readonly kind: 'weight' | 'drain' | 'restore' | 'fail' | 'remove' | 'add';
  readonly group: number;
  readonly member: number;
  readonly weight: number;
}

export type Command =
  | SendCommand
  | FlowCommand
  | DirectCommand
  | ErrorCommand
  | PingCommand
  | ChangeCommand
  /** The same rules again; and another datapath that goes on with the flows of this one. */
  | { readonly kind: 'reapply' | 'restart' }
  | { readonly kind: 'pass'; readonly ms: number };

const GROUPS = 13;
const CLIENT_PORTS = 10;
const MEMBERS = ['app1', 'app2', 'app3', 'app4', 'app5'];

const clientPort = (random: Random): number => 20_000 + random.below(CLIENT_PORTS);
const protocolOf = (random: Random): 'tcp' | 'udp' => (random.chance(60) ? 'tcp' : 'udp');
const someFlags = (random: Random): string =>
  random.pick(['A', 'A', 'A', 'PA', 'FA', 'S', 'SA', 'R', 'RA', 'F', '', 'SF']);

/** The next command of an episode; `haste` is the percentage of new flows, which press on the table. */
export function nextCommand(random: Random, haste: number): Command {
  if (random.chance(haste)) {
    const protocol = protocolOf(random);
    return {
      kind: 'send',
      client: random.pick(CLIENTS),
      group: random.below(GROUPS),
      clientPort: clientPort(random),
      toPort: random.pick([80, 80, 80, 53, 8080]),
      protocol,
      flags: random.chance(80) ? 'S' : someFlags(random),
      payload: random.below(40),
      partial: random.chance(20),
    };
  }
  const action = random.below(100);
  if (action < 32)
    return { kind: 'reply', flow: random.below(1_000), flags: replyFlags(random), payload: random.below(40) };
  if (action < 58) {
    const kind = action < 54 ? 'go-on' : 'send-on';
    return { kind, flow: random.below(1_000), flags: someFlags(random), payload: random.below(40) };
  }
  if (action < 70) {
    return {
      kind: random.pick(['direct', 'direct', 'direct-answer'] as const),
      client: random.pick(CLIENTS),
      member: random.pick(MEMBERS),
      clientPort: clientPort(random),
      toPort: random.pick([8080, 8080, 80, 22]),
      protocol: protocolOf(random),
      flags: random.chance(50) ? 'S' : someFlags(random),
    };
  }
  if (action < 76)
    return { kind: 'error', flow: random.below(1_000), side: random.pick(['client', 'member'] as const) };
  if (action < 78) return { kind: 'ping', client: random.pick(CLIENTS), group: random.below(GROUPS) };
  if (action < 86) {
    return {
      kind: random.pick([
        'weight',
        'weight',
        'drain',
        'restore',
        'restore',
        'fail',
        'remove',
        'add',
        'add',
      ] as const),
      group: random.below(GROUPS),
      member: random.below(5),
      weight: random.below(5),
    };
  }
  if (action < 87) return { kind: random.pick(['reapply', 'restart'] as const) };
  return { kind: 'pass', ms: random.pick([0, 1, 10, 300, 1_000, 4_000, 4_000, 12_000, 70_000]) };
}

const replyFlags = (random: Random): string => random.pick(['SA', 'SA', 'A', 'A', 'PA', 'FA', 'R', 'RA']);

/** One line per command. */
export const listing = (commands: readonly Command[]): string =>
  commands.map((command, i) => `${String(i).padStart(5)}  ${JSON.stringify(command)}`).join('\n');
