import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import pcapParser, { type Packet } from 'pcap-parser';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CaptureError, type CapturePacket, type CaptureReader } from '../../src/io/captures/capture.ts';
import { createCaptureFile, readCaptureFile } from '../../src/io/captures/capture-file.ts';
import { readCapture } from '../../src/io/captures/pcap-reader.ts';
import { type CaptureFormat, PcapWriter, type PcapWriterOptions } from '../../src/io/captures/pcap-writer.ts';

const test = suite('pcap');

let directory = '';
test.before(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-pcap-'));
});
test.after(() => rmSync(directory, { recursive: true }));

interface Sample {
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly bytes: Uint8Array;
  readonly originalLength: number;
  readonly interfaceIndex: number;
}

/** Ethernet frames of all lengths modulo 4, one cut, one of 64 KB. */
const samples: readonly Sample[] = [60, 61, 62, 63, 1514, 65_549, 14].map((length, i) => {
  const bytes = new Uint8Array(length).map((_, at) => at * 7 + i);
  bytes.set([0x88, 0xb5], 12);
  return {
    seconds: 1_700_000_000 + i,
    nanoseconds: 123_456_789 + i * 1000,
    bytes,
    originalLength: i === 6 ? 900 : length,
    interfaceIndex: 0,
  };
});

function write(packets: readonly Sample[], options?: PcapWriterOptions): Buffer {
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => chunks.push(bytes.slice()), options);
  for (const { bytes, originalLength, interfaceIndex, ...time } of packets)
    writer.write(time, bytes, interfaceIndex, originalLength);
  return Buffer.concat(chunks);
}

const flat = (packet: CapturePacket): Sample => ({
  ...packet.time,
  bytes: Uint8Array.from(packet.bytes),
  originalLength: packet.originalLength,
  interfaceIndex: packet.interfaceIndex,
});
const readAll = (reader: CaptureReader): Sample[] => [...reader].map(flat);

const inMicroseconds = (packets: readonly Sample[]): Sample[] =>
  packets.map((packet) => ({ ...packet, nanoseconds: Math.floor(packet.nanoseconds / 1000) * 1000 }));

