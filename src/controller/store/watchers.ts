/** The watchers of a store. One that throws does not affect the others. */
import type { Change, StoreListener, StoreLog } from './store.ts';

export class Watchers {
  private readonly listeners = new Set<StoreListener>();
  private readonly log: StoreLog;

  constructor(log: StoreLog) {
    this.log = log;
  }

  add(listener: StoreListener): () => void {
    const own: StoreListener = (changes, revision) => listener(changes, revision);
    this.listeners.add(own);
    return () => void this.listeners.delete(own);
  }

  tell(changes: readonly Change[], revision: number): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(changes, revision);
      } catch (error) {
        this.log.warn(`store: a watcher failed: ${error instanceof Error ? error.stack : String(error)}`);
      }
    }
  }

  clear(): void {
    this.listeners.clear();
  }
}
