/**
 * The devices behind the host's ports: opens, adjusts and closes TAPs, and keeps namespaces made by Sluice while a
 * port uses them.
 *
 * Theory of operation. A port is open when its TAP exists in its namespace and the datapath reads from it. Every
 * operation either succeeds or changes nothing, and returns how to undo it, so that a longer change (up, reload) that
 * fails in the middle can be reverted. A VM's TAP outlives this process, for the next one to take over; others end
 * with their descriptor. A device that was deleted (EBADFD) has been detached by the datapath, and only its
 * descriptor remains to be closed. An inherited device never disappears, as its descriptor holds the namespace;
 * `orphans` finds these.
 */

import { writeFileSync } from 'node:fs';
import type { PortConfig } from '../../config/model/model.ts';
import { runIpBatch } from '../../io/devices/ip-command.ts';
import { createTap, createTaps, type Tap } from '../../io/devices/tap.ts';
import type { FrameDevice } from '../../io/engine.ts';
import { namespaceExists, namespacePath, withNamespace } from '../../native/network/netns.ts';
import type { MadeThings } from '../../run-dir/made-things.ts';
import { UndoStack } from '../../run-dir/undo-stack.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';
import type { DatapathThread } from '../thread/datapath-thread.ts';
import { type PortSetup, tapRequestOf } from './port-setup.ts';
import type { PortChange } from './reload-plan.ts';

interface OpenPort {
  readonly id: number;
  readonly tap: Tap;
  setup: PortSetup;
  /** The datapath reads from it. */
  attached: boolean;
}

export class PortDevices {
  private readonly thread: DatapathThread;
  private readonly ids: DatapathIds;
  private readonly state: MadeThings;
  private readonly ports = new Map<string, OpenPort>();
  private readonly gone = new Set<string>();

  constructor(thread: DatapathThread, ids: DatapathIds, state: MadeThings) {
    this.thread = thread;
    this.ids = ids;
    this.state = state;
  }

  /** Names of ports whose devices have disappeared. */
  get goneNames(): ReadonlySet<string> {
    return this.gone;
  }

  /** TAPs of the open ports, by port name. */
  get taps(): [port: string, tap: Tap][] {
    return [...this.ports].map(([name, { tap }]) => [name, tap]);
  }

  isUp(name: string): boolean {
    return this.ports.has(name);
  }

  /** Creates the port's TAP; the datapath reads from it after `attachOpened`, when it knows the port. */
  open(setup: PortSetup, undo: UndoStack): void {
    const { port } = setup;
    const isOursAlone = port.purpose !== undefined;
    if (this.state.ensureNamespace(port.netns, isOursAlone)) {
      undo.push(`remove namespace ${port.netns}`, () => this.state.removeNamespace(port.netns));
    } else if (isOursAlone && !this.state.isOwn(port.netns)) {
      throw new Error(`port ${port.name}: found a namespace ${port.netns}, expected none of that name`);
    }
    const tap = isOursAlone ? createTap(tapRequestOf(setup)) : this.openLasting(setup);
    this.ports.set(port.name, { id: this.ids.port(port), tap, setup, attached: false });
    this.gone.delete(port.name);
    undo.push(`close port ${port.name}`, () => this.close(port.name, new UndoStack()));
  }

  /** The same for many VMs' ports, whose devices are created together: all or none. */
  async openAll(setups: readonly PortSetup[], undo: UndoStack): Promise<void> {
    const names = new Set(setups.map(({ port }) => port.netns));
    const absent = [...names].filter((name) => !namespaceExists(name));
    undo.push('remove the namespaces that were made', () => {
      for (const name of absent) this.state.removeNamespace(name);
    });
    const fresh = this.state.ensureNamespaces(names);
    const requests = setups.map(tapRequestOf);
    const taps = requests.map((request) => this.state.takeOverTap(request));
    try {
      const missing = requests.filter((_, at) => taps[at] === undefined);
      const made = await createTaps(missing, fresh);
      for (const [at, tap] of taps.entries()) taps[at] = tap ?? made.shift()!;
      this.state.keepTaps(requests.map((request, at) => ({ request, tap: taps[at]! })));
    } catch (error) {
      for (const tap of taps) tap?.close();
      throw error;
    }
    for (const [at, setup] of setups.entries()) {
      const { name } = setup.port;
      this.ports.set(name, { id: this.ids.port(setup.port), tap: taps[at]!, setup, attached: false });
      this.gone.delete(name);
      undo.push(`close port ${name}`, () => this.close(name, new UndoStack()));
    }
  }

  private openLasting(setup: PortSetup): Tap {
    const request = tapRequestOf(setup);
    const tap = this.state.takeOverTap(request) ?? createTap(request);
    try {
      this.state.keepTap(request, tap);
      return tap;
    } catch (error) {
      tap.close();
      throw error;
    }
  }

  async attachOpened(): Promise<void> {
    await this.thread.attach(this.toAttach().map(({ id, device }) => ({ port: id, device })));
    this.markAttached();
  }

