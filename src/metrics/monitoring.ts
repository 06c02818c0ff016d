/**
 * Panels of the dashboard and alert rules, in PromQL over the metrics of definitions.ts. The compiler checks the names;
 * a test runs every query against a real Prometheus.
 */
import type { MetricName } from './definitions.ts';

export interface Query {
  readonly expr: string;
  /** Grafana's template, of labels. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  readonly queries: readonly Query[];
}

export interface PanelRow {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Alert {
  readonly name: string;
  readonly expr: string;
  /** How long it must hold. */
  readonly for: string;
  readonly severity: 'critical' | 'warning';
  readonly summary: string;
  /** What to do. */
  readonly advice: string;
}

const WINDOW = '$__rate_interval';
const ALERT_WINDOW = '5m';

/** Per second; summed by these labels, if any are given. */
function rate(metric: MetricName, by: readonly string[] = [], window = WINDOW): string {
  const perSecond = `rate(${metric}[${window}])`;
  return by.length === 0 ? perSecond : `sum by (${by.join(', ')}) (${perSecond})`;
}

const metric = (name: MetricName): string => name;
const part = (used: MetricName, of: MetricName): string => `${used} / ${of}`;
const one = (expr: string, legend: string): Query[] => [{ expr, legend }];

const panel = (title: string, unit: string, ...queries: Query[]): Panel => ({ title, unit, queries });

