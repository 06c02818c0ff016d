/**
 * Source-address affinity of one load balancer, applied before the algorithms: a client keeps its member while that
 * is a candidate (active, with weight) and the client opens a flow before the timeout; each new flow restarts it.
 */
import { AffinityKey, type AffinityTable } from '../../../tables/balancing/affinity-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import type { Candidates } from './candidates.ts';

export class Affinity {
  private readonly table: AffinityTable;
  private readonly balancer: number;
  private readonly key = new AffinityKey();

  /** `balancer`: the load balancer's id. */
  constructor(table: AffinityTable, balancer: number) {
    this.table = table;
    this.balancer = balancer;
  }

  /** The member that the client keeps, or NONE. */
  keptMember(candidates: Candidates, nowMs: number): number {
    const { table, key } = this;
    const { rules, rule, criteria, flow } = candidates;
    key.setClient(flow.s0, flow.s1, flow.s2, flow.s3);
    key.setOwner(this.balancer, rules.group(rule), rules.priority(criteria));
    const row = table.find(key, nowMs);
    if (row === NONE) return NONE;
    const member = candidates.findById(table.member(row), table.place(row));
    if (member !== NONE) table.refresh(row, member - candidates.first, (nowMs + rules.affinityMs(rule)) | 0);
    return member;
  }

  /** Remembers the client's new member, after `keptMember` has found none. */
  remember(candidates: Candidates, member: number, nowMs: number): void {
    const { rules, rule, flow, first } = candidates;
    const timeoutMs = rules.affinityMs(rule);
    this.table.put(this.key, rules.memberId(member), member - first, nowMs, timeoutMs, flow.ingress);
  }
}
