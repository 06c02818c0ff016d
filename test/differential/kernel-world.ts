/**
 * The world as the kernel makes it: a bridge between veth pairs, and in the client's namespace nftables that translate
 * a VIP when a connection leaves, as kube-proxy's nftables mode does for a node's own traffic.
 */
import { spawnSync } from 'node:child_process';
import { output } from '../support/command.ts';
import { claimName } from '../support/host.ts';
import {
  CLIENT,
  CLOSED_PORT,
  CLOSED_VIP,
  EMPTY_VIP,
  SELF_VIP,
  SERVERS,
  type ServerName,
  serveAll,
  VIP,
  VMS,
  type World,
} from './world.ts';

/** `numgen inc`: new connections in turn. */
function ruleset(members: readonly ServerName[]): string {
  const map = members.map((name, i) => `${i} : ${SERVERS[name]}`).join(', ');
  const pick = `numgen inc mod ${members.length} map { ${map} }`;
  return `
    table ip balancer
    delete table ip balancer
    table ip balancer {
      chain translate {
        type nat hook output priority -100; policy accept;
        ip daddr ${VIP} tcp dport 80 dnat to ${pick} : 8080
        ip daddr ${VIP} udp dport 53 dnat to ${pick} : 5300
        ip daddr ${SELF_VIP} tcp dport 80 dnat to ${CLIENT}:8080
        ip daddr ${CLOSED_VIP} tcp dport 80 dnat to ${SERVERS.s1}:${CLOSED_PORT}
        ip daddr ${CLOSED_VIP} udp dport 53 dnat to ${SERVERS.s1}:${CLOSED_PORT}
      }
      chain refuse {
        type filter hook output priority 0; policy accept;
        ip daddr ${EMPTY_VIP} meta l4proto tcp reject with tcp reset
        ip daddr ${EMPTY_VIP} reject
      }
    }`;
}

export async function kernelWorld(): Promise<World> {
  const { name, clear } = claimName();
  const netns = (vm: string): string => `${name}-${vm}`;
  const ip = (...args: string[]) => output('ip', ...args);
  const bridge = netns('bridge');
  await ip('netns', 'add', bridge);
  await ip('-n', bridge, 'link', 'add', 'bridge0', 'type', 'bridge');
  await ip('-n', bridge, 'link', 'set', 'bridge0', 'up');
  for (const [vm, address] of Object.entries(VMS)) {
    await ip('netns', 'add', netns(vm));
    await ip('-n', bridge, 'link', 'add', vm, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns(vm));
    await ip('-n', bridge, 'link', 'set', vm, 'master', 'bridge0', 'up');
    await ip('-n', netns(vm), 'link', 'set', 'lo', 'up');
    await ip('-n', netns(vm), 'address', 'add', `${address}/24`, 'dev', 'eth0');
    await ip('-n', netns(vm), 'link', 'set', 'eth0', 'up');
  }
  const load = (members: readonly ServerName[]): void => {
    const options = { input: ruleset(members), encoding: 'utf8' as const };
    const { status, stderr } = spawnSync('ip', ['netns', 'exec', netns('c1'), 'nft', '-f', '-'], options);
    if (status !== 0) throw new Error(`nft: exit status ${status}: ${stderr}`);
  };
  load(['s1', 's2']);
  const world: World = {
    name: 'kernel',
    netns,
    async takeOut(server) {
      load([server === 's1' ? 's2' : 's1']);
    },
    async restore() {
      load(['s1', 's2']);
    },
    close: clear,
  };
  await serveAll(world);
  return world;
}
