// `sluice capture` beside tcpdump on the same interfaces: the same packets, byte for byte, at each point; and how captures end.
// timeout: 300s
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PacketRow } from '../../src/capture/packet-lines.ts';
import { PcapngReader } from '../../src/io/captures/pcapng-reader.ts';
import { during } from '../support/capture.ts';
import { type Background, onEnd, output, run, until } from '../support/command.ts';
import { tcpFrame } from '../support/packets.ts';
import { sendFrames, udpFragments, wayFrom } from '../support/raw-frames.ts';
import { Testbed } from '../support/testbed.ts';

const test = suite('e2e: capture');

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create();
});
test.after(() => bed?.close());

let files = 0;

/** A capture into a file. */
class SluiceCapture {
  readonly file: string;
  readonly command: Background;

  private constructor(args: readonly string[]) {
    this.file = join(tmpdir(), `${bed.name}-${++files}.pcapng`);
    this.command = bed.startSluice('capture', '-w', this.file, ...args);
    onEnd(() => rmSync(this.file, { force: true }));
  }

  static async start(...args: string[]): Promise<SluiceCapture> {
    const capture = new SluiceCapture(args);
    await until('the capture', () => hasBegun(capture.command));
    return capture;
  }

  /** Ends it; its packets in hex, with where they were seen. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<Seen[]> {
    this.command.child.kill(signal);
    assert.is(await this.command.ended, 0, this.command.stderr);
    return this.packets();
  }

  packets(): Seen[] {
    const reader = new PcapngReader(readFileSync(this.file));
    const packets = [...reader].map(({ interfaceIndex, bytes, comment = '', packetId }) => ({
      at: reader.interfaces[interfaceIndex]!.name,
      hex: Buffer.from(bytes).toString('hex'),
      comment,
      packetId,
    }));
    assert.is(reader.truncation, null, 'the file is whole');
    return packets;
  }
}

interface Seen {
  /** `port:point` */
  readonly at: string;
  readonly hex: string;
  readonly comment: string;
  readonly packetId: number | undefined;
}

function hasBegun({ child, stderr }: Background): boolean {
  if (child.exitCode !== null) throw new Error(stderr);
  return stderr.includes('sluice: capturing');
}

/** A capture that nobody reads, as soon as another's end has made room for it. */
function startWhenThereIsRoom(): Promise<Background> {
  return until('room for a capture', async () => {
    const command = bed.startSluice('capture', '-w', '-');
    await until('it to begin or to be refused', () => command.child.exitCode !== null || hasBegun(command));
    return command.child.exitCode === null && command;
  });
}

const hexAt = (seen: readonly Seen[], ...at: string[]): string[] =>
  seen.filter((packet) => at.includes(packet.at)).map(({ hex }) => hex);

/** What tcpdump and `sluice capture` see meanwhile at a VM's interface. */
async function bothSee(vm: string, filter: string, talk: () => Promise<unknown>) {
  const capture = await SluiceCapture.start('--port', vm, filter);
  const theirs = await during(bed, vm, filter, talk, (seen) => seen.frames());
  const ours = await capture.stop();
  return { ours, theirs, file: capture.file };
}

const CONVERSATIONS: Record<string, { filter: string; atLeast: number; talk(): Promise<unknown> }> = {
  'TCP, with super-segments': {
    filter: 'tcp',
    atLeast: 20,
    async talk() {
      await bed.ask('c1', '10.1.0.100', 3);
      await bed.download('c1', '10.1.0.100', 300_000);
      await bed.upload('c1', '10.1.0.100', 300_000);
    },
  },
  'UDP and its drops': { filter: 'udp', atLeast: 8, talk: () => bed.askUdp('c1', '10.1.0.101', 53, 4) },
  IPv6: { filter: 'ip6 and tcp', atLeast: 10, talk: () => bed.ask('c1', '[fd00:1::100]', 2) },
  'fragments, in any order': {
    filter: 'ip[6:2] & 0x3fff != 0',
    atLeast: 3,
    async talk() {
      const way = await wayFrom(bed, 'c1', '10.1.0.11', '10.1.0.101');
      const ports = { sourcePort: 7_000, destinationPort: 53, payload: new Uint8Array(100).fill(65) };
      const pieces = udpFragments(way, ports, 40, 77);
      await sendFrames(bed, 'c1', pieces.toReversed());
    },
  },
  'ARP and ICMP': {
    filter: 'arp or icmp',
    atLeast: 4,
    async talk() {
      await bed.exec('c1', 'ip', 'neighbour', 'flush', 'all');
      await bed.exec('c1', 'ping', '-n', '-c', '2', '10.1.0.21');
    },
  },
};

