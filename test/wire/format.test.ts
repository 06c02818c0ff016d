// Each frame of the golden captures as one line, held against what tcpdump prints of the same file.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packetsOf } from '../../src/io/captures/capture.ts';
import { readCaptureFile } from '../../src/io/captures/capture-file.ts';
import { formatFrame } from '../../src/wire/format.ts';
import { CHECKOUT } from '../support/paths.ts';
import { Random, seed } from '../support/seed.ts';

const INPUT = join(CHECKOUT, 'test/captures/input');

const test = suite('wire: format');

/** tcpdump's lines; those that begin with blanks belong to the line before. */
const tcpdump = (path: string): string[] =>
  execFileSync('tcpdump', ['-nn', '-S', '-t', '-r', path], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
    .split('\n')
    .filter((line) => line !== '' && !/^\s/.test(line))
    .map((line) => line.trim());

const ours = (path: string): string[] =>
  [...packetsOf(readCaptureFile(path))].map(({ bytes }) =>
    formatFrame(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength),
  );

/** Kinds of lines that are to be equal. tcpdump reads some payloads and says more about broken headers: other lines. */
const KINDS: Readonly<Record<string, RegExp>> = {
  tcp: /: Flags \[[SFRPUEW.]+\], .*length \d+$/,
  udp: /: UDP, length \d+$/,
  arp: /^ARP, (Request who-has [\d.]+ tell|Reply) .*length \d+$/,
  icmp: /: ICMP (echo|time exceeded|host|net|[\d.]+ (udp|tcp) port|[\d.]+ unreachable - need)/,
  icmp6: /: ICMP6, (echo|neighbor|router solicitation|packet too big|time exceeded)/,
  fragment: /: (ip-proto-\d+|frag \(\d+\|\d+\))$/,
};
/** Also lines about IPv6 extension headers and GRE, of which tcpdump says more. */
const OTHERS =
  /HBH|DSTOPT|RT\d|frag .* > |GRE|bad|invalid|truncated|wrong|unknown|missing|\[\||options \[.*length 0/i;

const seen = new Map<string, number>();

for (const name of readdirSync(INPUT).filter((name) => /\.pcap(ng)?$/.test(name))) {
  test(`${name}: as tcpdump prints it`, () => {
    const path = join(INPUT, name);
    const expected = tcpdump(path);
    const found = ours(path);
    if (found.length !== expected.length) return; // frames that tcpdump skips: another line would be compared
    for (const [index, line] of expected.entries()) {
      const kind = Object.keys(KINDS).find((one) => KINDS[one]!.test(line));
      if (kind === undefined || OTHERS.test(line)) continue;
      assert.is(found[index]!.replace(/^(vlan \d+, p \d, )+/, ''), line, `frame ${index + 1}`);
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
    }
  });
}

test('the captures have many frames of each kind', () => {
  for (const kind of Object.keys(KINDS))
    assert.ok((seen.get(kind) ?? 0) >= 5, `${kind}: ${seen.get(kind) ?? 0}`);
});

test('random bytes make a line, whatever they are', () => {
  const random = new Random(seed);
  for (let i = 0; i < 2000; i++) {
    const bytes = Uint8Array.from({ length: 10 + (random.word() & 63) }, () => random.word());
    const view = new DataView(bytes.buffer);
    if (bytes.length > 14) view.setUint16(12, [0x0800, 0x86dd, 0x0806, 0x8100][i & 3]!);
    assert.type(formatFrame(view, 0, bytes.length), 'string');
  }
});

test.run();
