// A VM that hangs: its process is stopped, or its interface is down. Health checks fail it, a successor takes its place, and it is
// stopped, so that its address is free.
// timeout: 150s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { VmRow } from '../../src/api/fleet-shapes.ts';
import { processesIn } from '../../src/run-dir/namespace-processes.ts';
import { run, until } from '../support/command.ts';
import { freeze } from '../support/freeze.ts';
import { LoopBed } from '../support/loop-bed.ts';

const test = suite('e2e: the closed loop, hung VMs');

const HTTP_SERVER = [
  '-e',
  `require('node:http').createServer((_, res) => res.end('ok')).listen(8080, '::', () => console.log('ready'))`,
];

let bed: LoopBed;
test.before(async () => {
  bed = await LoopBed.create({
    clients: 1,
    servers: ['a'],
    command: () => HTTP_SERVER,
    group: () => ({
      health: {
        kind: 'http',
        path: '/',
        interval: '500ms',
        timeout: '500ms',
        rise: 1,
        fall: 3,
        quorum: 'any',
      },
    }),
    more: (host) => ({
      templates: [
        {
          name: host.netns('i'),
          network: 'app',
          group: 'app',
          command: [process.execPath, ...HTTP_SERVER],
          port: 8080,
          addresses: '10.1.0.128/28',
          stopTimeout: '500ms',
        },
      ],
    }),
  });
});
test.after(() => bed?.close());

const vms = () => bed.json<VmRow[]>('vm', 'list');

const activeMembers = async (): Promise<string[]> =>
  (await bed.members()).filter(({ state }) => state === 'active').map(({ member }) => member);

async function isReplaced(hang: (vm: VmRow) => void): Promise<void> {
  await bed.json('scale', 'app', '2');
  await until('two members', async () => (await activeMembers()).length === 2, 30_000);
  const [before, ...others] = await vms();
  assert.equal(others, []);
  hang(before!);
  await until(
    'the successor alone',
    async () => {
      const rows = await vms();
      return rows.length === 1 && rows[0]!.instance !== before!.instance && rows[0]!.phase === 'serving';
    },
    30_000,
  );
  assert.equal(processesIn(before!.instance), []);
  await until('two members', async () => (await activeMembers()).length === 2, 30_000);
  assert.not((await activeMembers()).includes(before!.instance));
}

test('a VM whose process is stopped: the kernel still accepts connections for it', () =>
  isReplaced(({ instance }) => {
    for (const pid of processesIn(instance)) freeze(pid);
  }));

test('a VM whose interface is down', () =>
  isReplaced(({ instance }) => void run('ip', '-n', instance, 'link', 'set', 'eth0', 'down')));

test.run();
