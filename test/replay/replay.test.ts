import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfiguration } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems/problems.ts';
import { snapshotOf } from '../../src/host/publishing/snapshot-builder.ts';
import type { CapturePacket, CaptureReader } from '../../src/io/captures/capture.ts';
import { createCaptureFile, readCaptureFile } from '../../src/io/captures/capture-file.ts';
import { PcapReader } from '../../src/io/captures/pcap-reader.ts';
import type { CaptureFormat } from '../../src/io/captures/pcap-writer.ts';
import { IngressRule } from '../../src/replay/ingress.ts';
import { addOutside, outsideMac } from '../../src/replay/outside.ts';
import { LINKTYPE_VNET, type ReplayResult, replayCapture } from '../../src/replay/replay.ts';
import { CLI } from '../support/paths.ts';
import { CAPTURES } from './testbed.ts';
import { type Description, frameOf, macBytes } from './twin.ts';

const CONFIG = `${CAPTURES}/testbed.yaml`;
const directory = mkdtempSync(join(tmpdir(), 'sluice-replay-'));
const IN = join(directory, 'in');
const OUT = join(directory, 'out');

/** A SYN from web1 to the VIP of the group web4. */
const SYN: Description = {
  family: 4,
  protocol: 'tcp',
  sourceMac: '02:00:00:00:01:0b',
  destinationMac: '02:53:4c:00:13:89',
  tags: [],
  source: '10.1.0.11',
  destination: '10.1.0.100',
  sourcePort: 40000,
  destinationPort: 80,
  hops: 64,
  options: new Uint8Array(0),
  sequence: 1,
  flags: 2,
  tcpOptions: new Uint8Array(0),
  payload: new Uint8Array(0),
  trailer: new Uint8Array(0),
  checksum: 'complete',
};

interface Written {
  bytes: Uint8Array;
  seconds?: number;
  nanoseconds?: number;
  originalLength?: number;
}

function writeInput(frames: Written[], format: CaptureFormat = 'pcap', linkType = 1): void {
  const { writer, close } = createCaptureFile(IN, { format, interfaces: [{ linkType }] });
  for (const { bytes, seconds = 1_767_225_600, nanoseconds = 0, originalLength } of frames) {
    writer.write({ seconds, nanoseconds }, bytes, 0, originalLength);
  }
  close();
}

function replayed(port?: string): { result: ReplayResult; reader: CaptureReader; packets: CapturePacket[] } {
  const result = replayCapture({ pcapPath: IN, configPath: CONFIG, outPath: OUT, port });
  const reader = readCaptureFile(OUT);
  return { result, reader, packets: [...reader] };
}

const macOf = (bytes: Uint8Array): number[] => [...bytes.subarray(0, 6)];

const test = suite('replay');

test.after(() => rmSync(directory, { recursive: true }));

test('classic pcap stays classic pcap, in its own resolution', () => {
  for (const [format, nanoseconds, unit] of [
    ['pcap', 123_456_000, 1000],
    ['pcap-ns', 123_456_789, 1],
  ] as const) {
    writeInput([{ bytes: frameOf(SYN), nanoseconds }], format);
    const { reader, packets } = replayed();
    assert.instance(reader, PcapReader);
    assert.is((reader as PcapReader).nanosecondsPerUnit, unit);
    assert.equal(packets[0]!.time, { seconds: 1_767_225_600, nanoseconds });
  }
});

test('pcapng comes out as pcapng with an interface per port, the outside ones behind', () => {
  writeInput([{ bytes: frameOf(SYN), nanoseconds: 7 }], 'pcapng');
  const { reader, packets } = replayed();
  const names = reader.interfaces.map(({ name }) => name);
  assert.equal(names.slice(0, 3), ['web1', 'web2', 'app1']);
  assert.equal(names.slice(-3), ['outside:app', 'outside:db', 'outside:island']);
  assert.is(names[packets[0]!.interfaceIndex], 'app1');
  assert.equal(packets[0]!.time, { seconds: 1_767_225_600, nanoseconds: 7 });
});

test('an empty capture gives an empty capture', () => {
  writeInput([]);
  const { result, packets } = replayed();
  assert.is(result.framesIn, 0);
  assert.equal(packets, []);
});

test('a member on no port gets the MAC made from its address', () => {
  assert.is(outsideMac('10.1.0.41'), '02:04:0a:01:00:29');
  assert.is(outsideMac('fd00:1::b'), '02:06:fd:00:00:0a');
  writeInput([{ bytes: frameOf({ ...SYN, destination: '10.1.0.110' }) }], 'pcapng');
  const { packets, result } = replayed();
  assert.is(packets.length, 1);
  assert.equal(macOf(packets[0]!.bytes).slice(0, 5), macBytes('02:04:0a:01:00:00').slice(0, 5));
  assert.is(result.connectionsMade, 1);
});

test('time passes between packets: timers run at their moments, and after the last packet', () => {
  const unresolved = frameOf({ ...SYN, destination: '10.2.0.99' });
  writeInput([{ bytes: unresolved }], 'pcapng');
  const { packets, result } = replayed();
  const startMs = 1_767_225_600_000;
  const momentsMs = packets.map(({ time }) => time.seconds * 1000 + time.nanoseconds / 1e6 - startMs);
  // Three rounds of requests to three ports, then the error to the sender.
  assert.equal(momentsMs, [0, 0, 0, 1000, 1000, 1000, 2000, 2000, 2000, 3000]);
  assert.equal(result.drops, { 'neighbour-unresolved': 1 });
});

