/**
 * The stream of the whole state.
 *
 * Theory of operation. The state is read once per second for all viewers, and only while there is one. Groups and their load
 * come from memory (api/page/overview.ts); ports are asked of the hosts, at a fleet less often, and not at all of a large one.
 * Whatever cannot be read is shown as missing: the page of a controller that follows still says who leads.
 */
import type { ServerResponse } from 'node:http';
import type { AgentRow, ControllerStatus } from '../api/fleet-shapes.ts';
import type { GroupLoad, Overview } from '../api/page/overview.ts';
import type { PortRow, Status } from '../api/shapes.ts';
import { messageOf, Refusal } from '../config/problems/refusal.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';
import type { Ask } from './ask.ts';
import { groupChanges } from './changes.ts';
import { Delta, type Rows } from './delta.ts';
import {
  type Change,
  type DropCount,
  type HostView,
  type PortLoad,
  type Self,
  STATE_EVENT,
} from './frames.ts';
import { Growth } from './growth.ts';
import { type StreamBudget, Viewers } from './viewers.ts';

export const INTERVAL_MS = 1_000;
/** A fleet's ports are read every so many intervals. */
const PORTS_EVERY = 3;
/** A fleet of more hosts is shown without ports. */
const MAX_HOSTS_WITH_PORTS = 64;
const MAX_PORTS = 2_048;
const MAX_DROPS = 500;
const MAX_CHANGES = 200;

/** What the page shows of its process besides the API's answers. */
export interface PageSource {
  /** Whether the overview is that of all hosts. */
  readonly isFleet: boolean;
  /** May throw a Refusal. */
  overview(): Overview;
}

export interface FeedParts {
  readonly ask: Ask;
  readonly source: PageSource;
  readonly runtime: Runtime;
  readonly budget: StreamBudget;
  /** Of errors other than refusals. */
  readonly onFailure: (error: unknown) => void;
}

export class StateFeed {
  private readonly parts: FeedParts;
  private readonly viewers: Viewers;
  private delta: Delta | undefined;
  private timer: Timer | undefined;
  private isReading = false;
  private readonly growth = new Growth();
  private reads = 0;
  private ports: readonly PortLoad[] = [];
  private drops: readonly DropCount[] = [];
  private groups: ReadonlyMap<string, GroupLoad> | undefined;
  private changes: Change[] = [];
  private changeCount = 0;

  constructor(parts: FeedParts) {
    this.parts = parts;
    this.viewers = new Viewers(parts.budget, STATE_EVENT, parts.runtime, () => this.left());
  }

  join(response: ServerResponse): void {
    this.viewers.add(response, this.delta?.whole());
    if (this.timer !== undefined || this.viewers.size === 0) return;
    this.timer = this.parts.runtime.setTicker(() => this.read(), INTERVAL_MS);
    this.timer.unref();
    this.read();
  }

  close(): void {
    this.viewers.close();
    this.rest();
  }

  private left(): void {
    if (this.viewers.size === 0) this.rest();
  }

  /** Changes are kept: whoever looks again sees what was noticed before. */
  private rest(): void {
    this.parts.runtime.clearTimer(this.timer);
    this.timer = undefined;
    this.delta = undefined;
  }

  private read(): void {
    if (this.isReading) return;
    this.isReading = true;
    this.readState()
      .catch(this.parts.onFailure)
      .finally(() => {
        this.isReading = false;
      });
  }

