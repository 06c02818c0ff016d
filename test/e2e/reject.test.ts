// A group with no usable member answers at once; one that is set to drop is silent.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Testbed } from '../support/testbed.ts';
import { member, tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: groups with no usable member');

/** Exit statuses of curl. */
const REFUSED = 7;
const TIMED_OUT = 28;
/** One round trip, and the start of the commands: far below TCP's first retransmission after 1 s. */
const AT_ONCE_MS = 500;

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create((config) => {
    const members = [member('s1', { weight: 0 }), member('s2', { weight: 0 })];
    const udp = { name: 'udp', network: 'app', vip: '10.1.0.131', protocol: 'udp', port: 53, members };
    const ipv6 = [{ name: 's1', address: 'fd00:1::21', port: 8080, weight: 0 }];
    config.groups.push(
      tcpGroup('weightless', 130, members),
      udp,
      { ...tcpGroup('empty', 132, []) },
      { ...tcpGroup('silent', 133, members), onEmpty: 'drop' },
      { ...tcpGroup('weightless6', 0, ipv6), vip: 'fd00:1::130' },
      { ...udp, name: 'udp6', vip: 'fd00:1::131', members: ipv6 },
      tcpGroup('failing', 134, [member('s1'), member('s2')]),
    );
  });
});
test.after(() => bed?.close());

for (const [what, target] of [
  ['all weights 0', '10.1.0.130'],
  ['all weights 0, IPv6', '[fd00:1::130]'],
  ['no members', '10.1.0.132'],
] as const) {
  test(`TCP is refused at once: ${what}`, async () => {
    const { curl, ms } = await bed.tryOnce('c1', target);
    assert.is(curl, REFUSED);
    assert.ok(ms < AT_ONCE_MS, `${ms} ms`);
  });
}

test('UDP gets port unreachable at once, IPv4 and IPv6', async () => {
  for (const address of ['10.1.0.131', 'fd00:1::131']) {
    assert.equal(await bed.askUdp('c1', address, 53, 1), ['error ECONNREFUSED'], address);
  }
});

test('all members failed: refused; one back: served', async () => {
  await bed.json('member', 'fail', 'failing', 's1');
  await bed.json('member', 'fail', 'failing', 's2');
  const { curl, ms } = await bed.tryOnce('c1', '10.1.0.134');
  assert.is(curl, REFUSED);
  assert.ok(ms < AT_ONCE_MS, `${ms} ms`);
  await bed.json('member', 'add', 'failing', 's3', '10.1.0.23:8080');
  assert.match((await bed.tryOnce('c1', '10.1.0.134')).body, /^s3 /);
});

test('set to drop: silence', async () => {
  assert.is((await bed.tryOnce('c1', '10.1.0.133')).curl, TIMED_OUT);
});

test('refusals create no record', async () => {
  const { created } = (await bed.status()).connections;
  await bed.tryOnce('c1', '10.1.0.130');
  await bed.askUdp('c1', '10.1.0.131', 53, 2);
  assert.is((await bed.status()).connections.created, created);
});

test.run();
