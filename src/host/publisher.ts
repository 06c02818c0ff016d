/**
 * From a configuration to rules in force: builds the snapshot, hands it to the datapath, waits until it is in
 * force. All or nothing: if the datapath cannot hold a snapshot, the former one is put back and the publisher
 * throws. Ports that were added at run time are part of every snapshot, whoever publishes it. Each attempt takes a revision of its own, so revisions in connection records stay unambiguous.
 *
 * Not re-entrant: the host publishes one change after the other.
 */
import type { Configuration, PortConfig } from '../config/model.ts';
import type { DatapathThread } from './datapath-thread.ts';
import { HostError, messageOf } from './host-error.ts';
import type { BuiltSnapshot, SnapshotBuilder } from './snapshot-builder.ts';

export interface InForce {
  readonly configuration: Configuration;
  readonly built: BuiltSnapshot;
}

export class Publisher {
  private readonly thread: DatapathThread;
  private readonly builder: SnapshotBuilder;
  /** Beside the configuration's. */
  private ports: readonly PortConfig[] = [];
  private lastRevision = 0;
  private current: InForce | undefined;

  constructor(thread: DatapathThread, builder: SnapshotBuilder) {
    this.thread = thread;
    this.builder = builder;
  }

  /** What the datapath has now; undefined before the first. */
  get inForce(): InForce | undefined {
    return this.current;
  }

  /** Of the snapshot in force; 0 before the first. */
  get revision(): number {
    return this.current?.built.snapshot.revision ?? 0;
  }

  /** Ports that were added at run time. */
  get runtimePorts(): readonly PortConfig[] {
    return this.ports;
  }

  /** Resolves with the revision when the datapath has it in force. */
  async publish(given: Configuration, runtimePorts = this.ports): Promise<number> {
    const configuration = { ...given, ports: [...given.ports, ...runtimePorts] };
    const built = this.build(configuration);
    const problems = await this.apply(built);
    if (problems.length > 0) {
      if (this.current !== undefined) await this.putBack(this.current.configuration);
      throw new HostError(409, `the datapath cannot hold this: ${problems.join('; ')}`);
    }
    this.accept(configuration, built);
    this.ports = runtimePorts;
    return built.snapshot.revision;
  }

  /** A datapath that throws on a snapshot has a bug or was given one: a problem like any other to the caller. */
  private async apply(built: BuiltSnapshot): Promise<readonly string[]> {
    try {
      return await this.thread.apply(built.snapshot, built.clearStatSlots);
    } catch (error) {
      return [messageOf(error)];
    }
  }

  private async putBack(configuration: Configuration): Promise<void> {
    const built = this.build(configuration);
    const problems = await this.apply(built);
    if (problems.length > 0) {
      throw new HostError(500, `the former rules could not be put back: ${problems.join('; ')}`);
    }
    this.accept(configuration, built);
  }

  private build(configuration: Configuration): BuiltSnapshot {
    try {
      return this.builder.build(configuration, ++this.lastRevision);
    } catch (error) {
      throw new HostError(409, `the configuration is too large: ${messageOf(error)}`);
    }
  }

  private accept(configuration: Configuration, built: BuiltSnapshot): void {
    this.builder.commit(configuration, built);
    this.current = { configuration, built };
  }
}