  /** Devices that the datapath does not read from yet. */
  toAttach(): { id: number; device: FrameDevice }[] {
    const opened = [...this.ports.values()].filter(({ attached }) => !attached);
    return opened.map(({ id, tap }) => ({ id, device: tap.device }));
  }

  /** The datapath reads from all of them now. */
  markAttached(): void {
    for (const port of this.ports.values()) port.attached = true;
  }

  /** Closes the port's device; its namespace stays (see `removeUnusedNamespaces`). */
  async close(name: string, undo: UndoStack): Promise<void> {
    const open = this.ports.get(name);
    this.ports.delete(name);
    this.gone.delete(name);
    if (open === undefined) return;
    undo.push(`open port ${name} again`, () => this.open(open.setup, new UndoStack()));
    try {
      if (open.attached) await this.thread.detach(open.id);
    } finally {
      this.end(open.tap);
    }
  }

  /** Changes addresses, MTU or gateways of a running interface. */
  adjust(change: PortChange, undo: UndoStack): void {
    const { port } = change.after;
    const back = { before: change.after, after: change.before };
    undo.push(`take back the changes of port ${port.name}`, () => {
      runIpBatch(`restore port ${port.name}`, adjustCommands(back), port.netns);
      this.isNow(change.before);
    });
    keepSecondaries(change.after);
    runIpBatch(`change port ${port.name}`, adjustCommands(change), port.netns);
    this.isNow(change.after);
  }

  private isNow(setup: PortSetup): void {
    const open = this.ports.get(setup.port.name);
    if (open === undefined) return;
    open.setup = setup;
    if (setup.port.purpose === undefined) this.state.keepTap(tapRequestOf(setup), open.tap);
  }

  /** Handles the datapath's report of ports whose devices have disappeared; returns their names. */
  noteGone(ids: readonly number[]): string[] {
    const names: string[] = [];
    for (const [name, { id, tap }] of this.ports) {
      if (!ids.includes(id)) continue;
      this.end(tap);
      this.ports.delete(name);
      this.gone.add(name);
      names.push(name);
    }
    return names;
  }

  private end(tap: Tap): void {
    tap.close();
    this.state.forgetTap(tap);
  }

  /** Ports whose namespaces have no name any more, while only this process holds their devices. */
  get orphans(): number[] {
    return [...this.ports.values()].filter(({ tap }) => tap.isOrphan()).map(({ id }) => id);
  }

  /** After the datapath has ended: removes all devices at once, or leaves lasting ones to the next process. */
  closeAll(how: 'end' | 'handOver'): void {
    // Removing a namespace removes all its devices at once, whereas each single removal waits for the kernel.
    if (how === 'end') this.state.removeNamespacesExcept(new Set());
    for (const { tap } of this.ports.values()) {
      if (how === 'end') tap.close();
      else tap.release();
    }
    this.ports.clear();
  }

  /** Removes a port that is in no file, and its namespace with everything in it. */
  async remove(port: PortConfig): Promise<void> {
    await this.close(port.name, new UndoStack());
    this.state.removeNamespace(port.netns);
  }

  /** Removes namespaces made by Sluice that no port uses; returns those that could not be removed. */
  removeUnusedNamespaces(): string[] {
    const used = new Set([...this.ports.values()].map(({ setup }) => setup.port.netns));
    return this.state.removeNamespacesExcept(used);
  }
}

/**
 * New addresses are added before old ones are removed, so that a port always has one. An address in the same subnet
 * as an older one is a secondary to the kernel: `keepSecondaries` makes it outlive that one.
 */
function adjustCommands({ before, after }: PortChange): string[] {
  const dev = `dev ${after.port.interface}`;
  const isIpv6 = (text: string): boolean => text.includes(':');
  const everything = (gateway: string): string => (isIpv6(gateway) ? '::/0' : '0.0.0.0/0');
  const added = after.port.addresses.filter((address) => !before.port.addresses.includes(address));
  const removed = before.port.addresses.filter((address) => !after.port.addresses.includes(address));
  const lost = before.gateways.filter(
    (gateway) => !after.gateways.some((other) => isIpv6(other) === isIpv6(gateway)),
  );
  return [
    ...(before.network.mtu === after.network.mtu ? [] : [`link set ${dev} mtu ${after.network.mtu}`]),
    ...added.map((address) => `addr replace ${address} ${dev}${isIpv6(address) ? ' nodad' : ''}`),
    ...lost.map((gateway) => `route del ${everything(gateway)} via ${gateway} ${dev}`),
    ...removed.map((address) => `addr del ${address} ${dev}`),
    ...after.gateways.map((gateway) => `route replace ${everything(gateway)} via ${gateway} ${dev}`),
  ];
}

/** ip-sysctl(7): when an interface's primary address is removed, its next secondary is promoted. */
function keepSecondaries({ port }: PortSetup): void {
  withNamespace(namespacePath(port.netns), () =>
    writeFileSync(`/proc/sys/net/ipv4/conf/${port.interface}/promote_secondaries`, '1'),
  );
}
