/**
 * A controller process: its run directory, store, controller, agent server and API. It needs no privileges: started
 * by root, it reads its files and switches to a dedicated user (privileges/controller-user.ts).
 *
 * Theory of operation. As in a host process (host-process.ts), the run directory is taken first, and each
 * step is undone when a later one fails. On stop, agents are redirected to the next leader before the server
 * closes; the store is closed last.
 */
import type { Server } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { AuditTrail } from '../api/audit.ts';
import { answerEvents } from '../api/events.ts';
import { startApiServer, startReadOnlyServer, stopApiServer, useTls } from '../api/server.ts';
import type { Changed, Verdict } from '../api/shapes.ts';
import { certificateProblems } from '../api/verdict.ts';
import { VERSION } from '../api/version.ts';
import { Certificates, type Renewable } from '../config/certificates.ts';
import type { Configuration } from '../config/model/model.ts';
import { HostError } from '../config/problems/host-error.ts';
import { ConfigError } from '../config/problems/problems.ts';
import type { TlsMaterial } from '../config/tls-files.ts';
import { type FleetServer, startFleetServer, streamCounts } from '../controller/agents/fleet-server.ts';
import { Controller } from '../controller/controller.ts';
import { controllerAnswerer } from '../controller/controller-routes.ts';
import { controllerSamples } from '../controller/metrics.ts';
import { fleetOverview } from '../controller/overview.ts';
import { storeTls } from '../controller/store/open-store.ts';
import { controllerProblems } from '../controller/verdict.ts';
import type { EventJournal } from '../events/journal.ts';
import { MetricsEndpoint } from '../metrics/endpoint.ts';
import { Page } from '../page/page.ts';
import { MadeThings } from '../run-dir/made-things.ts';
import { UndoStack } from '../run-dir/undo-stack.ts';
import { sleep } from '../runtime/runtime.ts';
import { systemRuntime } from '../runtime/system-runtime.ts';
import { fileDifference, groupsAfterReload, inForceAt, reloadEvent } from './changes/file-difference.ts';
import { localActor } from './changes/local-actor.ts';
import { checkedConfiguration } from './checked-configuration.ts';
import type { ProcessOptions } from './host-process.ts';
import { httpListener } from './http-listener.ts';
import { becomeControllerUser } from './privileges/controller-user.ts';
import { eventJournal, loadForReload, openStoreInTime, reportAll } from './process-start.ts';
import { reachableAddress } from './reachable-address.ts';
import { takeRunDir } from './succession/taking-over.ts';

/** Longest wait for a leader, this controller or another, at start. */
const LEADER_WAIT_MS = 3_000;
const LEADER_POLL_MS = 10;

/** Parts of a controller's process. */
interface ControllerParts {
  readonly controller: Controller;
  readonly agents: FleetServer;
  readonly configuration: Configuration;
  readonly certificates: Certificates;
  readonly tls: Renewable<TlsMaterial> | undefined;
  readonly events: EventJournal;
}

export class ControllerProcess {
  readonly controller: Controller;
  readonly events: EventJournal;
  private readonly options: ProcessOptions;
  private readonly undo: UndoStack;
  private readonly agents: FleetServer;
  private readonly certificates: Certificates;
  private readonly tls: Renewable<TlsMaterial> | undefined;
  private configuration: Configuration;

  /** Resolves when agents can attach and the API answers. If that fails, rejects with everything undone. */
  static async start(options: ProcessOptions): Promise<ControllerProcess> {
    const { runDir, log } = options;
    const configuration =
      options.configuration ?? checkedConfiguration(options.configPath, 'this machine', runDir);
    const listen = listenAddress(configuration, options.configPath);
    const undo = new UndoStack();
    const certificates = new Certificates(log, systemRuntime);
    undo.push('close the certificates', () => certificates.close());
    try {
      const tls = certificates.addFleet(configuration.tls, 'controller');
      const storeConfig = configuration.store ?? { kind: 'file', dir: runDir.storeDir };
      // Files that only root may read are read before the process switches to another user.
      const ofStore = storeTls(storeConfig, systemRuntime, tls, certificates);
      becomeControllerUser(configuration, runDir, log);
      const { state } = await takeRunDir(options, undo);
      state.removeFiles();
      state.addFile(runDir.apiSocket);
      undo.push('clear up', () => reportAll(state.clear(), log));
      const events = eventJournal(configuration, storeConfig, runDir, log);
      undo.push('close the events', () => events.stop());
      certificates.reportTo(events);
      const store = await openStoreInTime(storeConfig, log, { certificates, storeTls: ofStore }, options);
      undo.push('close the store', () => store.close());
      const self = { id: configuration.host, address: reachableAddress(listen, configuration.host) };
      const controller = new Controller({ configuration, store, log, events, runtime: systemRuntime, self });
      const agents = await startAgentServer(listen, tls, controller, log, undo);
      undo.push('stop the controller', () => controller.stop());
      const started = new ControllerProcess(options, undo, {
        controller,
        agents,
        configuration,
        certificates,
        tls,
        events,
      });
      await started.listen(undo);
      await started.leaderKnown();
      return started;
    } catch (error) {
      reportAll(await undo.run(), log);
      throw error;
    }
  }

