/** What this host carries, for its page. */
import {
  busiestFirst,
  bytesOf,
  type GroupLoad,
  type GroupSender,
  groupFacts,
  MAX_SENDERS,
  type Overview,
} from '../../api/page/overview.ts';
import type { GroupConfig } from '../../config/model/model.ts';
import type { Host } from '../host.ts';

interface Sent {
  readonly sender: GroupSender;
  /** Sum of the statistics rows in use. */
  bytes: number;
}

/** For one reader: rates of load balancers are the growth since it last read. */
export class HostOverview {
  private readonly host: Host;
  private before = new Map<string, Sent>();
  private beforeMs = 0;

  constructor(host: Host) {
    this.host = host;
  }

  read(): Overview {
    const { configuration, runtime, collector } = this.host;
    collector.refresh();
    const wallMs = runtime.wallMs();
    const groups = configuration.groups.map((group) => this.ofGroup(group, wallMs));
    return { groups, senders: this.senders(runtime.monotonicMs()) };
  }

  private ofGroup(group: GroupConfig, wallMs: number): GroupLoad {
    const { collector, builder } = this.host;
    const load = { activeFlows: 0, newFlowsPerSecond: 0, bytesPerSecond: 0 };
    for (const id of builder.ids.membersOf(group.name)) {
      if (!collector.has(id)) continue;
      const { stats, newFlowsPerSecond, bytesPerSecond } = collector.of(id);
      load.activeFlows += stats.activeFlows;
      load.newFlowsPerSecond += newFlowsPerSecond;
      load.bytesPerSecond += bytesPerSecond;
    }
    return { ...groupFacts(group, wallMs), ...load };
  }

  /** A freed row takes its bytes along: its load balancer's rate then reads 0 for one interval. */
  private senders(nowMs: number): GroupSender[] {
    const seconds = (nowMs - this.beforeMs) / 1000;
    const { before } = this;
    this.before = this.sent();
    this.beforeMs = nowMs;
    const senders: GroupSender[] = [];
    for (const [key, { sender, bytes }] of this.before) {
      const growth = Math.max(0, bytes - (before.get(key)?.bytes ?? bytes));
      const bytesPerSecond = seconds > 0 ? Math.round(growth / seconds) : 0;
      if (sender.activeFlows > 0 || bytesPerSecond > 0) senders.push({ ...sender, bytesPerSecond });
    }
    return senders.sort(busiestFirst).slice(0, MAX_SENDERS);
  }

  private sent(): Map<string, Sent> {
    const { collector, builder, configuration, publisher } = this.host;
    const names = new Map(publisher.inForce!.built.loadBalancers.map(({ spec }) => [spec.id, spec.name]));
    const sums = new Map<string, Sent>();
    for (const { slot, balancer, member } of collector.liveRows) {
      const loadBalancer = names.get(balancer);
      const group = builder.ids.memberOf(member)?.group;
      if (loadBalancer === undefined || group === undefined) continue;
      const key = `${balancer} ${group}`;
      const sender = { host: configuration.host, loadBalancer, group, activeFlows: 0, bytesPerSecond: 0 };
      const sum = sums.get(key) ?? { sender, bytes: 0 };
      const stats = collector.readRow(slot);
      sum.sender.activeFlows += stats.activeFlows;
      sum.bytes += bytesOf(stats);
      sums.set(key, sum);
    }
    return sums;
  }
}
