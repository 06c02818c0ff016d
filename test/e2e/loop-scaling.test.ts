// Scaling, live: load goes up and VMs come, get flows, and share the load; it goes down and they drain and go, and
// no request of a steady client fails meanwhile. One whose process is killed is replaced.
// timeout: 120s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { VmRow } from '../../src/api/fleet-shapes.ts';
import { processesIn } from '../../src/run-dir/namespace-processes.ts';
import { type Background, until } from '../support/command.ts';
import { HeldFlows } from '../support/held-flows.ts';
import { killProcess } from '../support/host.ts';
import { LoopBed, SCALED_BY_LOAD, VIP } from '../support/loop-bed.ts';
import { SOAK_CLIENT } from '../support/paths.ts';

const test = suite('e2e: the closed loop, scaling');

const STEADY_RATE = 20;
/** From a kill to serving again; the goal is the median of many trials, this is one on a machine with other work. */
const REPLACED_WITHIN_MS = 20_000;

let bed: LoopBed;
let held: HeldFlows;
test.before(async () => {
  bed = await LoopBed.create({
    clients: 2,
    servers: ['a'],
    ...SCALED_BY_LOAD,
  });
  held = new HeldFlows(bed, 'c1', VIP, 80);
});
test.after(async () => {
  await held?.stop();
  bed?.close();
});

const serving = async (): Promise<VmRow[]> =>
  (await bed.json<VmRow[]>('vm', 'list')).filter(({ phase }) => phase === 'serving');

const activeMembers = async (): Promise<string[]> =>
  (await bed.members()).filter(({ state }) => state === 'active').map(({ member }) => member);

async function untilNoVm(): Promise<void> {
  let left: VmRow[] = [];
  const isEmpty = async () => {
    left = await bed.json<VmRow[]>('vm', 'list');
    return left.length === 0;
  };
  await until('no VM', isEmpty, 30_000).catch(async () => assert.equal([left, await bed.members()], []));
}

interface Totals {
  requests: number;
  failed: number;
}

async function totalsOf(client: Background): Promise<Totals> {
  await client.stop();
  return JSON.parse(client.lines.at(-1)!) as Totals;
}

test('load up: VMs are added and share it; load down: they drain and go; no request fails', async () => {
  const steady = bed.start('c2', process.execPath, SOAK_CLIENT, VIP, '80', String(STEADY_RATE));
  await held.open(80);
  await until('three members', async () => (await activeMembers()).length === 3, 30_000);
  // 80 on the first one; what is new goes where there is room.
  const opened = await held.open(60);
  assert.ok(opened.vm! > opened.a!, JSON.stringify(opened));
  assert.equal(await held.ask(), { a: 80 + opened.a!, vm: opened.vm });

  await held.close('a', 80 + opened.a!);
  await held.close('vm', opened.vm! - 4);
  await until('one of two to drain', async () => (await activeMembers()).length < 3, 30_000);
  assert.equal(await held.ask(), { vm: 4 });
  await held.close('vm', 4);
  await untilNoVm();
  assert.equal(await activeMembers(), ['a']);
  const { requests, failed } = await totalsOf(steady);
  assert.is(failed, 0, steady.stdout);
  assert.ok(requests > 50, `${requests} requests`);
  assert.equal(held.lost, []);
});

test('a VM that is killed is out at once, and another one takes its place', async () => {
  await held.open(40); // too much for one, and enough to keep two
  const [first] = await until(
    'a VM',
    async () => {
      const rows = await serving();
      return rows.length > 0 && rows;
    },
    30_000,
  );
  const startMs = performance.now();
  for (const pid of processesIn(first!.instance)) killProcess(pid);
  await until(
    'its successor',
    async () => {
      const [second] = await serving();
      return second !== undefined && second.instance !== first!.instance;
    },
    REPLACED_WITHIN_MS,
  );
  await until(
    'the successor as a member',
    async () => {
      const names = await activeMembers();
      return names.length === 2 && !names.includes(first!.instance);
    },
    REPLACED_WITHIN_MS,
  );
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < REPLACED_WITHIN_MS, `${tookMs} ms`);
  assert.equal(Object.keys(await held.open(12)).sort(), ['a', 'vm']);
});

test.run();
