// The wall clock of a running host is set back and forward by an hour, as an administrator or a time server may do:
// policies, scaling, replacements and retries go on as if nothing had happened.
// timeout: 180s
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { VmRow } from '../../src/api/fleet-shapes.ts';
import type { Status } from '../../src/api/shapes.ts';
import { processesIn } from '../../src/run-dir/namespace-processes.ts';
import { until } from '../support/command.ts';
import { HeldFlows } from '../support/held-flows.ts';
import { killProcess } from '../support/host.ts';
import { LoopBed, SCALED_BY_LOAD, VIP } from '../support/loop-bed.ts';

const test = suite('e2e: the wall clock is set');

const HOUR_MS = 3_600_000;
const directory = mkdtempSync(join(tmpdir(), 'sluice-clock-'));
const file = join(directory, 'offset');

const setClock = (aheadMs: number): void => writeFileSync(file, String(aheadMs));

let bed: LoopBed;
let held: HeldFlows;
test.before(async () => {
  chmodSync(directory, 0o755);
  setClock(0);
  process.env.SLUICE_TEST_CLOCK = file;
  process.env.NODE_OPTIONS = `--import=${new URL('../support/set-clock.js', import.meta.url)}`;
  bed = await LoopBed.create({
    clients: 1,
    servers: ['a'],
    ...SCALED_BY_LOAD,
  });
  // Only the host's clock is set.
  delete process.env.NODE_OPTIONS;
  delete process.env.SLUICE_TEST_CLOCK;
  held = new HeldFlows(bed, 'c1', VIP, 80);
});
test.after(async () => {
  await held?.stop();
  bed?.close();
  rmSync(directory, { recursive: true, force: true });
});

const serving = async (): Promise<VmRow[]> =>
  (await bed.json<VmRow[]>('vm', 'list')).filter(({ phase }) => phase === 'serving');

const activeMembers = async (): Promise<string[]> =>
  (await bed.members()).filter(({ state }) => state === 'active').map(({ member }) => member);

const PATIENCE_MS = 40_000;

test('set back by an hour: load brings VMs, one that is killed is replaced, and they go with the load', async () => {
  await until('reports', async () => (await bed.json<Status>('status')).uptimeMs > 1_000);
  setClock(-HOUR_MS);
  await until('the host has the new time', async () => {
    const { startedAt, uptimeMs } = await bed.json<Status>('status');
    assert.ok(uptimeMs >= 0 && uptimeMs < HOUR_MS / 2, `${uptimeMs} ms since ${startedAt}`);
    await bed.json('policy', 'show', 'app');
    return true;
  });
  const opened = await held.open(80);
  await until('three members', async () => (await activeMembers()).length === 3, PATIENCE_MS);
  const more = await held.open(60);
  assert.ok(
    more.vm! > (more.a ?? 0),
    `the policy sends new flows to the new members: ${JSON.stringify(more)}`,
  );

  const [first] = await serving();
  for (const pid of processesIn(first!.instance)) killProcess(pid);
  await until(
    'its successor',
    async () => {
      const rows = await serving();
      return rows.length === 2 && rows.every(({ instance }) => instance !== first!.instance);
    },
    PATIENCE_MS,
  );

  const counts = await held.ask();
  await held.close('a', counts.a ?? opened.a ?? 0);
  await held.close('vm', counts.vm ?? 0);
  await until('no VM', async () => (await bed.json<VmRow[]>('vm', 'list')).length === 0, PATIENCE_MS);
});

test('and forward by two: nobody is taken for lost, and load brings VMs again', async () => {
  setClock(HOUR_MS);
  await held.open(80);
  await until('more members', async () => (await activeMembers()).length > 1, PATIENCE_MS);
  const { uptimeMs } = await bed.json<Status>('status');
  assert.ok(uptimeMs < HOUR_MS / 2, `${uptimeMs} ms`);
});

test.run();
