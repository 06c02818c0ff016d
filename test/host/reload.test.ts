// What a reload does to devices, on the wire and in the namespaces.
// timeout: 120s
import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PortRow, Status } from '../../src/api/shapes.ts';
import { type PortText, sleep, TestRun } from '../support/host-processes.ts';

const test = suite('reload');

const A = { name: 'a', address: '10.1.0.11' };
const B = { name: 'b', address: '10.1.0.12' };
const C = { name: 'c', address: '10.1.0.13' };

let run: TestRun;
let count = 0;
test.before.each(async () => {
  run = new TestRun(`r${++count}`);
  run.configure([A, B, C]);
  await run.start();
});
test.after.each(() => run.close());

async function reload(ports: readonly PortText[], network = {}): Promise<number> {
  run.configure(ports, network);
  const { status, body } = await run.reload();
  assert.is(status, 200, body.error);
  return body.revision!;
}

const portRow = async (name: string): Promise<PortRow> =>
  (await run.api<PortRow[]>('GET', '/v1/ports')).body.find((row) => row.port === name)!;

const revision = async (): Promise<number> => (await run.api<Status>('GET', '/v1/status')).body.revision;

/** Index of the interface in its namespace: another one is another device. */
const deviceOf = (name: string): number =>
  Number(run.exec(name, 'cat', '/sys/class/net/eth0/ifindex').trim());

test('a port with another MAC is made anew; the others lose no packet, and keep their counters', async () => {
  run.ping('a', '10.1.0.12');
  const before = await portRow('a');
  const device = deviceOf('a');
  const lost = run.countLost('a', '10.1.0.12');
  await sleep(100);
  await reload([A, B, { ...C, mac: '02:00:00:00:00:77' }]);
  assert.is(await lost, 0);
  assert.match(run.exec('c', 'ip', 'link', 'show', 'eth0'), /02:00:00:00:00:77/);
  run.ping('a', '10.1.0.13');
  assert.is(deviceOf('a'), device);
  const after = await portRow('a');
  assert.ok(after.rxPackets >= before.rxPackets);
  assert.is((await portRow('c')).mac, '02:00:00:00:00:77');
});

test('addresses and MTU are set on the running interface', async () => {
  const device = deviceOf('b');
  const lost = run.countLost('a', '10.1.0.13');
  await reload([A, { ...B, address: '10.1.0.22' }, C], { mtu: 1400 });
  assert.is(await lost, 0);
  assert.is(deviceOf('b'), device);
  const text = run.exec('b', 'ip', 'address', 'show', 'eth0');
  assert.match(text, /mtu 1400/);
  assert.match(text, /inet 10\.1\.0\.22\/24/);
  assert.not.match(text, /10\.1\.0\.12/);
  assert.match(run.exec('b', 'ip', 'route'), /default via 10\.1\.0\.1 dev eth0/);
  run.ping('a', '10.1.0.22');
});

test('another gateway becomes the default route', async () => {
  await reload([A, B, C], { gateway: '10.1.0.254' });
  assert.match(run.exec('a', 'ip', 'route'), /default via 10\.1\.0\.254 dev eth0/);
  run.ping('a', '10.1.0.254');
});

test('ports may swap their places', async () => {
  await reload([{ ...A, netns: 'b' }, { ...B, netns: 'a' }, C]);
  assert.match(run.exec('a', 'ip', 'address', 'show', 'eth0'), /inet 10\.1\.0\.12\/24/);
  run.ping('a', '10.1.0.11');
  run.ping('c', '10.1.0.12');
});

test('of several addresses in a subnet, the first may go', async () => {
  await reload([A, { ...B, more: ['10.1.0.99'] }, C]);
  await reload([A, { ...B, address: '10.1.0.99', more: ['10.1.0.22'] }, C]);
  for (const address of ['10.1.0.22', '10.1.0.99']) run.ping('a', address);
});

test('a namespace goes with its last port', async () => {
  await reload([A, { ...B, netns: 'a', interface: 'eth1' }]);
  assert.equal(run.namespaces(), ['a']);
});

test('a port whose link was deleted is made anew by the next reload, changed or not', async () => {
  run.exec('c', 'ip', 'link', 'delete', 'eth0');
  for (let tries = 0; (await portRow('c')).state !== 'gone'; tries++) {
    assert.ok(tries < 100, 'seen to be gone');
    await sleep(20);
  }
  run.ping('a', '10.1.0.12');
  await reload([A, B, C]);
  assert.is((await portRow('c')).state, 'up');
  run.ping('a', '10.1.0.13');
});

test('a reload that fails when devices have been replaced already puts the previous ones back', async () => {
  // b is closed, to be made anew in a place that turns out to be taken.
  run.exec('c', 'ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'peer1');
  const device = deviceOf('b');
  const lost = run.countLost('a', '10.1.0.13');
  run.configure([A, { ...B, netns: 'c', interface: 'eth1' }, C]);
  const refused = await run.reload();
  assert.is(refused.status, 500);
  assert.match(refused.body.error!, /eth1/);
  assert.is(await lost, 0);
  assert.is.not(deviceOf('b'), device, 'it was closed and opened again');
  for (const address of ['10.1.0.12', '10.1.0.13']) run.ping('a', address);
  assert.is((await portRow('b')).state, 'up');
  run.exec('c', 'ip', 'link', 'delete', 'eth1');
  await reload([A, { ...B, netns: 'c', interface: 'eth1' }, C]);
  assert.match(run.exec('c', 'ip', 'address', 'show', 'eth1'), /inet 10\.1\.0\.12\/24/);
  assert.is((await portRow('b')).state, 'up');
});

test('what needs a restart is refused, and nothing changes', async () => {
  const before = await revision();
  run.configure([A, B]);
  const config = run.configPath;
  spawnSync('sed', ['-i', 's/"host":"h1"/"host":"h2"/', config]);
  const { status, body } = await run.reload();
  assert.is(status, 409);
  assert.match(body.error!, /restart/);
  assert.is(await revision(), before);
  run.ping('a', '10.1.0.13');
});

test('many reloads at once are done one after the other', async () => {
  run.configure([A, B, C, { name: 'd', address: '10.1.0.14' }]);
  const answers = await Promise.all(Array.from({ length: 5 }, () => run.reload()));
  assert.equal(
    answers.map(({ status }) => status),
    [200, 200, 200, 200, 200],
  );
  assert.is(new Set(answers.map(({ body }) => body.revision)).size, 5);
  run.ping('a', '10.1.0.14');
});

test.run();
