/**
 * Feeds a decoder with what a hostile peer may send: good inputs, changed in their bytes, cut, spliced, or random.
 *
 * SLUICE_TEST_SEED repeats a run (the seed is printed), SLUICE_FUZZ_SECONDS sets its length.
 */
import { Xorshift } from './xorshift.ts';

export const SEED = Number(process.env.SLUICE_TEST_SEED ?? Date.now() & 0x7fffffff);
export const SECONDS = Number(process.env.SLUICE_FUZZ_SECONDS ?? 5);
/** Bytes that mean something to varints, tags, lengths and JSON. */
const TELLING = Uint8Array.from([
  0,
  1,
  2,
  0x7f,
  0x80,
  0xff,
  0x0a,
  0x12,
  0x1a,
  0x22,
  0x2a,
  0x0b,
  0x0c,
  ...Buffer.from('{}[]",:\\-0e.%/'),
]);
const MAX_RANDOM_BYTES = 64;

function changed(random: Xorshift, input: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(input);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(bytes.length + 1);
    const choice = random.below(7);
    if (choice === 0) bytes = bytes.slice(0, at);
    else if (choice === 1) bytes = Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + 1)]);
    else if (choice === 2) bytes = spliced(random, bytes, at, TELLING);
    else if (choice === 3) bytes = spliced(random, bytes, at, others[random.below(others.length)]!);
    else if (bytes.length > 0) {
      const target = at % bytes.length;
      bytes[target] =
        choice === 4
          ? bytes[target]! ^ (1 << random.below(8))
          : choice === 5
            ? TELLING[random.below(TELLING.length)]!
            : random.below(256);
    }
  }
  return bytes;
}

function spliced(random: Xorshift, bytes: Uint8Array, at: number, from: Uint8Array): Uint8Array {
  const start = random.below(from.length + 1);
  const piece = from.slice(start, start + 1 + random.below(16));
  return Uint8Array.from([...bytes.slice(0, at), ...piece, ...bytes.slice(at)]);
}

const noise = (random: Xorshift): Uint8Array =>
  Uint8Array.from({ length: random.below(MAX_RANDOM_BYTES) }, () => random.below(256));

export interface FuzzResult {
  /** Inputs that were tried. */
  readonly inputs: number;
  /** By what became of them. */
  readonly outcomes: ReadonlyMap<string, number>;
}

/**
 * `judge` names the outcome of an input, and throws what the decoder must not have thrown. A failure says the input,
 * in hex.
 */
export async function fuzz(
  corpus: readonly Uint8Array[],
  judge: (input: Uint8Array) => string | Promise<string>,
): Promise<FuzzResult> {
  const random = new Xorshift(SEED);
  const outcomes = new Map<string, number>();
  const endMs = performance.now() + SECONDS * 1000;
  let inputs = 0;
  while (performance.now() < endMs || inputs < corpus.length) {
    const base = corpus[inputs % corpus.length]!;
    const input =
      inputs < corpus.length ? base : random.below(20) === 0 ? noise(random) : changed(random, base, corpus);
    inputs++;
    try {
      const outcome = await judge(input);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      const hex = Buffer.from(input).toString('hex');
      throw new Error(`input ${inputs} of seed ${SEED}: ${hex}: ${(error as Error).stack}`, { cause: error });
    }
  }
  return { inputs, outcomes };
}
