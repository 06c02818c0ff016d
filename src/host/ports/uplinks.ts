/**
 * The host's uplinks: packet sockets on existing interfaces, one per network that an uplink carries.
 *
 * Theory of operation. The interface belongs to the machine: Sluice never creates, configures, enables or removes it,
 * and it may come and go at any time. A check every LOOK_INTERVAL_MS distinguishes:
 *
 * - It is down, or has no carrier: the sockets stay, and the kernel revives them when it is back.
 * - It is gone, or another one has its name: the sockets are useless. They are detached and closed, and opened again
 *   when an interface of that name exists; `repair` then announces the ports to the datapath.
 *
 * At `up`, and when a reload adds an uplink, the interface must exist and be up, so that a mistyped name is reported
 * as an error and not as an outage. Closing the sockets ends the promiscuous mode that they requested.
 */

import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Configuration, NetworkConfig, UplinkConfig } from '../../config/model/model.ts';
import { type UplinkLeg, uplinkLegs } from '../../config/model/uplink-legs.ts';
import { messageOf } from '../../config/problems/host-error.ts';
import type { EventSink, Outlets } from '../../events/event.ts';
import { openUplinkSocket, type UplinkSocket } from '../../io/devices/uplink-socket.ts';
import type { FrameDevice } from '../../io/engine.ts';
import { type LinkState, readLinkState } from '../../native/network/link-state.ts';
import type { UndoStack } from '../../run-dir/undo-stack.ts';
import type { Runtime, Timer } from '../../runtime/runtime.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';
import type { DatapathThread } from '../thread/datapath-thread.ts';
import { type LinkProblem, linkProblems, mtuProblems } from './usable-link.ts';

/** Time to notice a change of an interface. */
const LOOK_INTERVAL_MS = 250;

export type UplinkState = 'up' | 'down' | 'gone';

interface OpenLeg {
  readonly id: number;
  readonly leg: UplinkLeg;
  readonly socket: UplinkSocket;
  /** The datapath reads from it. */
  attached: boolean;
}

interface Uplink {
  readonly name: string;
  readonly interface: string;
  /** Interface index that the sockets are bound to; 0: they are closed. */
  index: number;
  legs: OpenLeg[];
  /** The configured ones. */
  wanted: readonly UplinkLeg[];
  state: UplinkState;
  /** Number of outages since the uplink was configured. */
  outages: number;
  /** Epoch milliseconds of the last change of `state`. */
  changedAtMs: number;
  mac: string;
  lostFrames: number;
}

export interface UplinkView {
  /** Frames lost because the sockets' receive buffers were full. */
  readonly lostFrames: number;
  readonly state: UplinkState;
  readonly outages: number;
  readonly changedAtMs: number;
  readonly mac: string;
}

export class Uplinks {
  private readonly thread: DatapathThread;
  private readonly ids: DatapathIds;
  private readonly log: Logger;
  private readonly events: EventSink;
  private readonly repair: () => Promise<void>;
  private readonly uplinks = new Map<string, Uplink>();
  private readonly runtime: Runtime;
  private timer: Timer | undefined;
  private repairing = false;
  private lastComplaint = '';

  /** `repair` calls `reopen` when no other change is running, and applies the result. */
  constructor(
    thread: DatapathThread,
    ids: DatapathIds,
    { log, events }: Outlets<Logger>,
    runtime: Runtime,
    repair: () => Promise<void>,
  ) {
    this.thread = thread;
    this.ids = ids;
    this.log = log;
    this.events = events;
    this.runtime = runtime;
    this.repair = repair;
  }

  /** State of a configured uplink. */
  view(name: string): UplinkView {
    return this.uplinks.get(name)!;
  }

  // --- configuration -----------------------------------------------------------------------------------------

  /** Opens the configured sockets that are not open. Throws if an interface that is new here is unusable. */
  openMissing(configuration: Configuration, undo: UndoStack): void {
    const legs = uplinkLegs(configuration);
    for (const config of configuration.uplinks ?? []) {
      const wanted = legs.filter(({ uplink }) => uplink === config.name);
      this.openUplink(config, wanted, configuration, undo);
    }
  }

