/**
 * The `netns` driver: VMs that are namespaces, each with a port and a command that runs in it.
 *
 * Theory of operation. A controller orders `start` and `stop` by name; both may come twice, and any order of orders
 * ends in what was ordered last. An instance lives through one sequence: its port is added to the datapath, its
 * command is started (`created`), its port is listened at (`serving`), it ends (`terminated` when asked to or with
 * exit code 0, else `crashed`), its port and namespace are removed. A name is used once: an instance that has ended
 * is remembered, so that a `start` that comes again is answered with how it ended, not obeyed.
 *
 * What is run is the host's own: a controller names a template and gives addresses, and command, user, environment and
 * everything else are those of the template of that name in the host's file. No template there, no instance.
 *
 * Everything ends with the host: `close` stops all, and what a killed host leaves (namespaces with processes) is in
 * the run directory's list and cleared by the next `up` or `down`.
 */
import type { Logger } from 'pino';
import { HostError, messageOf } from '../../config/model/host-error.ts';
import type { PortConfig, TemplateConfig } from '../../config/model/model.ts';
import type { Host } from '../../host/host.ts';
import type { Instance, InstanceEvent } from '../../messages/messages.ts';
import { definitionFor, portOf } from './definition.ts';
import { isServing } from './listening.ts';
import { SupervisedProcess } from './supervised-process.ts';

/** On one host. */
const MAX_INSTANCES = 1024;
/** Ended ones that are remembered. */
const MAX_ENDED = 4096;
const READY_POLL_MS = 20;

/** What the driver needs of a host. */
export type InstanceHost = Pick<Host, 'configuration' | 'addPort' | 'removePort' | 'onPortGone'>;

export interface InstanceDriverOptions {
  readonly host: InstanceHost;
  readonly log: Logger;
  /** Each event once, in order; after a reconnect `lastEvents` tells how things stand. */
  onEvent(event: InstanceEvent): void;
}

interface RunningInstance {
  readonly name: string;
  readonly template: string;
  /** Resolves when nothing is left of it. */
  over: Promise<void>;
  stopRequested: boolean;
  /** Why it is being ended by the host itself. */
  failure?: string;
  /** Ends the command; nothing to do before it runs. */
  stop: () => void;
  last?: InstanceEvent;
}

interface Outcome {
  readonly kind: 'terminated' | 'crashed';
  readonly detail: string;
}

export class InstanceDriver {
  private readonly options: InstanceDriverOptions;
  private readonly running = new Map<string, RunningInstance>();
  private readonly ended = new Map<string, InstanceEvent>();
  private readonly unwatch: () => void;
  private isClosed = false;

  constructor(options: InstanceDriverOptions) {
    this.options = options;
    this.unwatch = options.host.onPortGone((port) => {
      const instance = this.running.get(port);
      if (instance !== undefined) this.fail(instance, 'its interface has disappeared');
    });
  }

  /** Obeys an order; outcomes come as events. */
  take(order: Instance): void {
    if (order.command === 'start') this.start(order);
    else this.stop(order);
  }

  /** How each instance stands, ended ones too. */
  lastEvents(): InstanceEvent[] {
    const running = [...this.running.values()].flatMap(({ last }) => last ?? []);
    return [...this.ended.values(), ...running];
  }

  /** Stops all instances; resolves when nothing is left of them. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.unwatch();
    for (const instance of this.running.values()) {
      instance.stopRequested = true;
      instance.stop();
    }
    await Promise.all([...this.running.values()].map(({ over }) => over));
  }

  private start(order: Instance): void {
    const { instance: name, template } = order;
    const known = this.running.get(name)?.last ?? this.ended.get(name);
    if (known !== undefined) this.options.onEvent(known);
    if (known !== undefined || this.running.has(name) || this.isClosed) return;
    const instance: RunningInstance = {
      name,
      template,
      over: Promise.resolve(),
      stopRequested: false,
      stop: () => {},
    };
    if (this.running.size >= MAX_INSTANCES) {
      this.end(instance, 'crashed', `found ${MAX_INSTANCES} instances on this host, expected fewer`);
      return;
    }
    this.running.set(name, instance);
    instance.over = this.live(instance, order.definition);
  }

  private stop({ instance: name, template }: Instance): void {
    const instance = this.running.get(name);
    if (instance !== undefined) {
      instance.stopRequested = true;
      instance.stop();
      return;
    }
    const ended = this.ended.get(name) ?? {
      instance: name,
      template,
      kind: 'terminated',
      detail: 'not here',
    };
    this.options.onEvent(ended);
  }

  /** From the first step to the last; never rejects. */
  private async live(instance: RunningInstance, definitionText: string): Promise<void> {
    const { host, log } = this.options;
    try {
      const own = host.configuration.templates.find(({ name }) => name === instance.template);
      const definition = definitionFor(instance.template, own, definitionText);
      const network = host.configuration.networks.find(({ name }) => name === definition.network);
      if (network === undefined) throw new Error(`found no network ${definition.network} on this host`);
      const port = portOf(instance.name, definition, network);
      await host.addPort(port);
      let removed: Promise<void>;
      try {
        const outcome = await this.run(instance, definition, port);
        // Asked for first: an instance that is started because this one has ended may get its address.
        removed = host.removePort(port.name);
        this.end(instance, outcome.kind, outcome.detail);
      } catch (error) {
        removed = host.removePort(port.name);
        this.end(instance, 'crashed', messageOf(error));
      }
      await removed;
    } catch (error) {
      const problems = error instanceof HostError ? error.problems.map(({ found }) => `, ${found}`) : [];
      const detail = messageOf(error) + problems.join('');
      if (instance.last === undefined || !isOver(instance.last)) this.end(instance, 'crashed', detail);
      else log.error(`instance ${instance.name}: ${detail}`);
    } finally {
      this.running.delete(instance.name);
    }
  }

