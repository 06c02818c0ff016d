/**
 * An Open vSwitch of one's own with its userspace datapath: both daemons live in a network namespace and a directory of
 * their own, and an OVS that the machine runs for itself is not touched. One bridge, `br0`, with internal ports, which
 * are TAPs that are moved into the namespaces of VMs.
 */
import { join } from 'node:path';
import { Daemon, run } from '../bench/process.ts';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const BRIDGE = 'br0';

export interface OvsOptions {
  /** Database, sockets and logs go here. */
  readonly directory: string;
  /** Network namespace of the daemons. */
  readonly namespace: string;
  /** Leave checksums and segmentation to the receiver, as virtio-net does. */
  readonly userspaceTso: boolean;
}

export class Ovs {
  private readonly options: OvsOptions;
  private readonly daemons: Daemon[] = [];

  private constructor(options: OvsOptions) {
    this.options = options;
  }

  /** Starts the daemons and makes the bridge, which has no flows but NORMAL. */
  static async start(options: OvsOptions): Promise<Ovs> {
    const ovs = new Ovs(options);
    await ovs.startDatabase();
    if (options.userspaceTso) {
      await ovs.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', 'other_config:userspace-tso-enable=true');
    }
    ovs.startDaemon('ovs-vswitchd', [ovs.database, `--unixctl=${ovs.path('vs.ctl')}`]);
    const bridge = ['set', 'bridge', BRIDGE, 'datapath_type=netdev', 'protocols=OpenFlow15'];
    await ovs.vsctl('add-br', BRIDGE, '--', ...bridge);
    return ovs;
  }

  /** Adds an internal port, and moves its device into a namespace. Ports are numbered from 1 in the order of adding. */
  async addPort(port: string, toNamespace: string): Promise<void> {
    await this.vsctl('add-port', BRIDGE, port, '--', 'set', 'interface', port, 'type=internal');
    await run('ip', ['-n', this.options.namespace, 'link', 'set', port, 'netns', toNamespace]);
  }

  /** ovs-ofctl COMMAND on the bridge, with `input` to read. */
  ofctl(command: string, input: string): Promise<string> {
    const bridge = `unix:${this.path(`${BRIDGE}.mgmt`)}`;
    return run('ovs-ofctl', ['-O', 'OpenFlow15', command, bridge, '-'], { ...this.surroundings, input });
  }

  pids(): number[] {
    return this.daemons.filter((daemon) => daemon.running).map((daemon) => daemon.pid);
  }

  async stop(): Promise<void> {
    for (const daemon of this.daemons.reverse()) await daemon.stop();
  }

  private get database(): string {
    return `unix:${this.path('db.sock')}`;
  }

  private get surroundings() {
    const { directory, namespace } = this.options;
    const environment = { OVS_RUNDIR: directory, OVS_LOGDIR: directory, OVS_DBDIR: directory };
    return { namespace, environment };
  }

  private path(name: string): string {
    return join(this.options.directory, name);
  }

  private vsctl(...args: string[]): Promise<string> {
    return run('ovs-vsctl', [`--db=${this.database}`, '--timeout=10', ...args], this.surroundings);
  }

  private startDaemon(command: string, args: readonly string[]): Daemon {
    const daemon = new Daemon(command, args, this.path(`${command}.log`), this.surroundings);
    this.daemons.push(daemon);
    return daemon;
  }

  private async startDatabase(): Promise<void> {
    const file = this.path('conf.db');
    await run('ovsdb-tool', ['create', file, SCHEMA]);
    const args = [file, `--remote=p${this.database}`, `--unixctl=${this.path('db.ctl')}`];
    const server = this.startDaemon('ovsdb-server', args);
    // ovs-vsctl gives up at once while the socket does not exist, so it is asked again until it does.
    for (let attempt = 0; attempt < 20; attempt++) {
      try {
        await this.vsctl('--no-wait', 'init');
        return;
      } catch {
        if (!server.running) break;
      }
    }
    throw new Error(`ovsdb-server does not answer: ${server.logTail()}`);
  }
}
