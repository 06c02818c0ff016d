/**
 * One running capture as pcapng: an interface per port and point, described before its first packet, with a comment per
 * packet, and a statistics block per interface at the end.
 */

import { VERSION } from '../../api/version.ts';
import {
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  sectionHeader,
} from '../../io/captures/pcapng-writer.ts';
import { type Runtime, sleep } from '../../runtime/runtime.ts';
import {
  CAPTURE_POINTS,
  CAPTURE_VERDICTS,
  type CapturedPacket,
  FROM_PORT,
  type RingReader,
  sourceOf,
  TO_PORT,
} from '../../tables/capture-ring.ts';
import { DROP_REASONS } from '../../tables/port-counters.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';

/** Interval at which an empty ring is looked at. */
const POLL_MS = 10;
/** Bytes of blocks that are handed on at once. */
const CHUNK_BYTES = 1 << 18;

export interface Ring {
  readonly memory: SharedArrayBuffer;
  readonly reader: RingReader;
}

export interface RunningCaptureOptions {
  readonly id: number;
  readonly ring: Ring;
  readonly snapLength: number;
  /** Packets after which it ends. */
  readonly count: number;
  readonly ids: DatapathIds;
  readonly runtime: Runtime;
  /** Makes the datapath stop; rejects if it has ended. */
  stop(): Promise<void>;
  /** Called at the end; `isRingFree`: the datapath has confirmed that it no longer writes to the ring. */
  ended(isRingFree: boolean): void;
}

export class RunningCapture {
  readonly id: number;
  private readonly options: RunningCaptureOptions;
  private readonly reader: RingReader;
  private readonly ending = new AbortController();
  /** Index in the file and packets written of each source that has been described. */
  private readonly interfaces = new Map<number, { readonly index: number; written: number }>();
  private written = 0;

  constructor(options: RunningCaptureOptions) {
    this.id = options.id;
    this.options = options;
    this.reader = options.ring.reader;
  }

  /** The blocks that are left follow. */
  end(): void {
    this.ending.abort();
  }

  /** Read it once, from the beginning. When the reading ends early, so does the capture. */
  blocks(): AsyncIterableIterator<Uint8Array> {
    const blocks = this.generate();
    return {
      next: () => blocks.next(),
      return: () => {
        // A generator returns at a `yield` only, which an idle capture may never reach.
        this.end();
        return blocks.return(undefined);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  private async *generate(): AsyncGenerator<Uint8Array> {
    const { runtime, ended } = this.options;
    const { signal } = this.ending;
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopping ??= this.options.stop();
      return stopping;
    };
    try {
      yield sectionHeader(`Sluice ${VERSION}`);
      while (!signal.aborted && !this.isComplete) {
        const chunk = this.take();
        if (chunk === undefined) await sleep(runtime, POLL_MS, { signal });
        else yield chunk;
      }
      await stop();
      for (let chunk = this.take(); chunk !== undefined; chunk = this.take()) yield chunk;
      yield this.statistics();
    } finally {
      await stop().then(
        () => ended(true),
        () => ended(false),
      );
    }
  }

  private get isComplete(): boolean {
    return this.written >= this.options.count;
  }

  /** Blocks of the next packets; undefined: there are none, or enough. */
  private take(): Buffer | undefined {
    const blocks: Buffer[] = [];
    let bytes = 0;
    const append = (block: Buffer): void => {
      blocks.push(block);
      bytes += block.length;
    };
    const take = (packet: CapturedPacket): void => this.write(packet, append);
    while (bytes < CHUNK_BYTES && !this.isComplete && this.reader.next(take));
    return blocks.length === 0 ? undefined : Buffer.concat(blocks, bytes);
  }

  private write(packet: CapturedPacket, append: (block: Buffer) => void): void {
    const { port, point, seconds, nanoseconds, bytes, originalLength, frame, direction } = packet;
    const known = this.describe(port, point, append);
    known.written++;
    this.written++;
    append(
      enhancedPacket({
        time: { seconds, nanoseconds },
        interfaceIndex: known.index,
        bytes,
        originalLength,
        comment: this.comment(packet),
        direction: direction === FROM_PORT ? 'in' : direction === TO_PORT ? 'out' : undefined,
        packetId: frame === 0 ? undefined : frame,
      }),
    );
  }

  private describe(port: number, point: number, append: (block: Buffer) => void) {
    const source = sourceOf(port, point);
    const known = this.interfaces.get(source);
    if (known !== undefined) return known;
    const described = { index: this.interfaces.size, written: 0 };
    this.interfaces.set(source, described);
    const name = `${this.options.ids.portName(port) ?? 'datapath'}:${CAPTURE_POINTS[point]}`;
    append(interfaceDescription({ name, snapLength: this.options.snapLength }));
    return described;
  }

  /** Pairs such as `verdict=delivered group=api member=app1`; names have neither blanks nor equals signs. */
  private comment({ verdict, reason, group, member }: CapturedPacket): string | undefined {
    const { ids } = this.options;
    const pairs = {
      verdict: CAPTURE_VERDICTS[verdict],
      reason: reason === 0 ? undefined : DROP_REASONS[reason],
      group: group < 0 ? undefined : ids.groupName(group),
      member: member < 0 ? undefined : ids.memberOf(member)?.member,
    };
    const said = Object.entries(pairs).filter(([, value]) => value !== undefined && value !== '');
    return said.length === 0 ? undefined : said.map(([key, value]) => `${key}=${value}`).join(' ');
  }

  private statistics(): Buffer {
    const blocks: Buffer[] = [];
    const ms = this.options.runtime.wallMs();
    const time = { seconds: Math.floor(ms / 1000), nanoseconds: (ms % 1000) * 1_000_000 };
    for (const { port, point, accepted, missed } of this.reader.counts()) {
      const { index, written } = this.describe(port, point, (block) => blocks.push(block));
      blocks.push(
        interfaceStatistics({
          interfaceIndex: index,
          time,
          received: accepted + missed,
          dropped: missed,
          delivered: written,
        }),
      );
    }
    return Buffer.concat(blocks);
  }
}
