/**
 * One simulated life of a fleet: faults of every kind for a while, then peace; `play` answers what was violated, if
 * anything. A seed says everything: the same seed gives the same life, event by event.
 */
import { isDeepStrictEqual } from 'node:util';
import { membersInForce } from '../../src/config/model/criteria-sets.ts';
import { findMember, membersOf } from '../../src/config/model/group-members.ts';
import { messageOf } from '../../src/config/problems/refusal.ts';
import { createPolicy } from '../../src/policy/create-policy.ts';
import { memberLoad, weightsByMember } from '../../src/policy/weights-by-member.ts';
import { momentOf } from '../../src/runtime/runtime.ts';
import { ETCD } from './etcd.ts';
import { GROUPS, groupName, MEMBERS, memberName, POLICY_INTERVAL_MS, Violation, World } from './world.ts';

export interface Outcome {
  readonly hash: number;
  readonly events: number;
  /** The first thing that did not hold; undefined: all did. */
  readonly problem: string | undefined;
  readonly trace: readonly string[];
}

const PEACE_MS = 13_000;
/** From the last fault until everybody has found the leader: lease, keepalive, the links' pauses, health checks. */
const SETTLE_MS = 20_000;

export async function play(seed: number): Promise<Outcome> {
  const world = new World(seed);
  const { time } = world;
  let problem: string | undefined;
  const onBug = (error: unknown): void => {
    problem ??= `unhandled: ${error instanceof Error ? error.stack : String(error)}`;
  };
  process.on('unhandledRejection', onBug);
  try {
    planFaults(world);
    await run(world, PEACE_MS, () => problem);
    makePeace(world);
    await agreement(world, () => problem);
    for (const { host } of world.hosts) host.isBusy = false;
    await run(world, time.nowMs + 3 * POLICY_INTERVAL_MS + 2 * REPORT_MS, () => problem);
    checkAgreement(world);
    // Rules are sent again now and then: a host may be about to answer.
    for (let tries = 0; tries < 20 && problemOf(() => checkRules(world)) !== undefined; tries++)
      await run(world, time.nowMs + 97, () => problem);
    checkRules(world);
    checkLoad(world);
    checkWeights(world);
    const weights = weightsIn(world);
    await run(world, time.nowMs + 3 * POLICY_INTERVAL_MS, () => problem);
    if (!isDeepStrictEqual(weightsIn(world), weights))
      throw new Violation('weights still change three intervals after the load has come to rest');
    if (world.errors.length > 0) throw new Violation(`logged as an error: ${world.errors[0]}`);
  } catch (error) {
    problem ??= error instanceof Violation ? error.message : String((error as Error).stack);
  } finally {
    process.off('unhandledRejection', onBug);
  }
  return { hash: time.hash, events: time.events, problem, trace: time.trace };
}

function problemOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Until all agree, for SETTLE_MS at most. */
async function agreement(world: World, problem: () => string | undefined): Promise<void> {
  for (;;) {
    await run(world, world.time.nowMs + 1_000, problem);
    if (world.time.nowMs < world.lastDeadlineMs + 1_000) continue;
    try {
      return checkAgreement(world);
    } catch (error) {
      if (!(error instanceof Violation) || world.time.nowMs >= PEACE_MS + SETTLE_MS) throw error;
    }
  }
}

/** Reports of the new figures, and the way to the hosts. */
const REPORT_MS = 1_000;

async function run(world: World, untilMs: number, problem: () => string | undefined): Promise<void> {
  while (await world.time.step(untilMs)) {
    world.check();
    if (problem() !== undefined) throw new Violation(problem()!);
  }
}

// --- faults --------------------------------------------------------------------------------------------------------

type Fault = (world: World) => void;

function planFaults(world: World): void {
  const { time } = world;
  const { random } = time;
  if (random.chance(60)) random.pick(world.hosts).isLiar = true;
  const count = random.between(6, 30);
  for (let i = 0; i < count; i++) {
    const [name, fault] = random.pick(FAULTS);
    time.plan(random.between(3_000, PEACE_MS - 500), `fault ${name}`, () => fault(world));
  }
}

