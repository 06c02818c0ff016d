// Frames that a VM sends faster than they are read: what the kernel drops of them is shown with the drops of the port.
// timeout: 120s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PortRow, Status } from '../../src/api/shapes.ts';
import { QUEUE_LOSS } from '../../src/host/ports/queue-losses.ts';
import { until } from '../support/command.ts';
import { TestRun } from '../support/host-processes.ts';

const test = suite('queue losses');

/** More than a TAP's queue and the reads that are under way hold. */
const DATAGRAMS = 20_000;
const SEND = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(${DATAGRAMS}):
    try: s.sendto(b'x', ('10.1.0.12', 9))
    except OSError: pass
`;

import { freeze } from '../support/freeze.ts';

const run = new TestRun('losses');
test.after(() => run.close());

const dropsOf = async (port: string): Promise<Record<string, number>> => {
  const { body } = await run.api<PortRow[]>('GET', '/v1/ports');
  return body.find((row) => row.port === port)!.drops;
};
/** tx_dropped, as ip(8) shows it. */
const kernelCount = (vm: string, device: string): number =>
  JSON.parse(run.exec(vm, 'ip', '-j', '-s', 'link', 'show', device))[0].stats64.tx.dropped;

test('they are shown by port and in the status, as the kernel counts them, whatever the VM calls its interface', async () => {
  run.configure([
    { name: 'a', address: '10.1.0.11' },
    { name: 'b', address: '10.1.0.12' },
  ]);
  const host = await run.start();
  assert.is((await dropsOf('a'))[QUEUE_LOSS], undefined);
  run.exec('a', 'ip', 'neigh', 'replace', '10.1.0.12', 'lladdr', '02:00:00:00:00:99', 'dev', 'eth0');
  freeze(host.pid!);
  try {
    run.exec('a', '/usr/bin/python3', '-c', SEND);
  } finally {
    host.kill('SIGCONT');
  }
  const lost = kernelCount('a', 'eth0');
  assert.ok(lost > 0, `the test needs losses: ${lost}`);
  await until('they are shown', async () => (await dropsOf('a'))[QUEUE_LOSS] === lost);
  assert.is((await dropsOf('b'))[QUEUE_LOSS], undefined);
  const { body: status } = await run.api<Status>('GET', '/v1/status');
  assert.is(status.drops[QUEUE_LOSS], lost);
  const { body: stats } = await run.api<PortRow[]>('GET', '/v1/stats?by=port');
  assert.is(stats.find((row) => row.port === 'a')!.drops[QUEUE_LOSS], lost);

  run.exec('a', 'ip', 'link', 'set', 'eth0', 'down');
  run.exec('a', 'ip', 'link', 'set', 'eth0', 'name', 'lan');
  run.exec('a', 'ip', 'link', 'set', 'lan', 'up');
  run.exec('a', 'ip', 'neigh', 'replace', '10.1.0.12', 'lladdr', '02:00:00:00:00:99', 'dev', 'lan');
  freeze(host.pid!);
  try {
    run.exec('a', '/usr/bin/python3', '-c', SEND);
  } finally {
    host.kill('SIGCONT');
  }
  const more = kernelCount('a', 'lan');
  assert.ok(more > lost, `${more} after ${lost}`);
  await until('the later ones, too', async () => (await dropsOf('a'))[QUEUE_LOSS] === more);
});

test.run();
