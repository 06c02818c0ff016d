/**
 * A controller's view of the store, and its way to change it.
 *
 * Theory of operation. The state is always made of the store's documents as they are now; a change is written first
 * and seen when the store shows it, whoever wrote it. One thing goes ahead of the store: what the leader's file
 * seeds counts at once and is written as soon as the store takes it, so that a full disk or an etcd that is away
 * keeps nobody from starting.
 */
import type { Logger } from 'pino';
import type { Configuration } from '../config/model.ts';
import { messageOf, Refusal } from '../config/refusal.ts';
import type { Entries } from './documents.ts';
import { type FleetState, fleetState } from './fleet-state.ts';
import { seedChanges } from './seed.ts';
import {
  applyChanges,
  type Change,
  Fenced,
  MAX_CHANGES,
  MAX_WRITE_BYTES,
  type Store,
  StoreUnavailable,
} from './store/store.ts';

const SEED_RETRY_MS = 1_000;

export class Replica {
  private readonly store: Store;
  private readonly log: Logger;
  private readonly onChange: () => void;
  private readonly unwatch: () => void;
  private seeds: readonly Change[] = [];
  private seedRetry: NodeJS.Timeout | undefined;
  private current: FleetState;

  /** `onChange`: the state is another one. */
  constructor(store: Store, log: Logger, onChange: () => void) {
    this.store = store;
    this.log = log;
    this.onChange = onChange;
    this.current = fleetState(this.entries);
    this.unwatch = store.watch(() => this.refresh());
  }

  get state(): FleetState {
    return this.current;
  }

  /** The store's, and what is to be seeded. */
  get entries(): Entries {
    const { entries } = this.store.snapshot();
    if (this.seeds.length === 0) return entries;
    const overlaid = new Map(entries);
    applyChanges(overlaid, this.seeds);
    return overlaid;
  }

  /** The groups as they will be when this file is seeded. */
  preview(configuration: Configuration, id: string): FleetState {
    const { entries } = this.store.snapshot();
    const seeded = new Map(entries);
    applyChanges(seeded, seedChanges(configuration, entries, id));
    return fleetState(seeded, this.current);
  }

  /** Resolves when the changes are durable and part of the state; a Refusal says why nothing has changed. */
  async write(changes: readonly Change[], epoch: number): Promise<void> {
    try {
      await this.store.write(changes, epoch);
    } catch (error) {
      if (error instanceof Fenced)
        throw new Refusal(503, 'this controller leads no longer: nothing was changed');
      if (error instanceof StoreUnavailable) {
        throw new Refusal(503, `the store cannot be written: ${messageOf(error)}`);
      }
      throw error;
    }
    this.refresh();
  }

  /** Takes up what the file says (seed.ts); resolves when it is written, or has to wait. */
  async seed(configuration: Configuration, id: string, epoch: number): Promise<void> {
    clearTimeout(this.seedRetry);
    this.seeds = seedChanges(configuration, this.store.snapshot().entries, id);
    this.refresh();
    await this.writeSeeds(epoch);
  }

  /** Leadership is lost: what was not written is forgotten. */
  dropSeeds(): void {
    clearTimeout(this.seedRetry);
    this.seeds = [];
  }

  stop(): void {
    this.dropSeeds();
    this.unwatch();
  }

  private async writeSeeds(epoch: number): Promise<void> {
    const { seeds } = this;
    try {
      // The note of what the file said is the last change: until that is written the rest is found again.
      for (const batch of batches(seeds)) await this.store.write(batch, epoch);
      if (this.seeds === seeds) this.seeds = [];
      this.refresh();
    } catch (error) {
      if (this.seeds !== seeds || error instanceof Fenced) return;
      this.log.warn(`the file's groups are in force but not stored yet: ${messageOf(error)}`);
      this.seedRetry = setTimeout(() => this.writeSeeds(epoch), SEED_RETRY_MS);
      this.seedRetry.unref();
    }
  }

  private refresh(): void {
    const next = fleetState(this.entries, this.current);
    const isSame =
      next.groups.size === this.current.groups.size &&
      [...next.groups].every(([name, group]) => this.current.groups.get(name) === group);
    if (isSame) return;
    this.current = next;
    this.onChange();
  }
}

/** In order, each as much as one write takes. */
function batches(changes: readonly Change[]): Change[][] {
  const result: Change[][] = [];
  let room = 0;
  for (const change of changes) {
    const bytes = Buffer.byteLength(JSON.stringify(change));
    if (bytes > room || result.at(-1)?.length === MAX_CHANGES) {
      result.push([]);
      room = MAX_WRITE_BYTES;
    }
    result.at(-1)!.push(change);
    room -= bytes;
  }
  return result;
}