  private async run(
    instance: RunningInstance,
    definition: TemplateConfig,
    port: PortConfig,
  ): Promise<Outcome> {
    if (instance.stopRequested) return { kind: 'terminated', detail: 'stopped before it was started' };
    const command = new SupervisedProcess(
      {
        name: `instance ${instance.name}`,
        netns: port.netns,
        command: definition.command,
        env: { ...definition.env, ...environment(instance, definition) },
        directory: definition.directory,
        user: definition.user,
      },
      this.options.log,
    );
    let isEnded = false;
    const ended = command.ended.then((end) => {
      isEnded = true;
      return end;
    });
    instance.stop = () => void command.stop(definition.stopTimeoutMs);
    this.tell(instance, 'created', `pid ${command.pid ?? 'none'}`, port);
    await this.untilServing(instance, definition, port, command, () => isEnded);
    const { isClean, detail } = await ended;
    if (instance.failure !== undefined) return { kind: 'crashed', detail: instance.failure };
    if (instance.stopRequested) return { kind: 'terminated', detail: `stopped: ${detail}` };
    return { kind: isClean ? 'terminated' : 'crashed', detail };
  }

  private async untilServing(
    instance: RunningInstance,
    definition: TemplateConfig,
    port: PortConfig,
    command: SupervisedProcess,
    isEnded: () => boolean,
  ): Promise<void> {
    const deadline = performance.now() + definition.readyTimeoutMs;
    while (!isEnded() && !instance.stopRequested) {
      if (command.pid === undefined) return;
      if (definition.port === undefined || isServing(command.pid, definition.port)) {
        this.tell(instance, 'serving', '', port);
        return;
      }
      if (performance.now() > deadline) {
        const detail = `nobody listens at port ${definition.port} after ${definition.readyTimeoutMs} ms`;
        this.fail(instance, detail);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
  }

  private fail(instance: RunningInstance, detail: string): void {
    instance.failure = detail;
    instance.stop();
  }

  private end(instance: RunningInstance, kind: Outcome['kind'], detail: string): void {
    this.tell(instance, kind, detail, instance.last?.port);
    this.ended.set(instance.name, instance.last!);
    const oldest = this.ended.keys().next();
    if (this.ended.size > MAX_ENDED && !oldest.done) this.ended.delete(oldest.value);
  }

  private tell(
    instance: RunningInstance,
    kind: InstanceEvent['kind'],
    detail: string,
    port?: PortConfig | InstanceEvent['port'],
  ): void {
    const event: InstanceEvent = { instance: instance.name, template: instance.template, kind, detail };
    if (port !== undefined) {
      const { name, network, netns, mac, addresses, labels } = port;
      event.port = { name, network, netns, mac, addresses, labels };
    }
    instance.last = event;
    const level = kind === 'crashed' ? 'warn' : 'info';
    this.options.log[level](`instance ${instance.name}: ${kind}${detail === '' ? '' : `, ${detail}`}`);
    this.options.onEvent(event);
  }
}

const isOver = ({ kind }: InstanceEvent): boolean => kind === 'terminated' || kind === 'crashed';

function environment({ name }: RunningInstance, { addresses, port }: TemplateConfig): Record<string, string> {
  return {
    SLUICE_INSTANCE: name,
    SLUICE_ADDRESS: addresses[0]!,
    SLUICE_ADDRESSES: addresses.join(' '),
    ...(port === undefined ? {} : { SLUICE_PORT: String(port) }),
  };
}
