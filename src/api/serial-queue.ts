/** Runs asynchronous steps one at a time, in the order of their calls. A failed step does not stop those behind it. */
export class SerialQueue {
  private last: Promise<unknown> = Promise.resolve();

  /** Settles as `step` does, which starts when all earlier steps have settled. */
  run<Result>(step: () => Promise<Result>): Promise<Result> {
    const result = this.last.then(step);
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when the steps queued so far have settled. */
  async idle(): Promise<void> {
    await this.last;
  }
}