  private openUplink(
    config: UplinkConfig,
    wanted: readonly UplinkLeg[],
    configuration: Configuration,
    undo: UndoStack,
  ): void {
    const known = this.uplinks.get(config.name);
    if (known !== undefined && known.interface === config.interface) {
      const before = known.wanted;
      known.wanted = wanted;
      undo.push(`put uplink ${config.name} back`, () => {
        known.wanted = before;
      });
      const link = readLinkState(config.interface);
      if (link === null) return; // opened when the interface is back
      refuse(config, mtuProblems(config.interface, link, carriedNetworks(config, configuration)));
      this.openLegs(known, undo);
      return;
    }
    const link = usableLink(config, configuration);
    const uplink: Uplink = {
      name: config.name,
      interface: config.interface,
      index: link.index,
      legs: [],
      wanted,
      state: link.isRunning ? 'up' : 'down',
      outages: 0,
      changedAtMs: this.runtime.wallMs(),
      mac: link.mac,
      lostFrames: 0,
    };
    if (!link.isRunning)
      this.events.emit({
        type: 'uplink.down',
        subject: config.name,
        reason: `${config.interface} has no carrier`,
        line: `uplink ${config.name}: ${config.interface} has no carrier`,
        level: 'warn',
      });
    // The uplink uses another interface now: its old sockets serve until `closeUnwanted`.
    if (known !== undefined) uplink.legs.push(...known.legs);
    this.uplinks.set(config.name, uplink);
    undo.push(`close uplink ${config.name}`, () => {
      if (known === undefined) this.uplinks.delete(config.name);
      else this.uplinks.set(config.name, known);
    });
    this.openLegs(uplink, undo);
  }

  private openLegs(uplink: Uplink, undo: UndoStack): void {
    for (const leg of uplink.wanted) {
      if (uplink.legs.some((open) => isDeepStrictEqual(open.leg, leg))) continue;
      const open = { id: this.ids.uplinkLeg(leg), leg, socket: this.openSocket(leg), attached: false };
      uplink.legs.push(open);
      undo.push(`close uplink ${leg.uplink}, network ${leg.network}`, async () => {
        uplink.legs = uplink.legs.filter((other) => other !== open);
        await this.closeLeg(open);
      });
    }
  }

