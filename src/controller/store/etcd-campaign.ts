/**
 * Election over etcd.
 *
 * Theory of operation. Each candidate keeps a lease alive and has a key under it, `election/LEASE`, with its name and
 * address as the value. The oldest key is the leader's, and its creation revision is the epoch: the next in line has
 * a greater one, and writes can be made conditional on the leader's key (etcd-store.ts). The start time of the store,
 * which the first candidate records, is added to the revision: epochs of a lost store, or of a store of another kind,
 * are then all smaller, and agents that have seen them accept those of the new one. A dead leader loses its key when
 * its lease expires; one that resigns revokes its lease. If a follower detects that the leader's process has ended
 * (leader-presence.ts), it revokes that lease, so no one waits for the expiry; if it were wrong, the deposed leader
 * would find its key gone and could not write.
 *
 * An etcd restored from a snapshot reissues revisions, so a leader's epoch may be below those that hosts have seen.
 * The leader then raises the start time (`raiseEpoch`) and keeps its key; later leaders read the start time again.
 *
 * A leader that could not renew its lease considers it expired by its own clock, counted from its last request; etcd
 * counts from when it received that, which is later. The leader then stands again under a new lease, like any other
 * controller. If it is paused in between (SIGSTOP, a migrated VM), it may consider itself the leader for a moment
 * longer; the fencing of writes covers that case.
 */
import { messageOf } from '../../config/problems/refusal.ts';
import { type Runtime, sleep } from '../../runtime/runtime.ts';
import { type EtcdCalls, EtcdError } from './etcd-client.ts';
import { EtcdMirror } from './etcd-mirror.ts';
import { type Dial, LeaderPresence } from './leader-presence.ts';
import type { Campaign, CampaignCallbacks, Candidate, StoreLog } from './store.ts';

/** Lease time: a leader that does not renew within it loses leadership, s. */
export const LEASE_TTL_S = 3;
const RENEW_MS = 1000;
const RENEW_TIMEOUT_MS = 900;
const RETRY_MS = 200;

/** The key that proves our leadership. */
export interface Leadership {
  readonly key: string;
  readonly createRevision: number;
}

/** Our key, from its creation until it is gone or we revoked it. */
interface Candidacy {
  readonly lease: string;
  readonly createRevision: number;
  /** Before the election, the epoch that it would have now. */
  epoch: number;
  isLeading: boolean;
  /** First in line; reading the epoch. */
  isTakingOffice: boolean;
  end(reason: string): void;
}

/** What a campaign uses of its process. */
export interface CampaignSurroundings {
  readonly log: StoreLog;
  readonly runtime: Runtime;
  readonly dial: Dial;
}

export class EtcdCampaign implements Campaign {
  private readonly client: EtcdCalls;
  private readonly prefix: string;
  private readonly beginningKey: string;
  private readonly self: Candidate;
  private readonly callbacks: CampaignCallbacks;
  private readonly log: StoreLog;
  private readonly runtime: Runtime;
  private readonly dial: Dial;
  private readonly mirror: EtcdMirror;
  private readonly over = new AbortController();
  private readonly running: Promise<void>;
  private candidacy: Candidacy | undefined;
  private leader: string | undefined;
  /** The leader's presence, if another controller leads. */
  private presence: { readonly lease: string; readonly of: LeaderPresence } | undefined;
  /** Our leases that still have to be revoked. */
  private readonly previousLeases = new Set<string>();

  /** `prefix`: the store's; ends in a slash. */
  constructor(
    client: EtcdCalls,
    prefix: string,
    self: Candidate,
    callbacks: CampaignCallbacks,
    { log, runtime, dial }: CampaignSurroundings,
  ) {
    this.runtime = runtime;
    this.dial = dial;
    this.client = client;
    this.prefix = `${prefix}election/`;
    this.beginningKey = `${prefix}beginning`;
    this.self = self;
    this.callbacks = callbacks;
    this.log = log;
    this.mirror = new EtcdMirror(client, this.prefix, () => this.judge(), log, runtime);
    this.mirror.start();
    this.running = this.run();
  }

  get isOver(): boolean {
    return this.over.signal.aborted;
  }

  /** The candidacy that leads under this epoch; undefined if we do not lead, as far as we know. */
  leadership(epoch: number): Leadership | undefined {
    const { candidacy } = this;
    if (!candidacy?.isLeading || candidacy.epoch !== epoch) return undefined;
    return { key: this.prefix + candidacy.lease, createRevision: candidacy.createRevision };
  }

