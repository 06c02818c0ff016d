/**
 * A controller's view of the store, and its way to change it.
 *
 * Theory of operation. The state is always made of the store's documents as they are now; a change is written first
 * and seen when the store shows it, whoever wrote it. Two things go ahead of a store that takes nothing: what the
 * leader's file seeds, so that a full disk or an etcd that is away keeps nobody from starting, and what the hosts have
 * found out, so that it keeps no failed member in service. They count at once, and are written as soon as the store
 * takes them; to another leader they are nothing, it has the same file and asks the same hosts.
 */
import type { Logger } from 'pino';
import type { Configuration } from '../../config/model/model.ts';
import { messageOf, Refusal } from '../../config/model/refusal.ts';
import {
  applyChanges,
  type Change,
  Fenced,
  MAX_CHANGES,
  MAX_WRITE_BYTES,
  type Store,
  StoreUnavailable,
} from '../store/store.ts';
import { checkEntries } from './document-checks.ts';
import type { Entries } from './documents.ts';
import { type FleetState, fleetState } from './fleet-state.ts';
import { seedChanges } from './seed.ts';

const RETRY_MS = 1_000;

export class Replica {
  private readonly store: Store;
  private readonly log: Logger;
  private readonly onChange: () => void;
  private readonly unwatch: () => void;
  private seeds: readonly Change[] = [];
  private seedRetry: NodeJS.Timeout | undefined;
  /** Findings that the store has not taken yet, by key. */
  private readonly held = new Map<string, Change>();
  private heldRetry: NodeJS.Timeout | undefined;
  private current: FleetState;
  private aside: ReadonlyMap<string, string> = new Map();

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

  /** Documents of the store that are not what controllers write, by key, and why. */
  get setAside(): ReadonlyMap<string, string> {
    return this.aside;
  }

  /** The store's, without those that were set aside. */
  private get stored(): Entries {
    const { entries, setAside } = checkEntries(this.store.snapshot().entries);
    for (const [key, problem] of setAside) {
      if (this.aside.get(key) !== problem) this.log.error(`store: ${key} is set aside: ${problem}`);
    }
    for (const key of this.aside.keys()) {
      if (!setAside.has(key)) this.log.info(`store: ${key} is set aside no longer`);
    }
    this.aside = setAside;
    return entries;
  }

  /** The store's, and what goes ahead of it. */
  get entries(): Entries {
    const entries = this.stored;
    if (this.seeds.length === 0 && this.held.size === 0) return entries;
    const overlaid = new Map(entries);
    applyChanges(overlaid, this.seeds);
    applyChanges(overlaid, [...this.held.values()]);
    return overlaid;
  }

  /** The groups as they will be when this file is seeded. */
  preview(configuration: Configuration, id: string): FleetState {
    const entries = this.stored;
    const seeded = new Map(entries);
    applyChanges(seeded, seedChanges(configuration, entries, id));
    return fleetState(seeded, this.current);
  }

  /** Resolves when the changes are durable and part of the state; a Refusal says why nothing has changed. */
  async write(changes: readonly Change[], epoch: number): Promise<void> {
    try {
      await this.store.write(changes, epoch);
    } catch (error) {
      throw refusalOf(error);
    }
    this.refresh();
  }

  /** The same for what hosts have found out: if the store cannot be written it counts nevertheless, and is written later. */
  async writeFindings(changes: readonly Change[], epoch: number): Promise<void> {
    try {
      await this.store.write(changes, epoch);
      for (const { key } of changes) this.held.delete(key);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw refusalOf(error);
      if (this.held.size === 0) this.log.warn(`findings are in force but not stored yet: ${error.message}`);
      for (const change of changes) this.held.set(change.key, change);
      this.writeHeldLater(epoch);
    }
    this.refresh();
  }

  /** Takes up what the file says (seed.ts); resolves when it is written, or has to wait. */
  async seed(configuration: Configuration, id: string, epoch: number): Promise<void> {
    clearTimeout(this.seedRetry);
    this.seeds = seedChanges(configuration, this.stored, id);
    this.refresh();
    await this.writeSeeds(epoch);
  }

  /** Leadership is lost: what was not written is forgotten. */
  dropUnwritten(): void {
    clearTimeout(this.seedRetry);
    clearTimeout(this.heldRetry);
    this.heldRetry = undefined;
    this.seeds = [];
    this.held.clear();
  }

  stop(): void {
    this.dropUnwritten();
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
      this.seedRetry = setTimeout(() => this.writeSeeds(epoch), RETRY_MS);
      this.seedRetry.unref();
    }
  }

  private writeHeldLater(epoch: number): void {
    if (this.heldRetry !== undefined) return;
    this.heldRetry = setTimeout(() => {
      this.heldRetry = undefined;
      this.writeHeld(epoch).catch((error) => this.log.error(`findings: ${messageOf(error)}`));
    }, RETRY_MS);
    this.heldRetry.unref();
  }

  private async writeHeld(epoch: number): Promise<void> {
    try {
      while (this.held.size > 0) {
        const [batch] = batches([...this.held.values()]);
        await this.store.write(batch!, epoch);
        for (const change of batch!) if (this.held.get(change.key) === change) this.held.delete(change.key);
      }
      this.refresh();
    } catch (error) {
      if (error instanceof Fenced) return;
      if (!(error instanceof StoreUnavailable)) throw error;
      this.writeHeldLater(epoch);
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

/** Of what a store rejects with. */
function refusalOf(error: unknown): unknown {
  if (error instanceof Fenced)
    return new Refusal(503, 'this controller leads no longer: nothing was changed');
  if (error instanceof StoreUnavailable)
    return new Refusal(503, `the store cannot be written: ${messageOf(error)}`);
  return error;
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
