/** What a running process was told to do, one order after the other. */

export type Order =
  /** End and remove everything that it has made. */
  | { readonly kind: 'stop'; readonly exitCode: number }
  /** End and leave everything that outlives the process to the next one. */
  | { readonly kind: 'handOver' }
  /** Run on: the successor has ended before it could take over. */
  | { readonly kind: 'resume' };

export class Orders {
  private readonly given: Order[] = [];
  private waiting: ((order: Order) => void) | undefined;

  give(order: Order): void {
    const { waiting } = this;
    this.waiting = undefined;
    if (waiting === undefined) this.given.push(order);
    else waiting(order);
  }

  /** For one caller at a time. */
  next(): Promise<Order> {
    const order = this.given.shift();
    if (order !== undefined) return Promise.resolve(order);
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }
}
