/**
 * The `netns` driver: VMs that are namespaces, each with a port and a command that runs in it.
 *
 * Theory of operation. A controller orders `start` and `stop` by name. Orders may be repeated, and the last one decides.
 * A VM goes through these states once: its port is added to the datapath, its command is started (`created`), the
 * command listens (`serving`), it ends (`terminated` when ordered or with exit code 0, else `crashed`), its port and
 * namespace are removed. A name is used once: an ended VM is remembered, and a repeated `start` is answered with how it
 * ended.
 *
 * A controller names only a template and addresses; command, user, environment and everything else come from the
 * template of that name in the host's file. Without such a template no VM is started.
 *
 * All VMs end with the host: `close` stops them. Namespaces and processes that a killed host leaves are listed in the run
 * directory, and the next `up` or `down` removes them.
 */
import type { Logger } from 'pino';
import type { PortConfig, TemplateConfig } from '../../config/model/model.ts';
import { HostError, messageOf } from '../../config/problems/host-error.ts';
import type { Host } from '../../host/host.ts';
import type { VmEvent, VmOrder } from '../../messages/messages.ts';
import { type Runtime, sleep } from '../../runtime/runtime.ts';
import { definitionFor, portOf } from './definition.ts';
import { isServing } from './listening.ts';
import { SupervisedProcess } from './supervised-process.ts';

/** Largest number of VMs on one host. */
const MAX_VMS = 1024;
/** Number of ended VMs that are remembered. */
const MAX_ENDED = 4096;
const READY_POLL_MS = 20;

/** The part of a host that the driver uses. */
export type VmHost = Pick<Host, 'configuration' | 'addPort' | 'removePort' | 'onPortGone'>;

export interface VmDriverOptions {
  readonly host: VmHost;
  readonly log: Logger;
  readonly runtime: Runtime;
  /** Called once per event, in order; after a reconnect `lastEvents` has the current states. */
  onEvent(event: VmEvent): void;
}

interface RunningVm {
  readonly name: string;
  readonly template: string;
  /** Resolves when the VM is removed completely. */
  over: Promise<void>;
  stopRequested: boolean;
  /** Reason why the host itself ends it. */
  failure?: string;
  /** Ends the command; no effect before it runs. */
  stop: () => void;
  last?: VmEvent;
}

interface Outcome {
  readonly kind: 'terminated' | 'crashed';
  readonly detail: string;
}

export class VmDriver {
  private readonly options: VmDriverOptions;
  private readonly running = new Map<string, RunningVm>();
  private readonly ended = new Map<string, VmEvent>();
  private readonly unwatch: () => void;
  private isClosed = false;

  constructor(options: VmDriverOptions) {
    this.options = options;
    this.unwatch = options.host.onPortGone((port) => {
      const vm = this.running.get(port);
      if (vm !== undefined) this.fail(vm, 'its interface has disappeared');
    });
  }

  /** Carries out an order; results are reported as events. */
  take(order: VmOrder): void {
    if (order.command === 'start') this.start(order);
    else this.stop(order);
  }

  /** The last event of each VM, including ended ones. */
  lastEvents(): VmEvent[] {
    const running = [...this.running.values()].flatMap(({ last }) => last ?? []);
    return [...this.ended.values(), ...running];
  }

  /** Stops all VMs; resolves when they are removed completely. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.unwatch();
    for (const vm of this.running.values()) {
      vm.stopRequested = true;
      vm.stop();
    }
    await Promise.all([...this.running.values()].map(({ over }) => over));
  }

  private start(order: VmOrder): void {
    const { vm: name, template } = order;
    const known = this.running.get(name)?.last ?? this.ended.get(name);
    if (known !== undefined) this.options.onEvent(known);
    if (known !== undefined || this.running.has(name) || this.isClosed) return;
    const vm: RunningVm = {
      name,
      template,
      over: Promise.resolve(),
      stopRequested: false,
      stop: () => {},
    };
    if (this.running.size >= MAX_VMS) {
      this.end(vm, 'crashed', `found ${MAX_VMS} VMs on this host, expected fewer`);
      return;
    }
    this.running.set(name, vm);
    vm.over = this.live(vm, order.definition);
  }

  private stop({ vm: name, template }: VmOrder): void {
    const vm = this.running.get(name);
    if (vm !== undefined) {
      vm.stopRequested = true;
      vm.stop();
      return;
    }
    const ended = this.ended.get(name) ?? {
      vm: name,
      template,
      kind: 'terminated',
      detail: 'not here',
    };
    this.options.onEvent(ended);
  }

  /** From the first step to the last; never rejects. */
  private async live(vm: RunningVm, definitionText: string): Promise<void> {
    const { host, log } = this.options;
    try {
      const own = host.configuration.templates.find(({ name }) => name === vm.template);
      const definition = definitionFor(vm.template, own, definitionText);
      const network = host.configuration.networks.find(({ name }) => name === definition.network);
      if (network === undefined) throw new Error(`found no network ${definition.network} on this host`);
      const port = portOf(vm.name, definition, network);
      await host.addPort(port);
      let removed: Promise<void>;
      try {
        const outcome = await this.run(vm, definition, port);
        // A VM that is started because this one has ended may get its address.
        removed = host.removePort(port.name);
        this.end(vm, outcome.kind, outcome.detail);
      } catch (error) {
        removed = host.removePort(port.name);
        this.end(vm, 'crashed', messageOf(error));
      }
      await removed;
    } catch (error) {
      const problems = error instanceof HostError ? error.problems.map(({ found }) => `, ${found}`) : [];
      const detail = messageOf(error) + problems.join('');
      if (vm.last === undefined || !isOver(vm.last)) this.end(vm, 'crashed', detail);
      else log.error(`VM ${vm.name}: ${detail}`);
    } finally {
      this.running.delete(vm.name);
    }
  }