  private async readState(): Promise<void> {
    const { runtime, ask, source } = this.parts;
    const status = await ask.one<Status | ControllerStatus>('status');
    let problem: string | null = null;
    const attempt = async <Value>(read: () => Value | Promise<Value>, otherwise: Value): Promise<Value> => {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        problem ??= messageOf(error);
        return otherwise;
      }
    };
    const overview = await attempt(() => source.overview(), { groups: [], senders: [] });
    const agents = source.isFleet ? await attempt(() => ask.one<AgentRow[]>('agents'), []) : [];
    if (problem === null) {
      await attempt(() => this.readPorts(agents.length, nameOf(status)), undefined);
      this.noteChanges(overview.groups, runtime.wallMs());
    }
    if (this.timer === undefined) return; // nobody looks any more
    const rows: Rows = {
      groups: overview.groups.map((row) => [row.group, row]),
      senders: overview.senders.map((row) => [JSON.stringify([row.host, row.loadBalancer, row.group]), row]),
      ports: this.ports.map((row) => [JSON.stringify([row.host, row.port]), row]),
      hosts: agents.map((row) => [`${row.host} ${row.state}`, hostView(row)]),
      drops: this.drops.map((row) => [JSON.stringify([row.host, row.port, row.reason]), row]),
      changes: this.changes.map((row, at) => [String(this.changeCount - this.changes.length + at), row]),
    };
    this.delta ??= new Delta();
    const frame = this.delta.take(runtime.wallMs(), selfOf(status, source.isFleet, problem), rows);
    const { delta } = this;
    this.viewers.send(frame, () => delta.whole());
  }

  private async readPorts(hosts: number, self: string): Promise<void> {
    const { isFleet } = this.parts.source;
    if (isFleet && (this.reads++ % PORTS_EVERY !== 0 || hosts > MAX_HOSTS_WITH_PORTS)) return;
    const rows = await this.parts.ask.rows<PortRow>(MAX_PORTS, 'ports');
    this.growth.begin(this.parts.runtime.monotonicMs());
    const drops: DropCount[] = [];
    this.ports = rows.map((row) => {
      const { host = self, port } = row;
      const at = JSON.stringify([host, port]);
      let dropsPerSecond = 0;
      for (const [reason, frames] of Object.entries(row.drops)) {
        if (frames === 0) continue;
        const [framesPerSecond] = this.growth.perSecond(`${at} ${reason}`, [frames]);
        drops.push({ host, port, reason, frames, framesPerSecond: framesPerSecond! });
        dropsPerSecond += framesPerSecond!;
      }
      const rates = this.growth.perSecond(at, [row.rxBytes, row.txBytes, row.rxPackets, row.txPackets]);
      const [rxBytesPerSecond, txBytesPerSecond, rxPacketsPerSecond, txPacketsPerSecond] = rates;
      return {
        host,
        port,
        network: row.network,
        state: row.state,
        isUplink: row.netns === '',
        addresses: row.addresses,
        rxBytesPerSecond: rxBytesPerSecond!,
        txBytesPerSecond: txBytesPerSecond!,
        rxPacketsPerSecond: rxPacketsPerSecond!,
        txPacketsPerSecond: txPacketsPerSecond!,
        dropsPerSecond,
      };
    });
    drops.sort((a, b) => b.framesPerSecond - a.framesPerSecond || b.frames - a.frames);
    this.drops = drops.slice(0, MAX_DROPS);
  }

  private noteChanges(groups: readonly GroupLoad[], nowMs: number): void {
    const found = this.groups === undefined ? [] : groupChanges(this.groups, groups, nowMs);
    this.groups = new Map(groups.map((row) => [row.group, row]));
    this.changeCount += found.length;
    this.changes = [...this.changes, ...found].slice(-MAX_CHANGES);
  }
}

const nameOf = (status: Status | ControllerStatus): string =>
  'controller' in status ? status.controller : status.host;

const hostView = ({
  host,
  state,
  version,
  since,
  ports,
  groups,
  error,
  revision,
  sentRevision,
}: AgentRow): HostView => ({
  host,
  state,
  version,
  since,
  ports,
  groups,
  error,
  revision,
  sentRevision,
});

function selfOf(status: Status | ControllerStatus, isFleet: boolean, problem: string | null): Self {
  const { version, startedAt, revision, verdict, warnings } = status;
  const common = { name: nameOf(status), version, startedAt, isFleet, revision, verdict, warnings, problem };
  if ('controller' in status) return { kind: 'controller', role: status.role, connections: null, ...common };
  const { inUse, max } = status.connections;
  return { kind: 'host', role: status.controllers.kind, connections: { inUse, max }, ...common };
}
