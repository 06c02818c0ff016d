/** What the tests of stores share: a log that can be read, a campaign that can be waited for, waiting. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Campaign, Candidate, Store, StoreLog } from '../../../src/controller/store/store.ts';

export class TestLog implements StoreLog {
  readonly infos: string[] = [];
  readonly warnings: string[] = [];

  info(message: string): void {
    this.infos.push(message);
  }

  warn(message: string): void {
    this.warnings.push(message);
  }
}

/** Until the condition holds; answers the milliseconds that took. */
export async function until(condition: () => boolean, what: string, timeoutMs = 30_000): Promise<number> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > timeoutMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(2);
  }
  return performance.now() - start;
}

/** A campaign and all that it has told, in order: `elected 7`, `lost …`, `leader a:1`. */
export class Standing {
  readonly told: string[] = [];
  readonly epochs: number[] = [];
  epoch: number | undefined;
  leader: string | undefined;
  private readonly campaign: Campaign;

  constructor(store: Store, self: Candidate = { id: 'a', address: 'a:1' }) {
    this.campaign = store.campaign(self, {
      elected: (epoch) => {
        this.told.push(`elected ${epoch}`);
        this.epochs.push(epoch);
        this.epoch = epoch;
      },
      lost: (reason) => {
        this.told.push(`lost ${reason}`);
        this.epoch = undefined;
      },
      leader: (address) => {
        this.told.push(`leader ${address}`);
        this.leader = address;
      },
    });
  }

  /** The epoch under which this one leads, sooner or later. */
  async elected(timeoutMs?: number): Promise<number> {
    await until(() => this.epoch !== undefined, 'elected', timeoutMs);
    return this.epoch!;
  }

  raise(above: number): Promise<void> {
    return this.campaign.raiseEpoch(above);
  }

  resign(): Promise<void> {
    return this.campaign.resign();
  }
}

/** The error that a promise is rejected with; throws if it is not. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: Error) => error,
  );
  if (outcome instanceof Error) return outcome;
  throw new Error(`found ${JSON.stringify(outcome.value)}, expected a rejection`);
}
