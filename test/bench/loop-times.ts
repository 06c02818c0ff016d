/**
 * How fast a change at the controller is in force on the wire, over three hosts (scripts/loop-times.sh).
 *
 * Theory of operation. Clients on every host send datagrams through a VIP at a steady pace; the members' kernels stamp
 * what arrives (tcpdump). A change is given to the controller's API at a known moment of the same clock, so a trial's
 * figure is the time from there to the last datagram (fail) or the first one (weight) of the host that was slowest.
 * It includes the API, the decision, its way to the hosts, and their datapaths; and the pace of the clients, which
 * bounds the resolution. A member that fails has flows from all hosts, which is what the trials take turns for.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Changed } from '../../src/api/shapes.ts';
import { ApiClient } from '../../src/cli/api-client.ts';
import { type Background, sleep, until } from '../support/command.ts';
import { Fleet } from '../support/fleet.ts';
import type { Hosts } from '../support/hosts.ts';
import { CHECKOUT } from '../support/paths.ts';
import type { GroupText } from '../support/testbed-config.ts';
import { CRASH_GROUP, CRASH_VIP, crash, crashTemplate } from './loop-crash.ts';
import { machineFacts } from './machine.ts';

const usage = `usage: scripts/loop-times.sh [options]

  --trials N        of each kind (default 50)
  --controllers N   1: embedded in a host; 3: processes of their own over etcd (default 1)
  --pace-ms N       between two datagrams of a host (default 4)
  --json FILE       where the figures go as JSON (default dist/loop-times.json)
`;

/** One on each host. */
const CLIENTS = ['c1', 'c3', 'c5'] as const;
const CLIENT_ADDRESSES = ['10.1.0.11', '10.1.0.13', '10.1.0.15'] as const;
/** Members of both groups, on different hosts. */
const MEMBERS = { s1: '10.1.0.21', s4: '10.1.0.24' } as const;
type MemberName = keyof typeof MEMBERS;
const FAIL_VIP = '10.1.0.105';
const WEIGHT_VIP = '10.1.0.106';
/** From a change until its effects are looked at, beyond its answer. */
const QUIET_MS = 150;
/** What a busy machine may take. */
const PATIENCE_MS = 30_000;
/** The weight that makes a member the next one to be chosen, whatever the others have had. */
const GREAT_WEIGHT = 1_000;

interface Options {
  readonly trials: number;
  readonly controllers: 1 | 3;
  readonly paceMs: number;
  readonly json: string;
}

interface Figures {
  readonly kind: string;
  readonly goalMs: number;
  readonly trials: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** From the request to the controller's answer that all hosts have it in force; null: nobody asks. */
  readonly answerMedianMs: number | null;
  readonly samplesMs: readonly number[];
}

interface Sample {
  readonly ms: number;
  readonly answerMs?: number;
}

function optionsOf(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      trials: { type: 'string', default: '50' },
      controllers: { type: 'string', default: '1' },
      'pace-ms': { type: 'string', default: '4' },
      json: { type: 'string', default: join(CHECKOUT, 'dist/loop-times.json') },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const [trials, controllers, paceMs] = [values.trials, values.controllers, values['pace-ms']].map(Number);
  if (!(trials! >= 1 && (controllers === 1 || controllers === 3) && paceMs! >= 1)) {
    throw new Error(`found ${args.join(' ')}\n${usage}`);
  }
  return { trials: trials!, controllers, paceMs: paceMs!, json: values.json };
}

const group = (name: string, vip: string, weights: Readonly<Record<MemberName, number>>): GroupText => ({
  name,
  network: 'app',
  vip,
  protocol: 'udp',
  port: 53,
  members: Object.entries(MEMBERS).map(([member, address]) => ({
    name: member,
    address,
    port: 5300,
    weight: weights[member as MemberName],
  })),
});

/** When datagrams to a member arrived there, by client; epoch milliseconds of the kernel. */
class Arrivals {
  private readonly capture: Background;
  private rest = '';
  private first = new Map<string, number>();
  private last = new Map<string, number>();

