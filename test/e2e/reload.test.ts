// `sluice reload`: a changed configuration without losing a packet or a connection.
// timeout: 180s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Changed } from '../../src/api/shapes.ts';
import { sleep, until } from '../support/command.ts';
import { countingDigest, shares, Testbed } from '../support/testbed.ts';
import { type ConfigText, member, tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: reload');

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create();
});
test.after(() => bed?.close());

/** Reloads with a changed copy of the testbed's configuration. */
async function reload(change: (config: ConfigText) => void): Promise<number> {
  const config = structuredClone(bed.config);
  change(config);
  bed.configure(config);
  return (await bed.json<Changed>('reload', '-c', bed.configFile)).revision;
}

const web = (config: ConfigText) => config.groups.find((group) => group.name === 'web')!;

const setWeights =
  (...weights: number[]) =>
  (config: ConfigText) =>
    web(config).members!.forEach((one, index) => {
      one.weight = weights[index]!;
    });

test('new weights count from the next flow on; the revision grows', async () => {
  const before = (await bed.status()).revision;
  const revision = await reload(setWeights(1, 1, 1, 1, 6));
  assert.ok(revision > before, `revision ${revision} after ${before}`);
  assert.equal(shares(await bed.ask('c1', '10.1.0.100', 20)), { s1: 2, s2: 2, s3: 2, s4: 2, s5: 12 });
});

test('downloads, iperf3 and running connections live through many reloads', async () => {
  const iperf3Server = bed.start('s5', 'iperf3', '--server');
  await until('iperf3 to listen', () => bed.exec('s5', 'sh', '-c', "ss -Hltn 'sport = 5201' | grep ."));
  const bytes = 40_000_000;
  const shell = 'set -o pipefail; curl -sSf --limit-rate 10M "$1" | sha256sum';
  const download = bed.exec('c1', 'bash', '-c', shell, 'bash', `http://10.1.0.100/bytes/${bytes}`);
  const iperf3 = bed.exec('c2', 'iperf3', '-c', '10.1.0.104', '-t', '4', '-b', '200M', '--json');
  const connection = await bed.keepAsking('c3', '10.1.0.100', 80);
  const ping = bed.exec('c3', 'ping', '-i', '0.01', '-c', '350', '-q', '10.1.0.21');
  await sleep(300);
  for (let i = 0; i < 10; i++) {
    await reload(setWeights(1 + (i % 2), 3, 1, 3, 2));
    await sleep(100);
  }
  await connection.nextAnswers(10);
  assert.equal(connection.errors, []);
  await connection.stop();
  assert.is((await download).slice(0, 64), countingDigest(bytes));
  assert.match(await ping, ' 0% packet loss');
  const { intervals } = JSON.parse(await iperf3);
  for (const { sum } of intervals)
    assert.ok(sum.bits_per_second > 20e6, `${sum.start} s: ${sum.bits_per_second}`);
  await iperf3Server.stop();
});

test('a group and a port that are added work; removed, they are gone, and the rest goes on', async () => {
  const connection = await bed.keepAsking('c1', '10.1.0.100', 80);
  await reload((config) => {
    config.ports.push({
      name: 'c4',
      network: 'app',
      netns: bed.netns('c4'),
      addresses: ['10.1.0.14/24'],
      labels: { tier: 'client' },
    });
    config.groups.push(tcpGroup('added', 120, [member('s3')]));
  });
  assert.equal(shares(await bed.ask('c4', '10.1.0.100', 10)), { s1: 1, s2: 3, s3: 1, s4: 3, s5: 2 });
  assert.equal(shares(await bed.ask('c1', '10.1.0.120', 2)), { s3: 2 });

  await reload(() => {});
  assert.is(bed.namespaces().includes(bed.netns('c4')), false);
  const names = (await bed.json<{ port: string }[]>('port', 'list')).map((row) => row.port);
  assert.equal(names.sort(), bed.config.ports.map((port) => port.name).sort());
  assert.is.not((await bed.tryOnce('c1', '10.1.0.120')).curl, 0);
  await connection.nextAnswers(10);
  assert.equal(connection.errors, []);
  await connection.stop();
});

test('a member that is removed from the file gets no new flow', async () => {
  await reload((config) => {
    web(config).members!.splice(0, 3);
  });
  assert.equal(shares(await bed.ask('c1', '10.1.0.100', 10)), { s4: 6, s5: 4 });
});

test('a file with errors changes nothing: exit status 2 and the problems', async () => {
  const { revision } = await bed.status();
  const config = structuredClone(bed.config);
  config.groups[0]!.members![0]!.weight = -1;
  bed.configure(config);
  const result = await bed.sluice('reload', '-c', bed.configFile);
  assert.is(result.status, 2, result.stderr);
  assert.ok((result.stdout + result.stderr).includes('groups[0].members[0].weight'), result.stderr);
  assert.is((await bed.status()).revision, revision);
});

test('a port whose interface cannot be made: exit status 1, and the host goes on as before', async () => {
  const { revision } = await bed.status();
  await bed.exec('c1', 'ip', 'link', 'add', 'taken0', 'type', 'veth', 'peer', 'taken1');
  const config = structuredClone(bed.config);
  config.ports.push({
    name: 'c5',
    network: 'app',
    netns: bed.netns('c1'),
    interface: 'taken0',
    addresses: [],
  });
  bed.configure(config);
  const result = await bed.sluice('reload', '-c', bed.configFile);
  assert.is(result.status, 1, result.stderr);
  assert.match(result.stderr, /taken0/);
  assert.is((await bed.status()).revision, revision);
  assert.is((await bed.ask('c1', '10.1.0.100', 1)).length, 1);
});

test.run();
