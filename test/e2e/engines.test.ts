// The same core on both I/O engines.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { countingDigest, shares, Testbed, WEB_SHARES } from '../support/testbed.ts';

const BYTES = 20_000_000;

for (const engine of ['uring', 'syscall'] as const) {
  const test = suite(`e2e: engine ${engine}`);

  let bed: Testbed;
  test.before(async () => {
    bed = await Testbed.create((config) => {
      config.datapath = { engine };
    });
    await bed.holdQuietly('s4', '10.1.0.102');
    await bed.holdQuietly('s5', '10.1.0.102');
  });
  test.after(() => bed?.close());

  test('is the one that was asked for', async () => {
    assert.is((await bed.status()).engine, engine);
  });

  test('spreads TCP, IPv6, UDP and MAC redirect', async () => {
    assert.equal(shares(await bed.ask('c1', '10.1.0.100', 10)), WEB_SHARES);
    assert.equal(shares(await bed.ask('c1', '[fd00:1::100]', 10)), WEB_SHARES);
    assert.equal(shares(await bed.ask('c1', '10.1.0.102:8080', 4)), { s4: 2, s5: 2 });
    const datagrams = await bed.askUdp('c1', '10.1.0.101', 53, 8);
    assert.equal(shares(datagrams.map((text) => ({ server: text.split(' ')[0]! }))), { s1: 2, s2: 4, s3: 2 });
  });

  test('moves bytes both ways, several flows at once', async () => {
    const digests = await Promise.all([
      bed.download('c1', '10.1.0.100', BYTES),
      bed.upload('c2', '10.1.0.100', BYTES),
      bed.download('c3', '[fd00:1::100]', BYTES),
      bed.upload('c3', '10.1.0.103', BYTES),
    ]);
    assert.equal([...new Set(digests)], [countingDigest(BYTES)]);
  });

  test('routes, answers echo, and takes a flood of small packets', async () => {
    await bed.exec('c1', 'ping', '-c', '3', '-i', '0.05', '-W', '2', '10.2.0.21');
    await bed.exec('c1', 'ping', '-c', '3', '-i', '0.05', '-W', '2', '10.1.0.100');
    const flood = await bed.exec('c1', 'ping', '-f', '-c', '5000', '-q', '10.1.0.21');
    assert.match(flood, ' 0% packet loss');
  });

  test.run();
}
