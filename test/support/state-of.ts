/**
 * Everything that can be reached from an object, by path: for comparing all of a datapath before and after something that
 * must leave nothing behind. Memory that is compared otherwise is left out.
 */

/** A value as text, or a copy of the numbers in a typed array. */
export type State = readonly (readonly [path: string, value: string | Buffer])[];

/** `without`: objects, and buffers with all views on them, that are left out. */
export function stateOf(root: object, without: readonly object[]): State {
  const found: [string, string | Buffer][] = [];
  const numbers = new Map<object, number>();
  const skipped = new Set(without);
  const open: [path: string, value: object][] = [];
  const add = (path: string, value: unknown): void => {
    if (typeof value !== 'object' || value === null) {
      found.push([
        path,
        Object.is(value, -0) ? '-0' : typeof value === 'function' ? 'function' : String(value),
      ]);
    } else if (!skipped.has(value) && !(ArrayBuffer.isView(value) && skipped.has(value.buffer))) {
      const known = numbers.get(value);
      if (known === undefined) open.push([path, value]);
      found.push([path, `#${known ?? numbers.size}`]);
      if (known === undefined) numbers.set(value, numbers.size);
    }
  };
  add('', root);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [path, value] = next;
    if (ArrayBuffer.isView(value)) {
      if (value instanceof DataView) continue;
      found.push([path, Buffer.from(Buffer.from(value.buffer, value.byteOffset, value.byteLength))]);
    } else if (value instanceof Map || value instanceof Set) {
      for (const [i, entry] of [...value.entries()].flat().entries()) add(`${path}{${i}}`, entry);
    } else if (!(value instanceof ArrayBuffer) && !(value instanceof SharedArrayBuffer)) {
      for (const [name, field] of Object.entries(value)) add(`${path}.${name}`, field);
    }
  }
  return found;
}

/** The first path with another value, in words; undefined: all are the same. */
export function differenceOf(before: State, after: State): string | undefined {
  const isSame = (a: string | Buffer, b: string | Buffer): boolean =>
    typeof a === 'string' || typeof b === 'string' ? a === b : Buffer.compare(a, b) === 0;
  const at = before.findIndex(([path, value], i) => {
    const other = after[i];
    return other === undefined || other[0] !== path || !isSame(value, other[1]);
  });
  if (at < 0 && before.length === after.length) return undefined;
  const text = (one: State[number] | undefined): string =>
    one === undefined ? 'nothing' : `${one[0]} = ${typeof one[1] === 'string' ? one[1] : 'numbers'}`;
  return at < 0 ? `more: ${text(after[before.length])}` : `${text(before[at])} → ${text(after[at])}`;
}
