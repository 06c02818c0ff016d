/**
 * The captures that run on this host: at most MAX_CAPTURES, each with a ring of shared memory that the datapath fills.
 *
 * Rings are kept for the next capture, so that memory is bounded however often captures begin and end; a ring is used again
 * only once the datapath has confirmed that it no longer writes to it.
 */

import type { z } from 'zod';
import type { captureStart } from '../../api/routes.ts';
import type { Configuration } from '../../config/model/model.ts';
import { uplinkLegs } from '../../config/model/uplink-legs.ts';
import { HostError } from '../../config/problems/host-error.ts';
import { expectOneOf } from '../../config/problems/problems.ts';
import { MAX_CAPTURES } from '../../datapath/capture/capture-points.ts';
import { problemOf } from '../../datapath/capture/packet-filter.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { CAPTURE_POINTS, RingReader, ringBytes } from '../../tables/capture-ring.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';
import type { DatapathThread } from '../thread/datapath-thread.ts';
import { type Ring, RunningCapture } from './running-capture.ts';

/** What captures need of the host. */
export interface CaptureParts {
  readonly thread: Pick<DatapathThread, 'startCapture' | 'stopCapture'>;
  readonly ids: DatapathIds;
  readonly maxPorts: number;
  readonly runtime: Runtime;
  /** In force. */
  configuration(): Configuration;
}

export class Captures {
  private readonly parts: CaptureParts;
  private readonly running = new Map<number, RunningCapture>();
  private readonly freeRings: Ring[] = [];
  /** Captures that are about to begin or to end. */
  private held = 0;
  private lastId = 0;

  constructor(parts: CaptureParts) {
    this.parts = parts;
  }

  /** Resolves when the datapath captures. The capture ends when its blocks are no longer read. Rejects with HostError. */
  async start(request: z.output<typeof captureStart>): Promise<RunningCapture> {
    const { program, snapLength, count, at } = request;
    const { thread, ids, runtime } = this.parts;
    const ports = request.port === undefined ? undefined : this.portNumbers(request.port);
    const group = request.group === undefined ? undefined : this.groupNumber(request.group);
    const problem = program && problemOf(program);
    if (problem !== undefined) throw new HostError(400, `program: ${problem}`);
    if (this.running.size + this.held >= MAX_CAPTURES) {
      throw new HostError(
        409,
        `found ${MAX_CAPTURES} captures that run already, expected fewer: end one of them`,
      );
    }
    this.held++;
    const ring = this.freeRings.pop() ?? this.newRing();
    const id = ++this.lastId;
    try {
      ring.reader.reset();
      const points = CAPTURE_POINTS.flatMap((point, number) =>
        at === 'all' || at === point ? [number] : [],
      );
      const spec = { id, points, ports, group, snapLength, filter: program, ring: ring.memory };
      await thread.startCapture(spec);
    } finally {
      this.held--;
    }
    const capture = new RunningCapture({
      id,
      ring,
      snapLength,
      count: count ?? Number.POSITIVE_INFINITY,
      ids,
      runtime,
      stop: () => thread.stopCapture(id),
      ended: (isRingFree) => {
        this.running.delete(id);
        if (isRingFree) this.freeRings.push(ring);
      },
    });
    this.running.set(id, capture);
    return capture;
  }

  /** Ends a capture: its last blocks are read by whoever reads it. Throws HostError if there is none. */
  end(id: string): void {
    const capture = this.running.get(Number(id));
    if (capture === undefined) throw new HostError(404, `capture: found ${id}, expected one that runs`);
    capture.end();
  }

  endAll(): void {
    for (const capture of this.running.values()) capture.end();
  }

  private newRing(): Ring {
    const { maxPorts } = this.parts;
    const memory = new SharedArrayBuffer(ringBytes(maxPorts));
    return { memory, reader: new RingReader(memory, maxPorts) };
  }

  private groupNumber(name: string): number {
    const number = this.parts.ids.findGroup(name);
    const known = this.parts.configuration().groups.map((group) => group.name);
    if (number === undefined || !known.includes(name))
      throw new HostError(404, `group: found ${name}, expected ${expectOneOf(name, known)}`);
    return number;
  }

  /** A port's number, or those of an uplink's legs. */
  private portNumbers(name: string): number[] {
    const { ids } = this.parts;
    const configuration = this.parts.configuration();
    const legs = uplinkLegs(configuration);
    const numbers = [
      ...configuration.ports.filter((port) => port.name === name).map((port) => ids.findPort(port)),
      ...legs.filter(({ uplink }) => uplink === name).map((leg) => ids.findUplinkLeg(leg)),
    ].filter((number) => number !== undefined);
    if (numbers.length > 0) return numbers;
    const known = [...configuration.ports.map((port) => port.name), ...legs.map(({ uplink }) => uplink)];
    throw new HostError(404, `port: found ${name}, expected ${expectOneOf(name, known)}`);
  }
}
