/**
 * A world for the scenes: one client, two servers, a VIP over both, whoever balances.
 *
 *   c1 10.1.0.11    s1 10.1.0.21    s2 10.1.0.22      10.1.0.0/24
 *
 *   10.1.0.100  TCP 80 → 8080, UDP 53 → 5300, of s1 and s2 in turn
 *   10.1.0.130  nobody
 *   10.1.0.140  TCP 80 → 8080 of c1 itself
 *   10.1.0.150  TCP 80 and UDP 53 → a port of s1 on which nobody listens
 */
import { join } from 'node:path';
import { type Background, run, start, until } from '../support/command.ts';
import { SERVER } from '../support/paths.ts';

export const CLIENT = '10.1.0.11';
export const SERVERS = { s1: '10.1.0.21', s2: '10.1.0.22' } as const;
/** All VMs of a world, by name. */
export const VMS = { c1: CLIENT, ...SERVERS } as const;
export type ServerName = keyof typeof SERVERS;
export const VIP = '10.1.0.100';
export const EMPTY_VIP = '10.1.0.130';
export const SELF_VIP = '10.1.0.140';
export const CLOSED_VIP = '10.1.0.150';
export const CLOSED_PORT = 9;

export interface World {
  readonly name: string;
  /** New flows go to members by a hash: how many go where is chance. */
  readonly picksByHash?: boolean;
  /** The namespace of c1, s1 or s2, whose interface is eth0. */
  netns(vm: string): string;
  /** Takes a member of the VIP out: it has failed, or it drains. */
  takeOut(server: ServerName, how: 'fail' | 'drain'): Promise<void>;
  /** All members of the VIP are in again. */
  restore(): Promise<void>;
  close(): void;
}

/** Servers in every VM, as the testbed has them. */
export async function serveAll(world: World): Promise<void> {
  for (const vm of ['c1', 's1', 's2']) {
    const server = startIn(world, vm, process.execPath, SERVER, '--name', vm);
    await until(`${vm}'s server`, () => server.lines.includes('ready'));
  }
}

export const startIn = (world: World, vm: string, ...command: string[]): Background =>
  start('ip', 'netns', 'exec', world.netns(vm), ...command);

export const runIn = (world: World, vm: string, ...command: string[]) =>
  run('ip', 'netns', 'exec', world.netns(vm), ...command);

export const clientScript = (name: string): string =>
  join(import.meta.dirname, `../support/clients/${name}.js`);
