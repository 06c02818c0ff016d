/**
 * Snapshots between the two threads: what travels is the difference from the one before.
 *
 * Theory of operation. Compiled groups, and lists of them, have numbers while any load balancer has them in
 * force; both ends know which. A part of a snapshot that is the same object as in the snapshot before does
 * not travel, and the receiver puts the same object in its place again, so that the datapath can tell by
 * identity what has changed. A delta that was sent counts as taken, whether or not the datapath could bring
 * it into force.
 */
import type { DatapathSnapshot, LoadBalancerSpec, NetworkSpec, PortSpec } from '../../datapath/snapshot.ts';
import type { CompiledRules } from '../../tables/balancing/rule-table.ts';

export interface SnapshotDelta {
  readonly revision: number;
  readonly settings: DatapathSnapshot['settings'];
  /** Absent: as they were. */
  readonly networks?: readonly NetworkSpec[];
  readonly ports?: readonly PortSpec[];
  /** `list`: number of its list of groups. */
  readonly loadBalancers: readonly (Omit<LoadBalancerSpec, 'groups'> & { readonly list: number })[];
  readonly newGroups: readonly (readonly [number: number, compiled: CompiledRules])[];
  readonly newLists: readonly (readonly [number: number, groups: Uint32Array])[];
  readonly droppedGroups: readonly number[];
  readonly droppedLists: readonly number[];
}

interface Numbered {
  readonly number: number;
  /** Lists that it is in. */
  users: number;
}

export class SnapshotSender {
  private former: DatapathSnapshot | undefined;
  private readonly groups = new Map<CompiledRules, Numbered>();
  private lists = new Map<readonly CompiledRules[], number>();
  private lastNumber = 0;

  /** What the receiver lacks of a snapshot. */
  delta(snapshot: DatapathSnapshot): SnapshotDelta {
    const { former } = this;
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
    this.former = snapshot;
    const { revision, settings, networks, ports } = snapshot;
    return {
      revision,
      settings,
      ...(networks === former?.networks ? {} : { networks }),
      ...(ports === former?.ports ? {} : { ports }),
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
