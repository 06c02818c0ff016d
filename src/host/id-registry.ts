/**
 * Small integers for named things: given out once, stable while the name is in use, re-used as late as possible.
 *
 * Theory of operation. The datapath knows ports, load balancers, rules and statistics rows by dense numbers, and
 * running state (connections, counters, round-robin positions) hangs on them. So a number that was freed goes
 * back to its former name if that returns, and to another name as late as possible: first come the numbers never
 * used, then the freed ones, longest free first, and of those only ones that `mayReuse` allows. The name of a
 * freed number is kept until then, so that a listing can still say whose an old connection is.
 *
 * Bounded by `limit`; an exhausted registry throws, as configuration errors do.
 */
export class IdRegistry {
  /** Plural, for the error message. */
  private readonly what: string;
  private readonly limit: number;
  private readonly mayReuse: (id: number) => boolean;
  private readonly ids = new Map<string, number>();
  private readonly names: string[] = [];
  /** Former names with their numbers, longest free first. */
  private readonly freed = new Map<string, number>();

  constructor(what: string, limit: number, mayReuse: (id: number) => boolean = () => true) {
    this.what = what;
    this.limit = limit;
    this.mayReuse = mayReuse;
  }

  /** The number of a name; a new one where it has none. Throws RangeError when all are in use. */
  acquire(name: string): number {
    const id = this.ids.get(name) ?? this.freed.get(name) ?? this.takeAnother();
    this.freed.delete(name);
    this.ids.set(name, id);
    this.names[id] = name;
    return id;
  }

  find(name: string): number | undefined {
    return this.ids.get(name);
  }

  /** The name that has the number, or had it last. */
  nameOf(id: number): string | undefined {
    return this.names[id];
  }

  /** Frees every number whose name is not among `names`. */
  retainOnly(names: ReadonlySet<string>): void {
    for (const [name, id] of this.ids) {
      if (names.has(name)) continue;
      this.ids.delete(name);
      this.freed.set(name, id);
    }
  }

  /** Numbers 0 … highWater-1 have been given out at some time. */
  get highWater(): number {
    return this.names.length;
  }

  private takeAnother(): number {
    if (this.names.length < this.limit) return this.names.length;
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
