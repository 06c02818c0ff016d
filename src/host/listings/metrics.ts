/** The host's Prometheus metrics: counters in the tables, read once per scrape. */
import { countsOf } from '../../api/group-listings.ts';
import type { ControllersStatus } from '../../api/shapes.ts';
import { membersInForce } from '../../config/model/criteria-sets.ts';
import { uplinkLegs } from '../../config/model/uplink-legs.ts';
import type { Samples } from '../../metrics/samples.ts';
import { errnoName } from '../../native/system-error.ts';
import type { Host } from '../host.ts';
import { commonWeights } from './weights-in-force.ts';

/** Members with metrics of their own; `sluice stats --by member` shows all. */
const MAX_MEMBERS = 10_000;
const STATES = ['active', 'draining', 'failed'] as const;

/** `nowMs`: wall clock. */
export function hostSamples(samples: Samples, host: Host, { link }: ControllersStatus, nowMs: number): void {
  datapathSamples(samples, host);
  tableSamples(samples, host);
  portSamples(samples, host);
  samples.add('sluice_revision', host.publisher.revision);
  samples.add('sluice_agent_attached', link.state === 'attached' ? 1 : 0);
  samples.add('sluice_agent_attachments_total', link.attachments);
  samples.add('sluice_agent_failures_total', link.failures);
  for (const group of host.configuration.groups) {
    const members = membersInForce(group, nowMs);
    for (const state of STATES) {
      const count = members.filter((member) => member.state === state).length;
      samples.add('sluice_group_members', count, { group: group.name, state });
    }
  }
  weightSamples(samples, host, nowMs);
  memberSamples(samples, host);
}

function weightSamples(samples: Samples, { publisher, builder: { ids } }: Host, nowMs: number): void {
  let count = 0;
  for (const [group, weights] of commonWeights(publisher.inForce!.built, nowMs)) {
    const name = ids.groupName(group);
    if (name === undefined) continue;
    for (const [member, weight] of weights)
      if (++count <= MAX_MEMBERS) samples.add('sluice_member_weight', weight, { group: name, member });
  }
}

function datapathSamples(samples: Samples, { thread }: Host): void {
  const { turns, batches, frames } = thread.work;
  const cpu = thread.cpuSeconds;
  if (cpu !== undefined) {
    samples.add('sluice_datapath_cpu_seconds_total', cpu.user, { mode: 'user' });
    samples.add('sluice_datapath_cpu_seconds_total', cpu.system, { mode: 'system' });
  }
  samples.add('sluice_datapath_info', 1, { engine: thread.engine });
  samples.add('sluice_datapath_turns_total', turns);
  samples.add('sluice_datapath_batches_total', batches);
  samples.add('sluice_datapath_frames_total', frames);
  const { systemCalls, writeErrnos, readErrors, writeQueueFull, outOfBuffers } = thread.engineCounters;
  samples.add('sluice_datapath_system_calls_total', systemCalls);
  samples.add('sluice_io_failed_reads_total', readErrors);
  samples.add('sluice_io_full_queues_total', writeQueueFull);
  samples.add('sluice_io_out_of_buffers_total', outOfBuffers);
  writeErrnos.forEach((count, errno) => {
    const error = errno === 0 ? 'not-attached' : errnoName(errno);
    if (count > 0 || errno === 0) samples.add('sluice_io_failed_writes_total', count, { error });
  });
}

function tableSamples(samples: Samples, { tables }: Host): void {
  const { connections, affinities, endpoints, fragments, limits } = tables;
  const { created, expired, refused } = connections.totals;
  samples.add('sluice_connections', connections.inUse);
  samples.add('sluice_connections_limit', connections.capacity);
  samples.add('sluice_connections_created_total', created);
  samples.add('sluice_connections_expired_total', expired);
  samples.add('sluice_connections_refused_total', refused);
  samples.add('sluice_affinities', affinities.inUse);
  samples.add('sluice_affinities_limit', affinities.capacity);
  samples.add('sluice_affinities_evicted_total', affinities.evicted);
  samples.add('sluice_endpoints', endpoints.inUse);
  samples.add('sluice_endpoints_limit', limits.maxEndpoints);
  samples.add('sluice_reassemblies', fragments.inUse);
  samples.add('sluice_reassemblies_limit', fragments.capacity);
}