  /** The epoch under which we lead, as far as we know. */
  get epoch(): number | undefined {
    return this.candidacy?.isLeading ? this.candidacy.epoch : undefined;
  }

  /** etcd reported that the key of this epoch is gone. */
  fenced(epoch: number): void {
    if (this.candidacy?.epoch === epoch) this.candidacy.end('the key of our leadership is gone');
  }

  async raiseEpoch(above: number): Promise<void> {
    const { candidacy } = this;
    if (!candidacy?.isLeading || candidacy.epoch > above) return;
    const { lease, createRevision } = candidacy;
    const beginning = Math.max(this.runtime.wallMs(), above);
    const { succeeded } = await this.client.transact({
      compare: [{ key: Buffer.from(this.prefix + lease), createRevision }],
      success: [
        { requestPut: { key: Buffer.from(this.beginningKey), value: Buffer.from(String(beginning)) } },
      ],
      failure: [],
    });
    if (!succeeded) candidacy.end('the key of our leadership is gone');
    if (this.candidacy !== candidacy) return;
    candidacy.epoch = beginning + createRevision;
    this.log.info(`etcd: the leader of epoch ${candidacy.epoch}, as epochs up to ${above} have been seen`);
    this.callbacks.elected(candidacy.epoch);
  }

  async resign(): Promise<void> {
    this.over.abort();
    this.candidacy?.end('resigned');
    this.presence?.of.close();
    await this.running;
    await this.mirror.close();
  }

  private async run(): Promise<void> {
    let isAway = false;
    while (!this.isOver) {
      try {
        await this.revokePrevious();
        const beginning = await this.beginning();
        const asked = this.runtime.monotonicMs();
        const lease = await this.client.grantLease(LEASE_TTL_S);
        this.previousLeases.add(lease);
        const createRevision = await this.putKey(lease);
        isAway = false;
        await this.stand({ lease, createRevision, epoch: beginning + createRevision }, asked);
      } catch (error) {
        if (!isAway) this.log.warn(`etcd: cannot stand for election: ${messageOf(error)}`);
        isAway = true;
      }
      await this.revokePrevious().catch(() => {}); // otherwise when etcd is back, or they expire
      await sleep(this.runtime, RETRY_MS * (1 + this.runtime.random()), { signal: this.over.signal });
    }
  }

  /**
   * Start time of this store, milliseconds since 1970. Read again for each candidacy, as etcd may have been emptied.
   */
  private async beginning(): Promise<number> {
    const key = Buffer.from(this.beginningKey);
    const now = this.runtime.wallMs();
    const { succeeded, responses } = await this.client.transact({
      compare: [{ key, createRevision: 0 }],
      success: [{ requestPut: { key, value: Buffer.from(String(now)) } }],
      failure: [{ requestRange: { key } }],
    });
    if (succeeded) return now;
    const found = String(responses[0]?.responseRange?.kvs[0]?.value);
    if (!Number.isSafeInteger(Number(found)))
      throw new Error(`${this.beginningKey}: found ${found}, expected milliseconds`);
    return Number(found);
  }

  private async putKey(lease: string): Promise<number> {
    const put = await this.client.put({
      key: Buffer.from(this.prefix + lease),
      value: Buffer.from(JSON.stringify(this.self)),
      lease,
      prevKv: true, // exists on a second attempt
    });
    return Number(put.prevKv?.createRevision ?? put.header.revision);
  }

  /** Until the key is gone, the lease is not renewed, or we resign. `asked`: when the lease was requested. */
  private async stand(
    key: Pick<Candidacy, 'lease' | 'createRevision' | 'epoch'>,
    asked: number,
  ): Promise<void> {
    if (this.isOver) return;
    const ended = new AbortController();
    const end = (reason: string) => {
      if (ended.signal.aborted) return;
      ended.abort();
      this.candidacy = undefined;
      if (!candidacy.isLeading) return;
      candidacy.isLeading = false;
      this.log.info(`etcd: no longer the leader of epoch ${candidacy.epoch}: ${reason}`);
      this.callbacks.lost(reason);
      this.tellLeader(undefined);
    };
    const candidacy: Candidacy = { ...key, isLeading: false, isTakingOffice: false, end };
    this.candidacy = candidacy;
    this.judge();
    await this.keepAlive(key.lease, asked, ended.signal, end);
  }

