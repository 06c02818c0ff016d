/**
 * Changes of groups: the one place where what people, and the VM keeper, change enters.
 *
 * Theory of operation. A change is checked against the groups as they are and written under the leader's epoch, one
 * change at a time; then the agents concerned are given a moment to bring it into force. A change of a member that
 * each of them refuses is reverted.
 */
import { SerialQueue } from '../api/serial-queue.ts';
import type { Changed, MemberAdd } from '../api/shapes.ts';
import { findMember } from '../config/model/group-members.ts';
import type { Configuration, NetworkConfig, TemplateConfig } from '../config/model/model.ts';
import { checkNewPolicy } from '../config/new-policy.ts';
import { ConfigError, expectOneOf } from '../config/problems/problems.ts';
import { Refusal } from '../config/problems/refusal.ts';
import type { PolicyConfig } from '../policy/policy-config.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ExpectedHosts } from './agents/expected-hosts.ts';
import type { Settlement } from './distribution/distribution.ts';
import { groupReset } from './groups/group-reset.ts';
import { existingGroup, type GroupStates } from './groups/group-states.ts';
import { MemberChanges } from './groups/member-changes.ts';
import { type GroupOverrides, type MemberOverride, signed } from './groups/member-overrides.ts';
import {
  inOrder,
  type PendingChange,
  rampStep,
  withoutMember,
  withoutRunningRamps,
  withPending,
} from './groups/pending-changes.ts';
import type { Replica } from './groups/replica.ts';
import {
  KEYS,
  overridesChange,
  pendingDocumentChange,
  type ScaleDocument,
} from './groups/stored-documents.ts';
import type { Scaling } from './scaling/scaling.ts';
import type { FleetActions } from './scaling/vm-keeper.ts';
import type { Change } from './store/store.ts';
import type { Term } from './term.ts';

/** Timeout for confirmations of a change; the reply then names the hosts that have not confirmed it. */
const SETTLE_TIMEOUT_MS = 2_000;

/** The controller, of which some is the leader's only: a Refusal if another one leads. */
export interface ChangingController {
  readonly id: string;
  readonly runtime: Runtime;
  /** The file. */
  readonly configuration: Configuration;
  readonly hosts: ExpectedHosts;
  readonly scaling: Scaling;
  leading(): Term;
}

type PendingFilter = (pending: readonly PendingChange[], member: string) => readonly PendingChange[];

/** A time this far back is taken for now: the one who asks may have another clock. */
const CLOCK_TOLERANCE_MS = 5_000;

const isoTime = (ms: number): string => new Date(ms).toISOString();

const startsNow = ({ atMs }: PendingChange, nowMs: number): boolean => atMs <= nowMs;

export class GroupChanges implements FleetActions {
  private readonly controller: ChangingController;
  private readonly replica: Replica;
  private readonly queue = new SerialQueue();
  private changer: string | undefined;

  constructor(controller: ChangingController, replica: Replica) {
    this.controller = controller;
    this.replica = replica;
  }

  get groups(): GroupStates {
    return this.replica.groups;
  }

  get templates(): readonly TemplateConfig[] {
    return this.controller.configuration.templates;
  }

  get networks(): readonly NetworkConfig[] {
    return this.controller.configuration.networks;
  }

  /** Who makes the change that is being written now, if known. */
  get by(): string | undefined {
    return this.changer;
  }

  /** Resolves when no change is being made. */
  idle(): Promise<void> {
    return this.queue.idle();
  }

  /** One after the other with all changes. `by`: who makes it. */
  exclusively<Result>(change: () => Promise<Result>, by?: string): Promise<Result> {
    return this.queue.run(async () => {
      this.changer = by;
      try {
        return await change();
      } finally {
        this.changer = undefined;
      }
    });
  }

  addMember(group: string, request: MemberAdd, by?: string): Promise<Changed> {
    return this.changeMember(group, request.name, by, (changes) => changes.add(group, request));
  }

