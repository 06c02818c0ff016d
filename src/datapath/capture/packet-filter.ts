/**
 * Packet filters: classic BPF programs (bpf(4), McCanne and Jacobson 1993), as libpcap compiles them from tcpdump's
 * language, checked once and then interpreted per packet.
 *
 * Theory of operation. A program is a list of instructions of four numbers: operation, distances of a jump when its
 * condition holds and when it does not, and an operand. It has two 32-bit registers, A and X, and 16 words of memory.
 * It returns how many bytes of the packet are wanted; 0: none, the packet does not match.
 *
 * `problemOf` accepts exactly what the kernel's bpf_check_classic does of the operations that libpcap generates: known
 * operations, jumps that stay in the program, memory words 0 … 15, no division by a constant 0, a return at the end. All
 * jumps lead forward, so a checked program ends after at most as many steps as it has instructions. Loads beyond the
 * packet, and divisions by an X of 0, end it with 0 (no match), as in libpcap.
 */

/** As in struct sock_filter: operation (16 bits), jump distances (8 bits each), operand (32 bits, unsigned). */
export type FilterInstruction = readonly [
  operation: number,
  whenTrue: number,
  whenFalse: number,
  operand: number,
];

/** BPF_MAXINSNS of linux/bpf_common.h. */
export const MAX_INSTRUCTIONS = 4096;
const MEMORY_WORDS = 16;
const INSTRUCTION_WORDS = 4;

/** Operations: class | size or operation | mode or operand's source. */
const LD_W_ABS = 0x20;
const LD_H_ABS = 0x28;
const LD_B_ABS = 0x30;
const LD_W_IND = 0x40;
const LD_H_IND = 0x48;
const LD_B_IND = 0x50;
const LD_IMM = 0x00;
const LD_MEM = 0x60;
const LD_LEN = 0x80;
const LDX_IMM = 0x01;
const LDX_MEM = 0x61;
const LDX_LEN = 0x81;
/** X ← 4 × the low 4 bits of a byte: the length of an IPv4 header. */
const LDX_MSH = 0xb1;
const ST = 0x02;
const STX = 0x03;
const ADD_K = 0x04;
const ADD_X = 0x0c;
const SUB_K = 0x14;
const SUB_X = 0x1c;
const MUL_K = 0x24;
const MUL_X = 0x2c;
const DIV_K = 0x34;
const DIV_X = 0x3c;
const OR_K = 0x44;
const OR_X = 0x4c;
const AND_K = 0x54;
const AND_X = 0x5c;
const LSH_K = 0x64;
const LSH_X = 0x6c;
const RSH_K = 0x74;
const RSH_X = 0x7c;
const NEG = 0x84;
const MOD_K = 0x94;
const MOD_X = 0x9c;
const XOR_K = 0xa4;
const XOR_X = 0xac;
const JA = 0x05;
const JEQ_K = 0x15;
const JEQ_X = 0x1d;
const JGT_K = 0x25;
const JGT_X = 0x2d;
const JGE_K = 0x35;
const JGE_X = 0x3d;
const JSET_K = 0x45;
const JSET_X = 0x4d;
const RET_K = 0x06;
const RET_A = 0x16;
const TAX = 0x07;
const TXA = 0x87;

const PLAIN: ReadonlySet<number> = new Set([
  ...[LD_W_ABS, LD_H_ABS, LD_B_ABS, LD_W_IND, LD_H_IND, LD_B_IND, LD_IMM, LD_LEN, LDX_IMM, LDX_LEN, LDX_MSH],
  ...[ADD_K, ADD_X, SUB_K, SUB_X, MUL_K, MUL_X, DIV_X, OR_K, OR_X, AND_K, AND_X, LSH_K, LSH_X, RSH_K, RSH_X],
  ...[NEG, MOD_X, XOR_K, XOR_X, RET_K, RET_A, TAX, TXA],
]);
const MEMORY: ReadonlySet<number> = new Set([LD_MEM, LDX_MEM, ST, STX]);
const DIVISIONS: ReadonlySet<number> = new Set([DIV_K, MOD_K]);
const CONDITIONS: ReadonlySet<number> = new Set([
  ...[JEQ_K, JEQ_X, JGT_K, JGT_X, JGE_K, JGE_X, JSET_K, JSET_X],
]);

const isIn = (value: number, max: number): boolean => Number.isInteger(value) && value >= 0 && value <= max;

/** What is wrong with a program, in words; undefined: PacketFilter can run it. */
export function problemOf(program: readonly FilterInstruction[]): string | undefined {
  const count = program.length;
  if (count === 0 || count > MAX_INSTRUCTIONS)
    return `found ${count} instructions, expected 1 to ${MAX_INSTRUCTIONS}`;
  for (const [i, instruction] of program.entries()) {
    const problem = problemOfOne(instruction, count - i - 1);
    if (problem !== undefined) return `instruction ${i}: ${problem}`;
  }
  const [last] = program.at(-1)!;
  return last === RET_K || last === RET_A ? undefined : 'the last instruction is no return';
}

/** `behind`: number of instructions after this one. */
function problemOfOne(
  [operation, whenTrue, whenFalse, operand]: FilterInstruction,
  behind: number,
): string | undefined {
  if (!isIn(operand, 0xffff_ffff)) return `found operand ${operand}, expected 0 to 4294967295`;
  if (operation === JA) {
    if (operand > 0x7fff_ffff) return 'found a jump back, as protochain makes it, expected jumps forward';
    return operand < behind ? undefined : `found a jump by ${operand}, expected less than ${behind}`;
  }
  if (CONDITIONS.has(operation)) {
    const limit = Math.min(255, behind - 1);
    if (isIn(whenTrue, limit) && isIn(whenFalse, limit)) return undefined;
    return `found jumps by ${whenTrue} and ${whenFalse}, expected 0 to ${limit}`;
  }
  if (MEMORY.has(operation))
    return operand < MEMORY_WORDS ? undefined : `found memory word ${operand}, expected 0 to 15`;
  if (DIVISIONS.has(operation)) return operand !== 0 ? undefined : 'found a division by 0';
  return PLAIN.has(operation) ? undefined : `found operation ${operation}, expected one of classic BPF`;
}

