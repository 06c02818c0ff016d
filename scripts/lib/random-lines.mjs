// Prints random lines of src with the purpose of their folder (ARCHITECTURE.md, Rooms), to check that they belong there.
// `npm run lines [-- SEED [COUNT]]`; the same seed prints the same lines of the same checkout.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const seed = Number(process.argv[2] ?? Date.now() % 1_000_000);
const count = Number(process.argv[3] ?? 20);

const purposes = new Map(
  [...readFileSync(join(checkout, 'ARCHITECTURE.md'), 'utf8').matchAll(/^\| `(src[^`]*)` \| ([^|]*) \|/gm)].map(
    ([, folder, purpose]) => [folder, purpose.trim()],
  ),
);

const lines = readdirSync(join(checkout, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.includes('generated/'))
  .sort()
  .flatMap((path) =>
    readFileSync(join(checkout, 'src', path), 'utf8')
      .split('\n')
      .map((text, i) => ({ path: `src/${path}`, number: i + 1, text: text.trim() })),
  )
  .filter(({ text }) => text.length > 3 && !text.startsWith('import '));

/** mulberry32. */
let state = seed >>> 0;
const random = () => {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

console.log(`seed ${seed}`);
for (let i = 0; i < count; i++) {
  const { path, number, text } = lines[Math.floor(random() * lines.length)];
  console.log(`\n${path}:${number}\n  ${text}\n  — ${purposes.get(dirname(path)) ?? 'no purpose in ARCHITECTURE.md'}`);
}