for (const [name, { filter, atLeast, talk }] of Object.entries(CONVERSATIONS)) {
  test(`tcpdump in the VM sees what is captured at its port: ${name}`, async () => {
    const { ours, theirs, file } = await bothSee('c1', filter, talk);
    const atDevice = hexAt(ours, 'c1:from-vm', 'c1:to-vm');
    assert.ok(theirs.length >= atLeast, `${theirs.length} packets`);
    // In which order packets of both directions pass the interface is the kernel's to say.
    assert.equal(atDevice.toSorted(), theirs.toSorted());
    // What is sent to port 53 here is no DNS.
    const text = await output('tshark', '-r', file, '--disable-protocol', 'dns', '-q', '-z', 'expert,error');
    assert.not.match(text, /[Mm]alformed/);
  });
}

test('a packet is followed from the client over the balancer to the member, and back', async () => {
  const capture = await SluiceCapture.start('--group', 'web', 'tcp[tcpflags] & tcp-syn != 0');
  const atMembers: string[] = [];
  const talk = async (): Promise<void> => {
    await bed.ask('c2', '10.1.0.100', 10);
    await bed.ask('c2', '10.1.0.103', 3); // of another group
  };
  await during(bed, 's2', 'tcp[tcpflags] & tcp-syn != 0 and src 10.1.0.12', talk, async (seen) =>
    atMembers.push(...(await seen.frames())),
  );
  const seen = await capture.stop();
  const opening = seen.filter(({ at }) => at === 'c2:from-vm');
  assert.is(opening.length, 10);
  for (const { packetId, comment } of opening) {
    const member = /^verdict=delivered group=web member=(s[1-5])$/.exec(comment)?.[1];
    assert.ok(member !== undefined, comment);
    const places = seen.filter((other) => other.packetId === packetId).map(({ at }) => at);
    assert.equal(places, ['c2:from-vm', 'c2:balanced', `${member}:to-vm`]);
  }
  assert.equal(hexAt(seen, 's2:to-vm').toSorted(), atMembers.toSorted());
  assert.is(hexAt(seen, 'c2:balanced').length, 20, 'SYN and SYN-ACK of each');
  assert.ok(seen.every(({ comment }) => comment.includes('group=web')));
});

test('dropped packets are captured under their counter', async () => {
  const drops = async (): Promise<number> => (await bed.status()).drops['bad-ip-checksum'] ?? 0;
  const way = await wayFrom(bed, 'c3', '10.1.0.13', '10.1.0.100');
  const bytes = tcpFrame(way, { sourcePort: 7_001, destinationPort: 80, flags: 'S' }).bytes.slice();
  bytes[24]! ^= 0xff;
  const before = await drops();
  const rows = bed.startSluice('capture', '--at', 'dropped', '--port', 'c3', '--count', '5', '-o', 'json');
  await until('the capture', () => hasBegun(rows));
  const spoilt = { bytes, vnet: new Uint8Array(12) };
  await sendFrames(bed, 'c3', [spoilt, spoilt, spoilt, spoilt, spoilt]);
  assert.is(await rows.ended, 0, rows.stderr);
  const found = rows.lines.map((line) => JSON.parse(line) as PacketRow);
  assert.is(found.length, 5);
  for (const row of found) {
    assert.equal([row.port, row.point, row.verdict], ['c3', 'dropped', 'dropped']);
    assert.equal([row.reason, row.bytes], ['bad-ip-checksum', Buffer.from(bytes).toString('hex')]);
  }
  assert.is((await drops()) - before, 5);
});