const FAULTS: readonly (readonly [string, Fault])[] = [
  [
    'crash of a controller',
    (world) => {
      const machine = world.time.random.pick(world.controllers);
      machine.kill(world.time.random.chance(60));
      again(world, 6_000, () => machine.isRunning || machine.start());
    },
  ],
  [
    'crash of the leader',
    (world) => {
      const machine = world.leaders[0];
      machine?.kill(world.time.random.chance(60));
      again(world, 6_000, () => machine === undefined || machine.isRunning || machine.start());
    },
  ],
  [
    'crash of a host',
    (world) => {
      const machine = world.time.random.pick(world.hosts);
      machine.kill(world.time.random.chance(60));
      again(world, 4_000, () => machine.isRunning || machine.start());
    },
  ],
  [
    'pause of a controller',
    (world) => {
      const { process } = world.time.random.pick(world.controllers);
      pause(world, process);
    },
  ],
  [
    'pause of a host',
    (world) => {
      const { process } = world.time.random.pick(world.hosts);
      pause(world, process);
    },
  ],
  [
    'cut between a host and a controller',
    ({ time, network, hosts, controllers }) => {
      const [a, b] = [time.random.pick(hosts).name, time.random.pick(controllers).name];
      network.cut(a, b);
      time.plan(time.random.between(200, 9_000), 'joined', () => network.join(a, b));
    },
  ],
  [
    'cut of a controller from everybody',
    ({ time, network, hosts, controllers }) => {
      const { name } = time.random.pick(controllers);
      const others = [...hosts, ...controllers].filter((other) => other.name !== name);
      for (const other of others) network.cut(name, other.name);
      network.cut(name, ETCD);
      time.plan(time.random.between(200, 9_000), 'joined', () => {
        for (const other of others) network.join(name, other.name);
        network.join(name, ETCD);
      });
    },
  ],
  [
    'cut of a controller from etcd',
    ({ time, network, controllers }) => {
      const { name } = time.random.pick(controllers);
      network.cut(name, ETCD);
      time.plan(time.random.between(200, 12_000), 'joined', () => network.join(name, ETCD));
    },
  ],
  [
    'cut of half of the hosts from the leader',
    ({ time, network, hosts, leaders }) => {
      const leader = leaders[0]?.name;
      if (leader === undefined) return;
      const half = hosts.filter(() => time.random.chance(50));
      for (const { name } of half) network.cut(name, leader);
      time.plan(time.random.between(200, 9_000), 'joined', () => {
        for (const { name } of half) network.join(name, leader);
      });
    },
  ],
  [
    'clock of a controller is set',
    (world) => {
      const stepMs = clockStep(world.time.random);
      world.controllerSkewMs = Math.max(world.controllerSkewMs, 2 * Math.abs(stepMs));
      world.time.random.pick(world.controllers).setClock(stepMs);
    },
  ],
  [
    'clock of the leader is set back',
    (world) => {
      world.controllerSkewMs = Math.max(world.controllerSkewMs, 7_200_000);
      world.leaders[0]?.setClock(-3_600_000);
    },
  ],
  ['clock of a host is set', ({ time, hosts }) => time.random.pick(hosts).setClock(clockStep(time.random))],
  [
    'disk of a host is full',
    ({ time, hosts }) => {
      const host = time.random.pick(hosts);
      host.isDiskFull = true;
      time.plan(time.random.between(500, 8_000), 'room', () => {
        host.isDiskFull = false;
      });
    },
  ],
  [
    'disk of etcd is full',
    ({ time, etcd }) => {
      etcd.isFull = true;
      time.plan(time.random.between(500, 8_000), 'room', () => {
        etcd.isFull = false;
      });
    },
  ],
  [
    'death of a member',
    (world) => {
      const { random } = world.time;
      const address = world.address(random.below(GROUPS), random.below(MEMBERS));
      world.dead.add(address);
      if (random.chance(60)) again(world, 12_000, () => world.dead.delete(address));
    },
  ],
  ['drain', (world) => asks(world, 'drain')],
  ['drain with a deadline', (world) => asks(world, 'deadline')],
  ['weight', (world) => asks(world, 'weight')],
  ['member fails by order', (world) => asks(world, 'fail')],
  ['member comes back', (world) => asks(world, 'add')],
];

