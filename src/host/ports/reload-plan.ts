/**
 * The changes of ports in a reload: the difference of two configurations. Pure.
 *
 * A port whose network, namespace, interface or MAC has changed gets a new device. Changed addresses, and a network's
 * changed MTU or gateways, are set on the running interface. Changed labels, groups, networks and timers affect no
 * device: the next snapshot contains them. A port whose device was deleted from outside (with its namespace or link)
 * gets a new one even if nothing has changed.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Configuration, PortConfig } from '../../config/model/model.ts';
import type { Problem } from '../../config/problems/problems.ts';
import { type PortSetup, portSetups } from './port-setup.ts';

/** In the order of execution. */
export interface ReloadPlan {
  /** Ports that stay and release a default route that another port of their namespace may take. */
  readonly giveUp: readonly PortChange[];
  /** Ports to open whose place is free. */
  readonly open: readonly PortSetup[];
  /** Ports to close: removed ones, and those that are replaced by a new device. */
  readonly close: readonly PortSetup[];
  /** Ports to open where (or under whose name) another one is closed. */
  readonly replace: readonly PortSetup[];
  /** Other ports that stay, with changed addresses, MTU or gateways. */
  readonly adjust: readonly PortChange[];
}

export interface PortChange {
  readonly before: PortSetup;
  readonly after: PortSetup;
}

/** Settings that cannot change while the host runs; empty: there are none. */
export function unchangeable(before: Configuration, after: Configuration): Problem[] {
  const problems: Problem[] = [];
  const compare = (path: string, found: unknown, running: unknown): void => {
    if (isDeepStrictEqual(found, running)) return;
    const expected = `${JSON.stringify(running)}, which cannot change while the host runs`;
    problems.push({ path, found: JSON.stringify(found), expected });
  };
  compare('host', after.host, before.host);
  compare('datapath.engine', after.datapath.engine, before.datapath.engine);
  compare('datapath.maxConnections', after.datapath.maxConnections, before.datapath.maxConnections);
  compare('datapath.busyPollUs', after.datapath.busyPollUs, before.datapath.busyPollUs);
  compare('datapath.meterPacketsPerMs', after.datapath.meterPacketsPerMs, before.datapath.meterPacketsPerMs);
  return problems;
}

export function planReload(
  running: Configuration,
  wanted: Configuration,
  gonePorts: ReadonlySet<string>,
): ReloadPlan {
  const previous = portSetups(running);
  const next = portSetups(wanted);
  const stays = (setup: PortSetup): boolean => {
    const other = previous.get(setup.port.name);
    return other !== undefined && isSameDevice(other, setup) && !gonePorts.has(setup.port.name);
  };
  const kept = [...next.values()].filter(stays);
  const keptNames = new Set(kept.map(({ port }) => port.name));
  const isKept = ({ port }: PortSetup): boolean => keptNames.has(port.name);
  const close = [...previous.values()].filter((setup) => !isKept(setup));
  const fresh = [...next.values()].filter((setup) => !isKept(setup));
  const takesOver = ({ port }: PortSetup): boolean =>
    close.some(({ port: old }) => old.name === port.name || isSamePlace(old, port));
  const changes = kept
    .map((setup) => ({ before: previous.get(setup.port.name)!, after: setup }))
    .filter(({ before, after }) => !isSameSetting(before, after));
  return {
    giveUp: changes.filter(givesUp),
    open: fresh.filter((setup) => !takesOver(setup)),
    close,
    replace: fresh.filter(takesOver),
    adjust: changes.filter((change) => !givesUp(change)),
  };
}

const givesUp = ({ before, after }: PortChange): boolean => after.gateways.length < before.gateways.length;

const isSamePlace = (a: PortConfig, b: PortConfig): boolean =>
  a.netns === b.netns && a.interface === b.interface;

function isSameDevice({ port: a }: PortSetup, { port: b }: PortSetup): boolean {
  return a.network === b.network && a.netns === b.netns && a.interface === b.interface && a.mac === b.mac;
}

const isSameSetting = (a: PortSetup, b: PortSetup): boolean =>
  isDeepStrictEqual(a.port.addresses, b.port.addresses) &&
  isDeepStrictEqual(a.gateways, b.gateways) &&
  a.network.mtu === b.network.mtu;
