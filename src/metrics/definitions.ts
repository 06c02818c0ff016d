/**
 * Every metric: name, type, help, labels. The endpoint, the dashboard, the alert rules and docs/monitoring/metrics.md
 * come from this list.
 *
 * Base units, totals with `_total`. Labels name what is configured (ports, groups, members, hosts) or come from a fixed list
 * (reasons, states), never clients or flows. Help says what a metric should read when all is well.
 */
export interface Definition {
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly labels: readonly string[];
}

const gauge = (help: string, ...labels: string[]): Definition => ({ type: 'gauge', help, labels });
const counter = (help: string, ...labels: string[]): Definition => ({ type: 'counter', help, labels });

export const METRICS = {
  sluice_build_info: gauge('Always 1; the version of the process is a label.', 'version', 'kind'),
  sluice_uptime_seconds: gauge('Time since the process started; grows steadily.'),
  sluice_well: gauge('1 if `sluice status --check` says that all is well, 0 if not; expected: 1.'),
  sluice_resident_bytes: gauge('Resident memory of the process; steady under steady load.'),
  sluice_heap_bytes: gauge('JavaScript heap in use by the main thread; goes up and down.'),
  sluice_cpu_seconds_total: counter('CPU time of the process, all threads, by mode.', 'mode'),
  sluice_main_thread_delay_seconds: gauge(
    'Longest delay of the main thread since the last scrape; expected: below 0.2.',
  ),
  sluice_certificate_expiry_timestamp_seconds: gauge(
    'End of the validity of a certificate or its authority, Unix time; expected: more than 30 days ahead.',
    'setting',
  ),

  // --- host ------------------------------------------------------------------------------------------------------
  sluice_datapath_cpu_seconds_total: counter(
    'CPU time of the datapath thread; per second it is the busy share, expected: below 0.9.',
    'mode',
  ),
  sluice_datapath_turns_total: counter(
    'Turns of the datapath loop; must grow, at least two per second, else the datapath hangs.',
  ),
  sluice_datapath_batches_total: counter('Batches with frames; frames per batch grow with the load.'),
  sluice_datapath_frames_total: counter('Frames in those batches.'),
  sluice_datapath_system_calls_total: counter('System calls for I/O; fewer than frames under load.'),
  sluice_datapath_info: gauge('Always 1; the I/O engine in use is a label.', 'engine'),
  sluice_io_failed_writes_total: counter(
    'Writes to a device that failed, by error; expected: constant. ENOSPC and not-attached: a port is gone.',
    'error',
  ),
  sluice_io_failed_reads_total: counter('Reads from a device that failed; expected: constant.'),
  sluice_io_full_queues_total: counter(
    'Frames dropped because a device did not take them; constant unless a VM does not read.',
  ),
  sluice_io_out_of_buffers_total: counter('Reads that waited for a free buffer; expected: constant.'),
  sluice_revision: gauge('Revision of the configuration in force; grows with each change.'),
  sluice_connections: gauge('Connection records in use; expected: below 0.9 of the limit.'),
  sluice_connections_limit: gauge('Most connection records (datapath.maxConnections).'),
  sluice_connections_created_total: counter('Connection records created: balanced flows.'),
  sluice_connections_expired_total: counter('Connection records that ended or expired.'),
  sluice_connections_refused_total: counter(
    'Flows refused because the connection table was full; expected: constant.',
  ),
  sluice_affinities: gauge('Clients whose member is remembered.'),
  sluice_affinities_limit: gauge('Most clients whose member is remembered.'),
  sluice_affinities_evicted_total: counter('Clients that had to make room for others; expected: constant.'),
  sluice_endpoints: gauge('Addresses of VIPs and members in the tables; expected: below the limit.'),
  sluice_endpoints_limit: gauge('Most addresses of VIPs and members.'),
  sluice_reassemblies: gauge('Fragmented datagrams being followed; expected: near 0.'),
  sluice_reassemblies_limit: gauge('Most fragmented datagrams being followed.'),
  sluice_port_up: gauge(
    '1 if the port’s or uplink’s interface is up, 0 if not; expected: 1.',
    'port',
    'kind',
  ),
  sluice_uplink_outages_total: counter('How often an uplink was down or gone; expected: constant.', 'port'),
  sluice_port_received_packets_total: counter(
    'Frames that came in by the port, dropped ones included.',
    'port',
  ),
  sluice_port_received_bytes_total: counter('Bytes that came in by the port.', 'port'),
  sluice_port_sent_packets_total: counter('Frames that went out by the port.', 'port'),
  sluice_port_sent_bytes_total: counter('Bytes that went out by the port.', 'port'),
  sluice_port_drops_total: counter(
    'Frames dropped by port and reason; absent reasons have not occurred. Some are normal (not-for-us), most should be constant.',
    'port',
    'reason',
  ),
  sluice_group_members: gauge(
    'Members of the criteria set in force by state; expected: active above 0, failed 0.',
    'group',
    'state',
  ),
  sluice_member_active_flows: gauge(
    'Active flows of this host’s load balancers on a member.',
    'group',
    'member',
  ),
  sluice_member_weight: gauge(
    'Weight of a member at most of this host’s load balancers, by the policy if there is one; 0: no new flows.',
    'group',
    'member',
  ),
  sluice_member_new_flows_total: counter(
    'Flows that this host’s load balancers sent to a member.',
    'group',
    'member',
  ),
  sluice_member_bytes_total: counter(
    'Bytes between this host’s load balancers and a member.',
    'group',
    'member',
    'direction',
  ),
  sluice_member_failed_connects_total: counter(
    'Connections that a member did not accept; expected: constant.',
    'group',
    'member',
  ),
  sluice_member_resets_total: counter(
    'Connections that a member reset; expected: near constant.',
    'group',
    'member',
  ),
  sluice_member_retransmissions_total: counter(
    'TCP segments towards a member that were sent again; expected: few.',
    'group',
    'member',
  ),
  sluice_member_connect_seconds: gauge(
    'Time from SYN to SYN/ACK of a member, smoothed; absent: not measured. Expected: alike within a group.',
    'group',
    'member',
  ),
  sluice_member_rtt_seconds: gauge(
    'Round-trip time of connections to a member, smoothed; absent: not measured. Expected: alike within a group.',
    'group',
    'member',
  ),
  sluice_members_omitted: gauge(
    'Members without metrics of their own, as there are too many for one scrape; expected: 0.',
  ),
  sluice_agent_attached: gauge('1 if the host is attached to the leading controller, 0 if not; expected: 1.'),
  sluice_agent_attachments_total: counter('How often the host attached to a controller; expected: constant.'),
  sluice_agent_failures_total: counter('Attempts to attach that failed; expected: constant.'),

  // --- controller ------------------------------------------------------------------------------------------------
  sluice_controller_leads: gauge('1 if this controller leads, 0 if it follows; expected: 1 at exactly one.'),
  sluice_controller_leader_known: gauge(
    '1 if this controller knows who leads, itself included; expected: 1.',
  ),
  sluice_controller_epoch: gauge('Number of the leader’s term; grows with each election. Absent: follower.'),
  sluice_controller_agents: gauge('Hosts attached to this controller; expected: all of them at the leader.'),
  sluice_controller_groups: gauge('Groups in the store.'),
  sluice_controller_revision: gauge('Revision of the rules distributed last.'),
  sluice_controller_documents_set_aside: gauge('Documents of the store that are malformed; expected: 0.'),
  sluice_controller_streams_total: counter(
    'Streams of agents by what became of them; expected: only accepted grows.',
    'outcome',
  ),
  sluice_controller_steps_total: counter('Steps of the control loop; must grow at the leader.'),
  sluice_controller_step_seconds_total: counter(
    'Time spent in these steps; per step expected: far below 0.1.',
  ),
  sluice_controller_agent_reports_total: counter('Load reports of a host; must grow.', 'host'),
  sluice_controller_agent_missed_reports_total: counter(
    'Load reports of a host that were lost or merged; expected: near constant.',
    'host',
  ),
  sluice_controller_agent_report_age_seconds: gauge(
    'Age of a host’s last report; expected: about the report interval.',
    'host',
  ),
  sluice_controller_agent_in_force: gauge(
    '1 if the host has the rules in force that it was sent, 0 if it is late or refuses them; expected: 1.',
    'host',
  ),
  sluice_controller_group_members: gauge(
    'Members by state, as the controller has them; expected: active above 0, failed 0.',
    'group',
    'state',
  ),
  sluice_controller_member_weight: gauge(
    'Weight that is distributed, by the policy if there is one.',
    'group',
    'member',
  ),
  sluice_controller_members_failed_by_health: gauge(
    'Members that health checks have failed; expected: 0.',
    'group',
  ),
  sluice_controller_vms: gauge(
    'VMs of a template by phase; expected: only serving ones, most of the time.',
    'template',
    'phase',
  ),
  sluice_controller_vms_waiting: gauge(
    'VMs that cannot be started now, for lack of a host or an address; expected: 0.',
    'template',
  ),
} as const satisfies Record<`sluice_${string}`, Definition>;

export type MetricName = keyof typeof METRICS;
