// Changes with a time: what clients see of a weight, a drain and a new member that were asked for beforehand.
// timeout: 180s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Changed, GroupDetail } from '../../src/api/shapes.ts';
import { until } from '../support/command.ts';
import { killProcess } from '../support/host.ts';
import { shares, Testbed } from '../support/testbed.ts';
import { member, tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: timed changes');

/** A group of its own for each test: name → last byte of the VIP. */
const GROUPS = { weight: 111, ramp: 112, way: 113, cancel: 114 };

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create((config) => {
    for (const [name, vip] of Object.entries(GROUPS)) {
      config.groups.push(tcpGroup(name, vip, [member('s1'), member('s2')]));
    }
  });
});
test.after(() => bed?.close());

const ask = async (group: keyof typeof GROUPS, count: number) =>
  shares(await bed.ask('c1', `10.1.0.${GROUPS[group]}`, count));
const show = (group: string) => bed.json<GroupDetail>('group', 'show', group);
const weightOf = async (group: string, name: string) =>
  (await show(group)).members.find((row) => row.member === name)?.weight;
const change = (...args: string[]) => bed.json<Changed>('member', ...args);

test('a weight at T: the shares are the old ones until then, and the new ones after', async () => {
  const { scheduled } = await change('weight', 'weight', 's1', '3', '--at', '+8s');
  assert.equal(await ask('weight', 4), { s1: 2, s2: 2 });
  const { upcoming } = await show('weight');
  assert.equal(
    upcoming!.map(({ member, change, at, weight }) => [member, change, at, weight]),
    [['s1', 'weight', scheduled!.at, 3]],
  );
  const text = (await bed.sluice('group', 'show', 'weight')).stdout;
  assert.match(text, new RegExp(`^s1 at ${scheduled!.at}: weight 3, by `, 'm'));
  await until('the weight', async () => (await weightOf('weight', 's1')) === 3, 20_000);
  assert.ok(Date.now() >= Date.parse(scheduled!.at), 'not before its time');
  assert.equal(await ask('weight', 8), { s1: 6, s2: 2 });
  assert.equal((await show('weight')).upcoming, []);
});

test('a ramp passes through every weight in between, goes on after a kill, and ends at the last', async () => {
  await change('weight', 'ramp', 's1', '13', '--over', '24s');
  const seen = new Set<number>();
  const look = async (isEnough: () => boolean) => {
    await until(
      'the ramp',
      async () => {
        seen.add((await weightOf('ramp', 's1'))!);
        return isEnough();
      },
      40_000,
    );
  };
  await look(() => seen.size >= 3);
  killProcess((await bed.status()).pid);
  await bed.up(bed.config);
  await look(() => seen.has(13));
  const weights = [...seen];
  assert.equal(
    weights,
    weights.toSorted((a, b) => a - b),
    'it never goes back',
  );
  assert.equal((await show('ramp')).upcoming, []);
  assert.equal(await ask('ramp', 14), { s1: 13, s2: 1 });
});

test('the way in and the way out: a member gets new flows from T on, another until T', async () => {
  await change('add', 'way', 's3', '10.1.0.23:8080', '--from', '+6s');
  await change('drain', 'way', 's1', '--new-until', '+6s', '--deadline', '60s');
  assert.equal(await ask('way', 4), { s1: 2, s2: 2 });
  await until('both', async () => (await show('way')).upcoming!.length === 0, 20_000);
  assert.equal(await ask('way', 4), { s2: 2, s3: 2 });
  const row = (await show('way')).members.find((one) => one.member === 's1')!;
  assert.is(row.state, 'draining');
  assert.ok(Date.parse(row.drainDeadline!) > Date.now(), 'the deadline counts from T');
});

test('cancel: nothing happens at T; a time in the past is refused', async () => {
  await change('weight', 'cancel', 's1', '9', '--at', '+5s');
  await change('weight', 'cancel', 's2', '4', '--at', '+5s');
  await change('cancel', 'cancel', 's1');
  await until('the other one', async () => (await weightOf('cancel', 's2')) === 4, 20_000);
  assert.equal(await ask('cancel', 5), { s1: 1, s2: 4 });
  const none = await bed.sluice('member', 'cancel', 'cancel', 's1');
  assert.is(none.status, 1);
  assert.match(none.stderr, /nothing is pending/);
  const past = await bed.sluice('member', 'weight', 'cancel', 's1', '2', '--at', '2020-01-01T00:00:00Z');
  assert.is(past.status, 2, past.stderr);
  const noZone = await bed.sluice('member', 'weight', 'cancel', 's1', '2', '--at', '2030-01-01T00:00:00');
  assert.is(noZone.status, 2, noZone.stderr);
});

test.run();