  private openSocket(leg: UplinkLeg): UplinkSocket {
    try {
      return openUplinkSocket(leg.interface, leg.vlan);
    } catch (error) {
      throw new Error(`uplink ${leg.uplink}: cannot open interface ${leg.interface}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Call after the datapath was told of the ports. */
  async attachOpened(): Promise<void> {
    await this.thread.attach(this.toAttach().map(({ id, device }) => ({ port: id, device })));
    this.markAttached();
  }

  /** Sockets that the datapath does not read from yet. */
  toAttach(): { id: number; device: FrameDevice }[] {
    const opened = [...this.uplinks.values()].flatMap(({ legs }) => legs.filter(({ attached }) => !attached));
    return opened.map(({ id, socket }) => ({ id, device: socket.device }));
  }

  /** The datapath reads from all of them now. */
  markAttached(): void {
    for (const { legs } of this.uplinks.values()) for (const leg of legs) leg.attached = true;
  }

  /** Closes sockets that the configuration in force does not contain. */
  async closeUnwanted(configuration: Configuration): Promise<void> {
    const legs = uplinkLegs(configuration);
    const isWanted = (open: OpenLeg): boolean => legs.some((leg) => isDeepStrictEqual(open.leg, leg));
    for (const uplink of this.uplinks.values()) {
      const rest = uplink.legs.filter((open) => !isWanted(open));
      uplink.legs = uplink.legs.filter(isWanted);
      if (!legs.some(({ uplink: name }) => name === uplink.name)) this.uplinks.delete(uplink.name);
      for (const open of rest) await this.closeLeg(open);
    }
  }

  private async closeLeg(open: OpenLeg): Promise<void> {
    try {
      if (open.attached) await this.thread.detach(open.id);
    } finally {
      open.socket.close();
    }
  }

  /** Closes all sockets at once, after the datapath has ended. */
  closeAll(): void {
    this.runtime.clearTimer(this.timer);
    for (const { legs } of this.uplinks.values()) for (const { socket } of legs) socket.close();
    this.uplinks.clear();
  }

  // --- the interfaces' own lives ---------------------------------------------------------------------------

  watch(): void {
    this.timer = this.runtime.setTicker(() => {
      try {
        this.look();
      } catch (error) {
        this.complain(error);
      }
    }, LOOK_INTERVAL_MS);
    this.timer.unref();
  }

  /** Logged once per problem, which every check meets again. */
  private complain(error: unknown): void {
    const complaint = messageOf(error);
    if (complaint !== this.lastComplaint) this.log.error(`uplinks: ${complaint}`);
    this.lastComplaint = complaint;
  }

  /**
   * Handles the datapath's report of ports that it dropped because their devices disappeared: closes the uplinks'
   * sockets.
   */
  noteGone(ids: readonly number[]): void {
    for (const uplink of this.uplinks.values()) {
      const lost = uplink.legs.filter(({ id }) => ids.includes(id));
      uplink.legs = uplink.legs.filter(({ id }) => !ids.includes(id));
      for (const { socket } of lost) socket.close();
    }
  }

  private look(): void {
    let needsRepair = false;
    for (const uplink of this.uplinks.values()) {
      const link = readLinkState(uplink.interface);
      if (link !== null) uplink.mac = link.mac;
      for (const { socket } of uplink.legs) uplink.lostFrames += socket.takeLostFrames();
      this.noteState(uplink, link === null ? 'gone' : link.isRunning ? 'up' : 'down');
      const isOther = (link?.index ?? 0) !== uplink.index;
      needsRepair ||= isOther || (link !== null && uplink.legs.length < uplink.wanted.length);
    }
    if (!needsRepair || this.repairing) return;
    this.repairing = true;
    this.repair()
      .catch((error) => this.complain(error))
      .finally(() => {
        this.repairing = false;
      });
  }

  private noteState(uplink: Uplink, state: UplinkState): void {
    if (state === uplink.state) return;
    if (uplink.state === 'up') uplink.outages++;
    uplink.state = state;
    uplink.changedAtMs = this.runtime.wallMs();
    const what = `uplink ${uplink.name}: interface ${uplink.interface}`;
    const happened = STATE_TEXTS[state];
    this.events.emit({
      type: state === 'up' ? 'uplink.up' : 'uplink.down',
      subject: uplink.name,
      reason: `${uplink.interface} ${happened}`,
      line: `${what} ${happened}`,
      level: state === 'up' ? 'info' : 'warn',
    });
  }

  /** Closes the sockets of vanished interfaces, opens those of new ones; true if it opened any. */
  async reopen(): Promise<boolean> {
    let opened = false;
    for (const uplink of this.uplinks.values()) {
      const index = readLinkState(uplink.interface)?.index ?? 0;
      if (index !== uplink.index) {
        const { legs } = uplink;
        uplink.legs = [];
        uplink.index = index;
        for (const open of legs) await this.closeLeg(open);
      }
      if (index === 0) continue;
      for (const leg of uplink.wanted) {
        if (uplink.legs.some((open) => isDeepStrictEqual(open.leg, leg))) continue;
        const socket = this.openSocket(leg);
        uplink.legs.push({ id: this.ids.uplinkLeg(leg), leg, socket, attached: false });
        opened = true;
      }
    }
    return opened;
  }
}

const STATE_TEXTS = { up: 'is up', down: 'is down', gone: 'has disappeared' } as const;

/** The interface of an uplink if it can carry the uplink's networks; otherwise an Error with the reason. */
function usableLink(uplink: UplinkConfig, all: Configuration): LinkState {
  const link = readLinkState(uplink.interface);
  refuse(uplink, linkProblems(uplink.interface, link, carriedNetworks(uplink, all)));
  return link!;
}

const carriedNetworks = ({ networks }: UplinkConfig, all: Configuration): NetworkConfig[] =>
  networks.map(({ name }) => all.networks.find((network) => network.name === name)!);

function refuse({ name }: UplinkConfig, [problem]: readonly LinkProblem[]): void {
  if (problem !== undefined)
    throw new Error(`uplink ${name}: found ${problem.found}, expected ${problem.expected}`);
}
