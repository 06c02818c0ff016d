/**
 * From the crash of a VM to the first answer of the one that takes its place, as a client sees it.
 *
 * The VMs of a group run on all hosts. Each trial kills the oldest; there are so many that it has served long
 * enough by then for its crash to be its first, after which nobody waits.
 */
import { join } from 'node:path';
import type { VmRow } from '../../src/api/fleet-shapes.ts';
import { ApiClient } from '../../src/cli/api-client.ts';
import { STABLE_MS } from '../../src/controller/vm-manager/vm-record.ts';
import { processesIn } from '../../src/run-dir/namespace-processes.ts';
import { sleep, until } from '../support/command.ts';
import type { Fleet } from '../support/fleet.ts';
import { killProcess } from '../support/host.ts';
import { SERVER } from '../support/paths.ts';

export const CRASH_VIP = '10.1.0.107';
export const CRASH_GROUP = 'grown';
const VMS = 12;
const PACE_MS = 20;
const PATIENCE_MS = 60_000;

/** `name`: of the VMs' namespaces, which must be the run's own. */
export const crashTemplate = (name: string) => ({
  name,
  network: 'app',
  group: CRASH_GROUP,
  port: 8080,
  addresses: '10.1.0.128/25',
  command: `exec ${process.execPath} ${SERVER} --name $SLUICE_INSTANCE`,
  stopTimeout: '1s',
});

/** Milliseconds of each trial. */
export async function crash(fleet: Fleet, client: string, trials: number): Promise<number[]> {
  const api = new ApiClient((await fleet.head()).runDir);
  const serving = async (): Promise<VmRow[]> => {
    const rows = await api.get<VmRow[]>('/v1/vms');
    return rows.filter(({ phase }) => phase === 'serving').sort((a, b) => (a.since < b.since ? -1 : 1));
  };
  await api.post(`/v1/groups/${CRASH_GROUP}/scale`, { count: VMS });
  await until('all VMs', async () => (await serving()).length === VMS, PATIENCE_MS);
  const program = join(import.meta.dirname, '../support/clients/http-new-flows.js');
  const asking = fleet.hosts.start(client, process.execPath, program, CRASH_VIP, '80', String(PACE_MS));
  const samples: number[] = [];
  while (samples.length < trials) {
    const rows = await until(
      'all VMs',
      async () => {
        const found = await serving();
        return found.length === VMS ? found : undefined;
      },
      PATIENCE_MS,
    );
    const [oldest] = rows;
    await sleep(Math.max(0, STABLE_MS + 1_000 - (Date.now() - Date.parse(oldest!.since))));
    const known = new Set(rows.map(({ instance }) => instance));
    const from = asking.lines.length;
    const startMs = Date.now();
    for (const pid of processesIn(oldest!.instance)) killProcess(pid);
    const answer = await until(
      'the replacement',
      () => asking.lines.slice(from).find((line) => !known.has(line.split(' ')[1]!)),
      PATIENCE_MS,
    );
    samples.push(Number(answer.split(' ')[0]) - startMs);
  }
  await asking.stop();
  return samples;
}
