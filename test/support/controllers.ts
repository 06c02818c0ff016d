/** Three `sluice controller` processes on loopback, over a real etcd. */
import type { ControllerStatus } from '../../src/api/fleet-shapes.ts';
import { ApiClient } from '../../src/cli/api-client.ts';
import { EtcdServer, freePorts } from './etcd.ts';
import { Host, killProcess } from './host.ts';

export interface Controllers {
  readonly etcd: EtcdServer;
  readonly all: readonly LoopbackController[];
  /** Where agents attach. */
  readonly addresses: readonly string[];
  close(): Promise<void>;
}

export class LoopbackController extends Host {
  async launch(): Promise<void> {
    const { status, stderr } = await this.sluice('controller', '-c', this.configFile, '--detach');
    if (status !== 0) throw new Error(`controller: exit status ${status}\n${stderr}`);
  }

  get api(): ApiClient {
    return new ApiClient(this.runDir);
  }

  controllerStatus(): Promise<ControllerStatus> {
    return this.api.get<ControllerStatus>('/v1/status');
  }

  async kill(): Promise<void> {
    killProcess((await this.controllerStatus()).pid);
  }
}

/** The configuration of a controller over an etcd, with one group of three members. */
export const apiController = (
  host: string,
  etcd: EtcdServer,
  listen: { readonly agents: string; readonly http?: string },
) => ({
  host,
  listen,
  store: { kind: 'etcd', endpoints: [etcd.endpoint] },
  networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
  groups: [
    {
      name: 'api',
      network: 'app',
      vip: '10.1.0.100',
      members: ['a', 'b', 'c'].map((name, i) => ({ name, address: `10.1.0.${i + 1}` })),
    },
  ],
});

/** `c0`, `c1`, `c2`, all of them running; the group `api` has the members a, b and c of the network `app`. */
export async function startControllers(): Promise<Controllers> {
  const etcd = await EtcdServer.start();
  const addresses = (await freePorts(3)).map((number) => `127.0.0.1:${number}`);
  const all = addresses.map(() => new LoopbackController());
  const close = async () => {
    for (const controller of all) controller.close();
    await etcd.remove();
  };
  try {
    for (const [index, controller] of all.entries()) {
      controller.configure(apiController(`c${index}`, etcd, { agents: addresses[index]! }) as never);
      await controller.launch();
    }
    return { etcd, all, addresses, close };
  } catch (error) {
    await close();
    throw error;
  }
}