  /** Ends a ramp of the member's weight that has begun. */
  setWeight(group: string, member: string, weight: number, by?: string): Promise<Changed> {
    const change = (changes: MemberChanges): GroupOverrides => changes.setWeight(group, member, weight);
    return this.changeMember(group, member, by, change, withoutRunningRamps);
  }

  /** At the load balancer of this port alone, until `weight` is null. */
  setWeightAt(
    group: string,
    member: string,
    port: string,
    weight: number | null,
    by?: string,
  ): Promise<Changed> {
    if (weight !== null) this.checkPort(port);
    return this.changeMember(group, member, by, (changes) =>
      changes.setWeightAt(group, member, port, weight ?? undefined),
    );
  }

  /** Refusal 404 if no attached host has it. */
  private checkPort(port: string): void {
    const { agents } = this.controller.leading();
    const known = [...agents.values()].flatMap(({ ports }) => ports.map(({ name }) => name));
    if (known.includes(port)) return;
    throw new Refusal(404, `port: found ${port}, expected ${expectOneOf(port, known)}`);
  }

  /** `deadlineMs`: from now. */
  drainMember(group: string, member: string, deadlineMs?: number, by?: string): Promise<Changed> {
    const atMs = deadlineMs === undefined ? undefined : this.controller.runtime.wallMs() + deadlineMs;
    return this.changeMember(group, member, by, (changes) => changes.drain(group, member, atMs));
  }

  failMember(group: string, member: string, by?: string): Promise<Changed> {
    return this.changeMember(group, member, by, (changes) => changes.fail(group, member));
  }

  removeMember(group: string, member: string, by?: string): Promise<Changed> {
    const change = (changes: MemberChanges): GroupOverrides => changes.remove(group, member);
    return this.changeMember(group, member, by, change, withoutMember);
  }

  /** Restores the member as in the file; removes one that the file does not have. */
  resetMember(group: string, member: string, by?: string): Promise<Changed> {
    const change = (changes: MemberChanges): GroupOverrides => changes.reset(group, member);
    return this.changeMember(group, member, by, change, withoutMember);
  }

  /** Restores the group as in the file: drops changes by commands, and adds a removed group again. */
  async resetGroup(group: string, by?: string): Promise<Changed> {
    await this.exclusively(async () => {
      const { epoch } = this.controller.leading();
      const changes = groupReset(
        this.replica.entries,
        group,
        this.controller.configuration,
        this.controller.id,
      );
      if (changes.length > 0) await this.replica.write(changes, epoch);
    }, by);
    return this.settled(group);
  }

  /** Replaces the file's policy, with the same checks; null: restores the file's. */
  async setPolicy(group: string, input: unknown): Promise<Changed> {
    const policy = input === null ? undefined : checkedPolicy(input, group);
    await this.exclusively(async () => {
      const { epoch } = this.controller.leading();
      existingGroup(this.groups, group);
      const key = KEYS.policy + group;
      await this.replica.write(
        [policy === undefined ? { key, deleted: true } : { key, value: policy }],
        epoch,
      );
    });
    return this.settled(group);
  }

  /** Keeps the group at `count` members by VMs of its template; null: the thresholds of its scaling decide. */
  async scale(group: string, count: number | null): Promise<Changed> {
    const { scaling } = this.controller;
    const { heldCount } = existingGroup(this.groups, group);
    if (count !== null) scaling.checkCount(group, count);
    if ((heldCount ?? null) !== count) {
      const key = KEYS.scale + group;
      const change: Change =
        count === null ? { key, deleted: true } : { key, value: { count } satisfies ScaleDocument };
      await this.exclusively(() => this.replica.write([change], this.controller.leading().epoch));
    }
    if (count !== null) await scaling.bringTo(group, count);
    return this.settled(group);
  }

  write(changes: readonly Change[]): Promise<void> {
    return this.replica.write(changes, this.controller.leading().epoch);
  }

