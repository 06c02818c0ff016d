// What a reload does to devices, on the wire and in the namespaces.
// timeout: 120s
import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PortRow, Status } from '../../src/api/shapes.ts';
import { type PortText, sleep, TestInstance } from '../support/host-processes.ts';

const test = suite('reload');

const A = { name: 'a', address: '10.1.0.11' };
const B = { name: 'b', address: '10.1.0.12' };
const C = { name: 'c', address: '10.1.0.13' };

let instance: TestInstance;
let count = 0;
test.before.each(async () => {
  instance = new TestInstance(`r${++count}`);
  instance.configure([A, B, C]);
  await instance.start();
});
test.after.each(() => instance.close());

async function reload(ports: readonly PortText[], network = {}): Promise<number> {
  instance.configure(ports, network);
  const { status, body } = await instance.reload();
  assert.is(status, 200, body.error);
  return body.revision!;
}

const portRow = async (name: string): Promise<PortRow> =>
  (await instance.api<PortRow[]>('GET', '/v1/ports')).body.find((row) => row.port === name)!;

const revision = async (): Promise<number> => (await instance.api<Status>('GET', '/v1/status')).body.revision;

/** Index of the interface in its namespace: another one is another device. */
const deviceOf = (name: string): number =>
  Number(instance.exec(name, 'cat', '/sys/class/net/eth0/ifindex').trim());

test('a port with another MAC is made anew; the others lose no packet, and keep their counters', async () => {
  instance.ping('a', '10.1.0.12');
  const before = await portRow('a');
  const device = deviceOf('a');
  const lost = instance.countLost('a', '10.1.0.12');
  await sleep(100);
  await reload([A, B, { ...C, mac: '02:00:00:00:00:77' }]);
  assert.is(await lost, 0);
  assert.match(instance.exec('c', 'ip', 'link', 'show', 'eth0'), /02:00:00:00:00:77/);
  instance.ping('a', '10.1.0.13');
  assert.is(deviceOf('a'), device);
  const after = await portRow('a');
  assert.ok(after.rxPackets >= before.rxPackets);
  assert.is((await portRow('c')).mac, '02:00:00:00:00:77');
});

test('addresses and MTU are set on the running interface', async () => {
  const device = deviceOf('b');
  const lost = instance.countLost('a', '10.1.0.13');
  await reload([A, { ...B, address: '10.1.0.22' }, C], { mtu: 1400 });
  assert.is(await lost, 0);
  assert.is(deviceOf('b'), device);
  const text = instance.exec('b', 'ip', 'address', 'show', 'eth0');
  assert.match(text, /mtu 1400/);
  assert.match(text, /inet 10\.1\.0\.22\/24/);
  assert.not.match(text, /10\.1\.0\.12/);
  assert.match(instance.exec('b', 'ip', 'route'), /default via 10\.1\.0\.1 dev eth0/);
  instance.ping('a', '10.1.0.22');
});

test('another gateway becomes the default route', async () => {
  await reload([A, B, C], { gateway: '10.1.0.254' });
  assert.match(instance.exec('a', 'ip', 'route'), /default via 10\.1\.0\.254 dev eth0/);
  instance.ping('a', '10.1.0.254');
});

test('ports may swap their places', async () => {
  await reload([{ ...A, netns: 'b' }, { ...B, netns: 'a' }, C]);
  assert.match(instance.exec('a', 'ip', 'address', 'show', 'eth0'), /inet 10\.1\.0\.12\/24/);
  instance.ping('a', '10.1.0.11');
  instance.ping('c', '10.1.0.12');
});

test('of several addresses in a subnet, the first may go', async () => {
  await reload([A, { ...B, more: ['10.1.0.99'] }, C]);
  await reload([A, { ...B, address: '10.1.0.99', more: ['10.1.0.22'] }, C]);
  for (const address of ['10.1.0.22', '10.1.0.99']) instance.ping('a', address);
});

test('a namespace goes with its last port', async () => {
  await reload([A, { ...B, netns: 'a', interface: 'eth1' }]);
  assert.equal(instance.namespaces(), ['a']);
});

test('a port whose link was deleted is made anew by the next reload, changed or not', async () => {
  instance.exec('c', 'ip', 'link', 'delete', 'eth0');
  for (let tries = 0; (await portRow('c')).state !== 'gone'; tries++) {
    assert.ok(tries < 100, 'seen to be gone');
    await sleep(20);
  }
  instance.ping('a', '10.1.0.12');
  await reload([A, B, C]);
  assert.is((await portRow('c')).state, 'up');
  instance.ping('a', '10.1.0.13');
});

test('a reload that fails when devices have been replaced already puts the former ones back', async () => {
  // b is closed, to be made anew in a place that turns out to be taken.
  instance.exec('c', 'ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'peer1');
  const device = deviceOf('b');
  const lost = instance.countLost('a', '10.1.0.13');
  instance.configure([A, { ...B, netns: 'c', interface: 'eth1' }, C]);
  const refused = await instance.reload();
  assert.is(refused.status, 500);
  assert.match(refused.body.error!, /eth1/);
  assert.is(await lost, 0);
  assert.is.not(deviceOf('b'), device, 'it was closed and opened again');
  for (const address of ['10.1.0.12', '10.1.0.13']) instance.ping('a', address);
  assert.is((await portRow('b')).state, 'up');
  instance.exec('c', 'ip', 'link', 'delete', 'eth1');
  await reload([A, { ...B, netns: 'c', interface: 'eth1' }, C]);
  assert.match(instance.exec('c', 'ip', 'address', 'show', 'eth1'), /inet 10\.1\.0\.12\/24/);
  assert.is((await portRow('b')).state, 'up');
});

test('what needs a restart is refused, and nothing changes', async () => {
  const before = await revision();
  instance.configure([A, B]);
  const config = instance.configPath;
  spawnSync('sed', ['-i', 's/"host":"h1"/"host":"h2"/', config]);
  const { status, body } = await instance.reload();
  assert.is(status, 409);
  assert.match(body.error!, /restart/);
  assert.is(await revision(), before);
  instance.ping('a', '10.1.0.13');
});

test('many reloads at once are done one after the other', async () => {
  instance.configure([A, B, C, { name: 'd', address: '10.1.0.14' }]);
  const answers = await Promise.all(Array.from({ length: 5 }, () => instance.reload()));
  assert.equal(
    answers.map(({ status }) => status),
    [200, 200, 200, 200, 200],
  );
  assert.is(new Set(answers.map(({ body }) => body.revision)).size, 5);
  instance.ping('a', '10.1.0.14');
});

test.run();
