/** The members that hosts report: by group and name, with their places in the sums. Bounded. */
import type { RowKey } from '../../messages/report.ts';
import { CellColumns, type GroupVersion, MemberSums } from './member-sums.ts';

const FIRST_CAPACITY = 64;
/** Limit of distinct names, as a multiple of the members. */
const NAMES_PER_MEMBER = 4;
/** Share of the capacity for members without a group. */
const UNKNOWN_PART = 16;

interface Group {
  readonly members: Map<string, MemberSums>;
  readonly version: GroupVersion;
}

export class MemberDirectory {
  /** All members' sums, by place. Place 0 is unused. */
  readonly sums = new CellColumns(FIRST_CAPACITY);
  private readonly maxMembers: number;
  private readonly isKnown: (group: string, member: string) => boolean;
  /** Members that no group had when a host first reported them. */
  private readonly unknown = new Set<MemberSums>();
  private readonly groups = new Map<string, Group>();
  /** Changes of all groups so far. */
  private readonly clock = { changes: 0 };
  private count = 0;
  private readonly freePlaces: number[] = [];
  private readonly names = new Map<string, string>();

  /** `isKnown`: whether a group has the member now. A host may report one that was just removed, or invent some. */
  constructor(maxMembers: number, isKnown: (group: string, member: string) => boolean = () => true) {
    this.maxMembers = maxMembers;
    this.isKnown = isKnown;
  }

  of(group: string): MemberSums[] {
    return [...(this.groups.get(group)?.members.values() ?? [])];
  }

  /** Changes with the figures of a group; 0: it has none. */
  versionOf(group: string): number {
    return this.groups.get(group)?.version.at ?? 0;
  }

  /** Undefined: no capacity for another one. */
  sumsOf(group: string, member: string): MemberSums | undefined {
    let entry = this.groups.get(group);
    const known = entry?.members.get(member);
    if (known !== undefined) return known;
    if (this.count >= this.maxMembers) return undefined;
    const isKnown = this.isKnown(group, member);
    if (!isKnown && this.unknown.size >= this.maxMembers / UNKNOWN_PART) return undefined;
    if (entry === undefined) {
      entry = { members: new Map(), version: { clock: this.clock, at: 0 } };
      this.groups.set(group, entry);
    }
    this.count++;
    const place = this.freePlaces.pop() ?? this.count;
    this.sums.reserve(place + 1);
    this.sums.clear(place);
    const sums = new MemberSums(group, member, this.sums, place, entry.version);
    entry.members.set(member, sums);
    if (!isKnown) this.unknown.add(sums);
    return sums;
  }

  /** The member has no rows left. */
  release(sums: MemberSums): void {
    const { group, name, place } = sums;
    this.unknown.delete(sums);
    const { members } = this.groups.get(group)!;
    members.delete(name);
    if (members.size === 0) this.groups.delete(group);
    this.freePlaces.push(place);
    this.count--;
  }

  /** Key of a row. A thousand hosts report the same rows: they share the string. */
  rowName({ group, member, address, loadBalancer }: RowKey): string {
    const name = `${group}\0${member}\0${address}\0${loadBalancer}`;
    const known = this.names.get(name);
    if (known !== undefined) return known;
    if (this.names.size >= NAMES_PER_MEMBER * this.maxMembers) this.names.clear();
    this.names.set(name, name);
    return name;
  }
}
