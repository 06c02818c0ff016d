/**
 * The world as Open vSwitch makes it, in its userspace datapath: select groups whose buckets translate through the
 * connection tracker, as OVN sets a load balancer up; and as there, the switch answers ARP for the VIPs.
 *
 *   table 0  ARP for a VIP is answered; IP goes through the tracker, which translates what it knows
 *   table 1  what is new: to a VIP through its group, else tracked as it is
 *   table 2  the member's MAC, and the switch; beyond it, a client that is its own member
 *
 * Two things are beyond OVN's: connections that are no VIP's get a free port where they would look like one that is
 * (`nat(src=0.0.0.0)`), and later fragments, which have no ports to match, a rule of their own. The tracker puts a
 * datagram together and takes it apart again, and translates it by the rule that its last piece has met.
 */
import { mkdirSync } from 'node:fs';
import { output } from '../support/command.ts';
import { claimName } from '../support/host.ts';
import { Ovs } from '../support/ovs.ts';
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

const VIP_MAC = '02:00:00:00:00:64';

const lastByte = (address: string): number => Number(address.split('.')[3]);
const hex = (numbers: readonly number[]): string =>
  numbers.map((number) => number.toString(16).padStart(2, '0')).join('');
const macOf = (address: string): string => `02:00:00:00:00:${hex([lastByte(address)])}`;

const translateTo = (address: string, port: number): string =>
  `ct(commit,zone=1,nat(dst=${address}:${port}),table=2)`;

const groups = (members: readonly ServerName[]): string =>
  [8080, 5300]
    .map((port, i) => {
      const buckets = members.map((name) => `bucket=weight:100,actions=${translateTo(SERVERS[name], port)}`);
      return `group_id=${i + 1},type=select,selection_method=dp_hash,${buckets.join(',')}\n`;
    })
    .join('');

const answerArp = (vip: string): string =>
  [
    `table=0,priority=20,arp,arp_op=1,arp_tpa=${vip},actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]`,
    `set_field:${VIP_MAC}->eth_src`,
    'set_field:2->arp_op',
    'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]',
    `set_field:${VIP_MAC}->arp_sha`,
    'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]',
    `set_field:${vip}->arp_spa`,
    'in_port',
  ].join(',');

/** The client picks itself: a second zone makes the VIP its peer, and answers go back through both zones. */
const HAIRPIN = `
table=0,priority=15,tcp,nw_src=${CLIENT},nw_dst=${SELF_VIP},tp_src=8080,actions=ct(zone=2,nat,table=4)
table=2,priority=20,tcp,nw_src=${CLIENT},nw_dst=${CLIENT},actions=ct(zone=2,nat,table=3)
table=3,priority=10,tcp,ct_state=+new,actions=ct(commit,zone=2,nat(src=${SELF_VIP}),table=5)
table=3,priority=0,actions=goto_table:5
table=4,priority=0,ip,actions=ct(zone=1,nat,table=5)
table=5,priority=0,actions=set_field:${VIP_MAC}->eth_src,set_field:${macOf(CLIENT)}->eth_dst,in_port
`;

const FLOWS = `
${[VIP, EMPTY_VIP, SELF_VIP, CLOSED_VIP].map(answerArp).join('\n')}
table=0,priority=10,ip,ct_state=-trk,actions=ct(zone=1,nat,table=1)
table=0,priority=0,actions=NORMAL
table=1,priority=20,tcp,ct_state=+new,ct_nw_dst=${VIP},ct_nw_proto=6,ct_tp_dst=80,actions=group:1
table=1,priority=20,udp,ct_state=+new,ct_nw_dst=${VIP},ct_nw_proto=17,ct_tp_dst=53,actions=group:2
table=1,priority=20,udp,ct_state=+new,nw_dst=${VIP},nw_frag=later,actions=group:2
table=1,priority=20,tcp,ct_state=+new,nw_dst=${SELF_VIP},tp_dst=80,actions=${translateTo(CLIENT, 8080)}
table=1,priority=20,tcp,ct_state=+new,nw_dst=${CLOSED_VIP},actions=${translateTo(SERVERS.s1, CLOSED_PORT)}
table=1,priority=20,udp,ct_state=+new,nw_dst=${CLOSED_VIP},actions=${translateTo(SERVERS.s1, CLOSED_PORT)}
table=1,priority=20,ip,nw_dst=${EMPTY_VIP},actions=drop
table=1,priority=10,tcp,ct_state=+new,actions=ct(commit,zone=1,nat(src=0.0.0.0),table=2)
table=1,priority=10,udp,ct_state=+new,actions=ct(commit,zone=1,nat(src=0.0.0.0),table=2)
table=1,priority=0,actions=goto_table:2
${Object.values(VMS)
  .map(
    (address) =>
      `table=2,priority=10,ip,nw_dst=${address},actions=set_field:${macOf(address)}->eth_dst,NORMAL`,
  )
  .join('\n')}
table=2,priority=0,actions=NORMAL
${HAIRPIN}`;

export async function ovsWorld(): Promise<World> {
  const { name, clear } = claimName();
  const netns = (vm: string): string => `${name}-${vm}`;
  const ip = (...args: string[]) => output('ip', ...args);
  const directory = `/run/${name}-testbed`;
  mkdirSync(directory);
  const namespace = netns('switch');
  await ip('netns', 'add', namespace);
  const ovs = await Ovs.start({ directory, namespace, userspaceTso: false });
  for (const [vm, address] of Object.entries(VMS)) {
    await ip('netns', 'add', netns(vm));
    await ovs.addPort(vm, netns(vm));
    await ip('-n', netns(vm), 'link', 'set', 'lo', 'up');
    await ip('-n', netns(vm), 'link', 'set', vm, 'address', macOf(address), 'name', 'eth0');
    await ip('-n', netns(vm), 'address', 'add', `${address}/24`, 'dev', 'eth0');
    await ip('-n', netns(vm), 'link', 'set', 'eth0', 'up');
  }
  await ovs.ofctl('add-groups', groups(['s1', 's2']));
  await ovs.ofctl('replace-flows', FLOWS);
  const balanceOver = async (...members: ServerName[]): Promise<void> => {
    for (const group of groups(members).trim().split('\n')) await ovs.ofctl('mod-group', group);
  };
  const world: World = {
    name: 'OVS',
    picksByHash: true,
    netns,
    takeOut: (server) => balanceOver(server === 's1' ? 's2' : 's1'),
    restore: () => balanceOver('s1', 's2'),
    close: clear,
  };
  await serveAll(world);
  return world;
}
