import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runIpBatch } from '../../../src/io/devices/ip-command.ts';
import { deleteNamespace, ensureNamespace } from '../../../src/io/devices/namespace.ts';
import { createTap, removeTap, type Tap, type TapRequest, takeOverTap } from '../../../src/io/devices/tap.ts';
import { namespaceExists } from '../../../src/native/network/netns.ts';
import { withDescriptorsOf } from '../../../src/native/processes/pidfd.ts';
import { EBADFD } from '../../../src/native/system-error.ts';
import { dropNamespace, inNamespace, makeNamespace } from '../testbed.ts';

const test = suite('tap');

const hostInterfaces = () =>
  (JSON.parse(execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' })) as { ifname: string }[])
    .map(({ ifname }) => ifname)
    .filter((name) => name.startsWith(`sl${process.pid.toString(36)}-`));

test('a TAP is up in its namespace with MAC, MTU, addresses and default routes; it ends with close', () => {
  const netns = makeNamespace();
  const tap = createTap({
    netns,
    interfaceName: 'eth0',
    mac: '02:00:00:00:01:0B',
    mtu: 9000,
    addresses: ['10.1.0.11/24', 'fd00:1::b/64'],
    gateways: ['10.1.0.1', 'fd00:1::1'],
  });
  const [link] = JSON.parse(inNamespace(netns, 'ip', '-j', 'addr', 'show', 'eth0'));
  assert.is(link.address, '02:00:00:00:01:0b');
  assert.is(link.mtu, 9000);
  assert.ok(link.flags.includes('UP') && link.flags.includes('LOWER_UP'));
  const addresses: { local: string; prefixlen: number; tentative?: boolean }[] = link.addr_info;
  const found = (local: string) => addresses.find((address) => address.local === local);
  assert.is(found('10.1.0.11')?.prefixlen, 24);
  assert.is(found('fd00:1::b')?.prefixlen, 64);
  assert.is(found('fd00:1::b')?.tentative, undefined);
  const route = (family: string) =>
    JSON.parse(inNamespace(netns, 'ip', '-j', family, 'route', 'show', 'default'))[0];
  assert.is(route('-4').gateway, '10.1.0.1');
  assert.is(route('-6').gateway, 'fd00:1::1');
  assert.is(tap.device.vnetHeaderBytes, 12);
  assert.is(tap.device.fd, tap.fd);
  assert.ok(tap.device.maxFrameBytes > 65_535);
  assert.is(tap.offloads.tcpSegmentation, true);
  assert.equal(hostInterfaces(), []);
  tap.close();
  assert.throws(() => inNamespace(netns, 'ip', 'link', 'show', 'eth0'), /does not exist/);
  dropNamespace(netns);
});

test('deleting the namespace takes the device away, though its descriptor is open', () => {
  const netns = makeNamespace();
  const tap = createTap({ netns, interfaceName: 'eth0', addresses: [], gateways: [] });
  dropNamespace(netns);
  const buffer = Buffer.alloc(100);
  let code: string | undefined;
  for (const end = Date.now() + 5000; code !== 'EBADFD' && Date.now() < end; ) {
    try {
      readSync(tap.fd, buffer);
    } catch (error) {
      // libuv has no name for EBADFD.
      code = (error as NodeJS.ErrnoException).errno === -EBADFD ? 'EBADFD' : (error as Error).message;
    }
  }
  assert.is(code, 'EBADFD');
  tap.close();
});

interface Link {
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly local: string }[];
}

const linkIn = (netns: string): Link =>
  JSON.parse(inNamespace(netns, 'ip', '-j', 'address', 'show', 'eth0'))[0];

const LASTING = {
  interfaceName: 'eth0',
  addresses: ['10.1.0.11/24', 'fd00:1::b/64'],
  gateways: ['10.1.0.1'],
};

function createLastingTap(request: TapRequest): Tap {
  const tap = createTap(request);
  tap.makeLasting();
  return tap;
}

test('a lasting TAP outlives its descriptor with all that is configured on it, and is taken over', () => {
  const request = { ...LASTING, netns: makeNamespace() };
  const { netns } = request;
  const first = createLastingTap(request);
  assert.is(first.isOrphan(), false);
  inNamespace(netns, 'ip', 'address', 'add', '10.7.7.7/32', 'dev', 'eth0');
  const before = linkIn(netns);
  assert.is(takeOverTap(request, first.index), undefined, 'somebody has it open');
  first.release();
  assert.ok(linkIn(netns).flags.includes('NO-CARRIER'));

  assert.is(takeOverTap(request, first.index + 1), undefined, 'another one of the same name');
  const second = takeOverTap(request, first.index)!;
  assert.equal(linkIn(netns).addr_info, before.addr_info);
  assert.ok(linkIn(netns).flags.includes('LOWER_UP'));
  assert.is(JSON.parse(inNamespace(netns, 'ip', '-j', 'route', 'show', 'default'))[0].gateway, '10.1.0.1');
  assert.equal(second.offloads, first.offloads);
  assert.equal([second.index, second.device.vnetHeaderBytes], [first.index, 12]);
  // What the VM sends arrives, vnet header and all.
  inNamespace(netns, 'ip', 'neighbour', 'add', '10.1.0.12', 'lladdr', '02:00:00:00:00:0c', 'dev', 'eth0');
  inNamespace(netns, 'bash', '-c', 'echo hello >/dev/udp/10.1.0.12/4711');
  const buffer = Buffer.alloc(2000);
  const find = (): boolean => {
    const count = readSync(second.fd, buffer);
    return buffer.subarray(0, count).includes('hello');
  };
  for (const end = Date.now() + 5000; !find(); ) assert.ok(Date.now() < end, 'the datagram has not come');
  assert.is(buffer.toString('hex', 12, 18), '02000000000c');

  assert.is(second.isOrphan(), false);
  second.close();
  assert.throws(() => linkIn(netns), /does not exist/);
  assert.is(takeOverTap(request, first.index), undefined);
  dropNamespace(netns);
  assert.is(takeOverTap(request, first.index), undefined);
});

test('from a process that runs still a TAP is taken over without a break: its carrier never goes', async () => {
  const request = { ...LASTING, netns: makeNamespace() };
  const { netns } = request;
  const script = `
    import { createTap } from ${JSON.stringify(join(import.meta.dirname, '../../../src/io/devices/tap.js'))};
    const tap = createTap(${JSON.stringify(request)});
    tap.makeLasting();
    console.log(tap.fd + ' ' + tap.index);
    setInterval(() => {}, 1000);`;
  const previous = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(previous.stdout, 'data')) as [Buffer];
  const [fd, index] = String(said).split(' ').map(Number) as [number, number];
  const [copy, stranger] = withDescriptorsOf(previous.pid!, (copyOf) => [copyOf(fd), copyOf(0)]);
  assert.is(takeOverTap(request, index, stranger), undefined, 'no TAP at all');
  const carrierChanges = () => inNamespace(netns, 'cat', '/sys/class/net/eth0/carrier_changes');
  const before = carrierChanges();
  const second = takeOverTap(request, index, copy)!;
  previous.kill('SIGKILL');
  await once(previous, 'exit');
  assert.ok(linkIn(netns).flags.includes('LOWER_UP'));
  assert.is(carrierChanges(), before);
  assert.is(second.offloads.tcpSegmentation, true);
  second.close();
  assert.throws(() => linkIn(netns), /does not exist/);
  assert.throws(() => withDescriptorsOf(previous.pid!, () => 0), /pidfd_open of \d+: ESRCH/);
  dropNamespace(netns);
});

