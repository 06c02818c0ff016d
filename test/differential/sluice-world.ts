/** The world as Sluice makes it. */
import { ApiClient, path } from '../../src/cli/api-client.ts';
import { Host } from '../support/host.ts';
import { type GroupText, member, tcpGroup, testbedConfig } from '../support/testbed-config.ts';
import { CLIENT, CLOSED_PORT, SERVERS, serveAll, type World } from './world.ts';

export async function sluiceWorld(): Promise<World> {
  const host = new Host();
  const config = testbedConfig(host.name);
  config.networks = config.networks.slice(0, 1);
  config.ports = config.ports.filter(({ name }) => ['c1', 's1', 's2'].includes(name));
  const udp = (group: GroupText, port: number): GroupText => ({
    ...group,
    name: `${group.name}-udp`,
    protocol: 'udp',
    port: 53,
    members: group.members!.map((one) => ({ ...one, port })),
  });
  const web = tcpGroup('web', 100, [member('s1'), member('s2')]);
  const closed = tcpGroup('closed', 150, [member('s1', { port: CLOSED_PORT })]);
  config.groups = [
    web,
    udp(web, 5300),
    tcpGroup('empty', 130, []),
    udp(tcpGroup('empty', 130, []), 5300),
    tcpGroup('self', 140, [{ name: 'c1', address: CLIENT, port: 8080 }]),
    closed,
    udp(closed, CLOSED_PORT),
  ];
  await host.up(config);
  const api = new ApiClient(host.runDir);
  const groups = ['web', 'web-udp'];
  const world: World = {
    name: 'Sluice',
    netns: (vm) => host.netns(vm),
    async takeOut(server, how) {
      for (const group of groups) await api.post(path`/v1/groups/${group}/members/${server}/${how}`);
    },
    async restore() {
      for (const group of groups) {
        const port = group === 'web' ? 8080 : 5300;
        for (const [name, address] of Object.entries(SERVERS)) {
          await api.delete(path`/v1/groups/${group}/members/${name}`);
          await api.post(path`/v1/groups/${group}/members`, { name, address, port });
        }
      }
    },
    close: () => host.close(),
  };
  await serveAll(world);
  return world;
}