  private async keepAlive(
    lease: string,
    asked: number,
    ended: AbortSignal,
    end: (reason: string) => void,
  ): Promise<void> {
    const expire = () => end(`the lease was not renewed within ${LEASE_TTL_S} s`);
    const expiryAfter = (since: number) =>
      this.runtime.setTimer(expire, since + LEASE_TTL_S * 1000 - this.runtime.monotonicMs());
    let expiry = expiryAfter(asked);
    while (!ended.aborted) {
      const asking = this.runtime.monotonicMs();
      const answer = await this.renew(lease);
      if (answer === 'gone') end('etcd has ended the lease');
      if (answer === 'renewed') {
        this.runtime.clearTimer(expiry);
        if (!ended.aborted) expiry = expiryAfter(asking);
      }
      const pauseMs = answer === 'renewed' ? RENEW_MS : RETRY_MS;
      await sleep(this.runtime, pauseMs, { signal: ended });
    }
    this.runtime.clearTimer(expiry);
  }

  private async renew(lease: string): Promise<'renewed' | 'gone' | 'unknown'> {
    try {
      return (await this.client.renewLease(lease, RENEW_TIMEOUT_MS)) ? 'renewed' : 'gone';
    } catch {
      return 'unknown';
    }
  }

  /** Revokes old leases, so that no candidate, including this one, waits for their expiry. */
  private async revokePrevious(): Promise<void> {
    for (const lease of this.previousLeases) {
      try {
        await this.client.revokeLease(lease);
      } catch (error) {
        if (!isLeaseGone(error)) throw error;
      }
      this.previousLeases.delete(lease);
    }
  }

  /** The leader among the candidates: the one with the oldest key. */
  private judge(): void {
    let first: string | undefined;
    let firstRevision = Number.POSITIVE_INFINITY;
    for (const [lease, { createRevision }] of this.mirror.entries) {
      if (createRevision >= firstRevision) continue;
      first = lease;
      firstRevision = createRevision;
    }
    const { candidacy } = this;
    if (candidacy !== undefined && this.mirror.revision >= candidacy.createRevision) {
      if (!this.mirror.entries.has(candidacy.lease)) candidacy.end('the key of our candidacy is gone');
      else if (first === candidacy.lease && !candidacy.isLeading) {
        this.takeOffice(candidacy).catch((error) => candidacy.end(messageOf(error)));
        return;
      }
    }
    const address = first === undefined ? undefined : addressOf(this.mirror.entries.get(first)!.value);
    this.followPresence(first, address);
    this.tellLeader(address);
  }

  /** The start time is read again: the previous leader may have raised it (raiseEpoch). */
  private async takeOffice(candidacy: Candidacy): Promise<void> {
    if (candidacy.isTakingOffice) return;
    candidacy.isTakingOffice = true;
    const beginning = await this.beginning();
    if (this.candidacy !== candidacy) return;
    candidacy.epoch = beginning + candidacy.createRevision;
    candidacy.isLeading = true;
    this.log.info(`etcd: the leader of epoch ${candidacy.epoch}`);
    this.callbacks.elected(candidacy.epoch);
    this.judge();
  }

  private followPresence(lease: string | undefined, address: string | undefined): void {
    if (lease === this.presence?.lease) return;
    this.presence?.of.close();
    this.presence = undefined;
    if (this.isOver || lease === undefined || address === undefined || this.previousLeases.has(lease)) return;
    this.presence = {
      lease,
      of: new LeaderPresence(address, () => this.depose(lease, address), this.runtime, this.dial),
    };
  }

  private depose(lease: string, address: string): void {
    this.log.info(`etcd: the leader at ${address} is gone: connections are refused; its lease is revoked`);
    this.client.revokeLease(lease).catch((error) => {
      if (isLeaseGone(error)) return; // another follower has revoked it
      this.log.warn(`etcd: the lease could not be revoked, and has to run out: ${messageOf(error)}`);
    });
  }

  private tellLeader(address: string | undefined): void {
    if (address === this.leader) return;
    this.leader = address;
    this.callbacks.leader(address);
  }
}

const isLeaseGone = (error: unknown): boolean => error instanceof EtcdError && error.isLeaseGone;

/** undefined for values that no controller has written. */
function addressOf(candidate: string): string | undefined {
  try {
    const { address } = JSON.parse(candidate) as Partial<Candidate>;
    return typeof address === 'string' ? address : undefined;
  } catch {
    return undefined;
  }
}
