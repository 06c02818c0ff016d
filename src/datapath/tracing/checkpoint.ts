/**
 * Copies of objects, to put them back as they were.
 *
 * Theory of operation. `save` walks from an object to everything that it consists of: fields, elements of arrays, entries
 * of maps and sets, numbers in typed arrays. Each object is copied once, before anybody changes it. `restore` writes back
 * what differs. A part of the datapath thus needs no code of its own to be traced, and none can be forgotten inside those that are
 * named (Datapath.parts, TraceSink.touch); a test compares all that can be reached, before and after.
 *
 * Not walked: objects of classes named as fixed, which no packet changes, and typed arrays over memory that the caller takes
 * care of (the tables' and the arena's).
 */

type Class = abstract new (...parameters: never[]) => object;
type TypedArray = Int32Array | Uint32Array | Float64Array | Uint8Array | Uint16Array | BigInt64Array;

export class Checkpoint {
  private readonly fixed: readonly Class[];
  private readonly outside: ReadonlySet<object>;
  private readonly memories: ReadonlySet<ArrayBufferLike>;
  private readonly saved = new Set<object>();
  private readonly undo: (() => void)[] = [];

  /** `outside`: objects that are left alone, and memories, with all typed arrays over them. */
  constructor(fixed: readonly Class[], outside: Iterable<object>, memories: Iterable<ArrayBufferLike>) {
    this.fixed = fixed;
    this.outside = new Set(outside);
    this.memories = new Set(memories);
  }

  /** The object itself may be of a fixed class. */
  save(root: object): void {
    const open: object[] = [];
    if (!this.saved.has(root)) this.saveOne(root, open);
    for (let object = open.pop(); object !== undefined; object = open.pop()) {
      if (!this.saved.has(object) && !this.isFixed(object)) this.saveOne(object, open);
    }
  }

  private saveOne(object: object, open: object[]): void {
    this.saved.add(object);
    if (ArrayBuffer.isView(object)) this.saveNumbers(object as TypedArray);
    else if (object instanceof Map) this.saveMap(object, open);
    else if (object instanceof Set) this.saveSet(object, open);
    else this.saveFields(object, open);
  }

  /** Puts everything back. The checkpoint is used up. */
  restore(): void {
    for (const undo of this.undo) undo();
  }

  private isFixed(object: object): boolean {
    if (object instanceof ArrayBuffer || object instanceof SharedArrayBuffer) return true;
    return this.outside.has(object) || this.fixed.some((one) => object instanceof one);
  }

  private saveNumbers(view: TypedArray): void {
    if (view instanceof DataView || this.memories.has(view.buffer)) return;
    const copy = view.slice();
    this.undo.push(() => view.set(copy as never));
  }

  private saveMap(map: Map<unknown, unknown>, open: object[]): void {
    const entries = [...map];
    for (const [key, value] of entries) addObjects(open, key, value);
    this.undo.push(() => {
      if (sameEntries([...map], entries)) return;
      map.clear();
      for (const [key, value] of entries) map.set(key, value);
    });
  }

  private saveSet(set: Set<unknown>, open: object[]): void {
    const values = [...set];
    addObjects(open, ...values);
    this.undo.push(() => {
      if (same([...set], values)) return;
      set.clear();
      for (const value of values) set.add(value);
    });
  }

  private saveFields(object: object, open: object[]): void {
    const fields = object as Record<string, unknown>;
    const names = Object.keys(fields);
    const values = names.map((name) => fields[name]);
    addObjects(open, ...values);
    this.undo.push(() => {
      // Only what has changed is written: the optimising compiler relies on fields that never are.
      for (let i = 0; i < names.length; i++) {
        if (!Object.is(fields[names[i]!], values[i])) fields[names[i]!] = values[i];
      }
      if (Array.isArray(object) && object.length !== names.length) object.length = values.length;
    });
  }
}

function addObjects(open: object[], ...values: readonly unknown[]): void {
  for (const value of values) if (typeof value === 'object' && value !== null) open.push(value);
}

const same = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((value, i) => Object.is(value, b[i]));

const sameEntries = (a: readonly [unknown, unknown][], b: readonly [unknown, unknown][]): boolean =>
  a.length === b.length && a.every((entry, i) => same(entry, b[i]!));
