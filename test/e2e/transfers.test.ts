// Bytes in bulk: 100 MB both ways, through every kind of rewrite, arrive as they were sent.
// timeout: 300s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../support/command.ts';
import { countingDigest, Testbed } from '../support/testbed.ts';

const test = suite('e2e: transfers');

const BYTES = 100_000_000;
const TARGETS: [kind: string, target: string][] = [
  ['address and port', '10.1.0.100'],
  ['IPv6', '[fd00:1::100]'],
  ['MAC redirect', '10.1.0.102:8080'],
  ['a member behind the router', '10.1.0.103'],
  ['address alone', '10.1.0.104:8080'],
];

let bed: Testbed;
let expected: string;
test.before(async () => {
  expected = countingDigest(BYTES);
  bed = await Testbed.create();
  await bed.holdQuietly('s4', '10.1.0.102');
  await bed.holdQuietly('s5', '10.1.0.102');
});
test.after(() => bed?.close());

for (const [kind, target] of TARGETS) {
  test(`a download of 100 MB: ${kind}`, async () => {
    assert.is(await bed.download('c1', target, BYTES), expected);
  });

  test(`an upload of 100 MB: ${kind}`, async () => {
    assert.is(await bed.upload('c1', target, BYTES), expected);
  });
}

test('downloads and uploads at the same time, from every client', async () => {
  const bytes = 20_000_000;
  const digests = await Promise.all([
    bed.download('c1', '10.1.0.100', bytes),
    bed.download('c2', '10.1.0.100', bytes),
    bed.download('c3', '[fd00:1::100]', bytes),
    bed.upload('c1', '10.1.0.100', bytes),
    bed.upload('c2', '[fd00:1::100]', bytes),
    bed.upload('c3', '10.1.0.102:8080', bytes),
  ]);
  assert.equal([...new Set(digests)], [countingDigest(bytes)]);
});

test('odd lengths, down to one byte', async () => {
  for (const bytes of [1, 2, 3, 1447, 1448, 1449, 65_535, 65_537]) {
    assert.is(await bed.download('c1', '10.1.0.100', bytes), countingDigest(bytes), `${bytes} bytes down`);
    assert.is(await bed.upload('c1', '10.1.0.100', bytes), countingDigest(bytes), `${bytes} bytes up`);
  }
});

test('iperf3 through a VIP, TCP both ways and UDP', async () => {
  const server = bed.start('s5', 'iperf3', '--server');
  await until('iperf3 to listen', () => bed.exec('s5', 'sh', '-c', "ss -Hltn 'sport = 5201' | grep ."));
  const iperf3 = async (...args: string[]) => {
    const text = await bed.exec('c1', 'iperf3', '-c', '10.1.0.104', '-t', '2', '--json', ...args);
    return JSON.parse(text).end;
  };
  const bitsPerSecond = 100e6; // far below any reasonable figure: that it flows is the point here
  assert.ok((await iperf3()).sum_received.bits_per_second > bitsPerSecond);
  assert.ok((await iperf3('-R')).sum_received.bits_per_second > bitsPerSecond);
  assert.ok((await iperf3('-P', '4')).sum_received.bits_per_second > bitsPerSecond);
  // A pause of 100 ms on a busy machine overflows the receiver's socket at ten times this rate.
  const { sum } = await iperf3('-u', '-b', '10M');
  assert.ok(sum.packets > 1_000 && sum.lost_percent < 10, `${sum.lost_packets} of ${sum.packets} lost`);
  await server.stop();
});

test('without offloads at the client, packets of MTU size', async () => {
  await bed.withoutOffloads('c2');
  const bytes = 20_000_000;
  assert.is(await bed.download('c2', '10.1.0.100', bytes), countingDigest(bytes));
  assert.is(await bed.upload('c2', '10.1.0.100', bytes), countingDigest(bytes));
  assert.is(await bed.download('c2', '[fd00:1::100]', bytes), countingDigest(bytes));
  assert.is(await bed.upload('c2', '[fd00:1::100]', bytes), countingDigest(bytes));
});

test('without offloads at the servers', async () => {
  for (const vm of ['s1', 's2', 's3', 's4', 's5']) await bed.withoutOffloads(vm);
  const bytes = 20_000_000;
  assert.is(await bed.download('c1', '10.1.0.100', bytes), countingDigest(bytes));
  assert.is(await bed.upload('c1', '10.1.0.100', bytes), countingDigest(bytes));
});

test.run();
