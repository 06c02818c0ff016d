/**
 * The scenes: what a client does in a world, and what it and the servers saw of it, in words that do not depend on
 * chance. Where worlds differ, the scene says why.
 */
import { sleep, until } from '../support/command.ts';
import { tcpFrame } from '../support/packets.ts';
import { sendFrames } from '../support/raw-frames.ts';
import {
  CLIENT,
  CLOSED_VIP,
  clientScript,
  EMPTY_VIP,
  runIn,
  SELF_VIP,
  SERVERS,
  type ServerName,
  startIn,
  VIP,
  type World,
} from './world.ts';

export interface Scene {
  readonly name: string;
  readonly play: (world: World) => Promise<string>;
  /** Why Sluice and another world differ; absent: they must not. */
  readonly kernelDiffers?: string;
  readonly ovsDiffers?: string;
}

const node = process.execPath;
const other = (server: ServerName): ServerName => (server === 's1' ? 's2' : 's1');

async function ask(world: World, target: string, ...options: string[]): Promise<string> {
  const result = await runIn(world, 'c1', 'curl', '-sS', '--max-time', '3', ...options, `http://${target}/`);
  return result.status === 0 ? result.stdout.trim() : `curl ${result.status}`;
}

/** `3 of s1, 3 of s2`, or where that is chance: `6 by hash`. */
function counted(world: World, servers: readonly string[]): string {
  if (world.picksByHash && servers.every((name) => name in SERVERS)) return `${servers.length} by hash`;
  const names = [...new Set(servers)].sort();
  return names.map((name) => `${servers.filter((server) => server === name).length} of ${name}`).join(', ');
}

async function udp(world: World, target: string, count: number, ...more: string[]): Promise<string[]> {
  const result = await runIn(world, 'c1', node, clientScript('udp-ask'), target, '53', `${count}`, ...more);
  return result.stdout.trim().split('\n');
}

/** A refusal is one, whether the kernel says so for itself or for another; so is silence. */
const refusal = (answer: string): string =>
  answer
    .replace(/^(curl 7|error (ECONNREFUSED|EPERM))$/, 'refused')
    .replace(/^(curl 28|timeout)$/, 'silence');

const refusals = async (world: World, vip: string): Promise<string> =>
  `${refusal(await ask(world, vip))}; ${refusal((await udp(world, vip, 1))[0]!)}`;

async function askFrom(world: World, port: number, ...targets: string[]): Promise<string[]> {
  const args = [clientScript('ask-from'), CLIENT, `${port}`, ...targets];
  return (await runIn(world, 'c1', node, ...args)).stdout.trim().split('\n');
}

/** A running TCP connection, and what becomes of it when its member is taken out. */
async function runningTcp(world: World, how: 'fail' | 'drain'): Promise<string> {
  const client = startIn(world, 'c1', node, clientScript('keep-asking'), VIP, '80');
  await until('answers', () => client.lines.length >= 3);
  const server = client.lines[0]!.split(' ')[0] as ServerName;
  await world.takeOut(server, how);
  await sleep(1_500);
  const isBroken = client.lines.some((line) => line.startsWith('error'));
  const fresh = [await ask(world, VIP), await ask(world, VIP)].map((line) => line.split(' ')[0]!);
  const goesOn = client.child.exitCode === null;
  await client.stop();
  await world.restore();
  const running = isBroken ? 'reset at once' : goesOn ? 'goes on with its member' : 'ended';
  const elsewhere = fresh.every((name) => name === other(server)) ? 'the other member' : fresh.join();
  return `${running}; new connections: ${elsewhere}`;
}

async function runningUdp(world: World): Promise<string> {
  const client = startIn(world, 'c1', node, clientScript('udp-keep-asking'), VIP, '53', '50');
  await until('answers', () => client.lines.length >= 3);
  const server = client.lines[0]!.split(' ')[0] as ServerName;
  await world.takeOut(server, 'fail');
  await sleep(300);
  const from = client.lines.length;
  await until('more answers', () => client.lines.length >= from + 5);
  const later = new Set(client.lines.slice(from).map((line) => line.split(' ')[0]!));
  await client.stop();
  await world.restore();
  return later.has(server) ? 'stays with the failed member' : 'moves to the other member';
}

