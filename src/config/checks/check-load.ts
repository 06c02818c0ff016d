/** Load that members report: keys that fit their kind, a port to ask at, a policy that can use it. */
import { parseMetricSelector } from '../metric-selector.ts';
import { type Path, type Report, show } from '../problems/problems.ts';
import type { ConfigInput } from '../schema/schema.ts';
import type { Lenient } from '../schema/shape.ts';
import { checkMemberPort } from './check-health.ts';

type GroupView = Lenient<NonNullable<ConfigInput['groups']>[number]>;
type LoadView = NonNullable<GroupView['load']>;

/** `load.metric` of ORCA: a field of OrcaLoadReport, or an entry of one of its maps. */
const ORCA_FIELD =
  /^(?:cpu_utilization|mem_utilization|application_utilization|rps_fractional|eps|(?:named_metrics|utilization|request_cost)\..+)$/;

export function checkLoads(view: Lenient<ConfigInput>, report: Report): void {
  for (const [i, group] of (view.groups ?? []).entries()) {
    if (group === undefined) continue;
    const path = ['groups', i, 'load'];
    if (group.load !== undefined) checkLoad(group, group.load, path, report);
    const { policy } = group;
    if (typeof policy !== 'object' || policy.metric !== 'reported') continue;
    if (group.load === undefined)
      report(path, 'nothing, with policy.metric: reported', 'how members report their load');
    else if (group.load.from === 'balancers')
      report([...path, 'from'], 'balancers, with policy.metric: reported', 'members or both');
  }
}

function checkLoad(group: GroupView, load: LoadView, path: Path, report: Report): void {
  const { from, kind, metric, pointer } = load;
  if (from === 'balancers') {
    for (const key of ['kind', 'port', 'path', 'metric', 'pointer', 'interval', 'timeout'] as const)
      if (load[key] !== undefined)
        report([...path, key], `${key} with from: balancers`, 'from: members or both, else nobody is asked');
    return;
  }
  if (kind === undefined) {
    if (!('kind' in load)) report([...path, 'kind'], 'nothing', 'one of http, agent-check, orca');
    return;
  }
  if (kind === 'agent-check')
    for (const key of ['path', 'metric'] as const)
      if (load[key] !== undefined) report([...path, key], `${key} with kind: agent-check`, 'http or orca');
  if (kind !== 'http' && pointer !== undefined)
    report([...path, 'pointer'], `pointer with kind: ${kind}`, 'kind: http');
  if (kind === 'http') {
    if ((metric === undefined) === (pointer === undefined))
      report(path, metric === undefined ? 'neither' : 'both', 'one of metric and pointer');
    if (metric !== undefined && parseMetricSelector(metric) === undefined)
      report([...path, 'metric'], show(metric), 'a metric name, or name{label="value"}');
  }
  if (kind === 'orca' && metric !== undefined && !ORCA_FIELD.test(metric))
    report(
      [...path, 'metric'],
      show(metric),
      'a field of an ORCA report, such as cpu_utilization or named_metrics.x',
    );
  checkMemberPort(group, load, path, report);
}