  private async run(vm: RunningVm, definition: TemplateConfig, port: PortConfig): Promise<Outcome> {
    if (vm.stopRequested) return { kind: 'terminated', detail: 'stopped before it was started' };
    const command = new SupervisedProcess(
      {
        name: `VM ${vm.name}`,
        netns: port.netns,
        command: definition.command,
        env: { ...definition.env, ...environment(vm, definition) },
        directory: definition.directory,
        user: definition.user,
      },
      this.options.log,
      this.options.runtime,
    );
    let isEnded = false;
    const ended = command.ended.then((end) => {
      isEnded = true;
      return end;
    });
    vm.stop = () => void command.stop(definition.stopTimeoutMs);
    this.tell(vm, 'created', `pid ${command.pid ?? 'none'}`, port);
    await this.untilServing(vm, definition, port, command, () => isEnded);
    const { isClean, detail } = await ended;
    if (vm.failure !== undefined) return { kind: 'crashed', detail: vm.failure };
    if (vm.stopRequested) return { kind: 'terminated', detail: `stopped: ${detail}` };
    return { kind: isClean ? 'terminated' : 'crashed', detail };
  }

  private async untilServing(
    vm: RunningVm,
    definition: TemplateConfig,
    port: PortConfig,
    command: SupervisedProcess,
    isEnded: () => boolean,
  ): Promise<void> {
    const { runtime } = this.options;
    const deadline = runtime.monotonicMs() + definition.readyTimeoutMs;
    while (!isEnded() && !vm.stopRequested) {
      if (command.pid === undefined) return;
      if (definition.port === undefined || isServing(command.pid, definition.port)) {
        this.tell(vm, 'serving', '', port);
        return;
      }
      if (runtime.monotonicMs() > deadline) {
        const detail = `nothing listens at port ${definition.port} after ${definition.readyTimeoutMs} ms`;
        this.fail(vm, detail);
        return;
      }
      await sleep(runtime, READY_POLL_MS);
    }
  }

  private fail(vm: RunningVm, detail: string): void {
    vm.failure = detail;
    vm.stop();
  }

  private end(vm: RunningVm, kind: Outcome['kind'], detail: string): void {
    this.tell(vm, kind, detail, vm.last?.port);
    this.ended.set(vm.name, vm.last!);
    const oldest = this.ended.keys().next();
    if (this.ended.size > MAX_ENDED && !oldest.done) this.ended.delete(oldest.value);
  }

  private tell(
    vm: RunningVm,
    kind: VmEvent['kind'],
    detail: string,
    port?: PortConfig | VmEvent['port'],
  ): void {
    const event: VmEvent = { vm: vm.name, template: vm.template, kind, detail };
    if (port !== undefined) {
      const { name, network, netns, mac, addresses, labels } = port;
      event.port = { name, network, netns, mac, addresses, labels };
    }
    vm.last = event;
    const level = kind === 'crashed' ? 'warn' : 'info';
    this.options.log[level](`VM ${vm.name}: ${kind}${detail === '' ? '' : `, ${detail}`}`);
    this.options.onEvent(event);
  }
}

const isOver = ({ kind }: VmEvent): boolean => kind === 'terminated' || kind === 'crashed';

function environment({ name }: RunningVm, { addresses, port }: TemplateConfig): Record<string, string> {
  return {
    SLUICE_INSTANCE: name,
    SLUICE_ADDRESS: addresses[0]!,
    SLUICE_ADDRESSES: addresses.join(' '),
    ...(port === undefined ? {} : { SLUICE_PORT: String(port) }),
  };
}
