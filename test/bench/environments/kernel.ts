/**
 * Peer: the kernel alone. veth pairs and a bridge in a third namespace; nftables in the client's namespace
 * translates the VIP when a connection leaves, as kube-proxy's nftables mode does for a node's own traffic.
 */
import {
  addNamespace,
  configureInterface,
  type Forwarder,
  interfaceOf,
  namespaceOf,
  SERVER_ADDRESSES,
  UDP_SERVER_ADDRESS,
  VIP,
} from '../environment.ts';
import { run } from '../process.ts';

const sides = ['client', 'server'] as const;

const ruleset = `
table ip balancer {
  chain egress {
    type nat hook output priority -100; policy accept;
    ip daddr ${VIP} ip protocol udp dnat to ${UDP_SERVER_ADDRESS}
    ip daddr ${VIP} dnat to numgen inc mod 2 map { 0 : ${SERVER_ADDRESSES[0]}, 1 : ${SERVER_ADDRESSES[1]} }
  }
}
`;

export function kernelForwarder(): Forwarder {
  return {
    name: 'kernel',
    destination: VIP,
    async start() {
      const host = await addNamespace('kernel', 'host');
      await run('ip', ['-n', host, 'link', 'add', 'bridge0', 'type', 'bridge']);
      await run('ip', ['-n', host, 'link', 'set', 'bridge0', 'up']);
      for (const side of sides) {
        const peer = ['peer', 'name', interfaceOf(side), 'netns', namespaceOf('kernel', side)];
        await run('ip', ['-n', host, 'link', 'add', side, 'type', 'veth', ...peer]);
        await run('ip', ['-n', host, 'link', 'set', side, 'master', 'bridge0', 'up']);
        await configureInterface('kernel', side);
      }
      await run('nft', ['-f', '-'], { namespace: namespaceOf('kernel', 'client'), input: ruleset });
    },
    pids: () => [],
    version: async () => (await run('nft', ['--version'])).trim(),
    async stop() {},
  };
}