export const PANEL_ROWS: readonly PanelRow[] = [
  {
    title: 'At a glance',
    panels: [
      panel('All is well (1) or not (0)', 'none', ...one(metric('sluice_well'), '{{instance}}')),
      panel('New flows', 'ops', ...one(rate('sluice_member_new_flows_total', ['group']), '{{group}}')),
      panel(
        'Active flows',
        'short',
        ...one(`sum by (group) (${metric('sluice_member_active_flows')})`, '{{group}}'),
      ),
      panel(
        'Members by state',
        'short',
        ...one(`sum by (state) (${metric('sluice_controller_group_members')})`, '{{state}}'),
      ),
    ],
  },
  {
    title: 'Members',
    panels: [
      panel(
        'Active flows by member',
        'short',
        ...one(`sum by (group, member) (${metric('sluice_member_active_flows')})`, '{{group}} {{member}}'),
      ),
      panel(
        'New flows by member',
        'ops',
        ...one(rate('sluice_member_new_flows_total', ['group', 'member']), '{{group}} {{member}}'),
      ),
      panel('Weights', 'short', ...one(metric('sluice_member_weight'), '{{instance}} {{group}} {{member}}')),
      panel(
        'Bytes by member',
        'Bps',
        ...one(
          rate('sluice_member_bytes_total', ['group', 'member', 'direction']),
          '{{group}} {{member}} {{direction}}',
        ),
      ),
      panel(
        'Time to connect',
        's',
        ...one(`max by (group, member) (${metric('sluice_member_connect_seconds')})`, '{{group}} {{member}}'),
      ),
      panel(
        'Round-trip time',
        's',
        ...one(`max by (group, member) (${metric('sluice_member_rtt_seconds')})`, '{{group}} {{member}}'),
      ),
      panel(
        'What goes wrong at members',
        'ops',
        {
          expr: rate('sluice_member_failed_connects_total', ['group', 'member']),
          legend: '{{group}} {{member}} failed connects',
        },
        {
          expr: rate('sluice_member_resets_total', ['group', 'member']),
          legend: '{{group}} {{member}} resets',
        },
        {
          expr: rate('sluice_member_retransmissions_total', ['group', 'member']),
          legend: '{{group}} {{member}} retransmissions',
        },
      ),
    ],
  },
  {
    title: 'Ports',
    panels: [
      panel(
        'Packets received',
        'pps',
        ...one(rate('sluice_port_received_packets_total'), '{{instance}} {{port}}'),
      ),
      panel('Packets sent', 'pps', ...one(rate('sluice_port_sent_packets_total'), '{{instance}} {{port}}')),
      panel(
        'Bytes',
        'Bps',
        { expr: rate('sluice_port_received_bytes_total'), legend: '{{instance}} {{port}} received' },
        { expr: rate('sluice_port_sent_bytes_total'), legend: '{{instance}} {{port}} sent' },
      ),
      panel(
        'Drops by reason',
        'pps',
        ...one(rate('sluice_port_drops_total', ['instance', 'reason']), '{{instance}} {{reason}}'),
      ),
      panel('Interfaces up', 'none', ...one(metric('sluice_port_up'), '{{instance}} {{port}}')),
    ],
  },
  {
    title: 'Datapath',
    panels: [
      panel(
        'Busy share of the datapath thread',
        'percentunit',
        ...one(rate('sluice_datapath_cpu_seconds_total', ['instance']), '{{instance}}'),
      ),
      panel(
        'Frames per batch',
        'short',
        ...one(
          `${rate('sluice_datapath_frames_total')} / ${rate('sluice_datapath_batches_total')}`,
          '{{instance}}',
        ),
      ),
      panel('System calls', 'ops', ...one(rate('sluice_datapath_system_calls_total'), '{{instance}}')),
      panel(
        'I/O errors',
        'ops',
        {
          expr: rate('sluice_io_failed_writes_total', ['instance', 'error']),
          legend: '{{instance}} write {{error}}',
        },
        { expr: rate('sluice_io_failed_reads_total'), legend: '{{instance}} read' },
        { expr: rate('sluice_io_full_queues_total'), legend: '{{instance}} full queue' },
        { expr: rate('sluice_io_out_of_buffers_total'), legend: '{{instance}} out of buffers' },
      ),
      panel(
        'Table fill',
        'percentunit',
        { expr: part('sluice_connections', 'sluice_connections_limit'), legend: '{{instance}} connections' },
        { expr: part('sluice_endpoints', 'sluice_endpoints_limit'), legend: '{{instance}} addresses' },
        { expr: part('sluice_affinities', 'sluice_affinities_limit'), legend: '{{instance}} affinities' },
        {
          expr: part('sluice_reassemblies', 'sluice_reassemblies_limit'),
          legend: '{{instance}} reassemblies',
        },
      ),
      panel(
        'Connections',
        'ops',
        { expr: rate('sluice_connections_created_total'), legend: '{{instance}} created' },
        { expr: rate('sluice_connections_expired_total'), legend: '{{instance}} expired' },
        { expr: rate('sluice_connections_refused_total'), legend: '{{instance}} refused' },
      ),
    ],
  },
  {
    title: 'Control loop',
    panels: [
      panel('Leader', 'none', ...one(metric('sluice_controller_leads'), '{{instance}}')),
      panel('Hosts attached', 'short', ...one(metric('sluice_controller_agents'), '{{instance}}')),
      panel('Age of reports', 's', ...one(metric('sluice_controller_agent_report_age_seconds'), '{{host}}')),
      panel(
        'Rules in force (1) or not (0)',
        'none',
        ...one(metric('sluice_controller_agent_in_force'), '{{host}}'),
      ),
      panel(
        'Time per step',
        's',
        ...one(
          `${rate('sluice_controller_step_seconds_total')} / ${rate('sluice_controller_steps_total')}`,
          '{{instance}}',
        ),
      ),
      panel(
        'Revisions',
        'short',
        { expr: metric('sluice_revision'), legend: '{{instance}} host' },
        { expr: metric('sluice_controller_revision'), legend: '{{instance}} controller' },
      ),
    ],
  },
  {
    title: 'Processes',
    panels: [
      panel('CPU', 'percentunit', ...one(rate('sluice_cpu_seconds_total', ['instance']), '{{instance}}')),
      panel(
        'Memory',
        'bytes',
        { expr: metric('sluice_resident_bytes'), legend: '{{instance}} resident' },
        { expr: metric('sluice_heap_bytes'), legend: '{{instance}} heap' },
      ),
      panel(
        'Longest delay of the main thread',
        's',
        ...one(metric('sluice_main_thread_delay_seconds'), '{{instance}}'),
      ),
      panel('Uptime', 's', ...one(metric('sluice_uptime_seconds'), '{{instance}}')),
    ],
  },
];

/** Grows by this much within a window. */
const grows = (name: MetricName, by = 0): string => `increase(${name}[${ALERT_WINDOW}]) > ${by}`;