  writeFindings(changes: readonly Change[]): Promise<void> {
    return this.replica.writeFindings(changes, this.controller.leading().epoch);
  }

  // --- changes with a time ------------------------------------------------------------------------------------------

  /** Stores the change until its time, which must not have passed; a ramp that begins now makes its first step. */
  async schedule(group: string, change: PendingChange): Promise<Changed> {
    await this.exclusively(async () => {
      const { epoch } = this.controller.leading();
      const { pending } = existingGroup(this.groups, group);
      this.checkPending(group, change, pending);
      const others = startsNow(change, this.controller.runtime.wallMs())
        ? withoutRunningRamps(pending, change.member)
        : pending;
      await this.replica.write([pendingDocumentChange(group, withPending(group, others, change))], epoch);
    });
    const untilMs = change.atMs + ((change.kind === 'weight' && change.overMs) || 0);
    const scheduled = { at: isoTime(change.atMs), until: isoTime(untilMs) };
    return { revision: this.controller.leading().distribution.revision, scheduled };
  }

  /** Throws a Refusal if the change could not be made now, apart from members that are about to be added. */
  private checkPending(group: string, change: PendingChange, pending: readonly PendingChange[]): void {
    const nowMs = this.controller.runtime.wallMs();
    if (change.atMs < nowMs - CLOCK_TOLERANCE_MS) {
      const found = `at: found ${isoTime(change.atMs)}`;
      throw new Refusal(400, `${found}, expected a time after that of the controller, ${isoTime(nowMs)}`);
    }
    const isAwaited = pending.some(({ kind, member }) => kind === 'add' && member === change.member);
    if (change.kind === 'add' && isAwaited)
      throw new Refusal(409, `group ${group}: ${change.member} is about to be added already`);
    if (!isAwaited) this.overridesAfter(group, change);
  }

  /** Drops what is pending for the member; a ramp stays where it is. */
  async cancelPending(group: string, member: string): Promise<Changed> {
    await this.exclusively(async () => {
      const { epoch } = this.controller.leading();
      const { pending } = existingGroup(this.groups, group);
      const kept = withoutMember(pending, member);
      if (kept.length === pending.length) {
        const known = [...new Set(pending.map((change) => change.member))];
        const expected = known.length === 0 ? 'nothing is pending' : expectOneOf(member, known);
        throw new Refusal(
          404,
          `pending changes of group ${group}: found member ${member}, expected ${expected}`,
        );
      }
      await this.replica.write([pendingDocumentChange(group, kept)], epoch);
    });
    return { revision: this.controller.leading().distribution.revision };
  }

  /** Makes a pending change that is due, or the next step of a ramp, unless it was dropped meanwhile. */
  makePending(group: string, due: PendingChange, nowMs: number): Promise<void> {
    return this.exclusively(async () => {
      const { epoch } = this.controller.leading();
      const state = this.groups.get(group);
      if (state === undefined || !state.pending.includes(due)) return;
      const others = state.pending.filter((change) => change !== due);
      const { member, by } = due;
      const overridden = (change: PendingChange): Change =>
        overridesChange(group, signed(this.overridesAfter(group, change), member, { by, atMs: nowMs }));
      const changes: Change[] = [];
      if (due.kind !== 'weight') changes.push(overridden(due), pendingDocumentChange(group, others));
      else {
        const begins = due.fromWeight === undefined;
        const weightNow = findMember(state.beforeHealth, member)?.weight ?? due.weight;
        const { weight, rest } = rampStep(due, nowMs, weightNow);
        const kept = begins ? withoutRunningRamps(others, member) : others;
        changes.push(pendingDocumentChange(group, rest === undefined ? kept : inOrder([...kept, rest])));
        // The beginning of a ramp changes nothing else.
        if (!begins || rest === undefined) changes.push(overridden({ ...due, weight }));
      }
      await this.replica.write(changes, epoch);
    }, due.by);
  }

