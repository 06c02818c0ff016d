/** Conditions of priorities as rules have them: labels are compared here, all else by the datapath. */
import type { CriteriaConfig, GroupConfig, PortConfig } from '../../config/model/model.ts';
import { matchesLabels, type Reach } from '../../config/model/reach.ts';
import type { CriteriaSpec } from '../../tables/balancing/rule-spec.ts';
import { parsePrefix } from '../../wire/address.ts';

/** Where a group applies: at ports of a network with these labels. */
export interface Place {
  readonly network: string;
  readonly labels: PortConfig['labels'];
  readonly reach: Reach;
}

/** Places of the priorities that ask for other labels than those of a load balancer's ports. */
export const unfitPriorities = ({ criteria }: GroupConfig, labels: PortConfig['labels']): number[] =>
  criteria.flatMap(({ when }, place) => (matchesLabels(when?.labels, { labels }) ? [] : [place]));

/** For a VIP of this family. Sources of the other family only: no packet to the VIP can meet the condition. */
export function conditionOf({ when }: CriteriaConfig, family: number): CriteriaSpec['when'] {
  if (when === undefined) return undefined;
  const sources = when.sources.filter((prefix) => parsePrefix(prefix).family === family);
  if (when.sources.length > 0 && sources.length === 0) return 'never';
  const { sourcePorts, dscps, vlanPriorities } = when;
  return { sources, sourcePorts, dscps, vlanPriorities };
}