test('a lasting TAP that nobody has open is removed by whoever finds its note', () => {
  const request = { ...LASTING, netns: makeNamespace() };
  const { netns } = request;
  const tap = createLastingTap(request);
  tap.release();
  removeTap(netns, 'eth0', tap.index + 1);
  removeTap(netns, 'lo', 1);
  linkIn(netns);
  removeTap(netns, 'eth0', tap.index);
  assert.throws(() => linkIn(netns), /does not exist/);
  removeTap(netns, 'eth0', tap.index);
  dropNamespace(netns);
  removeTap(netns, 'eth0', tap.index);
});

test('a namespace that is deleted under a TAP that was taken over: it is told, and goes with the TAP', () => {
  const request = { ...LASTING, netns: makeNamespace() };
  const { netns } = request;
  const first = createLastingTap(request);
  first.release();
  const second = takeOverTap(request, first.index)!;
  dropNamespace(netns);
  assert.is(second.isOrphan(), true);
  ensureNamespace(netns);
  assert.is(second.isOrphan(), true, 'another one of the same name');
  second.close();
  deleteNamespace(netns);
});

test('a lasting TAP that is closed is gone, also when its namespace went before', () => {
  const request = { ...LASTING, netns: makeNamespace() };
  createLastingTap(request).close();
  assert.throws(() => linkIn(request.netns), /does not exist/);
  const tap = createLastingTap(request);
  dropNamespace(request.netns);
  tap.close();
});

