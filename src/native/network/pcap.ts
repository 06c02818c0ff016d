/**
 * libpcap's compiler of filters in tcpdump's language (pcap-filter(7)) to BPF programs. The library is loaded with the
 * first filter: Debian's package libpcap0.8, others' libpcap.
 */
import { koffi } from '../bindings.ts';
import type { Instruction } from './bpf.ts';

/** Debian's name of the library, and that of other distributions. */
const LIBRARIES = ['libpcap.so.0.8', 'libpcap.so.1'];
/** Link type of Ethernet, DLT_EN10MB. */
const ETHERNET = 1;
/** Of a link whose address range is not known: `broadcast` of IPv4 is then an error, as tcpdump has it. */
const NETMASK_UNKNOWN = 0xffff_ffff;
const INSTRUCTION_BYTES = 8;
/** struct bpf_program: number of instructions, padding, address. */
const PROGRAM_BYTES = 16;

interface Pcap {
  openDead(linkType: number, snapLength: number): unknown;
  compile(handle: unknown, program: Uint8Array, text: string, optimise: number, netmask: number): number;
  freeCode(program: Uint8Array): void;
  lastError(handle: unknown): string;
  close(handle: unknown): void;
}

let loaded: Pcap | undefined;

function load(): Pcap {
  if (loaded !== undefined) return loaded;
  const library = LIBRARIES.map(tryLoad).find((found) => found !== undefined);
  if (library === undefined)
    throw new Error(
      `filters need libpcap, which is not installed here (${LIBRARIES.join(', ')}): apt-get install libpcap0.8`,
    );
  loaded = {
    openDead: library.func('pcap_open_dead', 'void *', ['int', 'int']),
    compile: library.func('pcap_compile', 'int', ['void *', 'void *', 'str', 'int', 'uint32_t']),
    freeCode: library.func('pcap_freecode', 'void', ['void *']),
    lastError: library.func('pcap_geterr', 'str', ['void *']),
    close: library.func('pcap_close', 'void', ['void *']),
  };
  return loaded;
}

function tryLoad(name: string): ReturnType<typeof koffi.load> | undefined {
  try {
    return koffi.load(name);
  } catch {
    return undefined;
  }
}

/** The expression is no filter: libpcap's words. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
}

/**
 * The program of a filter for Ethernet frames, of which `snapLength` bytes are kept. Blocks while libpcap looks names of
 * hosts up. Throws FilterError if the expression is wrong, and Error where libpcap is missing.
 */
export function compileFilter(expression: string, snapLength: number): Instruction[] {
  const pcap = load();
  // A C string would end there.
  if (expression.includes('\0')) throw new FilterError('found a NUL character');
  const handle = pcap.openDead(ETHERNET, snapLength);
  try {
    const program = Buffer.alloc(PROGRAM_BYTES);
    if (pcap.compile(handle, program, expression, 1, NETMASK_UNKNOWN) !== 0)
      throw new FilterError(pcap.lastError(handle));
    try {
      return instructionsOf(program);
    } finally {
      pcap.freeCode(program);
    }
  } finally {
    pcap.close(handle);
  }
}

function instructionsOf(program: Buffer): Instruction[] {
  const count = program.readUInt32LE(0);
  const address = Number(program.readBigUInt64LE(8));
  const view = new DataView(koffi.view(address, count * INSTRUCTION_BYTES));
  return Array.from({ length: count }, (_, i): Instruction => {
    const at = i * INSTRUCTION_BYTES;
    return [
      view.getUint16(at, true),
      view.getUint8(at + 2),
      view.getUint8(at + 3),
      view.getUint32(at + 4, true),
    ];
  });
}