test('a packet for which a group has no member is found under the group', async () => {
  for (const member of ['s1', 's2', 's3']) await bed.sluice('member', 'fail', 'echo', member);
  const capture = await SluiceCapture.start('--group', 'echo', '--at', 'dropped');
  await bed.askUdp('c1', '10.1.0.101', 53, 1);
  const seen = await capture.stop('SIGTERM');
  for (const member of ['s1', 's2', 's3']) await bed.sluice('member', 'reset', 'echo', member);
  assert.ok(seen.length > 0);
  for (const { at, comment } of seen)
    assert.equal([at, comment], ['c1:dropped', 'verdict=dropped reason=no-member group=echo']);
});

test('tshark reads a running capture from a pipe, and its snap length cuts packets', async () => {
  const shell =
    '"$@" | tshark -r - -T fields -e frame.interface_name -e frame.len -e frame.cap_len 2>/dev/null';
  const count = ['capture', '-w', '-', '--at', 'to-vm', '--snaplen', '60', '--count', '6', 'tcp'];
  const piped = run('bash', '-c', shell, 'bash', process.execPath, ...bed.cli(...count));
  // The capture may begin later than the packets.
  let isOver = false;
  piped.finally(() => {
    isOver = true;
  });
  while (!isOver) await bed.ask('c1', '10.1.0.100', 2);
  const { status, stdout, stderr } = await piped;
  assert.is(status, 0, stderr);
  const lines = stdout.trim().split('\n');
  assert.is(lines.length, 6);
  for (const line of lines) {
    const [at, length, captured] = line.split('\t');
    assert.match(at!, /^\w\d:to-vm$/);
    assert.ok(Number(length) >= 66 && captured === '60', line);
  }
});

test('a reader that is killed, and one that does not read, cost nothing: their captures end, the others go on', async () => {
  for (let round = 0; round < 3; round++) {
    const commands = await Promise.all(Array.from({ length: 4 }, () => startWhenThereIsRoom()));
    const refused = await bed.sluice('capture');
    assert.is(refused.status, 1);
    assert.match(refused.stderr, /found 4 captures/);
    for (const command of commands) await command.stop('SIGKILL');
  }
  await (await startWhenThereIsRoom()).stop('SIGKILL');
  const last = await SluiceCapture.start('icmp');
  await bed.exec('c1', 'ping', '-n', '-c', '1', '10.1.0.21');
  assert.ok((await last.stop()).length >= 4);
});

test('a reader that is too slow misses packets, which are counted; the traffic is as ever', async () => {
  const slow = bed.startSluice('capture', '-w', '-', '--at', 'from-vm');
  slow.child.stdout!.pause();
  await until('the capture', () => hasBegun(slow));
  const digests = new Set<string>();
  for (let i = 0; i < 4; i++) digests.add(await bed.download('c1', '10.1.0.100', 20_000_000));
  assert.is(digests.size, 1);
  slow.child.kill('SIGINT');
  slow.child.stdout!.resume();
  assert.is(await slow.ended, 0, slow.stderr);
  assert.match(slow.stderr, /captured, \d+ missed/);
});

test('the file is whole when the host hands over, and what is wrong is said', async () => {
  const bad = await bed.sluice('capture', 'tcp', 'prot', '80');
  assert.equal([bad.status, /filter "tcp prot 80": .*syntax error/.test(bad.stderr)], [2, true], bad.stderr);
  const loop = await bed.sluice('capture', 'ip6', 'protochain', '17');
  assert.equal([loop.status, /protochain/.test(loop.stderr)], [2, true], loop.stderr);
  const port = await bed.sluice('capture', '--port', 'c9');
  assert.equal([port.status, /port: found c9/.test(port.stderr)], [1, true], port.stderr);
  const capture = await SluiceCapture.start();
  await bed.ask('c1', '10.1.0.100', 2);
  const replaced = await bed.sluice('up', '-c', bed.configFile, '--detach', '--replace');
  assert.is(replaced.status, 0, replaced.stderr);
  // It may have gone before its last blocks, the statistics, could be sent.
  await capture.command.ended;
  assert.match(capture.command.stderr, /packets captured/);
  assert.ok(capture.packets().length > 20);
});

test.run();
