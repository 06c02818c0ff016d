/** Simulated machines: processes of the product's own controllers and agents, that start, die and start again. */
import { EventEmitter } from 'node:events';
import { crc32 } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { Agent } from '../../src/agent/agent.ts';
import { ReconnectingLink } from '../../src/agent/controller-link.ts';
import type { CallEvents } from '../../src/agent/controller-stream.ts';
import { HealthChecker } from '../../src/agent/health/health-checker.ts';
import { Prober } from '../../src/agent/health/prober.ts';
import type { StartProber, Verdict } from '../../src/agent/health/prober-protocol.ts';
import type { AgentServices, SendMessage } from '../../src/agent/host-services.ts';
import type { RuleDocument } from '../../src/agent/rule-journal.ts';
import { RuleStore } from '../../src/agent/rule-store.ts';
import type { Configuration } from '../../src/config/model/model.ts';
import type { AttachCall } from '../../src/controller/agents/agent-stream.ts';
import { AgentStreams } from '../../src/controller/agents/agent-streams.ts';
import { Controller } from '../../src/controller/controller.ts';
import { EtcdStore } from '../../src/controller/store/etcd-store.ts';
import type { Dial, PresenceSocket } from '../../src/controller/store/leader-presence.ts';
import { sleep } from '../../src/runtime/runtime.ts';
import { linesOnly } from '../support/event-sinks.ts';
import { etcdClient } from './etcd.ts';
import { FleetHost } from './fleet-host.ts';
import type { End, EndEvents } from './network.ts';
import type { SimulatedProcess } from './virtual-time.ts';
import type { World } from './world.ts';

const NO_EVENTS: EndEvents = { received: () => {}, ended: () => {} };

abstract class Machine {
  readonly name: string;
  process: SimulatedProcess;
  /** How far its clock is ahead; outlives its processes. */
  private offsetMs = 0;
  protected readonly world: World;
  private starts = 0;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
    this.process = this.newProcess();
  }

  get isRunning(): boolean {
    return !this.process.isDead;
  }

  setClock(offsetMs: number): void {
    this.offsetMs = offsetMs;
    this.process.wallOffsetMs = offsetMs;
  }

  /** `hasPower`: the process alone dies. */
  kill(hasPower: boolean): void {
    if (!this.isRunning) return;
    this.process.isDead = true;
    if (hasPower) this.world.network.died(this.process);
    else this.world.network.setDark(this.name, true);
  }

  start(): void {
    this.world.network.setDark(this.name, false);
    this.process = this.newProcess();
    this.run();
  }

  protected abstract run(): void;

  private newProcess(): SimulatedProcess {
    const process = this.world.time.process(`${this.name}.${this.starts++}`);
    process.wallOffsetMs = this.offsetMs;
    return process;
  }
}

export class ControllerMachine extends Machine {
  controller: Controller | undefined;
  private readonly configuration: Configuration;

  constructor(world: World, name: string, configuration: Configuration) {
    super(world, name);
    this.configuration = configuration;
    this.run();
  }

  get address(): string {
    return `${this.name}:7400`;
  }

  get leads(): boolean {
    return this.isRunning && this.controller?.leadership !== undefined;
  }

  protected run(): void {
    const { world, process, address } = this;
    this.controller = undefined;
    const log = world.logOf(process);
    let streams: AgentStreams | undefined;
    world.network.listen(address, {
      process,
      accept: (end, from) => {
        if (streams === undefined) {
          end.close();
          return NO_EVENTS;
        }
        const call = new ServerCall(end, from);
        return {
          received: (payload) => {
            if (payload !== PRESENCE) call.received(streams!, payload as Buffer);
          },
          ended: () => void call.emit('cancelled'),
        };
      },
    });
    const client = etcdClient(world.etcd, world.time, world.network, { machine: this.name, process });
    const dial = dialOf(world, this.name, process);
    EtcdStore.open({ client, dial, prefix: '/sluice/' }, log, process).then((store) => {
      const self = { id: this.name, address };
      const { configuration } = this;
      const controller = new Controller({
        configuration,
        store,
        log,
        events: linesOnly(log),
        runtime: process,
        self,
      });
      this.controller = controller;
      streams = new AgentStreams({ handler: controller, log, runtime: process }, PEERS);
    });
  }
}

const PEERS = { settled: () => {}, unsettled: () => {} };
const PRESENCE = Symbol('presence');

/** A call as the server's gRPC shows it. */
class ServerCall extends EventEmitter {
  private readonly end: End;
  private readonly from: string;
  private isKnown = false;
  private ending: { code: status; details: string } | undefined;

  constructor(end: End, from: string) {
    super();
    this.end = end;
    this.from = from;
    this.on('error', (ending: { code: status; details: string }) => this.finish(ending));
  }

  received(streams: AgentStreams, bytes: Buffer): void {
    if (!this.isKnown) streams.accept(this.asCall());
    this.isKnown = true;
    this.emit('data', bytes);
  }

  getPeer(): string {
    return this.from;
  }

  getAuthContext(): undefined {
    return undefined;
  }

  write(bytes: Buffer, sent: () => void): void {
    this.end.send(bytes, sent);
  }

  private finish(ending: { code: status; details: string }): void {
    if (this.ending !== undefined) return;
    this.ending = ending;
    this.end.send(ending);
    this.end.close();
  }

  private asCall(): AttachCall {
    const call = {
      getPeer: () => this.getPeer(),
      getAuthContext: () => undefined,
      on: (name: string, listener: (value: unknown) => void) => this.on(name, listener),
      emit: (name: string, value: unknown) => this.emit(name, value),
      write: (bytes: Buffer, sent: () => void) => this.write(bytes, sent),
      end: () => this.finish({ code: status.OK, details: '' }),
    };
    return call as unknown as AttachCall;
  }
}

