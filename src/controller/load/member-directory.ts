/** The members that hosts report about: by group and name, with their places among the sums. Bounded. */
import type { RowKey } from '../../messages/report.ts';
import { CellColumns, MemberSums } from './member-sums.ts';

const FIRST_CAPACITY = 64;
/** Names that are shared, as a multiple of the members. */
const NAMES_PER_MEMBER = 4;

export class MemberDirectory {
  /** Of all members, by their places. Place 0 is nobody's. */
  readonly sums = new CellColumns(FIRST_CAPACITY);
  private readonly maxMembers: number;
  private readonly groups = new Map<string, Map<string, MemberSums>>();
  private count = 0;
  private readonly freePlaces: number[] = [];
  private readonly names = new Map<string, string>();

  constructor(maxMembers: number) {
    this.maxMembers = maxMembers;
  }

  of(group: string): MemberSums[] {
    return [...(this.groups.get(group)?.values() ?? [])];
  }

  /** Undefined: there is no room for another one. */
  sumsOf(group: string, member: string): MemberSums | undefined {
    let members = this.groups.get(group);
    const known = members?.get(member);
    if (known !== undefined) return known;
    if (this.count >= this.maxMembers) return undefined;
    if (members === undefined) {
      members = new Map();
      this.groups.set(group, members);
    }
    this.count++;
    const place = this.freePlaces.pop() ?? this.count;
    this.sums.reserve(place + 1);
    this.sums.clear(place);
    const sums = new MemberSums(group, member, this.sums, place);
    members.set(member, sums);
    return sums;
  }

  /** No row counts there any more. */
  release({ group, name, place }: MemberSums): void {
    const members = this.groups.get(group)!;
    members.delete(name);
    if (members.size === 0) this.groups.delete(group);
    this.freePlaces.push(place);
    this.count--;
  }

  /** What a row is found by. A thousand hosts report the same rows: they share the string. */
  rowName({ group, member, address, loadBalancer }: RowKey): string {
    const name = `${group}\0${member}\0${address}\0${loadBalancer}`;
    const known = this.names.get(name);
    if (known !== undefined) return known;
    if (this.names.size >= NAMES_PER_MEMBER * this.maxMembers) this.names.clear();
    this.names.set(name, name);
    return name;
  }
}
