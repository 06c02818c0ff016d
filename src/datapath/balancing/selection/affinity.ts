/**
 * Source-address affinity of one load balancer, in front of the algorithms: a client keeps its member for as long as
 * that is a candidate (active, with weight) and the client opens a flow before the timeout; each new flow sets it anew.
 */
import type { AffinityTable } from '../../../tables/balancing/affinity-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import type { Candidates } from './candidates.ts';

export class Affinity {
  private readonly table: AffinityTable;
  private readonly balancer: number;

  /** `balancer`: the load balancer's id. */
  constructor(table: AffinityTable, balancer: number) {
    this.table = table;
    this.balancer = balancer;
  }

  /** The member that the client has and may keep, or NONE. */
  keptMember(candidates: Candidates, nowMs: number): number {
    const { table } = this;
    const { rules, rule, flow } = candidates;
    const { s0, s1, s2, s3 } = flow;
    const row = table.find(s0, s1, s2, s3, this.balancer, rules.group(rule), nowMs);
    if (row === NONE) return NONE;
    const member = candidates.findById(table.member(row), table.place(row));
    if (member !== NONE) table.refresh(row, member - candidates.first, (nowMs + rules.affinityMs(rule)) | 0);
    return member;
  }

  /** Remembers the member that the client has been given now. */
  remember(candidates: Candidates, member: number, nowMs: number): void {
    const { rules, rule, flow, first } = candidates;
    const { s0, s1, s2, s3, ingress } = flow;
    const id = rules.memberId(member);
    const timeoutMs = rules.affinityMs(rule);
    const group = rules.group(rule);
    const place = member - first;
    this.table.put(s0, s1, s2, s3, this.balancer, group, id, place, nowMs, timeoutMs, ingress);
  }
}
