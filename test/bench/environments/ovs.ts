/**
 * Peer: Open vSwitch with its userspace datapath and userspace TSO on TAPs, balancing by a select group whose
 * buckets translate through the connection tracker: what OVN sets up for a load balancer, where the kernel has
 * no openvswitch module. Both daemons live in a network namespace and a run directory of their own; an OVS that
 * the machine runs for itself is not touched.
 */
import { join } from 'node:path';
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
import { Daemon, run } from '../process.ts';

const sides = ['client', 'server'] as const;
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

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
  const database = `unix:${join(directory, 'db.sock')}`;
  const environment = { OVS_RUNDIR: directory, OVS_LOGDIR: directory, OVS_DBDIR: directory };
  const daemons: Daemon[] = [];
  let namespace = '';

  const vsctl = (...args: string[]) =>
    run('ovs-vsctl', [`--db=${database}`, '--timeout=10', ...args], { namespace, environment });
  const ofctl = (command: string, input: string) =>
    run('ovs-ofctl', ['-O', 'OpenFlow15', command, `unix:${join(directory, 'br0.mgmt')}`, '-'], {
      namespace,
      environment,
      input,
    });

  return {
    name: 'ovs',
    destination: VIP,
    async start() {
      namespace = await addNamespace('ovs', 'host');
      const file = join(directory, 'conf.db');
      await run('ovsdb-tool', ['create', file, SCHEMA]);
      const server = new Daemon(
        'ovsdb-server',
        [file, `--remote=p${database}`, `--unixctl=${join(directory, 'db.ctl')}`],
        join(directory, 'ovsdb-server.log'),
        { namespace, environment },
      );
      daemons.push(server);
      await waitForDatabase(() => vsctl('--no-wait', 'init'), server);
      await vsctl('--no-wait', 'set', 'Open_vSwitch', '.', 'other_config:userspace-tso-enable=true');
      daemons.push(
        new Daemon(
          'ovs-vswitchd',
          [database, `--unixctl=${join(directory, 'vs.ctl')}`],
          join(directory, 'ovs-vswitchd.log'),
          { namespace, environment },
        ),
      );
      const bridge = ['set', 'bridge', 'br0', 'datapath_type=netdev', 'protocols=OpenFlow15'];
      await vsctl('add-br', 'br0', '--', ...bridge);
      for (const side of sides) {
        const port = interfaceOf(side);
        await vsctl('add-port', 'br0', port, '--', 'set', 'interface', port, 'type=internal');
        await run('ip', ['-n', namespace, 'link', 'set', port, 'netns', namespaceOf('ovs', side)]);
        await configureInterface('ovs', side);
      }
      await ofctl('add-groups', group);
      await ofctl('replace-flows', flows);
      await presetVipNeighbour();
    },
    pids: () => daemons.filter((daemon) => daemon.running).map((daemon) => daemon.pid),
    version: async () => (await run('ovs-vswitchd', ['--version'])).split('\n', 1)[0]!,
    async stop() {
      for (const daemon of daemons.reverse()) await daemon.stop();
    },
  };
}

/** ovs-vsctl gives up at once while the socket does not exist, so it is asked again until it does. */
async function waitForDatabase(probe: () => Promise<string>, server: Daemon): Promise<void> {
  const isUp = async () => {
    try {
      await probe();
      return true;
    } catch {
      return false;
    }
  };
  for (let attempt = 0; attempt < 20; attempt++) {
    if (await isUp()) return;
    if (!server.running) break;
  }
  throw new Error(`ovsdb-server does not answer: ${server.logTail()}`);
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
