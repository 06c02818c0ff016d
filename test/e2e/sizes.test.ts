// Packets of all sizes: jumbo and odd MTUs, a clamp on what TCP announces.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { during } from '../support/capture.ts';
import { countingDigest, Testbed } from '../support/testbed.ts';
import type { ConfigText } from '../support/testbed-config.ts';

const test = suite('e2e: sizes');

const DOWNLOAD_BYTES = 3_000_000;

async function withTestbed(change: (config: ConfigText) => void, body: (bed: Testbed) => Promise<void>) {
  const bed = await Testbed.create(change);
  try {
    await body(bed);
  } finally {
    bed.close();
  }
}

/** Echo requests of exactly this many bytes with don't-fragment set: how many were answered. */
async function pings(bed: Testbed, target: string, packetBytes: number): Promise<boolean> {
  const headers = target.includes(':') ? 48 : 28;
  const args = ['-n', '-c', '1', '-W', '2', '-M', 'do', '-s', `${packetBytes - headers}`, target];
  return (await bed.try('c1', 'ping', ...args)).status === 0;
}

for (const mtu of [9_000, 1_401]) {
  test(`an MTU of ${mtu}: packets of that size arrive, whole transfers go through VIPs`, async () => {
    await withTestbed(
      (config) => {
        for (const network of config.networks) network.mtu = mtu;
      },
      async (bed) => {
        for (const target of ['10.1.0.21', '10.1.0.100', 'fd00:1::21', '10.2.0.21']) {
          assert.is(await pings(bed, target, mtu), true, target);
        }
        for (const vm of ['c1', 's1', 's2', 's3', 's4', 's5', 'd1']) await bed.withoutOffloads(vm);
        const lengths = await during(
          bed,
          'c1',
          'tcp',
          async () => {
            for (const target of ['10.1.0.100', '[fd00:1::100]', '10.1.0.103']) {
              assert.is(
                await bed.download('c1', target, DOWNLOAD_BYTES),
                countingDigest(DOWNLOAD_BYTES),
                target,
              );
            }
          },
          (capture) => capture.fields(['frame.len']),
        );
        assert.is(Math.max(...lengths.map(([length]) => Number(length))), mtu + 14);
        const { drops } = await bed.status();
        assert.not.ok(drops['over-mtu'], JSON.stringify(drops));
      },
    );
  });
}

test('networks of different MTUs: path MTU discovery finds the smaller one, through a VIP too', async () => {
  await withTestbed(
    (config) => {
      config.networks[0]!.mtu = 9_000;
    },
    async (bed) => {
      assert.is(await bed.upload('c1', '10.1.0.103', DOWNLOAD_BYTES), countingDigest(DOWNLOAD_BYTES));
      assert.is(await bed.download('c1', '10.1.0.103', DOWNLOAD_BYTES), countingDigest(DOWNLOAD_BYTES));
    },
  );
});

test('an MSS clamp: both ends announce no more, IPv4 and IPv6, and nobody sends more', async () => {
  await withTestbed(
    (config) => {
      config.networks[0]!.mssClamp = 1_200;
    },
    async (bed) => {
      for (const vm of ['c1', 's1', 's2', 's3', 's4', 's5']) await bed.withoutOffloads(vm);
      for (const target of ['10.1.0.100', '[fd00:1::100]', '10.1.0.21:8080']) {
        const [announced, lengths] = await during(
          bed,
          'c1',
          'tcp',
          () => bed.download('c1', target, 100_000),
          async (capture) => [
            await capture.fields(['tcp.options.mss_val'], 'tcp.flags.syn == 1 && tcp.flags.ack == 1'),
            await capture.fields(['tcp.len']),
          ],
        );
        assert.equal(announced, [['1200']], target);
        const largest = Math.max(...lengths.map(([length]) => Number(length)));
        assert.ok(largest <= 1_200 && largest > 1_100, `${target}: ${largest}`);
      }
    },
  );
});

test.run();
