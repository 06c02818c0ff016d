/** Why a connection record has its member, in words. */
import type { GroupConfig } from '../../config/model/model.ts';
import { CHOSEN_BY } from '../../tables/balancing/rule-table.ts';
import { formatEndpoint } from '../../wire/address.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';

/** Names by the numbers in connection records. */
const CHOSEN_BY_NAMES = Object.fromEntries(Object.entries(CHOSEN_BY).map(([name, number]) => [number, name]));

/** Words of a record (tables/balancing/connection-record.ts, COLD). */
export interface Decision {
  readonly decision: number;
  readonly rule: number;
  readonly revision: number;
}

/** e.g. `weighted-round-robin of rule api@10.1.0.100:80, revision 3`, `affinity of rule …` */
export function decisionText(
  { decision, rule, revision }: Decision,
  ids: DatapathIds,
  groups: ReadonlyMap<string, GroupConfig>,
): string {
  const number = (decision >>> 16) & 0xfff;
  const name = ids.groupName(decision & 0xffff) ?? 'unknown';
  const criteria = groups.get(name)?.criteria ?? [];
  const priority = criteria[number]?.name;
  const period = criteria.length > 1 ? `, criteria set ${number + 1}` : '';
  const set = priority === undefined ? period : `, priority ${priority}`;
  return `${CHOSEN_BY_NAMES[decision >>> 28]} of rule ${ruleText(rule, name, ids, groups)}${set}, revision ${revision}`;
}

/** e.g. `api@10.1.0.100:80`. `rule`: number of the rule; `group`: name of its group. */
export function ruleText(
  rule: number,
  group: string,
  ids: DatapathIds,
  groups: ReadonlyMap<string, GroupConfig>,
): string {
  const vip = ids.ruleName(rule)?.slice(group.length + 1) ?? 'unknown';
  const port = groups.get(group)?.port;
  return `${group}@${port === undefined ? vip : formatEndpoint(vip, port)}`;
}
