/**
 * Small integers for named objects: assigned once, stable while the name is in use, reused as late as possible.
 *
 * Theory of operation. The datapath knows ports, load balancers, rules and statistics rows by dense numbers, and
 * running state (connections, counters, round-robin positions) depends on them. A freed number therefore returns to
 * its previous name if that comes back, and goes to another name as late as possible: never-used numbers come first,
 * then freed ones, longest free first, and only those that `mayReuse` permits. Until then the freed number keeps its
 * name, so that a listing can still name the owner of an old connection.
 *
 * A registry's `names` are passed to its successor in another process, which treats all of them as freed: each name
 * that is used again keeps its number.
 *
 * Bounded by `limit`; an exhausted registry throws, as configuration errors do.
 */
export class IdRegistry {
  /** Plural, for the error message. */
  private readonly what: string;
  private readonly limit: number;
  private readonly mayReuse: (id: number) => boolean;
  private readonly ids = new Map<string, number>();
  private readonly nameOfId: string[] = [];
  /** Previous names with their numbers, longest free first. */
  private readonly freed = new Map<string, number>();
  /** Numbers assigned to another name, until the caller fetches them. */
  private given: number[] = [];

  constructor(what: string, limit: number, mayReuse: (id: number) => boolean = () => true) {
    this.what = what;
    this.limit = limit;
    this.mayReuse = mayReuse;
  }

  /** Current or last names of the numbers from 0 on. */
  get names(): readonly string[] {
    return this.nameOfId;
  }

  /**
   * Call before any assignment: takes over the numbers of a previous registry, all free. Throws RangeError if they
   * are too many.
   */
  follow(names: readonly string[]): void {
    if (names.length > this.limit)
      throw new RangeError(`${this.what}: found ${names.length}, expected at most ${this.limit}`);
    for (const [id, name] of names.entries()) {
      this.nameOfId[id] = name;
      this.freed.set(name, id);
      this.given.push(id);
    }
  }

  /** The number of a name; assigns one if needed. Throws RangeError when all are in use. */
  acquire(name: string): number {
    const id = this.ids.get(name) ?? this.freed.get(name) ?? this.takeAnother();
    this.freed.delete(name);
    this.ids.set(name, id);
    if (this.nameOfId[id] !== name) this.given.push(id);
    this.nameOfId[id] = name;
    return id;
  }

  /** Numbers assigned to another name since the last call. */
  takeGiven(): number[] {
    const { given } = this;
    this.given = [];
    return given;
  }

  /** Frees the number of a name, if it has one. */
  release(name: string): void {
    const id = this.ids.get(name);
    if (id === undefined) return;
    this.ids.delete(name);
    this.freed.set(name, id);
  }

  find(name: string): number | undefined {
    return this.ids.get(name);
  }

  /** The number of a name, in use or free. */
  findAny(name: string): number | undefined {
    return this.ids.get(name) ?? this.freed.get(name);
  }

  /** Current or last name of the number. */
  nameOf(id: number): string | undefined {
    return this.nameOfId[id];
  }

  /** Frees every number whose name is not among `names`. */
  retainOnly(names: ReadonlySet<string>): void {
    for (const name of this.ids.keys()) if (!names.has(name)) this.release(name);
  }

  /** Numbers 0 … highWater-1 have been assigned at some time. */
  get highWater(): number {
    return this.nameOfId.length;
  }

  private takeAnother(): number {
    if (this.nameOfId.length < this.limit) return this.nameOfId.length;
    for (const [name, id] of this.freed) {
      if (!this.mayReuse(id)) continue;
      this.freed.delete(name);
      return id;
    }
    const held = this.freed.size > 0 ? `, ${this.freed.size} more still held by connections` : '';
    throw new RangeError(
      `${this.what}: found ${this.ids.size} in use${held}, expected at most ${this.limit}`,
    );
  }
}