function portSamples(
  samples: Samples,
  { configuration, builder: { ids }, tables, ports, queueLosses, uplinks }: Host,
): void {
  const count = (port: string, numbers: readonly number[], lost: Record<string, number>): void => {
    const rows = numbers.map((number) => tables.portCounters.read(number));
    const total = (key: 'rxPackets' | 'rxBytes' | 'txPackets' | 'txBytes'): number =>
      rows.reduce((sum, row) => sum + row[key], 0);
    samples.add('sluice_port_received_packets_total', total('rxPackets'), { port });
    samples.add('sluice_port_received_bytes_total', total('rxBytes'), { port });
    samples.add('sluice_port_sent_packets_total', total('txPackets'), { port });
    samples.add('sluice_port_sent_bytes_total', total('txBytes'), { port });
    const drops = new Map(Object.entries(lost));
    for (const row of rows) {
      for (const [reason, frames] of Object.entries(row.drops))
        drops.set(reason, (drops.get(reason) ?? 0) + frames);
    }
    for (const [reason, frames] of drops) samples.add('sluice_port_drops_total', frames, { port, reason });
  };
  for (const { name, ...port } of configuration.ports) {
    samples.add('sluice_port_up', ports.isUp(name) ? 1 : 0, { port: name, kind: 'vm' });
    const lost = {};
    queueLosses.addTo(lost, name);
    count(name, [ids.findPort({ name, ...port })!], lost);
  }
  for (const uplink of configuration.uplinks ?? []) {
    const { state, outages, lostFrames } = uplinks.view(uplink.name);
    samples.add('sluice_port_up', state === 'up' ? 1 : 0, { port: uplink.name, kind: 'uplink' });
    samples.add('sluice_uplink_outages_total', outages, { port: uplink.name });
    const legs = uplinkLegs({ uplinks: [uplink] });
    count(
      uplink.name,
      legs.map((leg) => ids.findUplinkLeg(leg)!),
      lostFrames > 0 ? { 'receive-buffer-full': lostFrames } : {},
    );
  }
}

/** Members of the groups in force that have a counter above 0. */
function memberSamples(samples: Samples, { configuration, builder: { ids }, collector }: Host): void {
  collector.refresh();
  let count = 0;
  for (const { name: group } of configuration.groups) {
    const numbers = new Map<string, number[]>();
    for (const id of ids.membersOf(group)) {
      if (!collector.has(id)) continue;
      const { member } = ids.memberOf(id)!;
      numbers.set(member, [...(numbers.get(member) ?? []), id]);
    }
    for (const [member, own] of numbers) {
      if (++count > MAX_MEMBERS) continue;
      const labels = { group, member };
      const stats = own.map((id) => collector.of(id).stats);
      const { activeFlows, newFlows, bytes, replyBytes } = countsOf(stats);
      const total = (key: 'failedConnects' | 'resets' | 'retransmissions'): number =>
        stats.reduce((sum, one) => sum + one[key], 0);
      samples.add('sluice_member_active_flows', activeFlows, labels);
      samples.add('sluice_member_new_flows_total', newFlows, labels);
      samples.add('sluice_member_bytes_total', bytes, { ...labels, direction: 'to-member' });
      samples.add('sluice_member_bytes_total', replyBytes, { ...labels, direction: 'from-member' });
      samples.add('sluice_member_failed_connects_total', total('failedConnects'), labels);
      samples.add('sluice_member_resets_total', total('resets'), labels);
      samples.add('sluice_member_retransmissions_total', total('retransmissions'), labels);
      const { synTimeMicros, rttMicros } = stats.at(-1)!;
      if (synTimeMicros > 0) samples.add('sluice_member_connect_seconds', synTimeMicros / 1e6, labels);
      if (rttMicros > 0) samples.add('sluice_member_rtt_seconds', rttMicros / 1e6, labels);
    }
  }
  samples.add('sluice_members_omitted', Math.max(0, count - MAX_MEMBERS));
}
