/**
 * Packets denied by rules with `log`, for the log file: a ring that the datapath writes and the main thread reads.
 *
 * The writer overwrites the oldest entry. A slow reader sees from the sequence number how many it has missed.
 * Ring: 16 words per entry: 0 sequence number from 1, written last, 1 rule, 2 port, 3 protocol, 4 ports, 5 direction, 8-11
 * source, 12-15 destination; then one word, the number of entries written.
 */
export const DENIED_ENTRIES = 64;
const ENTRY_WORDS = 16;

export interface DeniedPacket {
  readonly rule: number;
  readonly port: number;
  readonly protocol: number;
  /** Source port << 16 | destination port. */
  readonly ports: number;
  readonly direction: number;
  readonly source: Int32Array;
  readonly destination: Int32Array;
}

export class DeniedLog {
  static readonly wordsNeeded = DENIED_ENTRIES * ENTRY_WORDS + 1;
  private readonly words: Int32Array;

  constructor(words: Int32Array) {
    this.words = words;
  }

  /** Entries written so far. */
  get written(): number {
    return this.words[DENIED_ENTRIES * ENTRY_WORDS]! >>> 0;
  }

  write(packet: DeniedPacket): void {
    const { words } = this;
    const { source, destination } = packet;
    const sequence = (this.written + 1) | 0;
    const at = ((sequence - 1) & (DENIED_ENTRIES - 1)) * ENTRY_WORDS;
    words[at] = 0;
    words[at + 1] = packet.rule;
    words[at + 2] = packet.port;
    words[at + 3] = packet.protocol;
    words[at + 4] = packet.ports;
    words[at + 5] = packet.direction;
    for (let word = 0; word < 4; word++) {
      words[at + 8 + word] = source[word]!;
      words[at + 12 + word] = destination[word]!;
    }
    words[at] = sequence;
    words[DENIED_ENTRIES * ENTRY_WORDS] = sequence;
  }

  /** The remaining entries after the first `seen`, oldest first. */
  since(seen: number): DeniedPacket[] {
    const { words, written } = this;
    const packets: DeniedPacket[] = [];
    for (let number = Math.max(seen, written - DENIED_ENTRIES) + 1; number <= written; number++) {
      const at = ((number - 1) & (DENIED_ENTRIES - 1)) * ENTRY_WORDS;
      const entry = words.slice(at, at + ENTRY_WORDS);
      // The writer may be overwriting it.
      if (entry[0] !== (number | 0) || words[at] !== entry[0]) continue;
      packets.push({
        rule: entry[1]!,
        port: entry[2]!,
        protocol: entry[3]!,
        ports: entry[4]!,
        direction: entry[5]!,
        source: entry.slice(8, 12),
        destination: entry.slice(12, 16),
      });
    }
    return packets;
  }
}