  constructor(hosts: Hosts, member: MemberName) {
    const options = ['-Z', 'root', '-i', 'eth0', '-n', '-tt', '-l', '--immediate-mode', '-p'];
    const filter = ['udp', 'and', 'dst', 'port', '5300'];
    this.capture = hosts.start(member, 'tcpdump', ...options, ...filter);
    this.capture.child.stdout!.on('data', (text: string) => this.take(text));
  }

  async ready(): Promise<void> {
    await until('tcpdump', () => this.capture.stderr.includes('listening on'));
  }

  /** Forgets what has arrived until now. */
  reset(): void {
    this.first = new Map();
    this.last = new Map();
  }

  get clients(): number {
    return this.first.size;
  }

  /** Of the client whose first one came last. */
  get latestFirst(): number {
    return Math.max(...this.first.values());
  }

  get latest(): number {
    return Math.max(...this.last.values());
  }

  stop(): Promise<void> {
    return this.capture.stop();
  }

  private take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) {
      const match = /^([\d.]+) IP (\d+\.\d+\.\d+\.\d+)\.\d+ >/.exec(line);
      if (match === null || !CLIENT_ADDRESSES.some((address) => address === match[2])) continue;
      const atMs = Number(match[1]) * 1_000;
      if (!this.first.has(match[2]!)) this.first.set(match[2]!, atMs);
      this.last.set(match[2]!, atMs);
    }
  }
}

class LoopTimes {
  private readonly fleet: Fleet;
  private readonly options: Options;
  private readonly arrivals: Readonly<Record<MemberName, Arrivals>>;

  constructor(fleet: Fleet, options: Options) {
    this.fleet = fleet;
    this.options = options;
    this.arrivals = { s1: new Arrivals(fleet.hosts, 's1'), s4: new Arrivals(fleet.hosts, 's4') };
  }

  async ready(): Promise<void> {
    await this.arrivals.s1.ready();
    await this.arrivals.s4.ready();
  }

  async close(): Promise<void> {
    await this.arrivals.s1.stop();
    await this.arrivals.s4.stop();
  }

  /** One flow of each host: all are at the one member that has not failed, which then fails. */
  async fail(): Promise<Figures> {
    await this.change('/v1/groups/fails/members/s4/fail');
    const clients = this.startClients('udp-keep-asking.js', FAIL_VIP);
    let [victim, other]: MemberName[] = ['s1', 's4'];
    const samples: Sample[] = [];
    while (samples.length < this.options.trials) {
      await this.change('/v1/groups/fails/members', { name: other, address: MEMBERS[other!], port: 5300 });
      await this.allAt(victim!);
      this.arrivals[other!].reset();
      const startMs = Date.now();
      const answerMs = await this.change(`/v1/groups/fails/members/${victim}/fail`);
      await sleep(QUIET_MS);
      await this.allAt(other!);
      samples.push({ ms: Math.max(0, this.arrivals[victim!].latest - startMs), answerMs });
      [victim, other] = [other!, victim!];
    }
    await Promise.all(clients.map((client) => client.stop()));
    return figuresOf('member fail → last packet to it', 50, samples);
  }

  /** New flows of each host go to s1, until s4 gets a weight. */
  async weight(): Promise<Figures> {
    const clients = this.startClients('udp-new-flows.js', WEIGHT_VIP);
    const samples: Sample[] = [];
    while (samples.length < this.options.trials) {
      await this.allAt('s1');
      this.arrivals.s4.reset();
      const startMs = Date.now();
      const answerMs = await this.change('/v1/groups/weights/members/s4/weight', { weight: GREAT_WEIGHT });
      await until('flows at s4', () => this.arrivals.s4.clients === CLIENTS.length, PATIENCE_MS);
      samples.push({ ms: Math.max(0, this.arrivals.s4.latestFirst - startMs), answerMs });
      await this.change('/v1/groups/weights/members/s4/weight', { weight: 0 });
      await sleep(QUIET_MS);
    }
    await Promise.all(clients.map((client) => client.stop()));
    return figuresOf('weight change → first flow by it', 100, samples);
  }

