/** The state as the browser has it: the last whole frame, and what later frames changed. */
import { SECTIONS, type SectionName, type Sections, type Self, type StateFrame } from '../frames.ts';

type Maps = { readonly [Name in SectionName]: Map<string, Sections[Name]> };

/** Sums over all groups and ports. */
export interface Totals {
  readonly groups: number;
  readonly members: number;
  readonly failed: number;
  readonly draining: number;
  readonly activeFlows: number;
  readonly newFlowsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly dropsPerSecond: number;
}

export class FleetState {
  self: Self | undefined;
  /** Wall clock of the process, ms since 1970. */
  at = 0;
  private readonly maps: Maps = {
    groups: new Map(),
    senders: new Map(),
    ports: new Map(),
    hosts: new Map(),
    drops: new Map(),
    changes: new Map(),
  };

  take({ at, isWhole, self, sections }: StateFrame): void {
    this.at = at;
    this.self = self;
    for (const name of SECTIONS) {
      const rows = this.maps[name] as Map<string, unknown>;
      if (isWhole) rows.clear();
      const delta = sections[name];
      if (delta === undefined) continue;
      for (const key of delta.gone) rows.delete(key);
      for (const [key, row] of delta.set) rows.set(key, row);
    }
  }

  rows<Name extends SectionName>(name: Name): Sections[Name][] {
    return [...this.maps[name].values()] as Sections[Name][];
  }

  totals(): Totals {
    const sums = {
      groups: this.maps.groups.size,
      members: 0,
      failed: 0,
      draining: 0,
      activeFlows: 0,
      newFlowsPerSecond: 0,
      bytesPerSecond: 0,
      dropsPerSecond: 0,
    };
    for (const row of this.maps.groups.values()) {
      sums.members += row.members;
      sums.failed += row.failed;
      sums.draining += row.draining;
      sums.activeFlows += row.activeFlows;
      sums.newFlowsPerSecond += row.newFlowsPerSecond;
      sums.bytesPerSecond += row.bytesPerSecond;
    }
    for (const row of this.maps.ports.values()) sums.dropsPerSecond += row.dropsPerSecond;
    return sums;
  }
}