function dialOf(world: World, machine: string, process: SimulatedProcess): Dial {
  return ({ host, port }) => {
    const socket = new EventEmitter();
    let open: End | undefined;
    let isDestroyed = false;
    const failed = (code: string): void => {
      if (isDestroyed) return;
      socket.emit('error', { code });
      socket.emit('close');
    };
    socket.on('error', () => {});
    const events = { received: () => {}, ended: () => void (isDestroyed || socket.emit('close')) };
    world.network.connect(
      { machine, process },
      `${host}:${port}`,
      events,
      (end) => {
        open = end;
        if (isDestroyed) return end.close();
        end.send(PRESENCE);
        socket.emit('connect');
      },
      () => failed('ECONNREFUSED'),
    );
    return Object.assign(socket, {
      resume: () => socket,
      unref: () => socket,
      destroy: () => {
        isDestroyed = true;
        open?.close();
      },
    }) as unknown as PresenceSocket;
  };
}

export class HostMachine extends Machine {
  host!: FleetHost;
  agent: Agent | undefined;
  rules = new RuleStore();
  /** What its health checks say is never true. */
  isLiar = false;
  /** The disk takes nothing. */
  isDiskFull = false;
  /** What is on the disk. */
  private document: RuleDocument | undefined;
  private readonly configuration: Configuration;

  constructor(world: World, name: string, configuration: Configuration) {
    super(world, name);
    this.configuration = configuration;
    this.run();
  }

  private newHost(): FleetHost {
    const rules = this.rules.current.groups;
    return new FleetHost(
      this.process,
      { ...this.configuration, groups: [...rules] },
      this.world.flowEvents(this),
    );
  }

  protected run(): void {
    const { world, process } = this;
    const log = world.logOf(process);
    this.rules = new RuleStore({
      read: () => this.document,
      write: (document) => {
        if (this.isDiskFull) throw new Error('rules.json: no space left');
        this.document = document;
      },
    });
    this.rules.load();
    this.host = this.newHost();
    const { host } = this;
    const addresses = world.controllers.map(({ address }) => address);
    this.agent = new Agent({
      host,
      services: (send) => this.services(send, log),
      ownGroups: [],
      rules: this.rules,
      connect: (handler) =>
        new ReconnectingLink({ controllers: addresses, handler, log, runtime: process }, (address, events) =>
          openCall(world, this.name, process, address, events),
        ),
      answer: () => ({}),
      log,
      events: linesOnly(log),
      runtime: process,
    });
  }

  private services(send: SendMessage, log: ReturnType<World['logOf']>): AgentServices {
    const { process: runtime, host } = this;
    const checker = new HealthChecker({
      host: host.healthHost,
      log,
      events: linesOnly(log),
      runtime,
      startProber: this.prober,
      onResults: (results) => send({ type: 'probeResults', ...results }),
      onLoads: (loads) => send({ type: 'memberLoads', loads }),
    });
    return {
      attached: () => send({ type: 'probeResults', isFull: true, results: checker.results() }),
      received: () => {},
      close: () => checker.close(),
    };
  }

  /** About half of the members, now these and now those: who said it of all would not be believed anyway. */
  private liesAbout(address: string): boolean {
    if (!this.isLiar) return false;
    const at = Math.floor(this.world.time.nowMs / 9_000) + crc32(address);
    return at % 2 === 0;
  }

  private readonly prober: StartProber = (_start, events) => {
    const { process, world } = this;
    const prober = new Prober({
      runtime: process,
      probe: async ({ address, timeoutMs }) => {
        const isAlive = world.isAlive(this.name, address);
        await sleep(process, isAlive ? 1 + process.random() * 5 : timeoutMs);
        return { isGood: isAlive !== this.liesAbout(address), detail: isAlive ? 'connected' : 'no answer' };
      },
      askLoad: ({ address }) => Promise.resolve({ load: undefined, detail: address }),
      onVerdicts: (verdicts: readonly Verdict[]) => events.onVerdicts(verdicts),
      onLoads: (loads) => events.onLoads(loads),
      onProblem: () => {},
    });
    return { send: ({ checks, loads }) => prober.setTargets(checks, loads), stop: () => prober.stop() };
  };
}

function openCall(
  world: World,
  machine: string,
  process: SimulatedProcess,
  address: string,
  events: CallEvents,
) {
  let open: End | undefined;
  let hasEnded = false;
  const waiting: [Buffer, () => void][] = [];
  const ended = (reason: string, isUnreachable: boolean): void => {
    if (hasEnded) return;
    hasEnded = true;
    events.ended(reason, isUnreachable);
  };
  world.network.connect(
    { machine, process },
    address,
    {
      received: (payload) => {
        if (hasEnded) return;
        if (Buffer.isBuffer(payload)) return events.received(payload);
        const { code, details } = payload as { code: status; details: string };
        ended(details, code === status.UNAVAILABLE);
      },
      ended: (isLost) => ended(isLost ? 'keepalive' : 'the connection was closed', true),
    },
    (end) => {
      open = end;
      if (hasEnded) return end.close();
      for (const [bytes, sent] of waiting.splice(0)) end.send(bytes, sent);
    },
    () => ended('connection refused', true),
  );
  return {
    write(bytes: Buffer, sent: () => void) {
      if (open === undefined) waiting.push([bytes, sent]);
      else open.send(bytes, sent);
    },
    cancel() {
      hasEnded = true;
      open?.close();
    },
  };
}
