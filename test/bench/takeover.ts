/**
 * From `kill -9` of the leading controller to a change in force through the next one:
 * `node dist/test/bench/takeover.js [TRIALS [AGENTS [SIGSTOP]]]`, JSON on stdout. With SIGSTOP the leader falls silent
 * in place of dying.
 *
 * Three controller processes over a real etcd on loopback, agents on real gRPC links in this process. Milliseconds
 * from the signal, at a random moment between two renewals of the lease: until another controller says that it
 * leads, until half of the agents are attached to it, until all are, and until a change of weight, made through it as
 * soon as they are, is in force at all of them.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createControllerLink } from '../../src/agent/controller-link.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { port, silent, TestAgent } from '../controller/fleet.ts';
import { until } from '../controller/until.ts';
import { type LoopbackController, startControllers } from '../support/controllers.ts';
import { killProcess } from '../support/host.ts';

const PATIENCE_MS = 60_000;
const POLL_MS = 5;
const trials = Number(process.argv[2] ?? 20);
const count = Number(process.argv[3] ?? 20);
const signal = process.argv[4] === 'SIGSTOP' ? 'SIGSTOP' : 'SIGKILL';

const controllers = await startControllers();
const { all, addresses } = controllers;
const agents = Array.from(
  { length: count },
  (_, index) =>
    new TestAgent(
      (handler) =>
        createControllerLink({ runtime: systemRuntime, controllers: addresses, handler, log: silent }),
      `h${index}`,
      {
        ports: [port('web', 'app')],
      },
    ),
);

/** Agents attached under an epoch after this one. */
const attachedAfter = (epoch: number): number =>
  agents.filter(({ isAttached, welcome }) => isAttached && welcome!.epoch > epoch).length;

async function nextLeader(others: readonly LoopbackController[], epoch: number): Promise<LoopbackController> {
  for (;;) {
    for (const other of others) {
      const status = await other.controllerStatus();
      if ((status.epoch ?? 0) > epoch) return other;
    }
    await delay(POLL_MS);
  }
}

type Samples = Record<'leads' | 'halfAttached' | 'allAttached' | 'changeInForce', number[]>;
const samples: Samples = { leads: [], halfAttached: [], allAttached: [], changeInForce: [] };

async function trial(weight: number): Promise<void> {
  await until(
    () => attachedAfter(0) === count && agents.every(({ inForce }) => inForce.revision > 0),
    PATIENCE_MS,
  );
  const leader = all[Number(agents[0]!.welcome!.controller.slice(1))]!;
  const { epoch, pid } = await leader.controllerStatus();
  const others = all.filter((controller) => controller !== leader);
  await delay(1_000 * Math.random());
  const start = performance.now();
  const note = (name: keyof Samples) => samples[name].push(Math.round(performance.now() - start));
  killProcess(pid, signal);
  const led = nextLeader(others, epoch!).then((next) => {
    note('leads');
    return next;
  });
  await until(() => attachedAfter(epoch!) >= count / 2, PATIENCE_MS);
  note('halfAttached');
  await until(() => attachedAfter(epoch!) === count, PATIENCE_MS);
  note('allAttached');
  await (await led).api.post('/v1/groups/api/members/a/weight', { weight });
  await until(() => agents.every((agent) => agent.weights('api')[0] === weight), PATIENCE_MS);
  note('changeInForce');
  killProcess(pid);
  await until(() => !isAlive(pid), PATIENCE_MS);
  await leader.launch();
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const summary = (values: readonly number[]) => {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  return { medianMs: sorted[Math.floor(sorted.length / 2)], greatestMs: sorted.at(-1) };
};

try {
  for (let number = 1; number <= trials; number++) {
    await trial(1 + number);
    console.error(
      `${number}: ${Object.entries(samples).map(([name, values]) => `${name} ${values.at(-1)}`)}`,
    );
  }
  const figures = Object.entries(samples).map(([name, values]) => [name, summary(values)]);
  console.log(JSON.stringify({ trials, agents: count, ...Object.fromEntries(figures) }, null, 2));
} finally {
  for (const agent of agents) await agent.close();
  await controllers.close();
}