  async crash(): Promise<Figures> {
    const samples = await crash(this.fleet, 'c1', this.options.trials);
    return figuresOf(
      'VM crash → replacement answers',
      2_000,
      samples.map((ms) => ({ ms })),
    );
  }

  private startClients(program: string, vip: string): Background[] {
    const path = join(import.meta.dirname, '../support/clients', program);
    const args = [path, vip, '53', String(this.options.paceMs)];
    return CLIENTS.map((client) => this.fleet.hosts.start(client, process.execPath, ...args));
  }

  /** Waits until the member gets something from each host. */
  private async allAt(member: MemberName): Promise<void> {
    const arrivals = this.arrivals[member];
    arrivals.reset();
    await until(
      `datagrams of all hosts at ${member}`,
      () => arrivals.clients === CLIENTS.length,
      PATIENCE_MS,
    );
  }

  /** The milliseconds until the controller answered that every host has it. */
  private async change(path: string, body?: object): Promise<number> {
    const { runDir } = await this.fleet.head();
    const begin = performance.now();
    const { late, refused } = await new ApiClient(runDir).post<Changed>(path, body);
    const answerMs = performance.now() - begin;
    if (late !== undefined || refused !== undefined) throw new Error(`${path}: not in force everywhere`);
    return answerMs;
  }
}

function figuresOf(kind: string, goalMs: number, samples: readonly Sample[]): Figures {
  const sorted = samples.map(({ ms }) => ms).sort((a, b) => a - b);
  const answers = samples.flatMap(({ answerMs }) => answerMs ?? []).sort((a, b) => a - b);
  return {
    kind,
    goalMs,
    trials: samples.length,
    medianMs: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1)!,
    answerMedianMs: answers.length === 0 ? null : quantile(answers, 0.5),
    samplesMs: samples.map(({ ms }) => ms),
  };
}

/** Nearest rank. */
const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;

function print(figures: readonly Figures[]): void {
  const cell = (value: number | string) => String(value).padStart(9);
  const head = ['goal', 'median', 'p99', 'max', 'answered'].map(cell).join('');
  console.log(`${'milliseconds'.padEnd(38)}${head}   trials`);
  for (const { kind, goalMs, medianMs, p99Ms, maxMs, answerMedianMs, trials } of figures) {
    const times = [medianMs, p99Ms, maxMs, answerMedianMs].map((ms) => cell(ms?.toFixed(1) ?? '-')).join('');
    const verdict = p99Ms <= goalMs ? 'met' : 'missed';
    console.log(`${kind.padEnd(38)}${cell(goalMs)}${times}   ${trials}, goal ${verdict}`);
  }
}

async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2));
  if (options === undefined) return console.log(usage);
  const machine = await machineFacts(CHECKOUT);
  const groups = (): GroupText[] => [
    group('fails', FAIL_VIP, { s1: 1, s4: 1 }),
    group('weights', WEIGHT_VIP, { s1: 1, s4: 0 }),
    { name: CRASH_GROUP, network: 'app', vip: CRASH_VIP, protocol: 'tcp', port: 80, members: [] },
  ];
  const templates = [crashTemplate(`slt${process.pid}x9-w`)];
  const start = options.controllers === 1 ? Fleet.embedded : Fleet.overEtcd;
  console.log(
    `bringing three hosts up, ${options.controllers === 1 ? 'one controller' : 'three controllers'}`,
  );
  const fleet = await start({ groups, templates });
  try {
    const times = new LoopTimes(fleet, options);
    await times.ready();
    const figures = [await times.fail(), await times.weight(), await times.crash()];
    await times.close();
    print(figures);
    const { controllers, paceMs } = options;
    mkdirSync(dirname(options.json), { recursive: true });
    writeFileSync(options.json, `${JSON.stringify({ machine, controllers, paceMs, figures }, null, 2)}\n`);
    console.log(`written: ${options.json}`);
  } finally {
    await fleet.close();
  }
}

await main();
