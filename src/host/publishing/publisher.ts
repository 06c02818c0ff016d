/**
 * From a configuration to rules in force: builds the snapshot, hands it to the datapath, waits until it is in
 * force. All or nothing: if the datapath cannot hold a snapshot, the previous one is put back and the publisher
 * throws. Each attempt takes a revision of its own, so revisions in connection records stay unambiguous.
 *
 * What is in force has three parts, each of which stays as it is unless a publication gives it anew.
 *
 * Not re-entrant: the host publishes one change after the other.
 */

import { HostError, messageOf } from '../../config/model/host-error.ts';
import type { Configuration, PortConfig } from '../../config/model/model.ts';
import type { DatapathThread } from '../thread/datapath-thread.ts';
import type { BuiltSnapshot, SnapshotBuilder } from './snapshot-builder.ts';
import { NO_WEIGHTS, type WeightsByLoadBalancer } from './weights.ts';

export interface Publication {
  /** The file's, with the groups that the host was given. */
  readonly base: Configuration;
  /** Ports that were added at run time, beside those of the file. */
  readonly runtimePorts: readonly PortConfig[];
  /** Weights of single LBs. */
  readonly weights: WeightsByLoadBalancer;
}

export interface InForce extends Publication {
  /** The base with the ports that were added at run time. */
  readonly configuration: Configuration;
  readonly built: BuiltSnapshot;
}

export class Publisher {
  private readonly thread: DatapathThread;
  private readonly builder: SnapshotBuilder;
  private readonly onBuilt: () => void;
  private lastRevision = 0;
  private current: InForce | undefined;
  private readonly listeners = new Set<(configuration: Configuration) => void>();

  /** `onBuilt`: called before the datapath hears of a snapshot. */
  constructor(thread: DatapathThread, builder: SnapshotBuilder, onBuilt: () => void) {
    this.thread = thread;
    this.builder = builder;
    this.onBuilt = onBuilt;
  }

  /** What the datapath has now; undefined before the first. */
  get inForce(): InForce | undefined {
    return this.current;
  }

  /** Calls back with each configuration that comes into force, run-time ports included, until the returned function is called. */
  onInForce(listener: (configuration: Configuration) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Of the snapshot in force; 0 before the first. */
  get revision(): number {
    return this.current?.built.snapshot.revision ?? 0;
  }

  /** The first publication; resolves with the revision when the datapath has it in force. */
  publishFirst(base: Configuration): Promise<number> {
    return this.bringIntoForce({ base, runtimePorts: [], weights: NO_WEIGHTS });
  }

  /** Resolves with the revision when the datapath has it in force. */
  publish(change: Partial<Publication>): Promise<number> {
    const { base, runtimePorts, weights } = this.current!;
    return this.bringIntoForce({ base, runtimePorts, weights, ...change });
  }

  private async bringIntoForce(publication: Publication): Promise<number> {
    const next = this.build(publication);
    const problems = await this.apply(next.built);
    if (problems.length > 0) {
      if (this.current !== undefined) await this.putBack(this.current);
      throw new HostError(409, `the datapath cannot hold this: ${problems.join('; ')}`);
    }
    return this.accept(next);
  }

  /** A datapath that throws on a snapshot has a bug or was given one: a problem like any other to the caller. */
  private async apply(built: BuiltSnapshot): Promise<readonly string[]> {
    this.onBuilt();
    try {
      return await this.thread.apply(built.snapshot);
    } catch (error) {
      return [messageOf(error)];
    }
  }

  private async putBack(previous: Publication): Promise<void> {
    const next = this.build(previous);
    const problems = await this.apply(next.built);
    if (problems.length > 0) {
      throw new HostError(500, `the previous rules could not be put back: ${problems.join('; ')}`);
    }
    this.accept(next);
  }

  private build({ base, runtimePorts, weights }: Publication): InForce {
    const configuration = { ...base, ports: [...base.ports, ...runtimePorts] };
    try {
      const built = this.builder.build(configuration, ++this.lastRevision, weights);
      return { base, runtimePorts, weights, configuration, built };
    } catch (error) {
      throw new HostError(409, `the configuration is too large: ${messageOf(error)}`);
    }
  }

  private accept(inForce: InForce): number {
    this.builder.commit(inForce.configuration, inForce.built);
    this.current = inForce;
    for (const listener of this.listeners) listener(inForce.configuration);
    return inForce.built.snapshot.revision;
  }
}
