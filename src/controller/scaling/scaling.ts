/**
 * Scaling: what policy/scaling.ts decides for each group, carried out through the VM manager, once a second.
 *
 * Members are units with their load over all hosts. Sources are the ports that the group's rules hold for, each with
 * what its load balancer sends to the group (scaling-sources.ts). One that is to go and is itself a member of a group,
 * as the web servers are that send to app servers, is drained there; any other is stopped at once, and has its
 * template's `stopTimeout` to finish: who only sends cannot be kept from beginning something new.
 */
import type { Logger } from 'pino';
import { membersInForce } from '../../config/model/criteria-sets.ts';
import type { GroupConfig } from '../../config/model/model.ts';
import { messageOf, Refusal } from '../../config/model/refusal.ts';
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
  private readonly clock: NodeJS.Timeout;
  private readonly states = new Map<string, ScalingState>();
  /** Sides whose last decision is still being carried out. */
  private readonly busy = new Set<string>();

  constructor(term: Term, actions: FleetActions, vms: VmKeeper, settlingMs: number, log: Logger) {
    this.term = term;
    this.actions = actions;
    this.vms = vms;
    this.sources = new Sources({ term, vms }, settlingMs, Date.now());
    this.log = log;
    this.clock = setInterval(() => this.step(Date.now()), STEP_MS);
    this.clock.unref();
  }

  stop(): void {
    clearInterval(this.clock);
  }

  /** Brings the group to so many members, active or about to be; within its bounds where it has some. */
  async scale(name: string, count: number): Promise<void> {
    const group = this.actions.groups.get(name)!.group;
    const config = group.scaling?.members ?? this.settingsOf(name);
    const { minimum, maximum } = config;
    if (count < minimum || count > maximum) {
      throw new Refusal(409, `group ${name}: found ${count}, expected ${minimum} to ${maximum} members`);
    }
    const wanted = { ...config, minimum: count, maximum: count };
    const input = this.memberInput(group, config.template, Date.now());
    const { decision } = decideScaling(wanted, INITIAL_SCALING_STATE, input);
    const refusal = decision.add > 0 ? this.vms.manager.refusal(config.template) : undefined;
    if (refusal !== undefined)
      throw new Refusal(409, `group ${name}: template ${config.template}: ${refusal}`);
    this.states.set(keyOf(name, 'members'), { changedMs: Date.now() });
    await this.carryOut(name, 'members', config, { ...decision, reason: `asked for ${count}` });
  }

  private step(nowMs: number): void {
    this.sources.look(nowMs);
    for (const [name, { group }] of this.actions.groups) {
      for (const side of ['members', 'sources'] as const) {
        const config = group.scaling?.[side];
        if (config !== undefined) this.stepSide(name, group, side, config, nowMs);
      }
    }
  }

  private stepSide(name: string, group: GroupConfig, side: Side, config: ScalingConfig, nowMs: number): void {
    const key = keyOf(name, side);
    if (this.busy.has(key)) return;
    const input =
      side === 'members'
        ? this.memberInput(group, config.template, nowMs)
        : this.sources.of(group, config.template, nowMs);
    if (input === undefined) return;
    const before = this.states.get(key) ?? INITIAL_SCALING_STATE;
    const { decision, state } = decideScaling(config, before, input);
    this.states.set(key, state);
    if (decision.reason === '') return;
    this.busy.add(key);
    this.carryOut(name, side, config, decision)
      .catch((error) => this.log.warn(`group ${name}: scaling of ${side}: ${messageOf(error)}`))
      .finally(() => this.busy.delete(key));
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
    if (steps.length > 0) this.log.info(`group ${group}: ${side}: ${reason}: ${steps.join(', ')}`);
    for (const unit of reactivate) {
      if (side === 'members') await vms.reactivate(group, unit);
      else await vms.reactivateVm(unit);
    }
    for (let i = 0; i < add; i++) {
      if (side === 'members') vms.add(group, config.template);
      else vms.manager.instantiate(config.template);
    }
    for (const unit of drain) {
      if (side === 'members') await vms.drain(group, unit, config.drainDeadlineMs);
      else await vms.retire(unit, config.drainDeadlineMs);
    }
  }

  private memberInput(group: GroupConfig, template: string, nowMs: number): ScalingInput {
    const loads = this.term.aggregation.loads(group.name, nowMs);
    const vms = this.vms.ofGroup(group.name);
    const units = membersInForce(group, nowMs).map(({ name, state }): ScalingUnit => {
      const record = vms.get(name);
      const sinceMs = record === undefined ? Number.POSITIVE_INFINITY : nowMs - record.sinceMs;
      return { name, state, isVm: record !== undefined, sinceMs, ...figuresOf(loads.get(name)) };
    });
    const starting = this.vms.manager
      .list()
      .filter((record) => isStarting(record, template) && record.group === group.name);
    return { nowMs, units, starting: starting.length };
  }

  /** Of a group that does not scale by itself, but has a template. */
  private settingsOf(group: string): ScalingConfig {
    const template = this.actions.templates.find((candidate) => candidate.group === group);
    if (template === undefined) {
      throw new Refusal(
        409,
        `group ${group}: found neither scaling nor a template of it, expected one of them`,
      );
    }
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

/** Of groups that do not say it. */
const DRAIN_DEADLINE_MS = 300_000;

const keyOf = (group: string, side: Side): string => `${side} ${group}`;

const figuresOf = (load: MemberGlobal | undefined) => ({
  activeFlows: load?.activeFlows ?? 0,
  newFlowsPerSecond: load?.newFlowsPerSecond ?? 0,
  bytesPerSecond: load?.bytesPerSecond ?? 0,
  ageMs: load?.ageMs ?? Number.POSITIVE_INFINITY,
});