const clockStep = (random: World['time']['random']): number =>
  random.pick([-3_600_000, 3_600_000, -600_000, 600_000]);

/** Until peace at most, and never shorter than before: what waits for the process keeps its order. */
function pause({ time }: World, process: World['hosts'][number]['process']): void {
  const untilMs = Math.min(PEACE_MS, time.nowMs + time.random.between(500, 7_000));
  process.pausedUntilMs = Math.max(process.pausedUntilMs, untilMs);
}

/** Within the time, and before peace. */
function again({ time }: World, withinMs: number, act: () => unknown): void {
  const leftMs = Math.max(0, PEACE_MS - 1 - time.nowMs);
  time.plan(Math.min(leftMs, time.random.between(100, withinMs)), 'again', () => void act());
}

function asks(world: World, what: 'drain' | 'deadline' | 'weight' | 'fail' | 'add'): void {
  const { time } = world;
  const { random } = time;
  const [groupAt, memberAt] = [random.below(GROUPS), random.below(MEMBERS)];
  const [group, member] = [groupName(groupAt), memberName(memberAt)];
  const leader = random.chance(80) ? world.leaders[0] : undefined;
  const machine = leader ?? random.pick(world.controllers);
  const { controller } = machine;
  if (!machine.isRunning || controller === undefined) return;
  const deadlineMs = random.between(1_000, 6_000);
  if (what === 'deadline') {
    const key = `${group} ${member}`;
    const atMs = Math.min(world.deadlines.get(key) ?? Number.POSITIVE_INFINITY, time.nowMs + deadlineMs);
    world.deadlines.set(key, atMs);
  }
  const act = {
    drain: () => controller.changes.drainMember(group, member),
    deadline: () => controller.changes.drainMember(group, member, deadlineMs),
    weight: () => controller.changes.setWeight(group, member, random.between(1, 9)),
    fail: () => controller.changes.failMember(group, member),
    add: () =>
      controller.changes.addMember(group, {
        name: member,
        address: world.address(groupAt, memberAt),
      } as never),
  }[what];
  const order = world.orders.begin(group, member);
  // It counts from when the controller comes to it.
  const answered = (): void => {
    if (what === 'deadline') world.lastDeadlineMs = Math.max(world.lastDeadlineMs, time.nowMs + deadlineMs);
  };
  Promise.resolve()
    .then(act)
    .then(
      () => {
        answered();
        time.note(`${what} ${group} ${member}: done`);
        order.done(what === 'weight' ? undefined : STATE_AFTER[what]);
      },
      (error) => {
        answered();
        time.note(`${what} ${group} ${member}: ${messageOf(error)}`);
        order.failed();
      },
    );
}

const STATE_AFTER = { drain: 'draining', deadline: 'draining', fail: 'failed', add: 'active' } as const;

function makePeace(world: World): void {
  world.network.joinAll();
  world.etcd.isFull = false;
  for (const machine of [...world.controllers, ...world.hosts]) {
    if (!machine.isRunning) machine.start();
  }
  for (const host of world.hosts) host.isDiskFull = false;
}

// --- what must hold in peace ---------------------------------------------------------------------------------------

function checkAgreement(world: World): void {
  const { leaders, hosts } = world;
  if (leaders.length !== 1)
    throw new Violation(`${leaders.length} controllers lead: ${leaders.map(({ name }) => name)}`);
  const controller = leaders[0]!.controller!;
  const term = controller.leadership!;
  const away = hosts.filter(({ name }) => !term.agents.has(name)).map(({ name }) => name);
  if (away.length > 0) throw new Violation(`not attached: ${away}`);
  const old = hosts.filter(({ rules }) => rules.current.epoch !== term.epoch).map(({ name }) => name);
  if (old.length > 0) throw new Violation(`without rules of ${term.epoch}: ${old}`);
  checkHealth(world);
}

