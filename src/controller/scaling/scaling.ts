/**
 * Scaling: carries out the decisions of policy/scaling.ts for each group through the VM manager, once a second.
 *
 * Members are units with their load over all hosts. Sources are the ports that the group's rules apply to, each with
 * its load balancer's load on the group (scaling-sources.ts). A source to be removed that is itself a member of a
 * group (e.g. a web server that sends to app servers) is drained there; any other is stopped at once, with its
 * template's `stopTimeout` to finish: a pure sender cannot be prevented from starting new flows.
 *
 * A VM that health checks have failed is not an active member. When a successor starts, the failed VM is stopped and
 * its address is freed (`replaceFailed` of vm-keeper.ts).
 *
 * A number of members set by people (`scale GROUP N`) replaces both bounds, so thresholds have no effect until it is
 * set to `auto`.
 */
import type { Logger } from 'pino';
import { membersInForce } from '../../config/model/criteria-sets.ts';
import type { GroupConfig } from '../../config/model/model.ts';
import { messageOf, Refusal } from '../../config/problems/refusal.ts';
import type { EventSink, Outlets } from '../../events/event.ts';
import type { MemberGlobal } from '../../messages/messages.ts';
import type { ScalingConfig } from '../../policy/policy-config.ts';
import {
  decideScaling,
  INITIAL_SCALING_STATE,
  type ScalingDecision,
  type ScalingInput,
  type ScalingState,
  type ScalingUnit,
} from '../../policy/scaling.ts';
import { type Moment, momentOf, type Runtime, type Timer } from '../../runtime/runtime.ts';
import type { GroupState, GroupStates } from '../groups/group-states.ts';
import type { Term } from '../term.ts';
import { isStarting, Sources } from './scaling-sources.ts';
import type { FleetActions, VmKeeper } from './vm-keeper.ts';

type Side = 'members' | 'sources';

const STEP_MS = 1_000;

export class Scaling {
  private readonly term: Term;
  private readonly actions: FleetActions;
  private readonly vms: VmKeeper;
  private readonly sources: Sources;
  private readonly log: Logger;
  private readonly events: EventSink;
  private readonly runtime: Runtime;
  private readonly clock: Timer;
  private readonly states = new Map<string, ScalingState>();
  private scaled: {
    readonly of: GroupStates | undefined;
    readonly list: readonly (readonly [name: string, state: GroupState])[];
  } = { of: undefined, list: [] };
  /** Sides whose last decision is still being carried out. */
  private readonly busy = new Set<string>();

  constructor(
    term: Term,
    actions: FleetActions,
    vms: VmKeeper,
    settlingMs: number,
    { log, events }: Outlets<Logger>,
  ) {
    this.term = term;
    this.actions = actions;
    this.vms = vms;
    this.runtime = term.runtime;
    this.sources = new Sources({ term, vms }, settlingMs, this.runtime.monotonicMs());
    this.log = log;
    this.events = events;
    this.clock = this.runtime.setTicker(() => this.step(momentOf(this.runtime)), STEP_MS);
    this.clock.unref();
  }

  stop(): void {
    this.runtime.clearTimer(this.clock);
  }

  /** Throws a Refusal if the group cannot have `count` members. */
  checkCount(name: string, count: number): void {
    const group = this.actions.groups.get(name)!.group;
    const config = this.configOf(group);
    if (config === undefined) {
      throw new Refusal(
        409,
        `group ${name}: found neither scaling nor a template of it, expected one of them`,
      );
    }
    const { minimum, maximum, template } = config;
    if (count < minimum || count > maximum) {
      throw new Refusal(409, `group ${name}: found ${count}, expected ${minimum} to ${maximum} members`);
    }
    const { decision } = this.decide(
      group,
      held(config, count),
      INITIAL_SCALING_STATE,
      momentOf(this.runtime),
    );
    const refusal = decision.add > 0 ? this.vms.manager.refusal(template) : undefined;
    if (refusal !== undefined) throw new Refusal(409, `group ${name}: template ${template}: ${refusal}`);
  }

  /** The group's number of members was set to `count`, which the caller has validated. */
  async bringTo(name: string, count: number): Promise<void> {
    const group = this.actions.groups.get(name)?.group;
    const config = group && this.configOf(group);
    const key = keyOf(name, 'members');
    if (config === undefined || this.busy.has(key)) return; // the next step does it
    const { decision } = this.decide(
      group!,
      held(config, count),
      INITIAL_SCALING_STATE,
      momentOf(this.runtime),
    );
    this.states.set(key, { changedMs: this.runtime.monotonicMs() });
    this.busy.add(key);
    try {
      await this.carryOut(name, 'members', config, { ...decision, reason: `asked for ${count}` });
    } finally {
      this.busy.delete(key);
    }
  }

  private decide(group: GroupConfig, config: ScalingConfig, state: ScalingState, now: Moment) {
    return decideScaling(config, state, this.memberInput(group, config.template, now));
  }