/** A program that has been checked, with its registers' memory. */
export class PacketFilter {
  /** INSTRUCTION_WORDS per instruction. */
  private readonly words: Int32Array;
  private readonly memory = new Int32Array(MEMORY_WORDS);

  /** Throws RangeError if there is a problem (`problemOf`). */
  constructor(program: readonly FilterInstruction[]) {
    const problem = problemOf(program);
    if (problem !== undefined) throw new RangeError(`filter: ${problem}`);
    this.words = Int32Array.from(program.flat());
  }

  /**
   * Whether a packet matches: `length` bytes from `start` of `view`; `wireLength`, which the program sees as the packet's
   * length, is more if the packet is cut.
   */
  matches(view: DataView, start: number, length: number, wireLength: number): boolean {
    return this.run(view, start, length, wireLength) !== 0;
  }

  /** The program's result, as a signed 32-bit number. */
  private run(view: DataView, start: number, length: number, wireLength: number): number {
    const { words, memory } = this;
    let a = 0;
    let x = 0;
    memory.fill(0);
    for (let at = 0; ; at += INSTRUCTION_WORDS) {
      const k = words[at + 3]!;
      switch (words[at]) {
        case LD_W_ABS:
        case LD_W_IND: {
          const from = (k >>> 0) + (words[at] === LD_W_IND ? x >>> 0 : 0);
          if (from + 4 > length) return 0;
          a = view.getInt32(start + from);
          break;
        }
        case LD_H_ABS:
        case LD_H_IND: {
          const from = (k >>> 0) + (words[at] === LD_H_IND ? x >>> 0 : 0);
          if (from + 2 > length) return 0;
          a = view.getUint16(start + from);
          break;
        }
        case LD_B_ABS:
        case LD_B_IND: {
          const from = (k >>> 0) + (words[at] === LD_B_IND ? x >>> 0 : 0);
          if (from + 1 > length) return 0;
          a = view.getUint8(start + from);
          break;
        }
        case LDX_MSH:
          if ((k >>> 0) + 1 > length) return 0;
          x = (view.getUint8(start + (k >>> 0)) & 0xf) << 2;
          break;
        case LD_IMM:
          a = k;
          break;
        case LD_MEM:
          a = memory[k]!;
          break;
        case LD_LEN:
          a = wireLength;
          break;
        case LDX_IMM:
          x = k;
          break;
        case LDX_MEM:
          x = memory[k]!;
          break;
        case LDX_LEN:
          x = wireLength;
          break;
        case ST:
          memory[k] = a;
          break;
        case STX:
          memory[k] = x;
          break;
        case ADD_K:
          a = (a + k) | 0;
          break;
        case ADD_X:
          a = (a + x) | 0;
          break;
        case SUB_K:
          a = (a - k) | 0;
          break;
        case SUB_X:
          a = (a - x) | 0;
          break;
        case MUL_K:
          a = Math.imul(a, k);
          break;
        case MUL_X:
          a = Math.imul(a, x);
          break;
        case DIV_K:
          a = Math.floor((a >>> 0) / (k >>> 0)) | 0;
          break;
        case DIV_X:
          if (x === 0) return 0;
          a = Math.floor((a >>> 0) / (x >>> 0)) | 0;
          break;
        case MOD_K:
          a = ((a >>> 0) % (k >>> 0)) | 0;
          break;
        case MOD_X:
          if (x === 0) return 0;
          a = ((a >>> 0) % (x >>> 0)) | 0;
          break;
        case OR_K:
          a |= k;
          break;
        case OR_X:
          a |= x;
          break;
        case AND_K:
          a &= k;
          break;
        case AND_X:
          a &= x;
          break;
        case XOR_K:
          a ^= k;
          break;
        case XOR_X:
          a ^= x;
          break;
        case LSH_K:
          a = shiftLeft(a, k >>> 0);
          break;
        case LSH_X:
          a = shiftLeft(a, x >>> 0);
          break;
        case RSH_K:
          a = shiftRight(a, k >>> 0);
          break;
        case RSH_X:
          a = shiftRight(a, x >>> 0);
          break;
        case NEG:
          a = -a | 0;
          break;
        case TAX:
          x = a;
          break;
        case TXA:
          a = x;
          break;
        case JA:
          at += k * INSTRUCTION_WORDS;
          break;
        case RET_K:
          return k;
        case RET_A:
          return a;
        default: {
          const isTrue = holds(words[at]!, a >>> 0, (words[at]! & 8) === 0 ? k >>> 0 : x >>> 0);
          at += words[at + (isTrue ? 1 : 2)]! * INSTRUCTION_WORDS;
        }
      }
    }
  }
}

/** The condition of a jump; bit 3 of the operation, which tells K from X, does not matter here. */
function holds(operation: number, a: number, operand: number): boolean {
  switch (operation & ~8) {
    case JEQ_K:
      return a === operand;
    case JGT_K:
      return a > operand;
    case JGE_K:
      return a >= operand;
    default:
      return (a & operand) !== 0;
  }
}

/** Shifts by 32 and more give 0; JavaScript's own take them modulo 32. */
const shiftLeft = (value: number, by: number): number => (by > 31 ? 0 : value << by);
const shiftRight = (value: number, by: number): number => (by > 31 ? 0 : (value >>> by) | 0);
