/**
 * Transfers snapshots between the two threads as the difference from the previous one.
 *
 * Theory of operation. Compiled groups, and lists of them, have numbers while any load balancer has them in force;
 * both ends know which. A part that is the same object as in the previous snapshot is not sent, and the receiver puts
 * its own copy of the object in the same place, so that the datapath recognizes changes by identity. A sent delta
 * counts as received, whether or not the datapath could apply it.
 *
 * Many new groups are sent ahead of the delta in pieces, between which the datapath handles frames.
 */
import type { DatapathSnapshot, LoadBalancerSpec, NetworkSpec, PortSpec } from '../../datapath/snapshot.ts';
import type { CompiledRules } from '../../tables/balancing/rule-table.ts';

export interface SnapshotDelta {
  readonly revision: number;
  readonly settings: DatapathSnapshot['settings'];
  /** Absent: unchanged. */
  readonly networks?: readonly NetworkSpec[];
  readonly ports?: readonly PortSpec[];
  /** `list`: number of its list of groups. */
  readonly loadBalancers: readonly (Omit<LoadBalancerSpec, 'groups'> & { readonly list: number })[];
  readonly newGroups: readonly (readonly [number: number, compiled: CompiledRules])[];
  readonly newLists: readonly (readonly [number: number, groups: Uint32Array])[];
  readonly droppedGroups: readonly number[];
  readonly droppedLists: readonly number[];
}

/** A piece of a delta's new groups. */
export interface NewGroup {
  readonly number: number;
  readonly compiled: CompiledRules;
  /** Load balancers that will have it. */
  readonly networks: readonly number[];
}

/** Bytes of compiled rules per piece: some dozens of groups, which take the datapath a few hundred microseconds. */
const PIECE_BYTES = 1 << 14;

/** The delta without its new groups, and these in pieces; no pieces if they fit into the delta. */
export function inPieces(
  delta: SnapshotDelta,
  { ports }: Pick<DatapathSnapshot, 'ports'>,
  pieceBytes = PIECE_BYTES,
): { readonly pieces: readonly (readonly NewGroup[])[]; readonly rest: SnapshotDelta } {
  const bytes = delta.newGroups.reduce((sum, [, { ruleTable }]) => sum + ruleTable.byteLength, 0);
  if (bytes <= pieceBytes) return { pieces: [], rest: delta };
  const networks = networksOfGroups(delta, ports);
  const pieces: NewGroup[][] = [];
  let room = 0;
  for (const [number, compiled] of delta.newGroups) {
    if (room <= 0) {
      pieces.push([]);
      room = pieceBytes;
    }
    pieces.at(-1)!.push({ number, compiled, networks: [...(networks.get(number) ?? [])] });
    room -= compiled.ruleTable.byteLength;
  }
  return { pieces, rest: { ...delta, newGroups: [] } };
}

/** By the numbers of groups in new lists. */
function networksOfGroups(
  { loadBalancers, newLists }: SnapshotDelta,
  ports: readonly PortSpec[],
): Map<number, Set<number>> {
  const ofBalancer = new Map<number, Set<number>>();
  for (const { loadBalancer, network } of ports) add(ofBalancer, loadBalancer, network);
  const ofList = new Map<number, Set<number>>();
  for (const { id, list } of loadBalancers) {
    for (const network of ofBalancer.get(id) ?? []) add(ofList, list, network);
  }
  const ofGroup = new Map<number, Set<number>>();
  for (const [list, groups] of newLists) {
    for (const network of ofList.get(list) ?? []) for (const group of groups) add(ofGroup, group, network);
  }
  return ofGroup;
}

function add(sets: Map<number, Set<number>>, key: number, value: number): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

interface Numbered {
  readonly number: number;
  /** Lists that contain it. */
  users: number;
}

export class SnapshotSender {
  private previous: DatapathSnapshot | undefined;
  private readonly groups = new Map<CompiledRules, Numbered>();
  private lists = new Map<readonly CompiledRules[], number>();
  private lastNumber = 0;

  /** The parts of a snapshot that the receiver lacks. */
  delta(snapshot: DatapathSnapshot): SnapshotDelta {
    const { previous } = this;
    const newGroups: [number, CompiledRules][] = [];
    const newLists: [number, Uint32Array][] = [];
    const lists = new Map<readonly CompiledRules[], number>();
    const loadBalancers = snapshot.loadBalancers.map(({ id, scope, name, groups }) => {
      let list = lists.get(groups) ?? this.lists.get(groups);
      if (list === undefined) {
        list = ++this.lastNumber;
        newLists.push([list, Uint32Array.from(groups, (group) => this.use(group, newGroups))]);
      }
      lists.set(groups, list);
      return { id, scope, name, list };
    });
    const droppedGroups: number[] = [];
    const droppedLists: number[] = [];
    for (const [groups, number] of this.lists) {
      if (lists.has(groups)) continue;
      droppedLists.push(number);
      for (const group of groups) this.leave(group, droppedGroups);
    }
    this.lists = lists;
    this.previous = snapshot;
    const { revision, settings, networks, ports } = snapshot;
    return {
      revision,
      settings,
      ...(networks === previous?.networks ? {} : { networks }),
      ...(ports === previous?.ports ? {} : { ports }),
      loadBalancers,
      newGroups,
      newLists,
      droppedGroups,
      droppedLists,
    };
  }

  private use(group: CompiledRules, newGroups: [number, CompiledRules][]): number {
    const known = this.groups.get(group);
    if (known !== undefined) {
      known.users++;
      return known.number;
    }
    const number = ++this.lastNumber;
    this.groups.set(group, { number, users: 1 });
    newGroups.push([number, { ruleTable: group.ruleTable, maglevTables: group.maglevTables }]);
    return number;
  }

  private leave(group: CompiledRules, dropped: number[]): void {
    const known = this.groups.get(group)!;
    if (--known.users > 0) return;
    this.groups.delete(group);
    dropped.push(known.number);
  }
}

export class SnapshotReceiver {
  private networks: readonly NetworkSpec[] = [];
  private ports: readonly PortSpec[] = [];
  private readonly groups = new Map<number, CompiledRules>();
  private readonly lists = new Map<number, readonly CompiledRules[]>();

  /** A piece of the groups of the next delta. */
  takeAhead(groups: readonly NewGroup[]): void {
    for (const { number, compiled } of groups) this.groups.set(number, compiled);
  }

  /** The whole snapshot. */
  take(delta: SnapshotDelta): DatapathSnapshot {
    const { revision, settings, networks, ports, newGroups, newLists } = delta;
    this.networks = networks ?? this.networks;
    this.ports = ports ?? this.ports;
    for (const [number, compiled] of newGroups) this.groups.set(number, compiled);
    for (const [number, groups] of newLists) {
      this.lists.set(
        number,
        Array.from(groups, (group) => this.groups.get(group)!),
      );
    }
    const loadBalancers = delta.loadBalancers.map(({ id, scope, name, list }) => ({
      id,
      scope,
      name,
      groups: this.lists.get(list)!,
    }));
    for (const number of delta.droppedLists) this.lists.delete(number);
    for (const number of delta.droppedGroups) this.groups.delete(number);
    return { revision, settings, networks: this.networks, ports: this.ports, loadBalancers };
  }
}