  private step(now: Moment): void {
    this.sources.look(now.monotonicMs);
    for (const [name, { group, heldCount }] of this.scaledGroups()) {
      const members = heldCount === undefined ? group.scaling?.members : this.configOf(group);
      if (members !== undefined) {
        const config = heldCount === undefined ? members : held(members, heldCount);
        this.stepSide(name, group, 'members', config, now);
      }
      const sources = group.scaling?.sources;
      if (sources !== undefined) this.stepSide(name, group, 'sources', sources, now);
    }
  }

  /** Groups with scaling, or with a number of members set by people. */
  private scaledGroups(): readonly (readonly [name: string, state: GroupState])[] {
    const { groups } = this.actions;
    if (this.scaled.of !== groups) {
      const list = [...groups].filter(
        ([, { group, heldCount }]) => group.scaling !== undefined || heldCount !== undefined,
      );
      this.scaled = { of: groups, list };
    }
    return this.scaled.list;
  }

  private stepSide(name: string, group: GroupConfig, side: Side, config: ScalingConfig, now: Moment): void {
    const key = keyOf(name, side);
    if (this.busy.has(key)) return;
    const input =
      side === 'members'
        ? this.memberInput(group, config.template, now)
        : this.sources.of(group, config.template, now.monotonicMs);
    if (input === undefined) return;
    if (side === 'members') this.releaseReplaced(name);
    const before = this.states.get(key) ?? INITIAL_SCALING_STATE;
    const { decision, state } = decideScaling(config, before, input);
    this.states.set(key, state);
    if (decision.reason === '') return;
    this.busy.add(key);
    this.carryOut(name, side, config, decision)
      .catch((error) => this.log.warn(`group ${name}: scaling of ${side}: ${messageOf(error)}`))
      .finally(() => this.busy.delete(key));
  }

  private releaseReplaced(group: string): void {
    this.vms
      .releaseReplaced(group)
      .catch((error) => this.log.warn(`group ${group}: VMs with successors stay: ${messageOf(error)}`));
  }

  private async carryOut(
    group: string,
    side: Side,
    config: ScalingConfig,
    { reactivate, add, drain, reason }: ScalingDecision,
  ): Promise<void> {
    const { vms } = this;
    const steps = [
      ...reactivate.map((member) => `${member} stays`),
      ...(add > 0 ? [`${add} more`] : []),
      ...drain.map((member) => `${member} goes`),
    ];
    if (steps.length > 0)
      this.events.emit({
        type: 'scaling.decided',
        subject: group,
        reason,
        actor: 'scaling',
        details: { side, add, drain, reactivate },
        line: `group ${group}: ${side}: ${reason}: ${steps.join(', ')}`,
      });
    for (const unit of reactivate) {
      if (side === 'members') await vms.reactivate(group, unit);
      else await vms.reactivateVm(unit);
    }
    if (side === 'members') await vms.replaceFailed(group, add);
    for (let i = 0; i < add; i++) {
      if (side === 'members') vms.add(group, config.template);
      else vms.manager.instantiate(config.template);
    }
    for (const unit of drain) {
      if (side === 'members') await vms.drain(group, unit, config.drainDeadlineMs);
      else await vms.retire(unit, config.drainDeadlineMs);
    }
  }

  private memberInput(
    group: GroupConfig,
    template: string,
    { monotonicMs: nowMs, wallMs }: Moment,
  ): ScalingInput {
    const loads = this.term.aggregation.loads(group.name, nowMs);
    const vms = this.vms.ofGroup(group.name);
    const units = membersInForce(group, wallMs).map(({ name, state }): ScalingUnit => {
      const record = vms.get(name);
      const sinceMs = record === undefined ? Number.POSITIVE_INFINITY : this.vms.manager.ageMs(record);
      return { name, state, isVm: record !== undefined, sinceMs, ...figuresOf(loads.get(name)) };
    });
    const starting = this.vms.manager
      .list()
      .filter((record) => isStarting(record, template) && record.group === group.name);
    return { nowMs, units, starting: starting.length };
  }

  /** Its scaling, or that of a group with a template and a number of members set by people; undefined: neither. */
  private configOf({ name, scaling }: GroupConfig): ScalingConfig | undefined {
    if (scaling?.members !== undefined) return scaling.members;
    const template = this.actions.templates.find(({ group }) => group === name);
    if (template === undefined) return undefined;
    return {
      template: template.name,
      metric: 'active-flows',
      average: {},
      single: {},
      minimum: 0,
      maximum: template.maxInstances,
      step: 1,
      sustainMs: 0,
      coolDownMs: 0,
      drainDeadlineMs: DRAIN_DEADLINE_MS,
    };
  }
}

/** Default for groups that do not set it. */
const DRAIN_DEADLINE_MS = 300_000;

/** Keeps the group at this number, within its current bounds. */
function held(config: ScalingConfig, count: number): ScalingConfig {
  const bounded = Math.min(config.maximum, Math.max(config.minimum, count));
  return { ...config, minimum: bounded, maximum: bounded };
}

const keyOf = (group: string, side: Side): string => `${side} ${group}`;

const figuresOf = (load: MemberGlobal | undefined) => ({
  activeFlows: load?.activeFlows ?? 0,
  newFlowsPerSecond: load?.newFlowsPerSecond ?? 0,
  bytesPerSecond: load?.bytesPerSecond ?? 0,
  ageMs: load?.ageMs ?? Number.POSITIVE_INFINITY,
});
