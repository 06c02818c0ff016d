/** The real datapath under the configuration that the captures were made for, with frames in and out by hand. */
import { join } from 'node:path';
import { loadConfiguration } from '../../src/config/load.ts';
import type { Configuration } from '../../src/config/model/model.ts';
import { snapshotOf } from '../../src/host/publishing/snapshot-builder.ts';
import { IngressRule } from '../../src/replay/ingress.ts';
import { OfflineDatapath } from '../../src/replay/offline-datapath.ts';
import { addOutside, presetStations } from '../../src/replay/outside.ts';
import { DEFAULT_LIMITS } from '../../src/tables/tables.ts';
import { CHECKOUT } from '../support/paths.ts';

export const CAPTURES = join(CHECKOUT, 'test/captures');

/** 2026-01-01T00:00:00Z, as in the captures. */
export const EPOCH_MS = 1_767_225_600_000;

export interface SentFrame {
  port: string;
  bytes: Uint8Array;
  vnetHeader: Uint8Array;
}

export class Testbed {
  readonly offloads: boolean;
  readonly datapath: OfflineDatapath;
  readonly portIds = new Map<string, number>();
  /** By port number. */
  readonly portNames: string[] = [];
  private readonly ingress: IngressRule;
  private sent: SentFrame[] = [];

  /** `offloads`: the ports take partial checksums and GSO frames as they are. `more`: settings beside those of the captures. */
  constructor(offloads: boolean, more: Partial<Configuration> = {}) {
    this.offloads = offloads;
    const configuration = { ...loadConfiguration(`${CAPTURES}/testbed.yaml`), ...more };
    const whole = snapshotOf(configuration, { offloads });
    const world = addOutside(configuration, whole);
    // A replay has outside ports in place of uplinks.
    const uplinks = whole.ports.filter(({ uplink }) => uplink !== undefined);
    const snapshot = { ...world.snapshot, ports: [...world.snapshot.ports, ...uplinks] };
    for (const { id, name } of snapshot.ports) {
      this.portIds.set(name, id);
      this.portNames[id] = name;
    }
    this.ingress = new IngressRule(world);
    const limits = { ...DEFAULT_LIMITS, maxConnections: configuration.datapath.maxConnections };
    this.datapath = new OfflineDatapath(limits, EPOCH_MS, (port, bytes, vnetHeader) => {
      this.sent.push({ port: this.portNames[port]!, bytes: bytes.slice(), vnetHeader: vnetHeader.slice() });
    });
    this.datapath.apply(snapshot);
    presetStations(world, this.datapath.tables);
  }

  /** What leaves for a frame that comes in by a port, one millisecond after the last one. */
  exchange(port: string, bytes: Uint8Array, vnetHeader?: Uint8Array): SentFrame[] {
    this.pass();
    return this.feed(port, bytes, vnetHeader);
  }

  /** Lets a millisecond go by. */
  pass(): void {
    this.datapath.advance(this.datapath.timeMs + 1);
  }

  /** What leaves for a frame that comes in now. */
  feed(port: string, bytes: Uint8Array, vnetHeader?: Uint8Array): SentFrame[] {
    this.sent = [];
    this.datapath.feed(this.portIds.get(port)!, bytes, vnetHeader);
    return this.sent;
  }

  /** Name of the port by which replay would have a frame come in. */
  ingressOf(frame: Uint8Array): string {
    return this.portNames[this.ingress.portOf(frame)]!;
  }
}