/** Asks, waits for a line of input, and asks again over the same connection. */
const ASK_TWICE = `
  exec 3<>/dev/tcp/$1/80
  printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&3
  while read -r -t 5 line <&3; do echo "$line"; [[ $line == s[12]* ]] && break; done
  read -r
  printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3
  cat <&3`;

/** A segment of the server that is far outside its window, while the connection rests; then it is used again. */
async function strayFromServer(world: World): Promise<string> {
  const listener = startIn(
    world,
    'c1',
    'tcpdump',
    '-i',
    'eth0',
    '-n',
    '-l',
    '-S',
    `tcp and dst host ${CLIENT}`,
  );
  await until('tcpdump to listen', () => listener.stderr.includes('listening on'));
  const client = startIn(world, 'c1', 'bash', '-c', ASK_TWICE, 'bash', VIP);
  const answers = () => client.lines.filter((line) => /^s[12] /.test(line));
  const heard = () => [...listener.stdout.matchAll(/seq \d+:(\d+), ack (\d+)/g)].at(-1);
  await until('an answer', () => answers().length === 1 && heard() !== undefined);
  const [server, port] = answers()[0]!.split(/ .*:/) as [ServerName, string];
  const macOf = async (vm: string) =>
    (await runIn(world, vm, 'cat', '/sys/class/net/eth0/address')).stdout.trim();
  const way = { fromMac: await macOf(server), toMac: await macOf('c1'), from: SERVERS[server], to: CLIENT };
  const [, next, acknowledgment] = heard()!.map(Number);
  const sequence = (next! + 5_000_000) % 2 ** 32;
  const stray = tcpFrame(way, {
    sourcePort: 8080,
    destinationPort: Number(port),
    flags: 'A',
    sequence,
    acknowledgment,
    payload: new Uint8Array(100),
  });
  await sendFrames({ start: (vm, ...command) => startIn(world, vm, ...command) }, server, [stray]);
  await until('it to arrive', () => listener.stdout.includes(`seq ${sequence}:`));
  await sleep(300);
  client.child.stdin!.write('\n');
  await client.ended;
  await listener.stop();
  return answers().length === 2 ? 'goes on' : 'is reset';
}

const BY_HASH =
  'A select group chooses its bucket by a hash of the packet: the shares are exact on average, not for eight connections. Sluice and nftables’ `numgen inc` rotate through the members.';

