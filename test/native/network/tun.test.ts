import { execFileSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openTap } from '../../../src/native/network/tun.ts';

const test = suite('tun');

const name = `slt${process.pid.toString(36)}`;
const features = (device: string) =>
  JSON.parse(execFileSync('ethtool', ['--json', '-k', device], { encoding: 'utf8' }))[0];

test('a TAP with vnet header lets its stack offload checksums and segmentation', () => {
  const tap = openTap(name);
  try {
    assert.is(tap.vnetHeaderBytes, 12);
    assert.is(tap.offloads.checksum, true);
    assert.is(tap.offloads.tcpSegmentation, true);
    const now = features(name);
    assert.is(now['tx-checksum-ip-generic'].active, true);
    assert.is(now['tx-tcp-segmentation'].active, true);
    assert.is(now['tx-tcp6-segmentation'].active, true);
    assert.is(now['tx-udp-segmentation'].active, tap.offloads.udpSegmentation);
  } finally {
    closeSync(tap.fd);
  }
});

test('without a vnet header nothing is offloaded', () => {
  const tap = openTap(name, { vnetHeader: false });
  try {
    assert.is(tap.vnetHeaderBytes, 0);
    assert.equal(tap.offloads, { checksum: false, tcpSegmentation: false, udpSegmentation: false });
    assert.is(features(name)['tx-tcp-segmentation'].active, false);
  } finally {
    closeSync(tap.fd);
  }
});

test('a name in use is refused by name, a name that cannot be one before the call', () => {
  const tap = openTap(name);
  try {
    assert.throws(() => openTap(name), new RegExp(`TUNSETIFF ${name}: EBUSY \\(device or resource busy\\)`));
  } finally {
    closeSync(tap.fd);
  }
  assert.throws(() => openTap('lo'), /TUNSETIFF lo: E(EXIST|INVAL|BUSY)/);
  for (const wrong of ['', 'sixteen-letters-', 'a b', 'a/b', 'tap%d', '..', 'a:1', 'ä'])
    assert.throws(() => openTap(wrong), /expected 1 to 15 printable characters/);
});

test('the device ends with its descriptor', () => {
  closeSync(openTap(name).fd);
  assert.throws(() => execFileSync('ip', ['link', 'show', name], { stdio: 'pipe' }), /does not exist/);
});

test.run();