test('a long silence in the capture is crossed', () => {
  const days = [0, 1, 400].map((day) => ({ bytes: frameOf(SYN), seconds: 1_767_225_600 + day * 86_400 }));
  writeInput(days);
  assert.is(replayed().result.connectionsMade, 3, 'each SYN meets an expired flow');
});

test('timestamps that go back do not disturb', () => {
  writeInput([
    { bytes: frameOf(SYN), seconds: 1_767_225_610 },
    { bytes: frameOf(SYN), seconds: 1_767_225_600 },
  ]);
  const { packets } = replayed();
  assert.equal(
    packets.map(({ time }) => time.seconds),
    [1_767_225_610, 1_767_225_600],
  );
});

test('a frame that the capture holds only in part is judged by what is there', () => {
  const whole = frameOf(SYN);
  writeInput([{ bytes: whole.subarray(0, 40), originalLength: whole.length }]);
  const { result } = replayed();
  assert.is(result.cutShort, 1);
  assert.equal(result.drops, { 'truncated-ipv4': 1 });
});

test('a file that ends inside a record is replayed up to there', () => {
  writeInput([{ bytes: frameOf(SYN) }, { bytes: frameOf(SYN) }]);
  truncateSync(IN, readFileSync(IN).length - 5);
  const { result } = replayed();
  assert.is(result.framesIn, 1);
  assert.match(result.truncation!, /bytes of a record, expected/);
});

test('link type 147 brings a virtio header: what it asks for is done before the frame leaves', () => {
  const header = Uint8Array.from([1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0]);
  const partial = frameOf({ ...SYN, checksum: 'partial' });
  writeInput(
    [{ bytes: Buffer.concat([header, partial]) }, { bytes: header.subarray(0, 4) }],
    'pcapng',
    LINKTYPE_VNET,
  );
  const { result, packets } = replayed();
  const member = { destination: '10.1.0.21', destinationPort: 8080, destinationMac: '02:00:00:00:01:15' };
  assert.equal(Uint8Array.from(packets[0]!.bytes), frameOf({ ...SYN, ...member }));
  assert.is(result.leftOut, 1);
});

test('other link types, other ports and other files are refused in words', () => {
  writeInput([{ bytes: frameOf(SYN) }], 'pcap', 113);
  assert.throws(() => replayed(), /found packets of link type 113, expected 1 \(Ethernet\)/);
  writeInput([{ bytes: frameOf(SYN) }]);
  assert.throws(
    () => replayed('web9'),
    (error: unknown) =>
      error instanceof ConfigError && /--port: found "web9", expected one of web1,/.test(error.message),
  );
  writeFileSync(IN, 'no capture');
  assert.throws(() => replayed(), /expected/);
});

test('ingress: MAC, then address, then a known outside station, then the port named, then the network', () => {
  const configuration = loadConfiguration(CONFIG);
  const world = addOutside(configuration, snapshotOf(configuration, { offloads: false }));
  const named = world.snapshot.ports.find(({ name }) => name === 'db2');
  const nameOf = (rule: IngressRule, frame: Uint8Array): string =>
    world.snapshot.ports.find(({ id }) => id === rule.portOf(frame))!.name;
  const plain = new IngressRule(world);
  const preferring = new IngressRule(world, named);
  const from = (sourceMac: string, source: string, family: 4 | 6 = 4): Uint8Array =>
    frameOf({ ...SYN, family, sourceMac, source, destination: family === 4 ? '10.1.0.100' : 'fd00:1::100' });
  const strange = '02:99:99:99:99:99';

  assert.is(nameOf(preferring, from('02:00:00:00:01:0c', '10.1.0.11')), 'web2', 'the MAC wins');
  assert.is(nameOf(preferring, from('02:00:00:00:03:0b', '10.1.0.11')), 'isl1', 'also among tenants');
  assert.is(nameOf(preferring, from(strange, '10.1.0.21')), 'app1');
  assert.is(nameOf(preferring, from(strange, 'fd00:2::1f', 6)), 'db1');
  assert.is(nameOf(preferring, from(strange, '10.1.0.41')), 'outside:app', 'a member on no port');
  assert.is(nameOf(preferring, from(strange, '10.1.0.254')), 'outside:app', 'a next hop on no port');
  assert.is(nameOf(preferring, from(strange, '10.2.0.77')), 'db2');
  assert.is(nameOf(plain, from(strange, '10.2.0.77')), 'outside:db');
  assert.is(nameOf(plain, from(strange, '192.0.2.1')), 'outside:app', 'the first network');
  assert.is(nameOf(preferring, new Uint8Array(5)), 'db2');
  assert.is(nameOf(plain, new Uint8Array(13)), 'outside:app');
  for (const tags of [[0x81000007], [0x88a80064, 0x81000007]]) {
    assert.is(nameOf(plain, frameOf({ ...SYN, tags, sourceMac: strange, source: '10.2.0.32' })), 'db2');
  }
});

test('the command needs no root and prints what happened', () => {
  const out = join(directory, 'cli.pcapng');
  chmodSync(directory, 0o777);
  const args = ['replay', '--pcap', `${CAPTURES}/input/empty-group.pcapng`, '-c', CONFIG, '-w', out];
  // Root without any capability may do no more than others; another user might not even see this checkout.
  const unprivileged = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'];
  const command = [...(process.getuid?.() === 0 ? unprivileged : []), process.execPath, CLI, ...args];
  const { status, stderr } = spawnSync(command[0]!, command.slice(1), { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  assert.match(
    stderr,
    /^frames in: 18\nframes out: \d+\nanswered: \d+\nconnections made: 0\ndropped: 18\n {2}no-connection: \d/,
  );
  assert.ok(readFileSync(out).length > 0);
});

test.run();
