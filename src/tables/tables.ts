/**
 * All tables of one host in one block of memory: the layout depends on the limits only, so the datapath, the agent in
 * another thread, and a datapath that restarts over a mapped file see the same bytes.
 *
 * The block may be an ArrayBuffer (tests, replay) or a mapping of a tmpfs file (the host). Exactly one party
 * writes: the datapath. It calls `initialise` once; readers only construct.
 */
import { AffinityTable } from './balancing/affinity-table.ts';
import { CHAIN_WORDS, ChainTable } from './balancing/chain-table.ts';
import { COLD_WORDS, HOT_WORDS } from './balancing/connection-record.ts';
import { ConnectionTable } from './balancing/connection-table.ts';
import { ENDPOINT_WORDS, EndpointTable, MAX_ENDPOINTS } from './balancing/endpoint-table.ts';
import { BucketIndex } from './common/bucket-index.ts';
import { DeniedLog } from './firewall/denied-log.ts';
import { FIREWALL_FLOW_WORDS, FirewallTable } from './firewall/firewall-table.ts';
import { FRAGMENT_WORDS, FragmentTable } from './forwarding/fragment-table.ts';
import { MacTable } from './forwarding/mac-table.ts';
import { NEIGHBOUR_WORDS, NeighbourTable } from './forwarding/neighbour-table.ts';
import { UNIT_WORDS } from './forwarding/received-units.ts';
import { PORT_FIELDS, PortCounters } from './port-counters.ts';
import { StatTable } from './stat-table.ts';

/**
 * Grows with every change of the layout or meaning of the tables, so that no version reads another version's tables.
 */
export const LAYOUT_VERSION = 7;

export interface TableLimits {
  /** Connection rows: 1 … 2^24. */
  readonly maxConnections: number;
  readonly maxEndpoints: number;
  /** Rows of statistics: load balancer × member with current or recent flows. */
  readonly maxStatSlots: number;
  readonly maxPorts: number;
  readonly maxMacs: number;
  readonly maxNeighbours: number;
  /** Clients with affinity, over all groups. */
  readonly maxAffinities: number;
  /** Fragmented datagrams tracked at a time: 4 … 65535; 2.1 KB each. */
  readonly maxDatagrams: number;
  /** Flows allowed by firewalls, over all ports. */
  readonly maxFirewallFlows: number;
  /** Rules of all firewalls. */
  readonly maxFirewallRules: number;
}

export const DEFAULT_LIMITS: TableLimits = {
  maxConnections: 262_144,
  maxEndpoints: 16_384,
  maxStatSlots: 16_384,
  maxPorts: 512,
  maxMacs: 8_192,
  maxNeighbours: 4_096,
  maxAffinities: 65_536,
  maxDatagrams: 1_024,
  maxFirewallFlows: 65_536,
  maxFirewallRules: 16_384,
};

/** Bytes of one region, rounded up to a cache line. */
const region = (bytes: number): number => (bytes + 63) & ~63;

interface Layout {
  readonly connectionsHot: number;
  readonly connectionsCold: number;
  readonly connectionIndex: number;
  readonly chains: number;
  readonly endpoints: number;
  readonly endpointIndex: number;
  readonly macs: number;
  readonly neighbours: number;
  readonly neighbourIndex: number;
  readonly affinities: number;
  readonly fragments: number;
  readonly fragmentUnits: number;
  readonly fragmentIndex: number;
  readonly firewallFlows: number;
  readonly firewallIndex: number;
  readonly firewallHits: number;
  readonly deniedLog: number;
  readonly stats: number;
  readonly statWords: number;
  readonly portCounters: number;
}

/** Bytes of each region, in memory order. */
function regionBytes(limits: TableLimits): Layout {
  const fragments = FragmentTable.wordsNeeded(limits.maxDatagrams);
  const firewall = FirewallTable.wordsNeeded(limits.maxFirewallFlows);
  return {
    connectionsHot: region((limits.maxConnections + 1) * HOT_WORDS * 4),
    connectionsCold: region((limits.maxConnections + 1) * COLD_WORDS * 4),
    connectionIndex: region(BucketIndex.wordsNeeded(limits.maxConnections * 2) * 4),
    chains: region((limits.maxConnections + 1) * CHAIN_WORDS * 4),
    endpoints: region((limits.maxEndpoints + 1) * ENDPOINT_WORDS * 4),
    endpointIndex: region(EndpointTable.indexWordsNeeded(limits.maxEndpoints) * 4),
    macs: region(MacTable.wordsNeeded(limits.maxMacs) * 4),
    neighbours: region(limits.maxNeighbours * NEIGHBOUR_WORDS * 4),
    neighbourIndex: region(BucketIndex.wordsNeeded(limits.maxNeighbours) * 4),
    affinities: region(AffinityTable.wordsNeeded(limits.maxAffinities) * 4),
    fragments: region(fragments.rows * 4),
    fragmentUnits: region(fragments.units * 4),
    fragmentIndex: region(fragments.index * 4),
    firewallFlows: region(firewall.rows * 4),
    firewallIndex: region(firewall.index * 4),
    firewallHits: region(limits.maxFirewallRules * 8),
    deniedLog: region(DeniedLog.wordsNeeded * 4),
    stats: region(StatTable.floatsNeeded(limits.maxStatSlots) * 8),
    statWords: region(StatTable.wordsNeeded(limits.maxStatSlots) * 4),
    portCounters: region(limits.maxPorts * PORT_FIELDS * 8),
  };
}