export const SCENES: readonly Scene[] = [
  {
    name: 'eight connections to the VIP, one after another',
    async play(world) {
      const answers: string[] = [];
      for (let i = 0; i < 8; i++) answers.push(await ask(world, VIP));
      const peers = new Set(answers.map((line) => line.split(' ')[1]?.split(':')[0]));
      return `${counted(
        world,
        answers.map((line) => line.split(' ')[0]!),
      )}; they see ${[...peers].join()}`;
    },
    ovsDiffers: BY_HASH,
  },
  {
    name: 'datagrams from one socket, then from as many sockets',
    async play(world) {
      const one = new Set((await udp(world, VIP, 4, '--one-flow')).map((line) => line.split(' ')[0]));
      const many = (await udp(world, VIP, 4)).map((line) => line.split(' ')[0]!);
      return `${one.size} server; ${counted(world, many)}`;
    },
    ovsDiffers: BY_HASH,
  },
  {
    name: 'datagrams of 4000 bytes',
    async play(world) {
      const client = startIn(world, 'c1', node, clientScript('udp-keep-asking'), VIP, '53', '50', '4000');
      await until('answers', () => client.lines.length >= 3);
      await client.stop();
      return client.lines.every((line) => Number(line.split(' ')[1]) > 4_000) ? 'whole' : client.lines.join();
    },
  },
  {
    name: 'one megabyte down, half a megabyte up',
    async play(world) {
      const down = await runIn(world, 'c1', 'curl', '-sS', '--max-time', '9', `http://${VIP}/bytes/1000000`);
      const body = 'head -c 500000 /dev/zero | curl -sS --max-time 9 --data-binary @- "$1"';
      const up = await runIn(world, 'c1', 'sh', '-c', body, 'sh', `http://${VIP}/digest`);
      return `${down.stdout.length > 0 ? 'down' : 'nothing'}; up: ${up.stdout.trim().split(' ')[1]} bytes`;
    },
  },
  {
    name: 'a VIP without members: TCP, UDP',
    play: (world) => refusals(world, EMPTY_VIP),
    ovsDiffers:
      'OpenFlow has no action that creates a reset or an ICMP error; in OVN the controller, another process, creates them. There is no controller here, so clients wait.',
  },
  {
    name: 'a member on whose port nobody listens: TCP, UDP',
    play: (world) => refusals(world, CLOSED_VIP),
  },
  {
    name: 'a local port that is used again and again',
    async play(world) {
      const servers: string[] = [];
      for (let i = 0; i < 4; i++)
        servers.push((await askFrom(world, 40_000, `${VIP}@80`))[0]!.split(' ')[0]!);
      return counted(world, servers);
    },
    ovsDiffers: BY_HASH,
  },
  {
    name: 'one local port to the VIP and to both members directly, all open at a time',
    async play(world) {
      const targets = [`${VIP}@80`, `${SERVERS.s1}@8080`, `${SERVERS.s2}@8080`];
      const answers = await askFrom(world, 41_000, ...targets);
      const served = answers.filter((line) => /^s[12] 10\.1\.0\.11:\d+$/.test(line)).length;
      return `${served} of 6 answers; ${new Set(answers.filter((line) => !line.startsWith('error'))).size} clients at the members`;
    },
  },
  {
    name: 'ping of the VIP',
    async play(world) {
      const { status } = await runIn(world, 'c1', 'ping', '-n', '-c', '1', '-W', '2', VIP);
      return status === 0 ? 'answered' : 'silence';
    },
    kernelDiffers:
      'The rules translate only TCP and UDP ports, and no station has the address, so it cannot be resolved. Sluice answers for its VIPs (`answerEchoToVip`).',
    ovsDiffers:
      'As with the kernel: the rules translate TCP and UDP. The switch answers ARP for the VIP, but no echo.',
  },
  {
    name: 'a client that is the VIP’s member itself',
    async play(world) {
      const [server, peer] = (await ask(world, SELF_VIP)).split(' ');
      const seen = peer?.split(':')[0];
      return `${server} answers; it sees ${seen === CLIENT ? 'its own address' : seen === SELF_VIP ? 'the VIP' : seen}`;
    },
    kernelDiffers:
      'The kernel translates before a packet leaves the host, so its own address as the source is harmless. Sluice is outside the VM: a packet returning with the VM’s own source address would be dropped as spoofed, so its source becomes the VIP on this path.',
  },
  {
    name: 'a segment of the server far outside its window',
    play: strayFromServer,
    kernelDiffers:
      'The connection tracker marks the segment as invalid and does not translate it: the client gets it from an address that it has no connection with, and answers with a reset, which the server accepts. Sluice translates every packet of a tracked flow.',
  },
  {
    name: 'a running TCP connection when its member drains',
    play: (world) => runningTcp(world, 'drain'),
  },
  {
    name: 'a running TCP connection when its member fails',
    play: (world) => runningTcp(world, 'fail'),
    kernelDiffers:
      'nftables has no notion of failure: removing a member from the map leaves its connections in the connection tracker until they are deleted there; the client of a dead member hangs. Sluice knows about the failure, and resets its clients (`failFast`).',
    ovsDiffers: 'Removing a bucket from the group leaves its connections in the tracker, as in the kernel.',
  },
  {
    name: 'datagrams from one socket when their member fails',
    play: runningUdp,
    kernelDiffers:
      'The kernel’s record of the flow lives while datagrams refresh it: a common cause of DNS clients that stay with a dead server for hours. In Sluice the next packet moves.',
    ovsDiffers: 'As in the kernel, the tracked flow lives while it is used.',
  },
];
