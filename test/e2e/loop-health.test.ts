// Health checks, live: a member that does not answer gets no more flows, and new ones when it answers again; one that
// a person has failed stays failed, however healthy it is.
// timeout: 60s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../support/command.ts';
import { HeldFlows } from '../support/held-flows.ts';
import { LoopBed, VIP } from '../support/loop-bed.ts';

const test = suite('e2e: the closed loop, health');

let bed: LoopBed;
let flows: HeldFlows;
test.before(async () => {
  bed = await LoopBed.create({
    clients: 1,
    servers: ['a', 'b', 'c'],
    group: () => ({ health: { kind: 'tcp', interval: '200ms', timeout: '200ms', rise: 2, fall: 2 } }),
  });
  flows = new HeldFlows(bed, 'c1', VIP, 80);
});
test.after(async () => {
  await flows?.stop();
  bed?.close();
});

const untilStates = (expected: string) =>
  until(
    `states ${expected}`,
    async () => (await bed.members()).map(({ state }) => state).join(' ') === expected,
    20_000,
  );

test('a member that does not answer is failed, and active when it answers again', async () => {
  await untilStates('active active active');
  assert.equal(await flows.open(3), { a: 1, b: 1, c: 1 });
  bed.signal('b', 'SIGKILL');
  await untilStates('active failed active');
  assert.equal(await flows.open(4), { a: 2, c: 2 });
  await bed.serve('b');
  await untilStates('active active active');
  assert.equal(await flows.open(3), { a: 1, b: 1, c: 1 });
});

test('a member that a person has failed stays failed, whatever the checks say', async () => {
  await bed.json('member', 'fail', 'app', 'a');
  await untilStates('failed active active');
  bed.signal('a', 'SIGKILL');
  bed.signal('c', 'SIGKILL');
  await untilStates('failed active failed');
  await bed.serve('a');
  await bed.serve('c');
  await untilStates('failed active active');
  assert.equal(await flows.open(4), { b: 2, c: 2 });
});

test.run();
