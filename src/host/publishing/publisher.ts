/**
 * Brings a configuration into force: builds the snapshot, passes it to the datapath, and waits for it to be applied.
 * All or nothing: if the datapath cannot hold a snapshot, the previous one is restored and the publisher throws. Each
 * attempt has its own revision, so revisions in connection records stay unambiguous.
 *
 * The state in force has three parts, each of which stays unchanged unless a publication replaces it.
 *
 * Not re-entrant: the host publishes one change after the other.
 */

import type { Configuration, PortConfig } from '../../config/model/model.ts';
import { HostError, messageOf } from '../../config/problems/host-error.ts';
import type { DatapathThread } from '../thread/datapath-thread.ts';
import type { BuiltSnapshot, SnapshotBuilder } from './snapshot-builder.ts';
import { NO_WEIGHTS, type WeightsByLoadBalancer } from './weights.ts';

export interface Publication {
  /** The file's, with the host's groups. */
  readonly base: Configuration;
  /** Ports added at run time, beside those of the file. */
  readonly runtimePorts: readonly PortConfig[];
  /** Weights of single LBs. */
  readonly weights: WeightsByLoadBalancer;
}

export interface InForce extends Publication {
  /** The base with the ports added at run time. */
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

  /** `onBuilt`: called before the datapath gets a snapshot. */
  constructor(thread: DatapathThread, builder: SnapshotBuilder, onBuilt: () => void) {
    this.thread = thread;
    this.builder = builder;
    this.onBuilt = onBuilt;
  }

  /** State of the datapath; undefined before the first publication. */
  get inForce(): InForce | undefined {
    return this.current;
  }

  /** Calls back with each configuration that comes into force, run-time ports included, until the returned function is called. */
  onInForce(listener: (configuration: Configuration) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Revision of the snapshot in force; 0 before the first. */
  get revision(): number {
    return this.current?.built.snapshot.revision ?? 0;
  }

  /** The first publication; resolves with the revision when it is in force. */
  publishFirst(base: Configuration): Promise<number> {
    return this.bringIntoForce({ base, runtimePorts: [], weights: NO_WEIGHTS });
  }

  /** Resolves with the revision when it is in force. */
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

  /**
   * A datapath that throws on a snapshot has a bug, or got a wrong snapshot: the caller handles it like any problem.
   */
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