  private constructor(
    options: ProcessOptions,
    undo: UndoStack,
    { controller, agents, configuration, certificates, tls, events }: ControllerParts,
  ) {
    this.options = options;
    this.undo = undo;
    this.controller = controller;
    this.agents = agents;
    this.configuration = configuration;
    this.certificates = certificates;
    this.tls = tls;
    this.events = events;
  }

  /** e.g. `sluice controller c1: 4 groups, leads, agents at 127.0.0.1:7400, pid 4711` */
  get summary(): string {
    const { id, groups: states, leadership, leader } = this.controller;
    const role = leadership !== undefined ? 'leads' : `follows ${leader ?? 'nobody yet'}`;
    const groups = `${states.size} group${states.size === 1 ? '' : 's'}`;
    return `sluice controller ${id}: ${groups}, ${role}, agents at ${this.agents.address}, pid ${process.pid}`;
  }

  async reload(path: string, by?: string): Promise<Changed> {
    this.certificates.reread();
    const next = loadForReload(path);
    const problems = (['host', 'listen', 'store', 'tls', 'user'] as const)
      .filter((key) => !isDeepStrictEqual(next[key], this.configuration[key]))
      .map((key) => ({
        path: key,
        found: JSON.stringify(next[key] ?? null),
        expected: `${JSON.stringify(this.configuration[key] ?? null)}, which cannot change while the controller runs`,
      }));
    if (problems.length > 0)
      throw new HostError(409, 'this needs a restart (down, then controller)', problems);
    const differences = fileDifference(
      inForceAt(this.controller),
      next,
      groupsAfterReload(this.controller, next),
    );
    const changed = await this.controller.reload(next, by);
    this.configuration = next;
    this.events.emit(reloadEvent(path, by, changed, differences));
    return changed;
  }

  async stop(): Promise<void> {
    this.events.endFollowing();
    reportAll(await this.undo.run(), this.options.log);
  }

  /** A controller's state is in its store, and it forwards nothing. */
  handOver(): Promise<void> {
    return this.stop();
  }

  clear(): void {
    MadeThings.load(this.options.runDir).removeFiles();
  }

  private async listen(undo: UndoStack): Promise<void> {
    const { runDir, log } = this.options;
    const { agents, controller, certificates, tls } = this;
    const problems = (): Verdict['problems'] => [
      ...controllerProblems(controller),
      ...certificateProblems(certificates.warnings),
    ];
    const metrics = new MetricsEndpoint('controller', certificates, (samples) => {
      samples.add('sluice_well', problems().length === 0 ? 1 : 0);
      controllerSamples(samples, controller, streamCounts(agents.counters));
    });
    undo.push('stop measuring', () => metrics.stop());
    const audit = new AuditTrail(this.events, controller.id);
    const answerer = audit.around(
      controllerAnswerer({
        controller,
        version: VERSION,
        certificates,
        get refusals() {
          return agents.refusals;
        },
        get streams() {
          return streamCounts(agents.counters);
        },
        metrics: (accept) => metrics.answer(accept),
        events: (query) => answerEvents(this.events, query, systemRuntime.wallMs()),
        reload: (path, by) => this.reload(path, by),
        diff: (path) => fileDifference(inForceAt(controller), loadForReload(path)),
        plan: (path) => {
          const file = loadForReload(path);
          return fileDifference(inForceAt(controller), file, groupsAfterReload(controller, file));
        },
        down: () => this.options.onDownRequest(),
      }),
    );
    this.controller.answerAgentsWith(answerer);
    const close = (server: Server) => undo.push('close the API', () => stopApiServer(server, systemRuntime));
    close(await startApiServer(runDir.apiSocket, answerer, log, systemRuntime, localActor));
    const { listen } = this.configuration;
    if (listen?.http === undefined) return;
    const source = { isFleet: true, overview: () => fleetOverview(controller) };
    const page = new Page(answerer, source, systemRuntime, (error) => log.error({ err: error }, 'page'));
    const http = await startReadOnlyServer(
      httpListener(listen.http, tls?.current),
      page.around(answerer),
      log,
      systemRuntime,
    );
    tls?.onChange((material) => useTls(http, material));
    close(http);
    undo.push('close the page', () => page.close());
  }

  /**
   * A single controller leads at once; one of several may have to wait until the previous leader's lease
   * expires.
   */
  private async leaderKnown(): Promise<void> {
    const giveUpMs = systemRuntime.monotonicMs() + LEADER_WAIT_MS;
    while (this.controller.leadership === undefined && this.controller.leader === undefined) {
      if (systemRuntime.monotonicMs() > giveUpMs) return;
      await sleep(systemRuntime, LEADER_POLL_MS);
    }
  }
}

async function startAgentServer(
  listen: string,
  tls: Renewable<TlsMaterial> | undefined,
  handler: Controller,
  log: Logger,
  undo: UndoStack,
): Promise<FleetServer> {
  try {
    const server = await startFleetServer({
      listen,
      tls: tls?.current,
      handler,
      log,
      runtime: systemRuntime,
    });
    tls?.onChange((material) => server.useTls(material));
    undo.push('close the agent server', () => server.close());
    return server;
  } catch (error) {
    await handler.stop();
    throw error;
  }
}

function listenAddress(configuration: Configuration, file: string): string {
  const listen = configuration.listen?.agents;
  if (listen !== undefined) return listen;
  const expected = 'where agents connect, ADDRESS:PORT, as a controller serves only agents';
  throw new ConfigError(file, [{ path: 'listen.agents', found: 'nothing', expected }]);
}
