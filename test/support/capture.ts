/**
 * What crosses a VM's interface, by tcpdump, and read by tshark: independent of the product's own parsers.
 */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Background, onEnd, output, until } from './command.ts';
import type { Host } from './host.ts';

let captures = 0;

export class Capture {
  private readonly tcpdump: Background;
  private readonly file: string;
  private readonly keepNoMore: () => void;

  private constructor(tcpdump: Background, file: string) {
    this.tcpdump = tcpdump;
    this.file = file;
    this.keepNoMore = onEnd(() => rmSync(file, { force: true }));
  }

  /** Captures what matches `filter` (pcap syntax) on a VM's interface, from now on. */
  static async start(host: Host, vm: string, filter: string, device = 'eth0'): Promise<Capture> {
    const file = join(tmpdir(), `${host.name}-${vm}-${++captures}.pcap`);
    const options = ['-i', device, '-n', '-U', '-s', '0', '-B', '16384', '--immediate-mode', '-Z', 'root'];
    const tcpdump = host.start(vm, 'tcpdump', ...options, '-w', file, filter);
    const capture = new Capture(tcpdump, file);
    await until('tcpdump to listen', () => {
      if (tcpdump.child.exitCode !== null) throw new Error(tcpdump.stderr);
      return tcpdump.stderr.includes('listening on');
    });
    return capture;
  }

  /** Ends the capture. Throws if packets were lost: then nothing can be said from their absence. */
  async stop(): Promise<void> {
    await this.tcpdump.stop('SIGINT');
    const lost = /(\d+) packets? dropped by kernel/.exec(this.tcpdump.stderr)?.[1];
    if (lost !== '0') throw new Error(`tcpdump lost packets: ${this.tcpdump.stderr}`);
  }

  /**
   * tshark's fields of each packet, in order; `filter` in tshark's syntax. Several values of one field in a
   * packet (an ICMP error embeds another packet) are joined by commas.
   */
  async fields(names: readonly string[], filter = ''): Promise<string[][]> {
    const checks = ['ip.check_checksum', 'tcp.check_checksum', 'udp.check_checksum'];
    const text = await output(
      'tshark',
      ...['-r', this.file, '-n', '-T', 'fields', '-E', 'separator=/t'],
      ...checks.flatMap((check) => ['-o', `${check}:TRUE`]),
      ...names.flatMap((name) => ['-e', name]),
      ...(filter === '' ? [] : ['-Y', filter]),
    );
    const lines = text.split('\n').slice(0, -1);
    return lines.map((line) => line.split('\t'));
  }

  /** Whole frames in hex, in order. */
  async frames(filter = ''): Promise<string[]> {
    const dump = await output(
      'tcpdump',
      '-Z',
      'root',
      '-r',
      this.file,
      '-t',
      '-q',
      '-n',
      '-xx',
      ...(filter === '' ? [] : [filter]),
    );
    const frames: string[] = [];
    for (const line of dump.split('\n')) {
      const hex = /^\s+0x[0-9a-f]+: +([0-9a-f ]+)/.exec(line);
      if (!hex) frames.push('');
      else frames[frames.length - 1] += hex[1]!.replaceAll(' ', '');
    }
    return frames.filter((frame) => frame !== '');
  }

  close(): void {
    this.tcpdump.child.kill('SIGKILL');
    rmSync(this.file, { force: true });
    this.keepNoMore();
  }
}

/** Captures while `body` runs, and a little longer; hands what was seen to `judge`. */
export async function during<T>(
  host: Host,
  vm: string,
  filter: string,
  body: () => Promise<unknown>,
  judge: (capture: Capture) => Promise<T>,
  device = 'eth0',
): Promise<T> {
  const capture = await Capture.start(host, vm, filter, device);
  try {
    await body();
    await new Promise((done) => setTimeout(done, 150));
    await capture.stop();
    return await judge(capture);
  } finally {
    capture.close();
  }
}
