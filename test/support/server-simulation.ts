/**
 * Servers behind one load balancer, in simulated time: requests come as they come (Poisson, open loop), each on a connection
 * of its own; the real selection chooses the server, which works on one request after the other; a policy sets
 * weights every second by what a load balancer can see. What comes out is the times that clients wait.
 *
 * Two simulations with the same random numbers have the same requests at the same times, with the same work; so they differ
 * by what the policy does, and by nothing else.
 */
import { createPolicy } from '../../src/policy/create-policy.ts';
import { sum } from '../../src/policy/load.ts';
import type { MemberLoad, Policy } from '../../src/policy/policy.ts';
import type { PolicyConfig } from '../../src/policy/policy-config.ts';
import { memberOf } from './policy-bed.ts';
import type { Random } from './seed.ts';
import { ruleOf, SelectionBed } from './selection-bed.ts';

export interface SimulatedServer {
  /** Mean time of work for a request; the times are distributed exponentially. */
  readonly serviceMs: number;
  /** One way, in addition to 0.05 ms. */
  readonly pathMs?: number;
}

export interface Simulation {
  readonly servers: readonly SimulatedServer[];
  readonly requestsPerSecond: number;
  readonly seconds: number;
  /** The first seconds do not count. */
  readonly warmUpSeconds: number;
  /** Absent: weights stay. */
  readonly policy?: PolicyConfig;
  /** Of the requests, and of what wobbles. */
  readonly random: Random;
  readonly noise: Random;
  /** Connections of a thousand for which the server's host takes up to 20 ms longer: it does other things, too. */
  readonly hiccups?: number;
}

export interface Outcome {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests by server. */
  readonly requests: readonly number[];
  /** Weights at the end. */
  readonly weights: readonly number[];
}

const BASE_PATH_MS = 0.05;

export function simulate(simulation: Simulation): Outcome {
  const { servers, requestsPerSecond, seconds, warmUpSeconds, random, noise, hiccups = 0 } = simulation;
  const policy = simulation.policy && createPolicy(simulation.policy);
  const exponential = (mean: number): number => -mean * Math.log((1 + random.below(2 ** 31)) / 2 ** 31);
  let weights = servers.map(() => 1);
  const bed = new SelectionBed([ruleOf(0, weights)]);
  const busyUntil = servers.map(() => 0);
  const flows = servers.map((server) => new ObservedFlows(server, noise, hiccups));
  const waits: number[] = [];
  const requests = servers.map(() => 0);

  let nextTickMs = 1_000;
  for (let nowMs = exponential(1_000 / requestsPerSecond); nowMs < seconds * 1_000; ) {
    if (nowMs >= nextTickMs) {
      weights = policy ? reweigh(policy, bed, flows, weights, nextTickMs) : weights;
      nextTickMs += 1_000;
      continue;
    }
    const place = bed.pick();
    const { serviceMs, pathMs = 0 } = servers[place]!;
    const way = pathMs + BASE_PATH_MS;
    const doneMs = Math.max(nowMs + 3 * way, busyUntil[place]!) + exponential(serviceMs);
    busyUntil[place] = doneMs;
    flows[place]!.begin(doneMs + way);
    if (nowMs >= warmUpSeconds * 1_000) {
      waits.push(doneMs + way - nowMs);
      requests[place]!++;
    }
    nowMs += exponential(1_000 / requestsPerSecond);
  }
  waits.sort((a, b) => a - b);
  const quantile = (part: number): number => waits[Math.floor(part * waits.length)]!;
  return { p50Ms: quantile(0.5), p99Ms: quantile(0.99), requests, weights };
}

function reweigh(
  policy: Policy,
  bed: SelectionBed,
  flows: readonly ObservedFlows[],
  previous: readonly number[],
  nowMs: number,
): number[] {
  const members = flows.map((observed, i) => observed.load(`app${i}`, nowMs));
  const weights = policy.weights({ nowMs, members, previous });
  if (String(weights) !== String(previous)) bed.adopt([ruleOf(0, weights)]);
  return weights;
}

/** Load balancers; each smooths on its own, as the datapath does, and their figures are averaged. */
const BALANCERS = 5;
const GAIN = 0.125;
const HICCUP_MS = 20;

/** What load balancers know of a server's flows. */
class ObservedFlows {
  private readonly server: SimulatedServer;
  private readonly noise: Random;
  private readonly hiccups: number;
  private ends: number[] = [];
  private begun = 0;
  private readonly synTimesMs: number[] = [];

  constructor(server: SimulatedServer, noise: Random, hiccups: number) {
    this.server = server;
    this.noise = noise;
    this.hiccups = hiccups;
  }

  /** The time of connecting wobbles by a fifth of a millisecond. */
  begin(endMs: number): void {
    this.ends.push(endMs);
    this.begun++;
    const way = 2 * ((this.server.pathMs ?? 0) + BASE_PATH_MS);
    const hiccup = this.noise.below(1_000) < this.hiccups ? (this.noise.below(1_000) / 1_000) * HICCUP_MS : 0;
    const sample = way + this.noise.below(200) / 1_000 + hiccup;
    const balancer = this.noise.below(BALANCERS);
    const before = this.synTimesMs[balancer];
    this.synTimesMs[balancer] = before === undefined ? sample : before + GAIN * (sample - before);
  }

  load(name: string, nowMs: number): MemberLoad {
    this.ends = this.ends.filter((endMs) => endMs > nowMs);
    const newFlowsPerSecond = this.begun;
    this.begun = 0;
    const known = this.synTimesMs.filter((ms) => ms !== undefined);
    const synTimeMs = known.length > 0 ? sum(known) / known.length : undefined;
    return memberOf(name, { activeFlows: this.ends.length, newFlowsPerSecond, synTimeMs });
  }
}
