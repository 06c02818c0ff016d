/**
 * The listing of `flows`: connection records with names, one by one while they are sent. Records are read while the datapath writes them, so
 * a record that is freed or reused during the read is omitted, and counters of one row may differ by a
 * packet.
 */

import type { FlowHop, FlowRow } from '../../api/shapes.ts';
import type { GroupConfig } from '../../config/model/model.ts';
import { elapsedMs } from '../../native/monotonic-clock.ts';
import type { ChainTable } from '../../tables/balancing/chain-table.ts';
import {
  CHAINED,
  COLD,
  COLD_WORDS,
  HOT,
  HOT_WORDS,
  STAT_SLOT_MASK,
  STATE_NAMES,
} from '../../tables/balancing/connection-record.ts';
import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import { ENDPOINT_WORDS } from '../../tables/balancing/endpoint-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import type { StatTable } from '../../tables/stat-table.ts';
import type { Tables } from '../../tables/tables.ts';
import {
  ADDRESS_WORDS,
  addressToWords,
  formatEndpoint,
  isPrefix,
  parseEndpoint,
  parsePrefix,
  prefixContains,
  wordsToAddress,
} from '../../wire/address.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';
import { decisionText } from '../tracing/decision-text.ts';

export interface FlowFilter {
  readonly port?: string;
  readonly group?: string;
  readonly member?: string;
  readonly state?: string;
  /** ADDRESS, ADDRESS:PORT or ADDRESS/BITS; throws AddressError otherwise. */
  readonly client?: string;
  /** Maximum number of rows; absent: all. */
  readonly limit?: number;
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmpv6',
  132: 'sctp',
};

type GroupsByName = ReadonlyMap<string, GroupConfig>;

export class FlowListing {
  private readonly connections: ConnectionTable;
  private readonly chains: ChainTable;
  private readonly endpointRows: Int32Array;
  private readonly stats: StatTable;
  private readonly ids: DatapathIds;

  constructor(tables: Tables, ids: DatapathIds) {
    this.connections = tables.connections;
    this.chains = tables.chains;
    this.endpointRows = tables.endpoints.rows;
    this.stats = tables.stats;
    this.ids = ids;
  }

  /** `nowMs32`: on the clock of the tables (native/monotonic-clock.ts). `groups`: for the ports of rules. */
  *list(filter: FlowFilter, groups: readonly GroupConfig[], nowMs32: () => number): Generator<FlowRow> {
    const { connections } = this;
    const byName = new Map(groups.map((group) => [group.name, group]));
    const isClient = clientFilter(filter.client);
    let left = filter.limit ?? Number.POSITIVE_INFINITY;
    for (let row = 1; row <= connections.highWater && left > 0; row++) {
      if (!connections.isUsed(row)) continue;
      const created = connections.cold[row * COLD_WORDS + COLD.createdMs];
      const flow = this.describe(row, byName, nowMs32());
      const isStill =
        connections.isUsed(row) && connections.cold[row * COLD_WORDS + COLD.createdMs] === created;
      if (!isStill || flow === undefined || !matches(flow, filter) || !isClient(flow.client)) continue;
      left--;
      yield flow;
    }
  }

  private describe(row: number, groups: GroupsByName, nowMs32: number): FlowRow | undefined {
    const { hot, hotFloats, cold } = this.connections;
    const at = row * HOT_WORDS;
    const slot = this.connections.statSlot(row);
    if (this.stats.balancerOf(slot) === NONE) return undefined;
    const chosen = this.ids.memberOf(this.stats.memberOf(slot));
    if (chosen === undefined) return undefined;
    const forwardPorts = hot[at + HOT.forwardPorts]!;
    const reversePorts = hot[at + HOT.reversePorts]!;
    const protocol = this.connections.protocol(row);
    const coldAt = row * COLD_WORDS;
    return {
      port: this.ids.portName(cold[coldAt + COLD.owner]! & 0xffff) ?? '',
      protocol: PROTOCOL_NAMES[protocol] ?? String(protocol),
      client: formatEndpoint(wordsToAddress(hot, at + HOT.client), forwardPorts >>> 16),
      vip: formatEndpoint(this.endpoint(this.connections.vip(row)), forwardPorts & 0xffff),
      member: chosen.member,
      // The member's address; with a MAC redirect, the packets themselves still carry the VIP.
      destination: formatEndpoint(this.endpoint(cold[coldAt + COLD.via]!), reversePorts & 0xffff),
      group: chosen.group,
      ...this.hops(row),
      priority: this.priorityOf(coldAt, groups) ?? null,
      state: STATE_NAMES[this.connections.state(row)] ?? 'unknown',
      why: this.why(coldAt, groups),
      ageMs: elapsedMs(cold[coldAt + COLD.createdMs]!, nowMs32),
      idleMs: elapsedMs(hot[at + HOT.lastSeenMs]!, nowMs32),
      packets: hot[at + HOT.packetsForward]! >>> 0,
      bytes: hotFloats[(at + HOT.bytesForward) >> 1]!,
      replyPackets: hot[at + HOT.packetsReverse]! >>> 0,
      replyBytes: hotFloats[(at + HOT.bytesReverse) >> 1]!,
    };
  }

  private hops(row: number): Pick<FlowRow, 'through'> {
    if ((this.connections.rewrite(row) & CHAINED) === 0) return {};
    const through: FlowHop[] = [];
    for (let hop = 0; hop < this.chains.hops(row); hop++) {
      if (this.chains.endpoint(row, hop) === 0) continue;
      const middlebox = this.ids.memberOf(this.stats.memberOf(this.chains.slot(row, hop) & STAT_SLOT_MASK));
      if (middlebox !== undefined) through.push({ group: middlebox.group, member: middlebox.member });
    }
    return { through };
  }

  private why(coldAt: number, groups: GroupsByName): string {
    const { cold } = this.connections;
    const decision = cold[coldAt + COLD.decision]!;
    const rule = cold[coldAt + COLD.rule]!;
    return decisionText({ decision, rule, revision: cold[coldAt + COLD.revision]! }, this.ids, groups);
  }

  private priorityOf(coldAt: number, groups: GroupsByName): string | undefined {
    const decision = this.connections.cold[coldAt + COLD.decision]!;
    const group = groups.get(this.ids.groupName(decision & 0xffff) ?? '');
    return group?.criteria[(decision >>> 16) & 0xfff]?.name;
  }

  private endpoint(id: number): string {
    return wordsToAddress(this.endpointRows, id * ENDPOINT_WORDS);
  }
}

/** Judges `address:port` as FlowRow has it. */
function clientFilter(wanted: string | undefined): (client: string) => boolean {
  if (wanted === undefined) return () => true;
  if (isPrefix(wanted)) {
    const prefix = parsePrefix(wanted);
    const words = new Int32Array(ADDRESS_WORDS);
    return (client) => {
      addressToWords(parseEndpoint(client).address, words, 0);
      return prefixContains(prefix, words, 0);
    };
  }
  const { address, port } = parseEndpoint(wanted);
  if (port !== undefined) return (client) => client === formatEndpoint(address, port);
  const start = formatEndpoint(address, 0).slice(0, -1);
  return (client) => client.startsWith(start);
}

const matches = (flow: FlowRow, { port, group, member, state }: FlowFilter): boolean =>
  (state === undefined || flow.state === state) &&
  (port === undefined || flow.port === port) &&
  visits(flow).some((one) => (group ?? one.group) === one.group && (member ?? one.member) === one.member);

/** The flow's member, and the middleboxes before it. */
const visits = ({ group, member, through = [] }: FlowRow): FlowHop[] => [{ group, member }, ...through];
