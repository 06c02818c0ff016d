/**
 * Totals that this host's load balancers have sent to each member, by member number (or each balancer to all members,
 * by its number): columns of numbers, maintained from the contributions of statistics rows.
 *
 * Counters and flows are sums; counters of a freed row stay here. Times and windows are averages over the rows that
 * have measured them, weighted by the number of measurements. All cells are whole numbers, so a row's contribution
 * can be subtracted exactly.
 */
import { type MemberStats, NO_STATS, STAT, STAT_FIELDS } from '../tables/stat-table.ts';

type Name = keyof MemberStats;

const AVERAGES: readonly (readonly [gauge: Name, weight: Name])[] = [
  ['synTimeMicros', 'connects'],
  ['rttMicros', 'packets'],
  ['windowBytes', 'replyPackets'],
  ['requestTimeMicros', 'requests'],
];
const AVERAGED = new Set<Name>(AVERAGES.map(([gauge]) => gauge));
const NAMES = Object.keys(STAT) as Name[];
/** Gauges that are summed. */
const SUMMED_GAUGES = new Set<Name>(['activeFlows', 'records']);
/** Summed fields of a row: counters first. */
const COUNTERS = NAMES.filter((name) => !AVERAGED.has(name) && !SUMMED_GAUGES.has(name));
const COUNTER_FIELDS = COUNTERS.map((name) => STAT[name]);
const SUMMED_FIELDS = [...COUNTER_FIELDS, STAT.activeFlows, STAT.records];
/** A sum has the fields of a row; averages are weighted sums, whose weights follow at the end. */
const WEIGHTS_AT = STAT_FIELDS;
const CELLS = STAT_FIELDS + AVERAGES.length;
const AVERAGE_FIELDS = AVERAGES.map(([gauge]) => STAT[gauge]);
const WEIGHT_FIELDS = AVERAGES.map(([, weight]) => STAT[weight]);
/** Limit that keeps a weighted sum exact over all load balancers. */
const MAX_WEIGHT = 2 ** 16;

const FIRST_ROWS = 64;

/** CELLS numbers for each of many rows. */
class Cells {
  numbers = new Float64Array(FIRST_ROWS * CELLS);

  reserve(row: number): void {
    if ((row + 1) * CELLS <= this.numbers.length) return;
    const larger = new Float64Array(Math.max((row + 1) * CELLS, 2 * this.numbers.length));
    larger.set(this.numbers);
    this.numbers = larger;
  }
}

export class MemberTotals {
  private readonly totals = new Cells();
  /** Contribution of each statistics row. */
  private readonly contributions = new Cells();

  /** Applies a row's current figures, `fields[base …]`. */
  add(row: number, member: number, fields: Float64Array, base: number): void {
    this.totals.reserve(member);
    this.contributions.reserve(row);
    const [own, sums] = [this.contributions.numbers, this.totals.numbers];
    const [at, to] = [row * CELLS, member * CELLS];
    for (let i = 0; i < SUMMED_FIELDS.length; i++) {
      const field = SUMMED_FIELDS[i]!;
      const now = fields[base + field]!;
      const was = own[at + field]!;
      if (now === was) continue;
      // A counter smaller than before was restarted.
      sums[to + field]! += i < COUNTER_FIELDS.length && now < was ? now : now - was;
      own[at + field] = now;
    }
    for (let i = 0; i < AVERAGE_FIELDS.length; i++) {
      const field = AVERAGE_FIELDS[i]!;
      const value = Math.round(fields[base + field]!);
      const weight = value > 0 ? Math.min(Math.max(1, own[at + WEIGHT_FIELDS[i]!]!), MAX_WEIGHT) : 0;
      contribute(own, at + field, sums, to + field, value * weight);
      contribute(own, at + WEIGHTS_AT + i, sums, to + WEIGHTS_AT + i, weight);
    }
  }

  /** Removes a row from the member: its counters stay in the sums, its gauges are subtracted. */
  retire(row: number, member: number): void {
    this.contributions.reserve(row);
    const [own, sums] = [this.contributions.numbers, this.totals.numbers];
    const [at, to] = [row * CELLS, member * CELLS];
    for (const field of [STAT.activeFlows, STAT.records, ...AVERAGE_FIELDS]) {
      contribute(own, at + field, sums, to + field, 0);
    }
    for (let i = 0; i < AVERAGES.length; i++) {
      contribute(own, at + WEIGHTS_AT + i, sums, to + WEIGHTS_AT + i, 0);
    }
    own.fill(0, at, at + CELLS);
  }

  /** The number belongs to another member, whose rows have not contributed yet. */
  clear(member: number): void {
    this.totals.reserve(member);
    this.totals.numbers.fill(0, member * CELLS, (member + 1) * CELLS);
  }

  of(member: number): MemberStats {
    const { numbers } = this.totals;
    const at = member * CELLS;
    const stats: MemberStats = { ...NO_STATS };
    if (at >= numbers.length) return stats;
    for (const name of NAMES) stats[name] = numbers[at + STAT[name]]!;
    AVERAGES.forEach(([gauge], i) => {
      const weight = numbers[at + WEIGHTS_AT + i]!;
      stats[gauge] = weight === 0 ? 0 : Math.round(numbers[at + STAT[gauge]]! / weight);
    });
    return stats;
  }

  /** Counters that are not 0, by name. */
  counters(member: number): Partial<MemberStats> {
    const stats = this.of(member);
    return Object.fromEntries(COUNTERS.map((name) => [name, stats[name]]).filter(([, count]) => count !== 0));
  }

  /** Adds the counters of a predecessor. */
  carry(member: number, counters: Partial<MemberStats>): void {
    this.totals.reserve(member);
    for (const name of COUNTERS) this.totals.numbers[member * CELLS + STAT[name]]! += counters[name] ?? 0;
  }

  newFlows(member: number): number {
    return this.totals.numbers[member * CELLS + STAT.newFlows] ?? 0;
  }

  /** Both directions. */
  bytes(member: number): number {
    const { numbers } = this.totals;
    const at = member * CELLS;
    return (numbers[at + STAT.bytes] ?? 0) + (numbers[at + STAT.replyBytes] ?? 0);
  }
}

function contribute(own: Float64Array, at: number, sums: Float64Array, to: number, value: number): void {
  sums[to]! += value - own[at]!;
  own[at] = value;
}
