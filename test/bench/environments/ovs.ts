/**
 * Peer: Open vSwitch with its userspace datapath and userspace TSO on TAPs, balancing by a select group whose
 * buckets translate through the connection tracker: what OVN sets up for a load balancer, where the kernel has
 * no openvswitch module.
 */
import { Ovs } from '../../support/ovs.ts';
import {
  addNamespace,
  type Context,
  configureInterface,
  type Forwarder,
  interfaceOf,
  makeDirectory,
  namespaceOf,
  SERVER_ADDRESSES,
  UDP_SERVER_ADDRESS,
  VIP,
} from '../environment.ts';
import { run } from '../process.ts';

const sides = ['client', 'server'] as const;

const translateTo = (address: string): string => `ct(commit,zone=1,nat(dst=${address}),table=2)`;

const buckets = SERVER_ADDRESSES.map((address) => `bucket=weight:100,actions=${translateTo(address)}`);
const group = `group_id=1,type=select,selection_method=dp_hash,${buckets.join(',')}`;

/** 0: translate what is tracked already; 1: choose for what is new; 2: send. */
const flows = `
table=0,priority=10,ip,ct_state=-trk,actions=ct(zone=1,nat,table=1)
table=0,priority=0,actions=NORMAL
table=1,priority=20,udp,ct_state=+new,nw_dst=${VIP},actions=${translateTo(UDP_SERVER_ADDRESS)}
table=1,priority=10,ip,ct_state=+new,nw_dst=${VIP},actions=group:1
table=1,priority=0,actions=NORMAL
table=2,priority=0,actions=NORMAL
`;

export function ovsForwarder(context: Context): Forwarder {
  const directory = makeDirectory(context, 'ovs');
  let ovs: Ovs | undefined;

  return {
    name: 'ovs',
    destination: VIP,
    async start() {
      const namespace = await addNamespace('ovs', 'host');
      ovs = await Ovs.start({ directory, namespace, userspaceTso: true });
      for (const side of sides) {
        await ovs.addPort(interfaceOf(side), namespaceOf('ovs', side));
        await configureInterface('ovs', side);
      }
      await ovs.ofctl('add-groups', group);
      await ovs.ofctl('replace-flows', flows);
      await presetVipNeighbour();
    },
    pids: () => ovs?.pids() ?? [],
    version: async () => (await run('ovs-vswitchd', ['--version'])).split('\n', 1)[0]!,
    async stop() {
      await ovs?.stop();
    },
  };
}

/** OVN's switch would answer ARP for the VIP; here the client is told whose MAC stands for it. */
async function presetVipNeighbour(): Promise<void> {
  const shown = await run('ip', [
    '-n',
    namespaceOf('ovs', 'server'),
    '-j',
    'link',
    'show',
    interfaceOf('server'),
  ]);
  const [link] = JSON.parse(shown) as { address: string }[];
  const neighbour = [VIP, 'lladdr', link!.address, 'dev', interfaceOf('client'), 'nud', 'permanent'];
  await run('ip', ['-n', namespaceOf('ovs', 'client'), 'neighbour', 'replace', ...neighbour]);
}
