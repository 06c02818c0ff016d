/**
 * Consistent hashing: the flow's hash selects an entry of its criteria set's Maglev table (maglev-table.ts), and the
 * entry names the member. The same flow gets the same member at any load balancer and host with the same members, and
 * mostly also when other members come and go. The hash therefore has no secret, and clients that choose addresses and
 * ports can choose the member.
 *
 * If a client must avoid its own member, the next entry of another member is used.
 */
import { MAGLEV_ENTRIES } from '../../../tables/balancing/maglev-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import { mix5 } from '../../../tables/common/hash.ts';
import type { Candidates, NewFlow } from './candidates.ts';

/** The member of the flow's entry, or NONE if all weights are 0. */
export function maglevMember(candidates: Candidates): number {
  const { rules, rule, criteria, flow } = candidates;
  if (!rules.hasMaglev(criteria)) return NONE;
  let entry = maglevEntry(flow, rules.hashesSourceAddress(rule));
  let member = rules.maglevMember(criteria, entry);
  // Every entry has a member with weight, so only the client's own is skipped, and another one exists.
  while (candidates.weight(member) === 0) {
    entry = entry + 1 === MAGLEV_ENTRIES ? 0 : entry + 1;
    member = rules.maglevMember(criteria, entry);
  }
  return member;
}

/** Entry of a flow by its five-tuple without the VIP, which the rule determines; or by its source address only. */
export function maglevEntry({ s0, s1, s2, s3, ports, protocol }: NewFlow, bySourceAddress: boolean): number {
  const hash = bySourceAddress ? mix5(s0, s1, s2, s3, 0) : mix5(s0 ^ protocol, s1, s2, s3, ports);
  return (hash >>> 0) % MAGLEV_ENTRIES;
}
