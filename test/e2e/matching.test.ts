// Which packets to a VIP a group is for: lists and ranges of ports, source ports, MACs, several networks.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GroupDetail, RuleRow } from '../../src/api/shapes.ts';
import { shares, Testbed } from '../support/testbed.ts';
import { member, tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: matching');

/** Of c1. */
const MAC = '02:00:00:00:02:0b';

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create((config) => {
    for (const port of config.ports) if (port.name === 'c1') port.mac = MAC;
    const group = (name: string, vip: number, server: string) => ({
      ...tcpGroup(name, vip, [member(server)]),
      port: undefined,
    });
    config.groups.push(
      { ...group('ranges', 161, 's1'), ports: [80, '8000-8010'] },
      { ...group('others', 161, 's2') },
      { ...group('high', 162, 's1'), match: { sourcePorts: ['1024-65535'] } },
      { ...group('low', 162, 's2'), match: { sourcePorts: ['1-1023'] } },
      { ...group('mine', 163, 's1'), match: { mac: [MAC] } },
      { ...group('theirs', 163, 's2') },
      {
        ...tcpGroup('joined', 0, [member('s1'), member('s2')]),
        network: ['app', 'data'],
        vip: '10.60.0.1',
      },
    );
  });
});
test.after(() => bed?.close());

const askFor = async (vm: string, target: string) => shares(await bed.ask(vm, target, 2));

test('ports: 80 and 8000 to 8010 are one group, all other ports another', async () => {
  for (const port of [80, 8000, 8005, 8010])
    assert.equal(await askFor('c1', `10.1.0.161:${port}`), { s1: 2 });
  for (const port of [79, 81, 7999, 8011]) assert.equal(await askFor('c1', `10.1.0.161:${port}`), { s2: 2 });
});

test('source ports: privileged and others', async () => {
  const ask = (ports: string) =>
    bed.exec('c1', 'curl', '-sS', '--max-time', '9', '--local-port', ports, 'http://10.1.0.162/');
  assert.match(await ask('2000-2050'), /^s1 /);
  assert.match(await ask('600-650'), /^s2 /);
});

test('source MAC: one VM has a group of its own', async () => {
  assert.equal(await askFor('c1', '10.1.0.163'), { s1: 2 });
  assert.equal(await askFor('c2', '10.1.0.163'), { s2: 2 });
});

test('one VIP for the ports of two networks, which is in neither of them', async () => {
  assert.equal(await askFor('c1', '10.60.0.1'), { s1: 1, s2: 1 });
  assert.equal(await askFor('d1', '10.60.0.1'), { s1: 1, s2: 1 });
});

test('rule list and group show say what is matched', async () => {
  const rules = await bed.json<RuleRow[]>('rule', 'list', '--port', 'c1');
  const rule = (name: string) => rules.find(({ group }) => group === name)!;
  assert.equal([rule('ranges').port, rule('ranges').ports], [null, ['80', '8000-8010']]);
  assert.equal([rule('others').port, rule('others').ports], [null, []]);
  assert.equal([rule('joined').port, rule('joined').ports], [80, ['80']]);
  assert.equal([rule('low').sourcePort, rule('low').sourcePorts], [null, ['1-1023']]);
  assert.equal(rule('mine').mac, [MAC]);
  const joined = await bed.json<GroupDetail>('group', 'show', 'joined');
  assert.equal([joined.network, joined.networks], ['app', ['app', 'data']]);
  const { stdout } = await bed.sluice('group', 'show', 'ranges');
  assert.match(stdout, /match +tcp ports 80,8000-8010/);
});

test.run();
