/** Classic BPF programs (linux/filter.h): on a socket, a verdict in the kernel on every frame, before it is copied. */
import * as native from '../bindings.ts';
import { mapAnonymous } from '../memory.ts';
import { checked } from '../system-error.ts';

/** struct sock_filter: operation, distances of a jump when true and when false, operand. */
export type Instruction = readonly [operation: number, whenTrue: number, whenFalse: number, operand: number];

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const INSTRUCTION_BYTES = 8;
const MAX_INSTRUCTIONS = 128;

// The kernel copies the program during the call.
const program = mapAnonymous(MAX_INSTRUCTIONS * INSTRUCTION_BYTES);
const programBytes = new DataView(program.bytes);

/** struct sock_fprog, valid until the next call: count and address of the instructions. */
export function describeProgram(instructions: readonly Instruction[]): Buffer {
  if (instructions.length === 0 || instructions.length > MAX_INSTRUCTIONS)
    throw new RangeError(`filter: ${instructions.length} instructions, expected 1 to ${MAX_INSTRUCTIONS}`);
  instructions.forEach(([operation, whenTrue, whenFalse, operand], i) => {
    const at = i * INSTRUCTION_BYTES;
    programBytes.setUint16(at, operation, true);
    programBytes.setUint8(at + 2, whenTrue);
    programBytes.setUint8(at + 3, whenFalse);
    programBytes.setUint32(at + 4, operand, true);
  });
  const description = Buffer.alloc(16);
  description.writeUInt16LE(instructions.length, 0);
  description.writeBigUInt64LE(BigInt(program.address), 8);
  return description;
}

/** From now on the socket receives only frames for which the program returns more than 0. */
export function attachFilter(fd: number, instructions: readonly Instruction[]): void {
  const description = describeProgram(instructions);
  const result = native.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, description, description.length);
  checked('SO_ATTACH_FILTER', result);
}
