/**
 * Election on a single machine: the process that holds the directory's lock leads, under an epoch that it has written
 * first. If the epoch cannot be written, it does not lead, and retries.
 */
import type { Runtime, Timer } from '../../runtime/runtime.ts';
import type { EpochFile } from './epoch-file.ts';
import type { Campaign, CampaignCallbacks, Candidate, StoreLog } from './store.ts';

const RETRY_MS = 500;

export class FileCampaign implements Campaign {
  private readonly epochFile: EpochFile;
  private readonly self: Candidate;
  private readonly callbacks: CampaignCallbacks;
  private readonly log: StoreLog;
  private readonly runtime: Runtime;
  private leading: number | undefined;
  private over = false;
  private attempt: Promise<void>;
  private retry: Timer | undefined;

  constructor(
    epochFile: EpochFile,
    self: Candidate,
    callbacks: CampaignCallbacks,
    log: StoreLog,
    runtime: Runtime,
  ) {
    this.runtime = runtime;
    this.epochFile = epochFile;
    this.self = self;
    this.callbacks = callbacks;
    this.log = log;
    this.attempt = this.stand();
  }

  /** The epoch under which we lead; undefined otherwise. */
  get epoch(): number | undefined {
    return this.leading;
  }

  get isOver(): boolean {
    return this.over;
  }

  async raiseEpoch(above: number): Promise<void> {
    await this.attempt;
    if (this.over || this.leading === undefined || this.leading > above) return;
    const epoch = await this.epochFile.advance(above);
    if (this.over) return;
    this.leading = epoch;
    this.callbacks.elected(epoch);
  }

  async resign(): Promise<void> {
    const wasOver = this.over;
    this.over = true;
    this.runtime.clearTimer(this.retry);
    await this.attempt;
    if (wasOver || this.leading === undefined) return;
    this.leading = undefined;
    this.callbacks.lost('resigned');
    this.callbacks.leader(undefined);
  }

  private async stand(): Promise<void> {
    let epoch: number;
    try {
      epoch = await this.epochFile.advance();
    } catch (error) {
      this.log.warn(
        `store: the epoch could not be written: ${error instanceof Error ? error.message : error}`,
      );
      if (!this.over)
        this.retry = this.runtime.setTimer(() => {
          this.attempt = this.stand();
        }, RETRY_MS);
      return;
    }
    if (this.over) return;
    this.leading = epoch;
    this.callbacks.elected(epoch);
    this.callbacks.leader(this.self.address);
  }
}
