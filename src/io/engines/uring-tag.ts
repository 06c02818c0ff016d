/**
 * What the io_uring engine writes on its requests, to know their completions again:
 *
 *    0 | kind (3 bits) | port (12 bits) | generation of the port (16 bits)
 *
 * The generation goes round after 65536 owners of one port index; the kernel keeps no request
 * that long, as `detach` cancels them.
 */
const KIND_SHIFT = 28;
const PORT_SHIFT = 16;
const PORT_MASK = 0xfff;
const GENERATION_MASK = 0xffff;

export const READ = 1;
export const WRITE = 2;
export const WAKE = 3;
export const CANCEL = 4;

export const tagOf = (kind: number, port: number, generation: number): number =>
  (kind << KIND_SHIFT) | (port << PORT_SHIFT) | generation;

export const kindOf = (tag: number): number => tag >>> KIND_SHIFT;
export const portOf = (tag: number): number => (tag >>> PORT_SHIFT) & PORT_MASK;
export const generationOf = (tag: number): number => tag & GENERATION_MASK;