/** What is in a file according to tshark. */
function tshark(path: string): { time: string; length: number; captured: number; interface: string }[] {
  const fields = ['frame.time_epoch', 'frame.len', 'frame.cap_len', 'frame.interface_name'];
  const options = ['-r', path, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
  return execFileSync('tshark', options, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .trim()
    .split('\n')
    .map((line) => line.split('\t'))
    .map(([time, length, captured, name]) => ({
      time: time!,
      length: Number(length),
      captured: Number(captured),
      interface: name ?? '',
    }));
}

const time = ({ seconds, nanoseconds }: Sample) => `${seconds}.${String(nanoseconds).padStart(9, '0')}`;

for (const format of ['pcap', 'pcap-ns', 'pcapng'] as const) {
  const expected = format === 'pcap' ? inMicroseconds(samples) : samples;

  test(`${format}: what is written is read again`, () => {
    const reader = readCapture(write(samples, { format }));
    assert.is(reader.format, format === 'pcapng' ? 'pcapng' : 'pcap');
    assert.equal(readAll(reader), expected);
    assert.is(reader.truncation, null);
    assert.is(reader.interfaces.length, 1);
    assert.is(reader.interfaces[0]!.linkType, 1);
    assert.is(reader.interfaces[0]!.snapLength, 262_144);
  });

  test(`${format}: tshark reads the same`, () => {
    const path = join(directory, `own.${format}`);
    writeFileSync(path, write(samples, { format }));
    assert.equal(
      tshark(path).map((packet) => ({ ...packet, interface: '' })),
      expected.map((packet) => ({
        time: time(packet),
        length: packet.originalLength,
        captured: packet.bytes.length,
        interface: '',
      })),
    );
  });
}

for (const [format, editcapName, precise] of [
  ['pcap', 'pcap', false],
  ['pcap-ns', 'nsecpcap', true],
  ['pcapng', 'pcapng', true],
] as const) {
  test(`${format} written by editcap is read`, () => {
    const source = join(directory, 'source.pcapng');
    const converted = join(directory, `editcap.${editcapName}`);
    writeFileSync(source, write(samples, { format: 'pcapng' }));
    execFileSync('editcap', ['-F', editcapName, source, converted]);
    const reader = readCaptureFile(converted);
    assert.equal(readAll(reader), precise ? samples : inMicroseconds(samples));
  });
}

test('pcap-parser, an independent reader, sees the same packets in a microsecond file', async () => {
  const path = join(directory, 'parsed.pcap');
  writeFileSync(path, write(samples));
  const packets: Packet[] = [];
  await new Promise<void>((resolve, reject) => {
    pcapParser
      .parse(path)
      .on('packet', (packet: Packet) => packets.push({ ...packet, data: Buffer.from(packet.data) }))
      .on('end', () => resolve())
      .on('error', reject);
  });
  assert.equal(
    packets.map(({ header, data }) => ({
      seconds: header.timestampSeconds,
      nanoseconds: header.timestampMicroseconds * 1000,
      bytes: Uint8Array.from(data),
      originalLength: header.originalLength,
      interfaceIndex: 0,
    })),
    readAll(readCapture(write(samples))),
  );
});

/** Swap the 16- and 32-bit fields of a classic file, which makes it big-endian. */
function toBigEndian(file: Buffer): Buffer {
  const swapped = Buffer.from(file);
  const swap = (at: number, bytes: number) => swapped.subarray(at, at + bytes).reverse();
  for (const [at, bytes] of [
    [0, 4],
    [4, 2],
    [6, 2],
    [8, 4],
    [12, 4],
    [16, 4],
    [20, 4],
  ] as const)
    swap(at, bytes);
  for (let at = 24; at < file.length; ) {
    const length = file.readUInt32LE(at + 8);
    for (let field = 0; field < 16; field += 4) swap(at + field, 4);
    at += 16 + length;
  }
  return swapped;
}

for (const format of ['pcap', 'pcap-ns'] as const) {
  test(`big-endian ${format} is read, as tshark reads it`, () => {
    const file = toBigEndian(write(samples, { format }));
    const path = join(directory, `big.${format}`);
    writeFileSync(path, file);
    const expected = format === 'pcap' ? inMicroseconds(samples) : samples;
    assert.equal(readAll(readCapture(file)), expected);
    assert.equal(
      tshark(path).map((packet) => packet.time),
      expected.map(time),
    );
  });
}

/** A pcapng block in either byte order: 32-bit words, raw bytes. */
function block(littleEndian: boolean, type: number, ...parts: readonly (number | Buffer)[]): Buffer {
  const word = (value: number) => {
    const bytes = Buffer.alloc(4);
    if (littleEndian) bytes.writeUInt32LE(value >>> 0);
    else bytes.writeUInt32BE(value >>> 0);
    return bytes;
  };
  const body = Buffer.concat(parts.map((part) => (typeof part === 'number' ? word(part) : part)));
  const length = word(body.length + 12);
  return Buffer.concat([word(type), length, body, length]);
}

const half = (littleEndian: boolean, first: number, second: number): Buffer => {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, first, littleEndian);
  view.setUint16(2, second, littleEndian);
  return Buffer.from(view.buffer);
};

/** A section with an interface in microseconds, one in 2^-20 s with an offset, a name and a packet of each kind. */
function section(le: boolean, mark: number): Buffer {
  const data = Buffer.alloc(20, mark);
  const offset = Buffer.alloc(8);
  if (le) offset.writeBigInt64LE(-100n);
  else offset.writeBigInt64BE(-100n);
  const secondOptions = [
    half(le, 2, 5),
    Buffer.from('uplnk\0\0\0'),
    half(le, 9, 1),
    Buffer.from([0x80 | 20, 0, 0, 0]),
    half(le, 14, 8),
    offset,
    half(le, 0, 0),
  ];
  return Buffer.concat([
    block(le, 0x0a0d0d0a, 0x1a2b3c4d, half(le, 1, 0), -1, -1),
    block(le, 1, half(le, 1, 0), 16),
    block(le, 1, half(le, 113, 0), 0, ...secondOptions),
    block(le, 5, 0, 0, 0), // statistics: passed over
    block(le, 6, 1, 0x400, 0x80000, 20, 20, data), // (2^42 + 2^19) / 2^20 s - 100 s
    block(le, 6, 0, 0, 1_500_000, 18, 60, data.subarray(0, 20), half(le, 0, 0)),
    block(le, 3, 40, data.subarray(0, 16)),
    block(le, 2, half(le, 1, 3), 0x400, 0, 20, 20, data),
  ]);
}

test('pcapng: both byte orders, several sections and interfaces, clocks, all kinds of packet block', () => {
  const reader = readCapture(Buffer.concat([section(true, 1), section(false, 2)]));
  const packets = readAll(reader);
  const expected = [1, 2].flatMap((mark, i) => {
    const bytes = (length: number) => new Uint8Array(length).fill(mark);
    const at = (index: number) => i * 2 + index;
    return [
      { seconds: 4_194_204, nanoseconds: 5e8, bytes: bytes(20), originalLength: 20, interfaceIndex: at(1) },
      { seconds: 1, nanoseconds: 5e8, bytes: bytes(18), originalLength: 60, interfaceIndex: at(0) },
      { seconds: 0, nanoseconds: 0, bytes: bytes(16), originalLength: 40, interfaceIndex: at(0) },
      { seconds: 4_194_204, nanoseconds: 0, bytes: bytes(20), originalLength: 20, interfaceIndex: at(1) },
    ];
  });
  assert.equal(packets, expected);
  assert.equal(
    reader.interfaces.map(({ linkType, snapLength, name }) => [linkType, snapLength, name]),
    [
      [1, 16, ''],
      [113, 0, 'uplnk'],
      [1, 16, ''],
      [113, 0, 'uplnk'],
    ],
  );
  const path = join(directory, 'sections.pcapng');
  writeFileSync(path, section(false, 2));
  assert.equal(
    tshark(path).map(({ length, captured, interface: name }) => [length, captured, name === 'uplnk']),
    expected
      .slice(4)
      .map((packet) => [packet.originalLength, packet.bytes.length, packet.interfaceIndex === 3]),
  );
});

test('pcapng with several interfaces: names and indices reach tshark', () => {
  const file = createCaptureFile(join(directory, 'ports.pcapng'), {
    format: 'pcapng',
    interfaces: [{ name: 'web1' }, { name: 'app-öä' }],
  });
  for (let i = 0; i < 5000; i++)
    file.writer.write({ seconds: i, nanoseconds: i }, samples[i % 5]!.bytes, i & 1);
  file.close();
  const seen = tshark(join(directory, 'ports.pcapng'));
  assert.is(seen.length, 5000);
  assert.ok(seen.every((packet, i) => packet.interface === (i & 1 ? 'app-öä' : 'web1')));
  assert.ok(seen.every((packet, i) => packet.time === `${i}.${String(i).padStart(9, '0')}`));
  const reader = readCaptureFile(join(directory, 'ports.pcapng'));
  assert.is([...reader].length, 5000);
  assert.is(reader.interfaces[1]!.name, 'app-öä');
});

for (const format of ['pcap', 'pcapng'] as const) {
  test(`${format} cut anywhere: whole packets are read, the cut is told or is an error, nothing is read beyond`, () => {
    const file = write(samples.slice(0, 4), { format });
    const boundaries = new Set([...readCapture(file)].map((packet) => packet.fileOffset).concat(file.length));
    const head = Math.min(...boundaries);
    for (let length = 0; length < file.length; length++) {
      const cut = file.subarray(0, length);
      let reader: CaptureReader;
      try {
        reader = readCapture(cut);
      } catch (error) {
        assert.instance(error, CaptureError);
        assert.ok(length < 24, `${length} bytes: ${error}`);
        continue;
      }
      const packets = readAll(reader);
      assert.equal(packets, readAll(readCapture(file)).slice(0, packets.length));
      if (boundaries.has(length) || (format === 'pcapng' && length === 28))
        assert.is(reader.truncation, null);
      else {
        assert.ok(reader.truncation, `${length} bytes`);
        const { fileOffset, foundBytes, expectedBytes } = reader.truncation;
        assert.ok(length < head || boundaries.has(fileOffset));
        assert.is(fileOffset + foundBytes, length);
        assert.ok(expectedBytes > foundBytes);
      }
      assert.is(reader.next(), null);
    }
  });
}

test('a file that contradicts itself is an error with offset, found and expected', () => {
  const classic = write(samples);
  const ng = write(samples, { format: 'pcapng' });
  const damaged = (file: Buffer, at: number, value: number) => {
    const copy = Buffer.from(file);
    copy.writeUInt32LE(value, at);
    return () => [...readCapture(copy)];
  };
  const cases: [() => unknown, RegExp][] = [
    [() => readCapture(Buffer.alloc(10)), /byte 0: found 10 bytes, expected a file header of 24 bytes/],
    [damaged(classic, 0, 0x12345678), /byte 0: found magic 0x12345678, expected that of pcap or pcapng/],
    [damaged(classic, 4, 0x00040003), /byte 4: found version 3\.4, expected version 2\.4/],
    [
      damaged(classic, 28, 1_000_000),
      /byte 28: found a fraction of 1000000000 ns, expected less than a second/,
    ],
    [
      damaged(classic, 32, 0x7fffffff),
      /byte 32: found a packet of 2147483647 bytes, expected at most 262144/,
    ],
    [damaged(ng, 8, 7), /byte 8: found byte-order magic 0x00000007, expected 0x1a2b3c4d/],
    [damaged(ng, 4, 0x40000000), /byte 4: found a block of 1073741824 bytes/],
    [damaged(ng, 4, 30), /byte 4: found a block of 30 bytes, expected a multiple of 4/],
    [damaged(ng, 24, 32), /byte 24: found block length 32, expected 28 as at its beginning/],
    [damaged(ng, 12, 2), /byte 12: found section version 2, expected version 1/],
    [damaged(ng, 28 + 18, 0x00640009), /byte 4\d: found an option of \d+ bytes, expected at most/],
    [damaged(ng, 60 + 8, 1), /byte 68: found interface 1, expected one of the 1 described in this section/],
    [damaged(ng, 60 + 20, 100), /byte 80: found a packet of 100 bytes, expected at most 60 in this block/],
  ];
  for (const [body, message] of cases) assert.throws(body, message);
  const path = join(directory, 'wrong');
  writeFileSync(path, Buffer.alloc(30));
  assert.throws(
    () => readCaptureFile(path),
    new RegExp(`^${path}: capture file, byte 0: found magic 0x00000000`),
  );
});

test('a writer refuses what its format cannot hold', () => {
  const writer = (format: CaptureFormat) => new PcapWriter(() => {}, { format });
  const bytes = new Uint8Array(60);
  assert.throws(() => writer('pcap').write({ seconds: 2 ** 32, nanoseconds: 0 }, bytes), /use pcapng/);
  assert.throws(() => writer('pcap').write({ seconds: -1, nanoseconds: 0 }, bytes), /-1 s/);
  assert.throws(() => writer('pcapng').write({ seconds: 2 ** 40, nanoseconds: 0 }, bytes), /1099511627776 s/);
  assert.throws(() => writer('pcap').write({ seconds: 0, nanoseconds: 1e9 }, bytes), /1000000000 ns/);
  assert.throws(
    () => writer('pcap').write({ seconds: 0, nanoseconds: 0 }, bytes, 1),
    /interface 1, expected 0 to 0/,
  );
  assert.throws(
    () => writer('pcap').write({ seconds: 0, nanoseconds: 0 }, new Uint8Array(262_145)),
    /262145 bytes/,
  );
  assert.throws(
    () => new PcapWriter(() => {}, { interfaces: [{}, {}] }),
    /pcap holds packets of 1 interface, not of 2/,
  );
  writer('pcapng').write({ seconds: 2 ** 33, nanoseconds: 0 }, bytes);
});

test('random bytes and random damage never read out of bounds: an error, a truncation or packets', () => {
  const files = (['pcap', 'pcapng'] as const).map((format) => write(samples.slice(0, 4), { format }));
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 8 }),
      fc.nat(400),
      (file, changes, length) => {
        const copy = Buffer.from(file.subarray(0, length));
        for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
        try {
          for (const packet of readCapture(copy)) assert.ok(packet.bytes.length <= copy.length);
        } catch (error) {
          assert.instance(error, CaptureError, String(error));
        }
      },
    ),
    { numRuns: 20_000 },
  );
});

test.run();