  dropPending(group: string, change: PendingChange): Promise<void> {
    return this.exclusively(async () => {
      const pending = this.groups.get(group)?.pending ?? [];
      const kept = pending.filter((other) => other !== change);
      await this.replica.write([pendingDocumentChange(group, kept)], this.controller.leading().epoch);
    });
  }

  private overridesAfter(group: string, change: PendingChange): GroupOverrides {
    const changes = new MemberChanges(this.groups, this.networks);
    if (change.kind === 'add') return changes.add(group, change.add);
    if (change.kind === 'weight') return changes.setWeight(group, change.member, change.weight);
    const { deadlineMs } = change;
    return changes.drain(
      group,
      change.member,
      deadlineMs === undefined ? undefined : this.controller.runtime.wallMs() + deadlineMs,
    );
  }

  private async changeMember(
    group: string,
    member: string,
    by: string | undefined,
    change: (changes: MemberChanges) => GroupOverrides,
    pendingAfter: PendingFilter = (pending) => pending,
  ): Promise<Changed> {
    let before: MemberOverride | undefined;
    await this.exclusively(async () => {
      const { epoch } = this.controller.leading();
      const state = this.groups.get(group);
      before = state?.overrides.get(member);
      const changed = change(new MemberChanges(this.groups, this.networks));
      const overrides = signed(changed, member, { by, atMs: this.controller.runtime.wallMs() });
      const pending = state?.pending ?? [];
      const kept = pendingAfter(pending, member);
      const dropped = kept.length < pending.length ? [pendingDocumentChange(group, kept)] : [];
      await this.replica.write([overridesChange(group, overrides), ...dropped], epoch);
    }, by);
    const settlement = await this.settlement(group);
    const refusals = Object.entries(settlement.refused);
    const isRefusedByAll =
      refusals.length > 0 && Object.keys(settlement.hosts).length === 0 && settlement.late.length === 0;
    if (!isRefusedByAll) return this.changed(group, settlement);
    await this.exclusively(async () => {
      const { epoch } = this.controller.leading();
      const overrides = new Map(this.groups.get(group)?.overrides);
      if (before === undefined) overrides.delete(member);
      else overrides.set(member, before);
      await this.replica.write([overridesChange(group, overrides)], epoch);
    });
    throw new Refusal(409, refusals.map(([host, error]) => `host ${host}: ${error}`).join('; '));
  }

  /** Who has confirmed the group's rules; undefined: those of all groups. Waits a moment for hosts that are late. */
  async settled(group: string | undefined): Promise<Changed> {
    return this.changed(group, await this.settlement(group));
  }

  private changed(group: string | undefined, { revision, hosts, late, left, refused }: Settlement): Changed {
    const concerned = group === undefined ? undefined : this.groups.get(group)?.group;
    const away = this.controller.hosts.away(concerned).filter(({ host }) => !Object.hasOwn(hosts, host));
    const since = new Map(away.map(({ host, sinceMs }) => [host, sinceMs]));
    for (const host of left)
      if (!since.has(host) && this.controller.hosts.isExpected(host))
        since.set(host, this.controller.runtime.wallMs());
    return {
      revision,
      hosts,
      ...(late.length > 0 && { late: [...late] }),
      ...(since.size > 0 && {
        away: Object.fromEntries([...since].map(([host, ms]) => [host, new Date(ms).toISOString()])),
      }),
      ...(Object.keys(refused).length > 0 && { refused }),
    };
  }

  /** undefined: all groups. */
  private settlement(group: string | undefined): Promise<Settlement> {
    return this.controller.leading().distribution.settled(group, SETTLE_TIMEOUT_MS);
  }
}

function checkedPolicy(input: unknown, group: string): PolicyConfig {
  try {
    return checkNewPolicy(input, group);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new Refusal(400, `group ${group} cannot have this policy`, error.problems);
  }
}
