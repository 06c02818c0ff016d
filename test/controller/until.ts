import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until it is true; throws after `timeoutMs`. */
export async function until(isTrue: () => boolean, timeoutMs = 30_000): Promise<void> {
  const giveUpMs = performance.now() + timeoutMs;
  while (!isTrue()) {
    if (performance.now() > giveUpMs) throw new Error(`not within ${timeoutMs} ms: ${isTrue}`);
    await sleep(2);
  }
}
