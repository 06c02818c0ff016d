/**
 * What is measured, where, and what is promised: the columns, the rows and the goals of the benchmark.
 * Everything else (driver, report, JSON) is derived from these three tables.
 */

/** The forwarders that are compared, in printing order. */
export const columnIds = ['sluice', 'before', 'unmeasured', 'bare', 'ovs', 'kernel'] as const;
export type ColumnId = (typeof columnIds)[number];

/**
 * Sluice otherwise, each when asked for by an option of its own: a build of another revision (`--against`), and a
 * datapath that measures nothing about members (`--unmeasured`).
 */
export const variantIds = ['before', 'unmeasured'] as const;

/** What `--columns` chooses from, all by default. */
export const standardColumnIds = ['sluice', 'bare', 'ovs', 'kernel'] as const;

const columnTitles: Readonly<Record<ColumnId, string>> = {
  sluice: 'Sluice, VIP + NAT',
  before: 'Sluice before',
  unmeasured: 'Sluice, nothing measured',
  bare: 'bare engine',
  ovs: 'OVS userspace',
  kernel: 'kernel + nft',
};

/** `against`: the revision that `before` is a build of, as the user calls it. */
export const columnTitle = (column: ColumnId, against: string | null): string =>
  column === 'before' && against !== null ? `Sluice at ${against}` : columnTitles[column];

/** One run of one tool; it may fill several rows. */
export const toolIds = ['tcp1', 'tcp4', 'udp64', 'rtt', 'conn'] as const;
export type ToolId = (typeof toolIds)[number];

export interface Row {
  readonly id: RowId;
  readonly tool: ToolId;
  readonly title: string;
  readonly unit: string;
  /** Decimals in the printed table; the JSON keeps everything. */
  readonly digits: number;
}

const row = <Id extends string>(id: Id, tool: ToolId, title: string, unit: string, digits: number) => ({
  id,
  tool,
  title,
  unit,
  digits,
});

/** Rows in printing order. "forwarder" is the process that moves the frames, "machine" all that was not idle. */
export const rows = [
  row('tcp1', 'tcp1', 'TCP, 1 flow', 'Gb/s', 2),
  row('tcp4', 'tcp4', 'TCP, 4 flows', 'Gb/s', 2),
  row('udp64', 'udp64', 'UDP 64 B, received', 'kpps', 1),
  row('rttP50', 'rtt', 'TCP round trip, p50', 'µs', 1),
  row('rttP99', 'rtt', 'TCP round trip, p99', 'µs', 1),
  row('conn', 'conn', 'new connections', '/s', 0),
  row('cpuPerGb', 'tcp1', 'forwarder CPU per GB (1 flow)', 's', 3),
  row('cpuPerGb4', 'tcp4', 'forwarder CPU per GB (4 flows)', 's', 3),
  row('cpuPerMp', 'udp64', 'forwarder CPU per million packets', 's', 2),
  row('machineCpuPerGb', 'tcp1', 'machine CPU per GB (1 flow)', 's', 3),
  row('machineCpuPerMp', 'udp64', 'machine CPU per million packets', 's', 2),
] as const;

export type RowId = (typeof rows)[number]['id'];

/** What one tool run yields; null: the row does not apply to this column (the kernel has no forwarder). */
export type Measurement = Partial<Record<RowId, number | null>>;

/** The bound on a figure: `atLeast` or `atMost`, exactly one of them. */
export type Bound = { readonly atLeast: number } | { readonly atMost: number };

export interface RatioGoal {
  readonly row: RowId;
  readonly peer: Exclude<ColumnId, 'sluice'>;
  readonly bound: Bound;
}

const ratioGoals = (row: RowId, bare: Bound, ovs: Bound, kernel: Bound): RatioGoal[] => [
  { row, peer: 'bare', bound: bare },
  { row, peer: 'ovs', bound: ovs },
  { row, peer: 'kernel', bound: kernel },
];

/** Sluice may be so much slower than itself, and no more. */
const NEARLY_AS_MANY: Bound = { atLeast: 0.97 };
const NEARLY_AS_LITTLE: Bound = { atMost: 1.03 };

const variantGoals = (peer: (typeof variantIds)[number]): RatioGoal[] => [
  ...(['tcp1', 'tcp4', 'udp64', 'conn'] as const).map((row) => ({ row, peer, bound: NEARLY_AS_MANY })),
  { row: 'rttP50', peer, bound: NEARLY_AS_LITTLE },
];

/** Sluice ÷ peer, median over the rounds. */
export const goals: readonly RatioGoal[] = [
  ...ratioGoals('udp64', { atLeast: 0.93 }, { atLeast: 1.3 }, { atLeast: 0.95 }),
  ...ratioGoals('tcp1', { atLeast: 0.93 }, { atLeast: 0.9 }, { atLeast: 0.75 }),
  ...ratioGoals('tcp4', { atLeast: 0.93 }, { atLeast: 1.15 }, { atLeast: 0.55 }),
  ...ratioGoals('conn', { atLeast: 0.9 }, { atLeast: 1.5 }, { atLeast: 1.3 }),
  ...ratioGoals('rttP50', { atMost: 1.1 }, { atMost: 0.7 }, { atMost: 0.85 }),
  ...variantGoals('before'),
  ...variantGoals('unmeasured'),
  ...(['cpuPerGb', 'cpuPerGb4', 'cpuPerMp'] as const).map(
    (row): RatioGoal => ({ row, peer: 'unmeasured', bound: NEARLY_AS_LITTLE }),
  ),
];

/** Resident memory of `sluice up` with MEMORY_PORTS ports and the default connection table. */
export const memoryGoal: Bound = { atMost: 250 };
export const MEMORY_PORTS = 10;

export function meets(value: number, bound: Bound): boolean {
  return 'atLeast' in bound ? value >= bound.atLeast : value <= bound.atMost;
}

export function boundText(bound: Bound): string {
  return 'atLeast' in bound ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`;
}

/** The datapath alone, by number of flows. */
export const microGoals = {
  hitNs: { 10000: { atMost: 120 } } as Readonly<Record<number, Bound>>,
  millionPackets: { 1000000: { atLeast: 3 } } as Readonly<Record<number, Bound>>,
  hotRowBytes: { atMost: 64 },
  /** Per million packets. Less than a byte per packet: nothing is allocated per packet, at most per batch. */
  heapAllocatedKib: { atMost: 1024 },
  /** "No heap growth": what measuring itself leaves is a few KiB. */
  heapKeptKib: { atMost: 64 },
} as const;

export const microPopulations = [1_000, 10_000, 100_000, 1_000_000] as const;