const plain = (value: unknown): unknown =>
  value === undefined ? undefined : JSON.parse(JSON.stringify(value));

/** At rest every host has what the leader has published. */
function checkRules({ leaders, hosts }: World): void {
  const term = leaders[0]!.controller!.leadership!;
  for (const { name, rules, host } of hosts) {
    const feed = term.distribution.feedOf(name)!;
    if (rules.current.epoch !== term.epoch || feed.appliedRevision !== feed.sentRevision)
      throw new Violation(
        `${name} has ${rules.current.epoch}/${rules.current.revision}, not what ${term.epoch} sent last`,
      );
    const published = [...term.distribution.published.values()];
    const inForce = new Map(host.configuration.groups.map((group) => [group.name, group]));
    for (const group of published) {
      if (!isDeepStrictEqual(plain(inForce.get(group.name)), plain(group)))
        throw new Violation(`${name} has another ${group.name} in force than the leader's`);
    }
    if (inForce.size !== published.length) throw new Violation(`${name} has ${inForce.size} groups`);
  }
}

/** Dead members have failed, living ones have not, but for what people have ordered. */
function checkHealth(world: World): void {
  const { groups } = world.leaders[0]!.controller!;
  for (let at = 0; at < GROUPS; at++) {
    const { group, beforeHealth } = groups.get(groupName(at))!;
    for (const { name, state, address } of membersOf(group)) {
      const ordered = findMember(beforeHealth, name)?.state;
      const acknowledged = world.orders.stateOf(group.name, name);
      if (acknowledged !== undefined && ordered !== acknowledged)
        throw new Violation(
          `${group.name}: ${name} is ${ordered}; ${acknowledged} was ordered and answered as done`,
        );
      const expected = world.dead.has(address) ? 'failed' : ordered;
      if (state !== expected) throw new Violation(`${group.name}: ${name} is ${state}, expected ${expected}`);
    }
  }
}

/** The leader's sums are those of the hosts. */
function checkLoad(world: World): void {
  const { leadership } = world.leaders[0]!.controller!;
  for (let at = 0; at < GROUPS; at++) {
    const group = groupName(at);
    const loads = leadership!.aggregation.loads(group, leadership!.runtime.monotonicMs());
    for (const [member, { activeFlows }] of loads) {
      const flows = world.hosts.flatMap(({ host }) =>
        [...host.flows].filter((flow) => flow.group === group && flow.member === member),
      );
      if (flows.length !== activeFlows)
        throw new Violation(
          `${group}: ${member} has ${flows.length} flows, the leader counts ${activeFlows}`,
        );
    }
  }
}

/** The weights in force are what the policies say about these sums. */
function checkWeights(world: World): void {
  const { groups, leadership } = world.leaders[0]!.controller!;
  const { aggregation, weights, runtime } = leadership!;
  const { monotonicMs, wallMs } = momentOf(runtime);
  for (const [name, { group }] of groups) {
    const loads = aggregation.loads(name, monotonicMs);
    const members = membersInForce(group, wallMs).map((member) =>
      memberLoad(member, loads.get(member.name), Number.POSITIVE_INFINITY),
    );
    const inForce = membersInForce(weights.groups.get(name)!, wallMs);
    const previous = new Map(inForce.map((member) => [member.name, member.weight]));
    const expected = weightsByMember(createPolicy(group.policy!), { nowMs: monotonicMs, members, previous });
    for (const [member, weight] of expected) {
      if (previous.get(member) !== weight)
        throw new Violation(
          `${name}: ${member} has weight ${previous.get(member)}, its policy says ${weight}`,
        );
    }
  }
}

function weightsIn({ hosts }: World): unknown {
  return hosts.map(({ host }) =>
    host.configuration.groups.map((group) => membersOf(group).map(({ name, weight }) => [name, weight])),
  );
}
