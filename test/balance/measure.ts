/**
 * How well a policy balances: five servers, five clients, open-loop load, and the latencies that come out.
 *
 * Theory of operation. Each server takes a random time per request, on average the same; in the scenario `slowed` one of them takes
 * SLOWDOWN times as long. Rounds of plain weighted round robin and of the policy alternate on the same testbed, and so does
 * which of the two comes first, so that what else the machine does hits both alike; each begins with a warm-up that is not
 * counted. The advantage is the median of the ratios of rounds that were neighbours: one round that the machine spoiled
 * does not count.
 */
import { pairedRatios, type Spread, spreadOf } from '../bench/statistics.ts';
import { sleep } from '../support/command.ts';
import { LoopBed, SERVER_PORT, VIP } from '../support/loop-bed.ts';
import { OPEN_LOOP, WORK_SERVER } from '../support/paths.ts';

export interface BalanceOptions {
  readonly scenarios: readonly Scenario[];
  /** In place of the scenario's. */
  readonly rounds?: number;
  readonly seconds: number;
  /** Requests per second of all clients together. */
  readonly rate: number;
}

export const SCENARIOS = ['slowed', 'equal'] as const;
export type Scenario = (typeof SCENARIOS)[number];
/** `even` is plain weighted round robin. */
export const POLICIES = ['even', 'latency-aware'] as const;
export type PolicyName = (typeof POLICIES)[number];

export interface BalanceResult {
  readonly scenario: Scenario;
  readonly policy: PolicyName;
  readonly requests: number;
  readonly failed: number;
  /** Requests by server. */
  readonly answers: Readonly<Record<string, number>>;
  /** Milliseconds at each of PERCENTS, by round. */
  readonly roundsMs: readonly (readonly number[])[];
  /** Their medians. */
  readonly percentilesMs: readonly number[];
}

/** Rounds of each policy, and what goes before each: `latency-aware` is new each time, and has to find the slow one. */
const PLANS: Record<Scenario, { rounds: number; warmUpSeconds: Record<PolicyName, number> }> = {
  slowed: { rounds: 3, warmUpSeconds: { even: 2, 'latency-aware': 22 } },
  equal: { rounds: 5, warmUpSeconds: { even: 3, 'latency-aware': 3 } },
};

export const PERCENTS = [
  0, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92, 94, 95, 96, 97, 98, 98.5, 99, 99.5, 99.9,
];

export const SERVICE_MS = 20;
export const SLOWDOWN = 10;
export const SERVERS = ['a', 'b', 'c', 'd', 'e'] as const;
const SLOWED = 'e';
const CLIENTS = 5;

interface Answer {
  latenciesMs: number[];
  answers: Record<string, number>;
  failed: number;
}

export async function measureBalance(options: BalanceOptions): Promise<BalanceResult[]> {
  const bed = await LoopBed.create({
    clients: CLIENTS,
    servers: SERVERS,
    command: (server) => workServer(server, SERVICE_MS),
  });
  try {
    const results: BalanceResult[] = [];
    for (const scenario of options.scenarios) {
      const meanMs = scenario === 'slowed' ? SERVICE_MS * SLOWDOWN : SERVICE_MS;
      bed.signal(SLOWED, 'SIGKILL');
      await bed.serve(SLOWED, workServer(SLOWED, meanMs));
      const plan = PLANS[scenario];
      const rounds = new Map<PolicyName, Answer[][]>(POLICIES.map((policy) => [policy, []]));
      for (let round = 0; round < (options.rounds ?? plan.rounds); round++) {
        for (const policy of round % 2 === 0 ? POLICIES : POLICIES.toReversed()) {
          const answers = await measureRound(bed, policy, plan.warmUpSeconds[policy], options);
          rounds.get(policy)!.push(answers);
        }
      }
      for (const [policy, answers] of rounds) results.push(summary(scenario, policy, answers));
    }
    return results;
  } finally {
    bed.close();
  }
}

const workServer = (name: string, meanMs: number): string[] => [
  WORK_SERVER,
  name,
  String(SERVER_PORT),
  String(meanMs),
];

/** One answer per client. */
async function measureRound(
  bed: LoopBed,
  policy: PolicyName,
  warmUpSeconds: number,
  { seconds, rate }: BalanceOptions,
): Promise<Answer[]> {
  await bed.json('policy', 'set', 'app', policy);
  await load(bed, rate, warmUpSeconds);
  const answers = await load(bed, rate, seconds);
  await sleep(500);
  return answers;
}

const load = (bed: LoopBed, rate: number, seconds: number): Promise<Answer[]> =>
  Promise.all(
    bed.clients.map(async (client) => {
      const perClient = String(rate / CLIENTS);
      const { lines, stderr } = await ended(bed, client, perClient, String(seconds));
      if (lines.length !== 1) throw new Error(`open-loop client ${client}: ${stderr}`);
      return JSON.parse(lines[0]!) as Answer;
    }),
  );

async function ended(bed: LoopBed, client: string, rate: string, seconds: string) {
  const background = bed.start(client, process.execPath, OPEN_LOOP, VIP, '80', rate, seconds);
  await background.ended;
  return background;
}

function summary(
  scenario: Scenario,
  policy: PolicyName,
  rounds: readonly (readonly Answer[])[],
): BalanceResult {
  const parts = rounds.flat();
  const total = (count: (part: Answer) => number): number =>
    parts.reduce((sum, part) => sum + count(part), 0);
  const answers = Object.fromEntries(
    SERVERS.map((server) => [server, total((part) => part.answers[server] ?? 0)]),
  );
  const failed = total((part) => part.failed);
  const roundsMs = rounds.map(percentilesOf);
  const percentilesMs = PERCENTS.map((_, at) => spreadOf(roundsMs.map((round) => round[at]!))!.median);
  const requests = failed + total(({ latenciesMs }) => latenciesMs.length);
  return { scenario, policy, requests, failed, answers, roundsMs, percentilesMs };
}

function percentilesOf(round: readonly Answer[]): number[] {
  const sorted = round.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
  return PERCENTS.map(
    (percent) => sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]!,
  );
}

/** How many times greater the latency of plain round robin is at this percent, over the pairs of rounds. */
export function advantage(results: readonly BalanceResult[], scenario: Scenario, percent: number): Spread {
  const at = PERCENTS.indexOf(percent);
  const [plain, aware] = POLICIES.map((policy) =>
    results
      .find((result) => result.scenario === scenario && result.policy === policy)!
      .roundsMs.map((round) => round[at]!),
  );
  return spreadOf(pairedRatios(plain!, aware!))!;
}
