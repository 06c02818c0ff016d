// Three hosts under three controllers over a real etcd, with steady traffic through VIPs from every host: controllers,
// etcd and agents' links fail and come back, and no packet is lost. What was changed last holds throughout.
//
// SLUICE_LONG=1 keeps etcd away for 30 s in place of 6.
// timeout: 480s
import { rmSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Changed, Status } from '../../src/api/shapes.ts';
import { sleep, until } from '../support/command.ts';
import { apiOf, type ControllerProcess, Fleet } from '../support/fleet.ts';
import { freeze } from '../support/freeze.ts';
import { HOSTS, type HostName } from '../support/hosts.ts';
import { shares } from '../support/testbed.ts';

const test = suite('e2e: fleet, faults');

/** A new leader is there by then. */
const TAKEOVER_MS = 5_000;
const PATIENCE_MS = 30_000;
const ETCD_AWAY_MS = process.env.SLUICE_LONG === '1' ? 30_000 : 6_000;

let fleet: Fleet;
test.before(async () => {
  fleet = await Fleet.overEtcd();
});
test.after(() => fleet?.close());

/** A test beside which steady traffic runs from every host, all of which is answered. */
function whileTrafficRuns(name: string, body: () => Promise<void>): void {
  test(name, async () => {
    const traffic = fleet.steady();
    await traffic.running();
    let failure: unknown;
    await body().catch((error) => {
      failure = error;
    });
    const results = await traffic.stop();
    if (failure !== undefined) throw failure;
    for (const { client, sent, answered, losses } of results) {
      assert.equal(losses, [], `${client}: ${answered} of ${sent} answered`);
      assert.is(answered, sent, client);
    }
  });
}

const weights = { s1: 1, s2: 2, s3: 1, s4: 2, s5: 1, s6: 3 };

/** Sets the weight of s6, and expects it in force at the hosts. */
async function reweigh(weight: number, hosts: readonly HostName[] = HOSTS): Promise<void> {
  const leader = await fleet.leader();
  const changed = await apiOf(leader).post<Changed>('/v1/groups/web/members/s6/weight', { weight });
  assert.equal(Object.keys(changed.hosts!).sort(), hosts);
  weights.s6 = weight;
}

/** The steady traffic balances beside, so one client's shares are exact where it has none: c2 on h1, c4 on h2. */
async function isInForce(clients: readonly string[] = ['c2', 'c4']): Promise<void> {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight);
  for (const client of clients) {
    assert.equal(shares(await fleet.hosts.ask(client, '10.1.0.100', total)), weights, client);
  }
}

/** Waits until another leader than this has all hosts; the milliseconds until it led. */
async function takeover(previous: ControllerProcess): Promise<number> {
  const sinceMs = performance.now();
  const others = fleet.controllers.filter((controller) => controller !== previous);
  const next = await until(
    'another leader',
    async () => {
      const statuses = await Promise.all(others.map((other) => other.controllerStatus()));
      return statuses.find(({ role }) => role === 'leader');
    },
    PATIENCE_MS,
  );
  const tookMs = performance.now() - sinceMs;
  assert.is.not(next.controller, previous.label);
  return tookMs;
}

whileTrafficRuns(
  'three controllers: one leads, all hosts are attached to it, and get what is changed there',
  async () => {
    const statuses = await Promise.all(fleet.controllers.map((controller) => controller.controllerStatus()));
    assert.equal(statuses.map(({ role }) => role).sort(), ['follower', 'follower', 'leader']);
    assert.equal((await fleet.agents()).map(({ host }) => host).sort(), [...HOSTS]);
    await reweigh(2);
    await isInForce();
  },
);

whileTrafficRuns(
  'the leader is killed: another one leads within 5 s, with all that was changed',
  async () => {
    const previous = await fleet.leader();
    await previous.signal('SIGKILL');
    const tookMs = await takeover(previous);
    assert.ok(tookMs < TAKEOVER_MS, `${tookMs} ms`);
    await fleet.attached();
    await isInForce();
    await reweigh(3);
    await isInForce();
    rmSync(previous.runDir, { recursive: true, force: true });
    await previous.launch();
    assert.is((await previous.controllerStatus()).role, 'follower');
  },
);

whileTrafficRuns('a paused leader finds another one in its place, and changes nothing', async () => {
  const previous = await fleet.leader();
  const { pid } = await previous.controllerStatus();
  freeze(pid);
  const late = previous.startSluice('member', 'weight', 'web', 's6', '9');
  const tookMs = await takeover(previous);
  assert.ok(tookMs < TAKEOVER_MS, `${tookMs} ms`);
  await fleet.attached();
  await reweigh(1);
  process.kill(pid, 'SIGCONT');
  assert.is.not(await late.ended, 0, late.stdout);
  await until(
    'it to follow',
    async () => (await previous.controllerStatus()).role === 'follower',
    PATIENCE_MS,
  );
  await fleet.attached();
  await isInForce();
});

whileTrafficRuns("an agent's link is cut: it goes on, and catches up when it is back", async () => {
  const h2 = fleet.host('h2');
  await h2.ip('link', 'set', 'ctl0', 'down');
  await until('h2 to be missed', async () => (await fleet.agents()).length === 2, PATIENCE_MS);
  const before = { ...weights };
  await reweigh(2, ['h1', 'h3']);
  await isInForce(['c2']);
  const total = Object.values(before).reduce((sum, weight) => sum + weight);
  assert.equal(shares(await fleet.hosts.ask('c4', '10.1.0.100', total)), before, 'as h2 was told last');
  await h2.ip('link', 'set', 'ctl0', 'up');
  await fleet.attached();
  await isInForce();
});

whileTrafficRuns('etcd is away: everything goes on but changes; it comes back: they are taken', async () => {
  const leader = await fleet.leader();
  await fleet.etcd!.kill();
  const { status } = await leader.sluice('member', 'weight', 'web', 's6', '9');
  assert.is(status, 1);
  await sleep(ETCD_AWAY_MS);
  await isInForce();
  await fleet.etcd!.restart();
  await fleet.attached();
  await reweigh(3);
  await isInForce();
});

whileTrafficRuns('every controller is killed: all hosts go on', async () => {
  for (const controller of fleet.controllers) await controller.signal('SIGKILL');
  await until(
    'all hosts to miss them',
    async () => {
      const statuses = await Promise.all(
        fleet.hosts.all.map((host) => apiOf(host).get<Status>('/v1/status')),
      );
      return statuses.every((status) => status.controllers.link.state !== 'attached');
    },
    PATIENCE_MS,
  );
  await isInForce();
});

test('a host that is restarted then begins with the last rules', async () => {
  await fleet.hosts.restart(fleet.host('h2'));
  await isInForce();
});

whileTrafficRuns('the controllers come back, two with nothing in their run directories', async () => {
  await Promise.all(
    fleet.controllers.map((controller, index) => {
      if (index > 0) rmSync(controller.runDir, { recursive: true, force: true });
      return controller.launch();
    }),
  );
  await fleet.attached();
  await isInForce();
  await reweigh(1);
  await isInForce();
});

test.run();
