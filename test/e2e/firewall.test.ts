// Firewalls in front of real kernels: what their rules let through, plain and balanced, and what a reload ends.
// timeout: 240s
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FirewallRow } from '../../src/api/shapes.ts';
import { Capture } from '../support/capture.ts';
import { sleep, until } from '../support/command.ts';
import { shares, Testbed } from '../support/testbed.ts';
import { type ConfigText, member, tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: firewall');

const CURL_TIMEOUT = 28;

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create((config) => {
    config.firewalls = [
      {
        name: 'servers',
        default: 'deny',
        rules: [
          { name: 'bad', deny: { sources: ['10.1.0.12/32'], direction: 'to-vm' }, log: true },
          {
            name: 'web',
            allow: {
              direction: 'to-vm',
              protocol: 'tcp',
              ports: [8080],
              from: { labels: { tier: 'client' } },
            },
          },
          { name: 'ping', allow: { protocol: 'icmp', icmpTypes: [8, 128] } },
        ],
      },
      { name: 'clients', rules: [{ name: 'out', allow: { direction: 'from-vm' } }] },
    ];
    for (const port of config.ports) {
      if (port.name === 's1' || port.name === 's2')
        port.chain = ['anti-spoofing', 'servers', 'load-balancer'];
      // Copies of s4's requests go to c3; packets to s3 say who sent them.
      const mirror = { port: 'c3', direction: 'to-vm', protocol: 'tcp', ports: [8080] };
      if (port.name === 's4') port.chain = ['anti-spoofing', { mirror }, 'load-balancer'];
      if (port.name === 's3') port.mark = [{ sources: ['10.1.0.11/32'], dscp: 46 }];
      if (port.name === 'c1') port.chain = ['anti-spoofing', { firewall: 'clients' }, 'load-balancer'];
    }
    config.groups.push(tcpGroup('guarded', 180, [member('s1'), member('s2', { weight: 3 })]));
  });
});
test.after(() => bed?.close());

const addressOf = (name: string): string =>
  bed.config.ports.find((port) => port.name === name)!.addresses![0]!.split('/')[0]!;

test('a client whose labels are allowed is served, through the VIP and directly', async () => {
  assert.equal(shares(await bed.ask('c1', '10.1.0.180', 8)), { s1: 2, s2: 6 });
  assert.equal(shares(await bed.ask('c1', '10.1.0.21:8080', 3)), { s1: 3 });
  assert.match(
    (await bed.try('c1', 'ping', '-n', '-c', '2', '-W', '5', '10.1.0.21')).stdout,
    /[1-9] received/,
  );
});

test('a client that a rule denies is not, its packets are counted and logged; nor does a server reach out', async () => {
  assert.is(addressOf('c2'), '10.1.0.12');
  assert.is((await bed.tryOnce('c2', '10.1.0.21:8080')).curl, CURL_TIMEOUT);
  const { drops } = await bed.status();
  assert.ok(drops.firewall! > 0, JSON.stringify(drops));
  await until('a line in the log', () =>
    /firewall servers, rule bad: denied tcp 10\.1\.0\.12:\d+ > 10\.1\.0\.21:8080 to port s1/.test(
      readFileSync(join(bed.runDir, 'sluice.log'), 'utf8'),
    ),
  );
  assert.is((await bed.tryOnce('s1', '10.1.0.23:8080')).curl, CURL_TIMEOUT);
  assert.is((await bed.tryOnce('s3', '10.1.0.11:22')).curl, CURL_TIMEOUT, 'the client takes nothing new in');
});

test('firewall list shows rules, hits and ports', async () => {
  const rows = await bed.json<FirewallRow[]>('firewall', 'list', '--port', 's1');
  assert.equal(
    rows.map(({ firewall, rule, verdict, match, sources, ports }) => ({
      firewall,
      rule,
      verdict,
      match,
      sources,
      ports,
    })),
    [
      { rule: 'bad', verdict: 'deny', match: [], sources: ['10.1.0.12/32'] },
      { rule: 'web', verdict: 'allow', match: ['8080'], sources: ['tier=client'] },
      { rule: 'ping', verdict: 'allow', match: ['8', '128'], sources: [] },
      { rule: null, verdict: 'deny', match: [], sources: [] },
    ].map((row) => ({ firewall: 'servers', ...row, ports: ['s1', 's2'] })),
  );
  const hits = Object.fromEntries(rows.map(({ rule, hits }) => [rule, hits]));
  assert.ok(hits.web! >= 11, 'a flow counts once');
  assert.ok(hits.bad! >= 1);
});

test('a mirror shows what its port gets; marks say for whom a packet was sent', async () => {
  const [at, copies] = await Promise.all(
    ['s4', 'c3'].map((vm) => Capture.start(bed, vm, 'tcp dst port 8080 and src host 10.1.0.12')),
  );
  await bed.ask('c2', '10.1.0.24:8080', 2);
  await sleep(300);
  await Promise.all([at!.stop(), copies!.stop()]);
  const keys = ['tcp.seq_raw', 'tcp.ack_raw', 'tcp.flags', 'tcp.len', 'tcp.checksum'];
  const seen = await at!.fields(keys);
  assert.ok(seen.length >= 6, `${seen.length} packets`);
  assert.equal(await copies!.fields(keys), seen);
  const marked = await Capture.start(bed, 's3', 'tcp dst port 8080');
  await bed.ask('c1', '10.1.0.23:8080', 1);
  await bed.ask('c2', '10.1.0.23:8080', 1);
  await marked.stop();
  const dscps = await marked.fields(['ip.src', 'ip.dsfield.dscp']);
  for (const [source, dscp] of dscps) assert.is(dscp, source === '10.1.0.11' ? '46' : '0', source);
  assert.is(new Set(dscps.map(([source]) => source)).size, 2);
});

test('a reload judges running connections again: what is no longer allowed ends, the rest goes on', async () => {
  const kept = await bed.keepAsking('c1', '10.1.0.21', 8080);
  const balanced = await bed.keepAsking('c1', '10.1.0.180', 80);
  const config: ConfigText = structuredClone(bed.config);
  config.firewalls![0]!.rules!.unshift({ name: 'other', deny: { protocol: 'tcp', ports: [9999] } });
  bed.configure(config);
  assert.is((await bed.sluice('reload', '-c', bed.configFile)).status, 0);
  await kept.nextAnswers(3);
  await balanced.nextAnswers(3);
  config.firewalls![0]!.rules!.unshift({ name: 'closed', deny: { protocol: 'tcp', ports: [8080] } });
  bed.configure(config);
  assert.is((await bed.sluice('reload', '-c', bed.configFile)).status, 0);
  await until('the connections hang or end', async () => {
    const before = [kept.answers, balanced.answers];
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    return kept.answers === before[0] && balanced.answers === before[1];
  });
  assert.is((await bed.tryOnce('c1', '10.1.0.180')).curl, CURL_TIMEOUT);
});

test.run();
