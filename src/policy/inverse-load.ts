/**
 * Gives members with less load more new flows.
 *
 *   weight = 1 + round((max - load) / (max - min) × spread)
 *
 * where each load is divided by the member's capacity (its configured weight relative to the mean) and the weight is
 * multiplied by it, so that a member configured with twice the weight carries twice the load.
 *
 * Small whole weights are deliberate: they make short round-robin cycles, and small changes of load do not change them.
 * Loads within the tolerance, or the metric's noise, count as even; a load balancer that knows its own flows then evens out those, with a smaller
 * spread. Members at their flow limit get the smallest weight in the rotation while another member has room.
 */
import { capacities, loadOf, noiseOf, sum } from './load.ts';
import type { Candidates, Distribution } from './policy.ts';
import type { PolicyConfig } from './policy-config.ts';

/** Weight of the least loaded member while others are at their limit. */
const FILL_WEIGHT = 1000;
/** A member is full from this fraction of its flow limit. */
const FULL = 0.95;

type Settings = Pick<PolicyConfig, 'metric' | 'spread' | 'localSpread' | 'tolerance' | 'flowLimit'>;

export class InverseLoad implements Distribution {
  private readonly settings: Settings;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  shares({ members, localFlows }: Candidates): number[] {
    const { metric, spread, localSpread } = this.settings;
    const capacity = capacities(members);
    const perCapacity = (load: number, i: number): number => load / capacity[i]!;
    const flows = members.map(({ activeFlows }) => activeFlows).map(perCapacity);
    const known = members.map((member) => loadOf(member, metric));
    const loads = withMeans(known.map((load, i) => (load === undefined ? undefined : perCapacity(load, i))));
    const factors =
      this.fillWeights(flows) ??
      this.unlessEven(loads, spread, noiseOf(metric)) ??
      this.unlessEven(localFlows?.map(perCapacity), localSpread, noiseOf('active-flows'));
    return members.map(({ configuredWeight }, i) => configuredWeight * (factors?.[i] ?? 1));
  }

  /** Weights while some, but not all, members are full. */
  private fillWeights(flows: readonly number[]): number[] | undefined {
    const { flowLimit } = this.settings;
    if (flowLimit === undefined) return undefined;
    const isFull = flows.map((load) => load >= FULL * flowLimit);
    if (!isFull.includes(true) || !isFull.includes(false)) return undefined;
    return inverse(flows, FILL_WEIGHT - 1).map((weight, i) => (isFull[i] ? 1 : weight));
  }

  private unlessEven(
    loads: readonly number[] | undefined,
    spread: number,
    noise: number,
  ): number[] | undefined {
    if (loads === undefined) return undefined;
    const max = Math.max(...loads);
    const difference = max - Math.min(...loads);
    const isEven = difference <= Math.max(this.settings.tolerance * max, noise);
    return isEven ? undefined : inverse(loads, spread);
  }
}

/** Unknown loads count as the mean of the others; undefined: all are unknown. */
function withMeans(loads: readonly (number | undefined)[]): number[] | undefined {
  const known = loads.filter((load) => load !== undefined);
  return known.length === 0 ? undefined : loads.map((load) => load ?? sum(known) / known.length);
}

/** The formula; loads differ. */
function inverse(loads: readonly number[], spread: number): number[] {
  const max = Math.max(...loads);
  const range = max - Math.min(...loads);
  return loads.map((load) => 1 + Math.round(((max - load) / range) * spread));
}