test('errors are sentences, and leave nothing behind', () => {
  const netns = makeNamespace();
  const request = { netns, interfaceName: 'eth0', addresses: [], gateways: [] };
  assert.throws(
    () => createTap({ ...request, netns: `${netns}-absent` }),
    /^cannot put interface eth0 into namespace \S+-absent: "ip link set dev \S+ netns \S+-absent" said: .*Invalid "netns" value/,
  );
  assert.throws(
    () => createTap({ ...request, addresses: ['10.0.0.1/24', '10.0.0.300/24'] }),
    new RegExp(
      `^cannot put interface eth0 into namespace ${netns}: "ip addr add 10.0.0.300/24 dev eth0" in namespace ${netns} said: .*10.0.0.300`,
    ),
  );
  assert.throws(
    () => createTap({ ...request, gateways: ['10.5.0.1'] }),
    /"ip route add 0.0.0.0\/0 via 10.5.0.1 dev eth0" in namespace \S+ said: .*(unreachable|invalid gateway)/i,
  );
  const tap = createTap(request);
  assert.throws(
    () => createTap(request),
    /"ip link set dev \S+ name eth0" in namespace \S+ said: .*File exists/,
  );
  tap.close();
  assert.equal(hostInterfaces(), []);
  for (const wrong of [
    { interfaceName: 'eth0; rm' },
    { mac: '01:00:00:00:00:01' },
    { mac: '02:00' },
    { mtu: 67 },
    { mtu: 1500.5 },
    { addresses: ['10.0.0.1'] },
    { addresses: ['10.0.0.1/24\nlink del lo'] },
    { gateways: ['10.0.0.1 dev lo'] },
    { netns: '-batch' },
  ])
    assert.throws(() => createTap({ ...request, ...wrong }), /expected/);
  assert.equal(inNamespace(netns, 'ip', '-br', 'link').trim().split('\n').length, 1);
  dropNamespace(netns);
});

test('namespaces are made once, with loopback up, and removed', () => {
  const name = `slt-${process.pid}-ensure`;
  try {
    assert.is(ensureNamespace(name), true);
    assert.is(ensureNamespace(name), false);
    assert.match(inNamespace(name, 'ip', 'link', 'show', 'lo'), /UP/);
  } finally {
    deleteNamespace(name);
  }
  assert.is(namespaceExists(name), false);
  assert.throws(
    () => deleteNamespace(name),
    new RegExp(`^cannot remove network namespace ${name}: "ip netns del ${name}" said: .*No such file`),
  );
  for (const wrong of ['', '..', 'a b', '-x', 'a/b']) assert.throws(() => ensureNamespace(wrong), /expected/);
});

test('a name that is a plain file, as a reboot or a crash leaves it, is told from a namespace', () => {
  const name = `slt-${process.pid}-stale`;
  writeFileSync(`/run/netns/${name}`, '');
  try {
    assert.throws(() => ensureNamespace(name), new RegExp(`/run/netns/${name} is no network namespace`));
  } finally {
    deleteNamespace(name);
  }
});

test('a batch is made of single commands only', () => {
  assert.throws(() => runIpBatch('try', ['link show', 'link show\nlink show']), /no single ip command/);
});

test.run();
