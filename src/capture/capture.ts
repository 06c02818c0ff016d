/**
 * `sluice capture`: compiles the filter, asks the host for a capture, and writes what comes: a pcapng file, or a line or row
 * per packet. Filters are compiled here and not by the host, so that neither libpcap nor the name service it may ask can
 * hold up the host's process.
 *
 * Only whole blocks are written, so that a file is whole whenever it ends. SIGINT and SIGTERM end the capture at the host,
 * whose last blocks, the statistics, then follow; a second signal does not wait for them.
 */

import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { PcapngReader } from '../io/captures/pcapng-reader.ts';
import { compileFilter, FilterError } from '../native/network/pcap.ts';
import { packetLine, packetRow } from './packet-lines.ts';

export interface CaptureOptions {
  readonly port?: string;
  readonly group?: string;
  readonly at: string;
  readonly count?: number;
  readonly snapLength: number;
  /** tcpdump's language; blank: all packets. */
  readonly filter: string;
  /** A path, or `-` for stdout; absent: lines. */
  readonly write?: string;
  readonly format: 'line' | 'json' | 'yaml';
}

/** A capture that runs at a host. */
export interface RemoteCapture {
  /** pcapng. */
  readonly bytes: AsyncIterable<Buffer>;
  /** Ends it: `bytes` end after the statistics. */
  end(): Promise<void>;
  /** Ends it at once. */
  abort(): void;
}

export type StartCapture = (request: object) => Promise<RemoteCapture>;

/** How long the last blocks may take after a signal. */
const PATIENCE_MS = 5_000;

/** The filter is not in tcpdump's language. */
export class BadFilter extends Error {
  override readonly name = 'BadFilter';
}

/** Resolves with the exit code. Throws BadFilter, and the errors of `start`. */
export async function capture(options: CaptureOptions, start: StartCapture): Promise<number> {
  const { port, group, at, count, snapLength, filter } = options;
  const program = filter === '' ? undefined : programOf(filter, snapLength);
  const output = await Output.open(options);
  const request = { port, group, at, count, snapLength, filter: filter === '' ? undefined : filter, program };
  const running = await start(request);
  process.stderr.write(`sluice: capturing ${at === 'all' ? 'at all points' : at}, Ctrl-C ends it\n`);
  const signals = endBySignal(running);
  let problem: string | undefined;
  try {
    for await (const bytes of running.bytes) await output.take(bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
    problem = signals.wasAborted ? 'the host has not sent its last blocks' : 'the host has ended the capture';
  } finally {
    signals.stop();
    await output.close();
  }
  process.stderr.write(output.summary);
  if (problem === undefined) return 0;
  process.stderr.write(`sluice: ${problem}\n`);
  return 1;
}

function programOf(filter: string, snapLength: number) {
  try {
    return compileFilter(filter, snapLength);
  } catch (error) {
    if (error instanceof FilterError) throw new BadFilter(`filter "${filter}": ${error.message}`);
    throw error;
  }
}

function endBySignal(running: RemoteCapture) {
  let timer: NodeJS.Timeout | undefined;
  const state = { wasAborted: false, stop };
  const abort = (): void => {
    state.wasAborted = true;
    running.abort();
  };
  const onSignal = (): void => {
    if (timer !== undefined) return abort();
    timer = setTimeout(abort, PATIENCE_MS);
    running.end().catch(abort);
  };
  function stop(): void {
    clearTimeout(timer);
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return state;
}

class Output {
  private readonly options: CaptureOptions;
  private readonly reader = new PcapngReader(new Uint8Array(0));
  /** undefined: stdout. */
  private readonly file: FileHandle | undefined;
  private packets = 0;
  private stringify: ((value: unknown) => string) | undefined;

  static async open(options: CaptureOptions): Promise<Output> {
    const { write } = options;
    if (write === '-' && process.stdout.isTTY)
      throw new Error('-w -: stdout is a terminal, expected a pipe or a file');
    // Packets are for their owner alone.
    return new Output(
      options,
      write === undefined || write === '-' ? undefined : await open(write, 'w', 0o600),
    );
  }

  private constructor(options: CaptureOptions, file: FileHandle | undefined) {
    this.options = options;
    this.file = file;
  }

  /** Goes on with the capture's next bytes; resolves when there is room for more. */
  async take(bytes: Buffer): Promise<void> {
    const { reader } = this;
    const before = reader.append(bytes);
    const lines: string[] = [];
    for (let packet = reader.next(); packet !== null; packet = reader.next()) {
      this.packets++;
      if (this.options.write === undefined)
        lines.push(await this.text(packet, reader.interfaces[packet.interfaceIndex]!));
    }
    if (this.options.write === undefined) return this.write(lines.join(''));
    return this.write(before.subarray(0, reader.wholeBytes));
  }

  get summary(): string {
    let missed = 0;
    for (const { dropped } of this.reader.statistics.values()) missed += dropped;
    const lost = missed === 0 ? '' : `, ${missed} missed: they came faster than they were read`;
    return `sluice: ${this.packets} packet${this.packets === 1 ? '' : 's'} captured${lost}\n`;
  }

  async close(): Promise<void> {
    await this.file?.close();
  }

  private async text(...packet: Parameters<typeof packetRow>): Promise<string> {
    const { format } = this.options;
    if (format === 'line') return `${packetLine(...packet)}\n`;
    if (format === 'json') return `${JSON.stringify(packetRow(...packet))}\n`;
    this.stringify ??= (await import('yaml')).stringify;
    return `---\n${this.stringify(packetRow(...packet))}`;
  }

  private async write(data: string | Uint8Array): Promise<void> {
    if (this.file !== undefined) return this.file.writeFile(data);
    if (data.length > 0 && !process.stdout.write(data)) await once(process.stdout, 'drain');
  }
}
