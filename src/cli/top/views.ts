/** The views of `top`: source of the rows, columns, and the initial sort column. */
import type { AgentRow } from '../../api/fleet-shapes.ts';
import type { GroupDetail, GroupRow, PortRow, StatRow } from '../../api/shapes.ts';
import { type ApiClient, path } from '../api-client.ts';
import type { Column } from '../table.ts';
import { humanBytes, humanDuration, humanRate } from '../units.ts';
import type { Counted, TopRow } from './rates.ts';

export type ViewName = 'groups' | 'members' | 'ports' | 'hosts';

export interface View {
  readonly columns: readonly Column<TopRow>[];
  /** Key of the column. */
  readonly sortedBy: string;
  /** Current rows. `group`: only of this group. */
  read(api: ApiClient, group: string | undefined): Promise<Counted[]>;
}

const rate = (key: string, hide?: number): Column<TopRow> => ({
  key,
  hide,
  text: (row) => humanRate(Number(row[key])),
});
const byteRate = (key: string, hide?: number): Column<TopRow> => ({
  key,
  hide,
  text: (row) => humanBytes(Number(row[key])),
});

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** Traffic of a group or member, by the names of its rates. */
const traffic = ({
  newFlows,
  packets,
  bytes,
  replyPackets,
  replyBytes,
}: StatRow): Record<string, number> => ({
  newFlowsPerSecond: newFlows,
  packetsPerSecond: packets + replyPackets,
  bytesPerSecond: bytes,
  replyBytesPerSecond: replyBytes,
});

async function all<Row>(api: ApiClient, at: string, query: Record<string, string> = {}): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const some of api.rows<Row>(at, query)) rows.push(...some);
  return rows;
}

const groups: View = {
  sortedBy: 'bytesPerSecond',
  columns: [
    { key: 'group' },
    { key: 'vip', hide: 1 },
    { key: 'members' },
    { key: 'activeFlows' },
    rate('newFlowsPerSecond', 4),
    rate('packetsPerSecond', 2),
    byteRate('bytesPerSecond'),
    byteRate('replyBytesPerSecond', 3),
  ],
  async read(api) {
    const [rows, stats] = await Promise.all([
      all<GroupRow>(api, '/v1/groups'),
      all<StatRow>(api, '/v1/stats', { by: 'group' }),
    ]);
    const counted = new Map<string, Record<string, number>>();
    for (const row of stats) {
      const sums = counted.get(row.group!) ?? {};
      for (const [name, value] of Object.entries(traffic(row))) sums[name] = (sums[name] ?? 0) + value;
      counted.set(row.group!, sums);
    }
    return rows.map((row) => ({
      key: row.group,
      cells: {
        group: row.group,
        vip: row.vip.join(),
        members: `${row.activeMembers}/${row.members}`,
        activeFlows: row.activeFlows,
      },
      counters: counted.get(row.group) ?? {},
    }));
  },
};

const members: View = {
  sortedBy: 'bytesPerSecond',
  columns: [
    { key: 'group', hide: 5 },
    { key: 'member' },
    { key: 'address', hide: 1 },
    { key: 'state' },
    { key: 'weight' },
    { key: 'activeFlows' },
    rate('newFlowsPerSecond', 4),
    rate('packetsPerSecond', 2),
    byteRate('bytesPerSecond'),
    byteRate('replyBytesPerSecond', 3),
  ],
  async read(api, group) {
    const names =
      group === undefined ? (await all<GroupRow>(api, '/v1/groups')).map((row) => row.group) : [group];
    const details = await Promise.all(
      names.slice(0, MAX_DETAILS).map((name) => api.get<GroupDetail>(path`/v1/groups/${name}`)),
    );
    return details.flatMap((detail) =>
      detail.members.map((row) => ({
        key: JSON.stringify([detail.group, row.member, row.address, row.port]),
        cells: {
          group: detail.group,
          member: row.member,
          address: row.port === null ? row.address : `${row.address}:${row.port}`,
          state: row.state,
          weight: row.weight,
          activeFlows: row.activeFlows,
        },
        counters: traffic(row),
      })),
    );
  },
};

/** Groups whose members are queried per refresh. */
const MAX_DETAILS = 200;

const ports: View = {
  sortedBy: 'rxBytesPerSecond',
  columns: [
    { key: 'host', hide: 2 },
    { key: 'port' },
    { key: 'network', hide: 1 },
    { key: 'state' },
    rate('rxPacketsPerSecond', 4),
    byteRate('rxBytesPerSecond'),
    rate('txPacketsPerSecond', 3),
    byteRate('txBytesPerSecond'),
    rate('dropsPerSecond'),
  ],
  async read(api) {
    const rows = await all<PortRow>(api, '/v1/ports');
    return rows.map((row) => ({
      key: `${row.host ?? ''} ${row.port}`,
      cells: { host: row.host ?? null, port: row.port, network: row.network, state: row.state },
      counters: {
        rxPacketsPerSecond: row.rxPackets,
        rxBytesPerSecond: row.rxBytes,
        txPacketsPerSecond: row.txPackets,
        txBytesPerSecond: row.txBytes,
        dropsPerSecond: sumOf(row.drops),
      },
    }));
  },
};

const hosts: View = {
  sortedBy: 'host',
  columns: [
    { key: 'host' },
    { key: 'state' },
    { key: 'ports' },
    { key: 'revision', hide: 1 },
    { key: 'lastReport', hide: 2 },
    { key: 'error', hide: 3 },
  ],
  async read(api) {
    const rows = await api.get<AgentRow[]>('/v1/agents');
    return rows.map((row) => ({
      key: row.host,
      cells: {
        host: row.host,
        state: row.state,
        ports: row.ports,
        revision: row.revision,
        lastReport: row.lastReportAgeMs === null ? '-' : humanDuration(row.lastReportAgeMs),
        error: row.error ?? '-',
      },
      counters: {},
    }));
  },
};

export const VIEWS: Readonly<Record<ViewName, View>> = { groups, members, ports, hosts };
