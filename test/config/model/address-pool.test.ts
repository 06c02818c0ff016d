import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../../src/config/load.ts';
import {
  firstFree,
  isPool,
  lastFree,
  parsePool,
  poolContains,
  subnetPool,
} from '../../../src/config/model/address-pool.ts';
import { derivePortMac } from '../../../src/config/model/port-mac.ts';
import { probePort } from '../../../src/config/model/probe-port.ts';
import { base } from '../one-change.ts';

const pools = suite('address pools');

const none = () => false;
const ends = (text: string) => [firstFree(parsePool(text), none), lastFree(parsePool(text), none)];

pools('prefixes leave out what names no host; ranges take both ends', () => {
  assert.equal(ends('10.1.0.0/24'), ['10.1.0.1', '10.1.0.254']);
  assert.equal(ends('10.1.0.128/25'), ['10.1.0.129', '10.1.0.254']);
  assert.equal(ends('10.1.0.4/31'), ['10.1.0.4', '10.1.0.5']);
  assert.equal(ends('10.1.0.4/32'), ['10.1.0.4', '10.1.0.4']);
  assert.equal(ends('10.1.0.9 - 10.1.1.3'), ['10.1.0.9', '10.1.1.3']);
  assert.equal(ends('fd00:1::/64'), ['fd00:1::1', 'fd00:1::ffff:ffff:ffff:ffff']);
  assert.equal(ends('0.0.0.0/0'), ['0.0.0.1', '255.255.255.254']);
});

pools('each address once, in order, until none is left', () => {
  const taken = new Set<string>(['10.1.0.254']);
  const pool = parsePool('10.1.0.253-10.1.1.1');
  for (let address = firstFree(pool, (a) => taken.has(a)); address !== undefined; ) {
    taken.add(address);
    address = firstFree(pool, (a) => taken.has(a));
  }
  assert.equal([...taken].sort(), ['10.1.0.253', '10.1.0.254', '10.1.0.255', '10.1.1.0', '10.1.1.1']);
});

pools('carries over all words', () => {
  const pool = parsePool('fd00::ffff:ffff:ffff:ffff-fd00:0:0:1::1');
  const seen: string[] = [];
  firstFree(pool, (address) => seen.push(address) < 0 || seen.length < 3);
  assert.equal(seen, ['fd00::ffff:ffff:ffff:ffff', 'fd00:0:0:1::', 'fd00:0:0:1::1']);
  seen.length = 0;
  lastFree(pool, (address) => seen.push(address) < 0 || seen.length < 3);
  assert.equal(seen, ['fd00:0:0:1::1', 'fd00:0:0:1::', 'fd00::ffff:ffff:ffff:ffff']);
});

pools('text that is no pool, and addresses that are in none', () => {
  for (const text of ['10.1.0.1', '10.1.0.9-10.1.0.2', '10.1.0.1-fd00::1', 'a-b', '10.1.0.0/33'])
    assert.not(isPool(text), text);
  assert.ok(poolContains(subnetPool('10.1.0.0/24'), '10.1.0.254'));
  assert.not(poolContains(subnetPool('10.1.0.0/24'), '10.1.0.255'));
  assert.not(poolContains(subnetPool('::/0'), '10.1.0.5'));
});

pools.run();

const probes = suite('where probes come from');

const addressesOn = (network: string, change = (text: string) => text): readonly string[] => {
  const configuration = parseConfiguration(change(base));
  return probePort(configuration, configuration.networks.find(({ name }) => name === network)!).addresses;
};

probes('IPv6: what the MAC makes; IPv4: the last address that nobody has', () => {
  const mac = derivePortMac('h1', 'probe.app').split(':');
  assert.is(mac[0], '02');
  const id = `${mac[1]}:${mac[2]}ff:fe${mac[3]}:${mac[4]}${mac[5]}`.replaceAll(/\b0+(?=[0-9a-f])/g, '');
  assert.equal(addressesOn('app'), ['10.1.0.254/24', `fd00:1::${id}/64`]);
  const taken = (text: string) => text.replace('10.1.0.100', '10.1.0.254').replace('10.1.0.22', '10.1.0.253');
  assert.is(addressesOn('app', taken)[0], '10.1.0.252/24');
  const pool = 'templates: [ { name: t, network: app, command: x, addresses: 10.1.0.128/25 } ]';
  assert.is(addressesOn('app', (text) => `${text}${pool}\n`)[0], '10.1.0.128/24');
});

probes('where others may be, only what is given or cannot be taken', () => {
  const uplink = 'uplinks: [ { name: up, interface: eth9, networks: [app] } ]\n';
  const v4 = (addresses: readonly string[]) => addresses.filter((text) => !text.includes(':'));
  assert.equal(v4(addressesOn('app', (text) => text + uplink)), []);
  assert.equal(v4(addressesOn('db', (text) => text + uplink)), ['10.2.0.254/24']);
  assert.is(addressesOn('app', (text) => text + uplink).length, 1);
  const given = (text: string) =>
    text.replace('gateway: 10.1.0.1', 'gateway: 10.1.0.1, probeAddress: 10.1.0.9');
  assert.equal(v4(addressesOn('app', (text) => given(text) + uplink)), ['10.1.0.9/24']);
});

probes.run();
