// One hostile VM, in each of ten ways: what another VM gets done meanwhile.
//
// c2 is hostile, without anti-spoofing. c1 does the same work again and again, alternately alone and under attack: requests
// over new connections, a download, a running connection, first contacts with neighbours that nobody has asked for yet (d1 has
// their addresses), and path MTU discovery towards a network of smaller packets. What is judged is how much of the work gets
// done within a generous time, not how fast: at least half of what gets done alone.
//
// The attack has a fixed rate, far above what the shares of tables and rates allow, and below what this datapath forwards:
// sender, datapath and c1 have to share the CPUs of whatever machine this runs on, and nobody can share out those here.
// timeout: 600s
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hexOf } from '../support/addresses.ts';
import { until } from '../support/command.ts';
import {
  arpFrame,
  BROADCAST,
  countingBytes,
  ethernetFrame,
  rawFrame,
  tcpFrame,
  UDP,
  udpFrame,
  type Way,
} from '../support/packets.ts';
import { wayFrom } from '../support/raw-frames.ts';
import { countingDigest, type KeptConnection, Testbed } from '../support/testbed.ts';
import { tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: fairness');

const FLOOD = join(import.meta.dirname, '../support/clients/flood-frames.js');
const PACKETS_PER_SECOND = 4_000;
/** Different frames of an attack: more than any table but that of connections has rows. */
const FRAMES = 16_000;

const REQUESTS = 20;
const CONTACTS = 6;
const DISCOVERIES = 4;
const DOWNLOAD_BYTES = 4_000_000;
const SMALL_MTU = 1_300;
/** Answers on the running connection while the rest of the work is done. */
const RUNNING_ANSWERS = 10;

type Work = Record<'requests' | 'downloads' | 'running' | 'contacts' | 'discoveries', number>;

let bed: Testbed;
let running: KeptConnection;
/** From c2 to its router. */
let way: Way;
let contacted = 0;

test.before(async () => {
  bed = await Testbed.create((config) => {
    config.networks[1]!.subnets = ['10.2.0.0/16', 'fd00:2::/64'];
    config.networks[1]!.mtu = SMALL_MTU;
    for (const port of config.ports) if (['c2', 'd1'].includes(port.name)) port.antiSpoofing = false;
    // A member that swallows what it gets.
    config.groups.push(tcpGroup('hole', 150, [{ name: 's5', address: '10.1.0.25', port: 9 }]));
  });
  await bed.exec(
    's5',
    'nft',
    'add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in tcp dport 9 drop',
  );
  const addresses = Array.from({ length: 200 }, (_, i) => `address add ${contactAt(i)}/32 dev eth0\n`);
  await bed.exec('d1', 'sh', '-c', `printf '${addresses.join('').replaceAll('\n', '\\n')}' | ip -batch -`);
  way = await wayFrom(bed, 'c2', '10.1.0.12', '10.1.0.1');
  running = await bed.keepAsking('c1', '10.1.0.100', 80);
});
test.after(() => bed?.close());

const contactAt = (i: number): string => `10.2.77.${1 + i}`;
/** An address that nobody has. */
const nobody = (i: number): string => `10.2.${128 + (i >> 8)}.${i & 0xff}`;
const hex4 = (i: number): string =>
  `${(i >> 8).toString(16).padStart(2, '0')}:${(i & 0xff).toString(16).padStart(2, '0')}`;
const toPort = (i: number): { sourcePort: number; destinationPort: number } => ({
  sourcePort: 1_024 + i,
  destinationPort: 9,
});

/** Frame `i` of each attack. */
const ATTACKS: Readonly<Record<string, (i: number) => Uint8Array>> = {
  'a scan of a routed /16': (i) => udpFrame({ ...way, to: nobody(i) }, toPort(i)).bytes,
  'a scan of a routed /64': (i) =>
    udpFrame({ ...way, from: 'fd00:1::12', to: `fd00:2::77:${i.toString(16)}` }, toPort(i)).bytes,
  'packets whose TTL is used up': (i) => udpFrame({ ...way, to: '10.2.0.21', ttl: 1 }, toPort(i)).bytes,
  broadcasts: (i) => ethernetFrame({ ...way, toMac: BROADCAST }, countingBytes(60, i & 0xff), 0x88b5),
  'ARP requests': (i) =>
    arpFrame({ ...way, toMac: BROADCAST, to: `10.1.0.${100 + (i % 150)}` }, 'request').bytes,
  'unicast to unknown stations': (i) =>
    ethernetFrame({ ...way, toMac: `02:99:00:00:${hex4(i)}` }, countingBytes(60), 0x88b5),
  'a new source MAC in every frame': (i) =>
    ethernetFrame({ ...way, fromMac: `02:98:00:00:${hex4(i)}` }, countingBytes(60), 0x88b5),
  'a SYN flood to a VIP': (i) =>
    tcpFrame({ ...way, to: '10.1.0.150' }, { sourcePort: 1_024 + i, destinationPort: 80, flags: 'S' }).bytes,
  'fragments of datagrams to a VIP that never become whole': (i) =>
    rawFrame(
      {
        ...way,
        to: '10.1.0.101',
        df: false,
        identification: i,
        fragment: { offset: 8 * (1 + (i & 7)), more: true },
      },
      UDP,
      countingBytes(64),
    ).bytes,
  'datagrams that are refused': (i) => udpFrame({ ...way, to: '10.1.0.1' }, toPort(i)).bytes,
};

/** One round of c1's work: how much of it got done. */
async function work(): Promise<Work> {
  const answers = running.answers;
  const contacts = Array.from({ length: CONTACTS }, () => contactAt(contacted++));
  const count = async (promises: readonly Promise<boolean>[]): Promise<number> =>
    (await Promise.all(promises)).filter(Boolean).length;
  const request = async (): Promise<boolean> => (await bed.tryOnce('c1', '10.1.0.100')).curl === 0;
  const contact = async (to: string): Promise<boolean> =>
    (await bed.try('c1', 'ping', '-n', '-c', '1', '-W', '5', to)).status === 0;
  const download = async (): Promise<boolean> =>
    (await bed.download('c1', '10.1.0.100', DOWNLOAD_BYTES)) === countingDigest(DOWNLOAD_BYTES);
  const [requests, downloads, reached, discoveries] = await Promise.all([
    (async () => {
      let done = 0;
      for (let i = 0; i < REQUESTS; i += 5) done += await count(Array.from({ length: 5 }, request));
      return done;
    })(),
    count([download().catch(() => false)]),
    count(contacts.map(contact)),
    (async () => {
      let done = 0;
      for (let i = 0; i < DISCOVERIES; i++) done += Number(await discover());
      return done;
    })(),
  ]);
  await until(
    'answers on the running connection',
    () => running.answers >= answers + RUNNING_ANSWERS,
    20_000,
  ).catch(() => undefined);
  assert.equal(running.errors, [], 'the running connection');
  const more = Math.min(RUNNING_ANSWERS, running.answers - answers);
  return { requests, downloads, running: more, contacts: reached, discoveries };
}

/** Whether c1 is told of the smaller MTU, having forgotten what it knew. */
async function discover(): Promise<boolean> {
  await bed.exec('c1', 'ip', 'route', 'flush', 'cache');
  const { stdout } = await bed.try(
    'c1',
    'ping',
    '-n',
    '-c',
    '1',
    '-W',
    '3',
    '-M',
    'do',
    '-s',
    '1400',
    '10.2.0.21',
  );
  return stdout.includes(`mtu = ${SMALL_MTU}`);
}

for (const [name, frameAt] of Object.entries(ATTACKS)) {
  test(`${name}: another VM gets at least half of its work done`, async () => {
    const alone = await work();
    const lines = Array.from({ length: FRAMES }, (_, i) => hexOf(frameAt(i)));
    const attack = bed.start('c2', process.execPath, FLOOD, `${PACKETS_PER_SECOND}`);
    attack.child.stdin!.end(`${lines.join('\n')}\n`);
    await until('the attack to be under way', () => {
      if (attack.child.exitCode !== null) throw new Error(attack.stderr);
      return attack.lines.length >= 3;
    });
    const sentBefore = Number(attack.lines.at(-1));
    const attacked = await work();
    await until('a last count', () => Number(attack.lines.at(-1)) > sentBefore);
    await attack.stop();
    for (const kind of Object.keys(alone) as (keyof Work)[]) {
      assert.ok(
        attacked[kind] >= alone[kind] / 2,
        `${kind}: ${attacked[kind]} under attack, ${alone[kind]} alone`,
      );
    }
    assert.ok(alone.contacts > 0 && alone.requests > 0 && alone.discoveries > 0, JSON.stringify(alone));
    if (process.env.SLUICE_SHOW === '1')
      console.log(name, JSON.stringify({ alone, attacked, sent: attack.lines.at(-1) }));
  });
}

test.run();