export class Tables {
  /** The block, or what it is a part of. */
  readonly memory: ArrayBufferLike;
  readonly limits: TableLimits;
  /** The secret of this start's hashes, and the seed of random choices. */
  readonly hashKey: readonly [number, number];
  readonly connections: ConnectionTable;
  readonly chains: ChainTable;
  readonly endpoints: EndpointTable;
  readonly macs: MacTable;
  readonly neighbours: NeighbourTable;
  readonly affinities: AffinityTable;
  readonly fragments: FragmentTable;
  readonly firewallFlows: FirewallTable;
  /** By number of a firewall rule: flows allowed, or packets denied. */
  readonly firewallHits: Float64Array;
  readonly deniedLog: DeniedLog;
  readonly stats: StatTable;
  readonly portCounters: PortCounters;

  static bytesNeeded(limits: TableLimits): number {
    return Object.values(regionBytes(limits)).reduce((sum, bytes) => sum + bytes, 0);
  }

  /**
   * Views over `memory` from `byteOffset` (a multiple of 64) on. `hashKey`: two random 32-bit words, drawn once
   * per start; a reader that never looks connections up by key may pass [0, 0].
   * Throws RangeError if the memory is too small or a limit out of range.
   */
  constructor(
    memory: ArrayBufferLike,
    byteOffset: number,
    limits: TableLimits,
    hashKey: readonly [number, number],
  ) {
    if (limits.maxConnections < 1 || limits.maxConnections > 1 << 24) {
      throw new RangeError(`maxConnections: found ${limits.maxConnections}, expected 1 … ${1 << 24}`);
    }
    if (limits.maxEndpoints < 1 || limits.maxEndpoints > MAX_ENDPOINTS) {
      throw new RangeError(`maxEndpoints: found ${limits.maxEndpoints}, expected 1 … ${MAX_ENDPOINTS}`);
    }
    if (limits.maxDatagrams < 4 || limits.maxDatagrams > 65_535) {
      throw new RangeError(`maxDatagrams: found ${limits.maxDatagrams}, expected 4 … 65535`);
    }
    const needed = Tables.bytesNeeded(limits);
    if (byteOffset % 64 !== 0 || memory.byteLength - byteOffset < needed) {
      throw new RangeError(
        `tables: ${memory.byteLength - byteOffset} bytes at ${byteOffset}, ${needed} needed`,
      );
    }
    this.memory = memory;
    this.limits = limits;
    this.hashKey = hashKey;
    const bytes = regionBytes(limits);
    let at = byteOffset;
    const words = (size: number, used = size): Int32Array => {
      const view = new Int32Array(memory, at, used / 4);
      at += size;
      return view;
    };
    const floats = (size: number, used = size): Float64Array => {
      const view = new Float64Array(memory, at, used / 8);
      at += size;
      return view;
    };
    const hot = words(bytes.connectionsHot, (limits.maxConnections + 1) * HOT_WORDS * 4);
    const cold = words(bytes.connectionsCold, (limits.maxConnections + 1) * COLD_WORDS * 4);
    this.connections = new ConnectionTable(hot, cold, words(bytes.connectionIndex), hashKey);
    this.chains = new ChainTable(words(bytes.chains, (limits.maxConnections + 1) * CHAIN_WORDS * 4));
    const endpointRows = words(bytes.endpoints, (limits.maxEndpoints + 1) * ENDPOINT_WORDS * 4);
    this.endpoints = new EndpointTable(endpointRows, words(bytes.endpointIndex));
    this.macs = new MacTable(words(bytes.macs), limits.maxPorts);
    const neighbourRows = words(bytes.neighbours, limits.maxNeighbours * NEIGHBOUR_WORDS * 4);
    const neighbourIndex = words(bytes.neighbourIndex);
    this.neighbours = new NeighbourTable(neighbourRows, neighbourIndex, limits.maxPorts, hashKey);
    this.affinities = new AffinityTable(words(bytes.affinities), hashKey);
    const datagrams = words(bytes.fragments, (limits.maxDatagrams + 1) * FRAGMENT_WORDS * 4);
    const units = words(bytes.fragmentUnits, (limits.maxDatagrams + 1) * UNIT_WORDS * 4);
    const fragmentIndex = words(bytes.fragmentIndex);
    this.fragments = new FragmentTable(datagrams, units, fragmentIndex, limits.maxPorts, hashKey);
    const firewallRows = words(bytes.firewallFlows, (limits.maxFirewallFlows + 1) * FIREWALL_FLOW_WORDS * 4);
    this.firewallFlows = new FirewallTable(
      firewallRows,
      words(bytes.firewallIndex),
      limits.maxPorts,
      hashKey,
    );
    this.firewallHits = floats(bytes.firewallHits, limits.maxFirewallRules * 8);
    this.deniedLog = new DeniedLog(words(bytes.deniedLog, DeniedLog.wordsNeeded * 4));
    const statRows = floats(bytes.stats, StatTable.floatsNeeded(limits.maxStatSlots) * 8);
    this.stats = new StatTable(statRows, words(bytes.statWords));
    this.portCounters = new PortCounters(floats(bytes.portCounters));
  }

  /** Empties all tables; memory fresh from the kernel is written as little as possible. */
  initialise(): void {
    this.connections.initialise();
    this.endpoints.initialise();
    this.macs.initialise();
    this.neighbours.initialise();
    this.affinities.initialise();
    this.fragments.initialise();
    this.firewallFlows.initialise();
    this.stats.initialise();
    this.portCounters.fields.fill(0);
  }
}
