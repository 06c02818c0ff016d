/** The controller's Prometheus metrics: its role, its hosts, and what it distributes. */
import type { StreamCounts } from '../api/shapes.ts';
import { membersInForce } from '../config/model/criteria-sets.ts';
import type { Samples } from '../metrics/samples.ts';
import type { Controller } from './controller.ts';
import type { Term } from './term.ts';

/** Members with metrics of their own. */
const MAX_MEMBERS = 10_000;
const STATES = ['active', 'draining', 'failed'] as const;

export function controllerSamples(
  samples: Samples,
  controller: Controller,
  streams: StreamCounts | undefined,
): void {
  const { leadership: term, leader, groups, setAside } = controller;
  samples.add('sluice_controller_leads', term === undefined ? 0 : 1);
  samples.add('sluice_controller_leader_known', term === undefined && leader === undefined ? 0 : 1);
  samples.add('sluice_controller_groups', groups.size);
  samples.add('sluice_controller_documents_set_aside', setAside.size);
  for (const [outcome, count] of Object.entries(streams ?? {}))
    samples.add('sluice_controller_streams_total', count, { outcome });
  if (term === undefined) return;
  samples.add('sluice_controller_epoch', term.epoch);
  samples.add('sluice_controller_revision', term.distribution.revision);
  samples.add('sluice_controller_steps_total', term.steps.count);
  samples.add('sluice_controller_step_seconds_total', term.steps.totalMs / 1000);
  agentSamples(samples, term);
  groupSamples(samples, controller, term);
  vmSamples(samples, controller);
}

function agentSamples(samples: Samples, { agents, distribution, runtime }: Term): void {
  const nowMs = runtime.monotonicMs();
  samples.add('sluice_controller_agents', agents.size);
  for (const { host, reports, missedReports, lastReportMs } of agents.values()) {
    const feed = distribution.feedOf(host);
    const isInForce = feed !== undefined && feed.error === '' && feed.appliedRevision >= feed.sentRevision;
    samples.add('sluice_controller_agent_reports_total', reports, { host });
    samples.add('sluice_controller_agent_missed_reports_total', missedReports, { host });
    samples.add('sluice_controller_agent_in_force', isInForce ? 1 : 0, { host });
    if (lastReportMs !== undefined)
      samples.add('sluice_controller_agent_report_age_seconds', (nowMs - lastReportMs) / 1000, { host });
  }
}

function groupSamples(samples: Samples, { groups, runtime }: Controller, { weights }: Term): void {
  const nowMs = runtime.wallMs();
  const distributed = weights.groups;
  let count = 0;
  for (const [group, { group: configured, health }] of groups) {
    const members = membersInForce(distributed.get(group) ?? configured, nowMs);
    for (const state of STATES) {
      const inState = members.filter((member) => member.state === state).length;
      samples.add('sluice_controller_group_members', inState, { group, state });
    }
    if (configured.health !== undefined)
      samples.add('sluice_controller_members_failed_by_health', Object.keys(health).length, { group });
    for (const { name: member, weight } of members)
      if (++count <= MAX_MEMBERS) samples.add('sluice_controller_member_weight', weight, { group, member });
  }
}

function vmSamples(samples: Samples, { templates, vms: { manager } }: Controller): void {
  const records = manager.list();
  for (const { name: template } of templates) {
    const own = records.filter((record) => record.template === template);
    for (const phase of ['pending', 'starting', 'created', 'serving', 'stopping', 'lost']) {
      const inPhase = own.filter((record) => record.phase === phase).length;
      samples.add('sluice_controller_vms', inPhase, { template, phase });
    }
    const waiting = own.filter(({ id }) => manager.waitsFor(id) !== undefined).length;
    samples.add('sluice_controller_vms_waiting', waiting, { template });
  }
}