export const ALERTS: readonly Alert[] = [
  {
    name: 'SluiceNotWell',
    expr: `${metric('sluice_well')} == 0`,
    for: '1m',
    severity: 'warning',
    summary: 'Sluice at {{ $labels.instance }} is not well',
    advice: 'Run `sluice status --check` there: it says what is not well, and what to do.',
  },
  {
    name: 'SluiceGroupWithoutMembers',
    expr: `${metric('sluice_controller_group_members')}{state="active"} == 0`,
    for: '30s',
    severity: 'critical',
    summary: 'Group {{ $labels.group }} has no active member',
    advice: 'Add or revive members: `sluice group show {{ $labels.group }}`.',
  },
  {
    name: 'SluiceMemberFailed',
    expr: `${metric('sluice_controller_group_members')}{state="failed"} > 0`,
    for: '1m',
    severity: 'warning',
    summary: '{{ $value }} members of group {{ $labels.group }} have failed',
    advice: '`sluice group show {{ $labels.group }}` names them, and why health checks have failed them.',
  },
  {
    name: 'SluiceConnectionsRefused',
    expr: grows('sluice_connections_refused_total'),
    for: '0s',
    severity: 'critical',
    summary: 'Host {{ $labels.instance }} refuses flows: its connection table is full',
    advice: 'Raise datapath.maxConnections, or find the port that opens so many: `sluice flows`.',
  },
  {
    name: 'SluiceTableNearlyFull',
    expr: `${part('sluice_connections', 'sluice_connections_limit')} > 0.9`,
    for: '1m',
    severity: 'warning',
    summary: 'The connection table of {{ $labels.instance }} is {{ $value | humanizePercentage }} full',
    advice: 'Raise datapath.maxConnections before it is full.',
  },
  {
    name: 'SluiceDatapathBusy',
    expr: `${rate('sluice_datapath_cpu_seconds_total', ['instance'], ALERT_WINDOW)} > 0.9`,
    for: '5m',
    severity: 'warning',
    summary: 'The datapath thread of {{ $labels.instance }} is busy all the time',
    advice: 'Move VMs to other hosts; with busyPollUs it may be polling.',
  },
  {
    name: 'SluiceDatapathHangs',
    expr: `${rate('sluice_datapath_turns_total', [], '1m')} == 0`,
    for: '30s',
    severity: 'critical',
    summary: 'The datapath of {{ $labels.instance }} does not turn',
    advice: 'The host ends by itself and is to be restarted; see its log.',
  },
  {
    name: 'SluicePortDown',
    expr: `${metric('sluice_port_up')} == 0`,
    for: '30s',
    severity: 'critical',
    summary: 'Interface of port {{ $labels.port }} at {{ $labels.instance }} is down',
    advice: 'Bring the namespace or interface back, or take the port out of the configuration and reload.',
  },
  {
    name: 'SluiceWritesFail',
    expr: grows('sluice_io_failed_writes_total', 100),
    for: '0s',
    severity: 'warning',
    summary: 'Host {{ $labels.instance }} cannot write frames ({{ $labels.error }})',
    advice: 'See which interface is down: `sluice port list`.',
  },
  {
    name: 'SluiceHostDetached',
    expr: `${metric('sluice_agent_attached')} == 0`,
    for: '30s',
    severity: 'warning',
    summary: 'Host {{ $labels.instance }} is not attached to a controller',
    advice: 'Its last rules stay in force. See that the controllers run: `sluice status` says why.',
  },
  {
    name: 'SluiceNoLeader',
    expr: `sum(${metric('sluice_controller_leads')}) == 0`,
    for: '15s',
    severity: 'critical',
    summary: 'No controller leads',
    advice: 'See that the store answers, and that a controller runs.',
  },
  {
    name: 'SluiceSeveralLeaders',
    expr: `sum(${metric('sluice_controller_leads')}) > 1`,
    for: '1m',
    severity: 'warning',
    summary: '{{ $value }} controllers lead',
    advice:
      'Several fleets are scraped by one job, or a controller has another store: compare `sluice status`.',
  },
  {
    name: 'SluiceRulesNotInForce',
    expr: `${metric('sluice_controller_agent_in_force')} == 0`,
    for: '1m',
    severity: 'critical',
    summary: 'Host {{ $labels.host }} has not the rules that it was sent',
    advice: '`sluice agent list` says whether it is late or refuses them.',
  },
  {
    name: 'SluiceHostSilent',
    expr: `${metric('sluice_controller_agent_report_age_seconds')} > 10`,
    for: '30s',
    severity: 'warning',
    summary: 'Host {{ $labels.host }} does not report its load',
    advice: 'See the host: `sluice status` there.',
  },
  {
    name: 'SluiceCertificateExpires',
    expr: `${metric('sluice_certificate_expiry_timestamp_seconds')} - time() < ${30 * 86_400}`,
    for: '1h',
    severity: 'warning',
    summary:
      'The certificate of {{ $labels.setting }} at {{ $labels.instance }} expires in {{ $value | humanizeDuration }}',
    advice: 'Renew it; a running process reads its files again when they change.',
  },
  {
    name: 'SluiceVmWaits',
    expr: `${metric('sluice_controller_vms_waiting')} > 0`,
    for: '1m',
    severity: 'warning',
    summary: 'VMs of template {{ $labels.template }} cannot be started',
    advice: '`sluice vm list` says what they wait for.',
  },
];
