// Pings through virtual addresses, between real stacks: balanced by identifier, or answered by the VIP for its groups.
// timeout: 180s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FlowRow, MemberRow } from '../../src/api/shapes.ts';
import { Testbed } from '../support/testbed.ts';
import { tcpGroup } from '../support/testbed-config.ts';

const test = suite('echo');

const PINGS = 12;
const VIP = { 4: '10.1.0.160', 6: 'fd00:1::160' } as const;

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create((config) => {
    const members = (family: 4 | 6) =>
      ['s1', 's2'].map((name, i) => ({
        name,
        address: config.ports
          .find((port) => port.name === name)!
          .addresses![family === 4 ? 0 : 1]!.split('/')[0]!,
        weight: i + 1,
      }));
    config.groups.push(
      { ...tcpGroup('ping4', 0, members(4)), vip: VIP[4], protocol: 'icmp', port: undefined },
      { ...tcpGroup('ping6', 0, members(6)), vip: VIP[6], protocol: 'icmp', port: undefined },
      tcpGroup('service', 161, [{ ...members(4)[0]!, port: 8080 }]),
    );
  });
});
test.after(() => bed?.close());

const ping = (target: string, ...more: string[]) =>
  bed.try('c1', 'ping', '-n', '-c', '2', '-i', '0.05', '-W', '2', ...more, target);

for (const family of [4, 6] as const) {
  test(`IPv${family}: a group of protocol icmp spreads pings by weight, whole and in fragments`, async () => {
    for (let i = 0; i < PINGS; i++) {
      const { status, stdout } = await ping(VIP[family], '-s', i % 2 === 0 ? '56' : '4000');
      assert.is(status, 0, stdout);
      assert.match(stdout, / 0% packet loss/);
    }
    const { members } = await bed.json<{ members: MemberRow[] }>('group', 'show', `ping${family}`);
    assert.equal(
      members.map(({ newFlows }) => newFlows),
      [PINGS / 3, (2 * PINGS) / 3],
    );
    const flows = await bed.json<FlowRow[]>('flows', '--group', `ping${family}`);
    assert.is(flows.length, PINGS);
    for (const { protocol, state, packets, replyPackets } of flows) {
      assert.equal([protocol, state], [family === 4 ? 'icmp' : 'icmpv6', 'replied']);
      assert.is(packets, replyPackets);
    }
  });
}

test('what answers for the VIP is the member: with its interface down nobody does', async () => {
  await bed.sluice('member', 'drain', 'ping4', 's2');
  assert.is((await ping(VIP[4])).status, 0);
  await bed.exec('s1', 'ip', 'link', 'set', 'eth0', 'down');
  assert.is((await ping(VIP[4])).status, 1);
  await bed.exec('s1', 'ip', 'link', 'set', 'eth0', 'up');
});

test('a VIP whose group has no usable member is unreachable to ping, and answers again with one', async () => {
  const target = '10.1.0.161';
  assert.is((await ping(target)).status, 0);
  await bed.sluice('member', 'drain', 'service', 's1');
  const { status, stdout } = await ping(target);
  assert.is(status, 1);
  assert.match(stdout, /Destination Host Unreachable/);
  await bed.sluice('member', 'add', 'service', 's2', '10.1.0.22:8080');
  assert.is((await ping(target)).status, 0);
});

test.run();
