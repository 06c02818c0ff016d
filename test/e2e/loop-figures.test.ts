// The worked examples of the design, live: real connections, held open, on members whose weights follow their load.
// Loads of the figures that are in thousands are held in units. What a load balancer gives next is exact.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PolicyDetail } from '../../src/api/fleet-shapes.ts';
import type { GroupDetail, RuleRow } from '../../src/api/shapes.ts';
import { until } from '../support/command.ts';
import { HeldFlows, holdEach } from '../support/held-flows.ts';
import { LoopBed, type LoopBedOptions, VIP } from '../support/loop-bed.ts';

const test = suite('e2e: the closed loop, figures');

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
const named = (counts: readonly number[]) => Object.fromEntries(counts.map((n, i) => [NAMES[i]!, n]));

let bed: LoopBed;
let clients: HeldFlows[];
test.after.each(async () => {
  await Promise.all(clients?.map((client) => client.stop()) ?? []);
  bed?.close();
});

async function start(options: LoopBedOptions): Promise<void> {
  bed = await LoopBed.create(options);
  clients = bed.clients.map((vm) => new HeldFlows(bed, vm, VIP, 80));
}

const activeFlows = async (): Promise<number[]> => (await bed.members()).map((member) => member.activeFlows);

const untilActive = (flows: readonly number[]) =>
  until(`active flows ${flows.join(' ')}`, async () => (await activeFlows()).join() === flows.join());

async function untilWeightsAt(client: string, expected: string): Promise<void> {
  let found = '';
  const isThere = async () => {
    found = await weightsAt(client);
    return found === expected;
  };
  await until('weights', isThere).catch(() => assert.is(found, expected));
}

/** Weights that the load balancer of a client enforces. */
async function weightsAt(client: string): Promise<string> {
  const [rule] = await bed.json<RuleRow[]>('rule', 'list', '--port', client);
  return rule!.members.map((member) => /=(\d+)/.exec(member)![1]).join(' ');
}

const nothingLost = () =>
  assert.equal(
    clients.flatMap(({ lost }) => lost),
    [],
  );

/** Who computes the weights. */
const MODES = [
  { mode: 'distribute-rules' },
  { mode: 'distribute-rules', perLoadBalancer: true },
  { mode: 'distribute-stats' },
  { mode: 'both' },
];

for (const where of MODES) {
  const how = `${where.mode}${where.perLoadBalancer ? ', for each load balancer' : ''}`;
  test(`figure 14: uneven loads give weights 1 1 2 2 3, and the flows skew as they say: ${how}`, () =>
    figure14(where));
}

async function figure14(where: object): Promise<void> {
  await start({
    clients: 5,
    servers: NAMES.slice(0, 5),
    group: () => ({ policy: { kind: 'inverse-load', ...where, interval: '200ms' } }),
  });
  await bed.json('policy', 'set', 'app', 'even'); // until the loads of the figure are there
  // Local 10 10 10 10 9 at the first LB; over all five 131 135 101 100 86.
  const rest = [121, 125, 91, 90, 77];
  const part = (client: number, flows: number): number =>
    Math.floor(flows / 4) + (client <= flows % 4 ? 1 : 0);
  const wanted = bed.clients.map((_, i) =>
    named(i === 0 ? [10, 10, 10, 10, 9] : rest.map((flows) => part(i, flows))),
  );
  await holdEach(clients, wanted, 160);
  await untilActive([131, 135, 101, 100, 86]);
  await bed.untilWeights([1, 1, 1, 1, 1]);

  await bed.json('policy', 'set', 'app', '--file');
  await bed.untilWeights([1, 1, 2, 2, 3]);
  assert.equal(await clients[0]!.open(9), { a: 1, b: 1, c: 2, d: 2, e: 3 });
  // Loads still differ as much: three rounds take the local flows from 10 10 10 10 9 to 13 13 16 16 18.
  await bed.untilWeights([1, 1, 2, 2, 3]);
  assert.equal(await clients[0]!.open(18), { a: 2, b: 2, c: 4, d: 4, e: 6 });
  assert.equal(await clients[0]!.ask(), { a: 13, b: 13, c: 16, d: 16, e: 18 });
  nothingLost();
}

test('figure 15: a sixth joins while five are at their limit: it gets nearly all, then three times as much, then as much', async () => {
  await start({
    clients: 5,
    servers: NAMES,
    members: NAMES.slice(0, 5),
    group: () => ({ policy: { kind: 'inverse-load', interval: '200ms', flowLimit: 50 } }),
  });
  await Promise.all(clients.map((client) => client.open(50)));
  await untilActive([50, 50, 50, 50, 50]);
  await bed.json('member', 'add', 'app', 'f', bed.endpoint('f'));
  await bed.untilWeights([1, 1, 1, 1, 1, 1000]);
  const opened = await clients[0]!.open(18);
  assert.ok((opened.f ?? 0) >= 17, `of 18 next ones: ${JSON.stringify(opened)}`);

  // Stage 2: 40 39 41 38 39 18.
  const now = await activeFlows();
  const wanted = [40, 39, 41, 38, 39, opened.f!];
  for (const [i, name] of NAMES.entries()) {
    for (let left = now[i]! - wanted[i]!, at = 0; left > 0; at++) {
      const share = Math.min(left, 8);
      await clients[at % 5]!.close(name, share);
      left -= share;
    }
  }
  await untilActive(wanted);
  await bed.untilWeights([1, 1, 1, 1, 1, 3]);
  assert.equal(await clients[1]!.open(8), named([1, 1, 1, 1, 1, 3]));

  // It has caught up: even weights again.
  await clients[2]!.open(80);
  await bed.untilWeights([1, 1, 1, 1, 1, 1]);
  nothingLost();
});

test('figure 16: the first is removed: its flows run on, new ones go by each load balancer’s own', () =>
  figure16({ mode: 'both' }));

test('figure 16 again, with the weights of each load balancer computed by the controller', () =>
  figure16({ mode: 'distribute-rules', perLoadBalancer: true }));

async function figure16(where: object): Promise<void> {
  await start({
    clients: 5,
    servers: NAMES,
    group: () => ({ policy: { kind: 'inverse-load', ...where, interval: '200ms', localSpread: 1 } }),
  });
  await bed.json('policy', 'set', 'app', 'even');
  // Local 6 7 10 9 10 10, over all five 22 26 27 28 28 26.
  const wanted = [
    named([6, 7, 10, 9, 10, 10]),
    ...[0, 1, 2, 3].map((i) => named([4, i < 3 ? 5 : 4, i < 1 ? 5 : 4, i < 3 ? 5 : 4, i < 2 ? 5 : 4, 4])),
  ];
  await holdEach(clients, wanted, 66);
  await untilActive([22, 26, 27, 28, 28, 26]);
  await bed.json('member', 'drain', 'app', 'a');
  await bed.json('policy', 'set', 'app', '--file');
  await untilWeightsAt('c1', '0 2 1 1 1 1');
  assert.is(await weightsAt('c2'), '0 1 1 1 1 1');
  await isShownPerBalancer();
  assert.equal(await clients[0]!.open(6), { b: 2, c: 1, d: 1, e: 1, f: 1 });

  // Stage 2: a has 12 left, the others are level.
  for (const i of [0, 1, 2, 3, 4]) await clients[i]!.close('a', 2);
  assert.equal((await clients[0]!.ask()).a, 4);
  await untilWeightsAt('c1', '0 1 1 1 1 1');
  assert.equal(await clients[1]!.open(5), { b: 1, c: 1, d: 1, e: 1, f: 1 });
  assert.is((await activeFlows())[0], 12);

  // Stage 3: the last ones end, and it is taken out.
  for (const i of [0, 1, 2, 3, 4]) await clients[i]!.close('a', i === 0 ? 4 : 2);
  await until('no flow on a', async () => (await activeFlows())[0] === 0);
  await bed.json('member', 'remove', 'app', 'a');
  assert.equal(
    (await bed.members()).map(({ member }) => member),
    ['b', 'c', 'd', 'e', 'f'],
  );
  nothingLost();
}

/** Listings have the weight of most load balancers, and the one that differs. */
async function isShownPerBalancer(): Promise<void> {
  const { members, loadBalancers } = await bed.json<GroupDetail>('group', 'show', 'app');
  assert.is(loadBalancers, 5);
  assert.equal(
    members.map(({ weight }) => weight),
    [0, 1, 1, 1, 1, 1],
  );
  const b = members.find(({ member }) => member === 'b')!;
  assert.equal(
    b.loadBalancers.map(({ loadBalancer, weight, activeFlows }) => [loadBalancer, weight, activeFlows]),
    [
      ['c1', 2, 7],
      ['c2', 1, 5],
      ['c3', 1, 5],
      ['c4', 1, 5],
      ['c5', 1, 4],
    ],
  );
  const policy = await bed.json<PolicyDetail>('policy', 'show', 'app');
  assert.equal(
    policy.members.map(({ weight }) => weight),
    [0, 1, 1, 1, 1, 1],
  );
  assert.equal(
    policy.members.map(({ differing }) =>
      differing.map(({ loadBalancer, weight }) => [loadBalancer, weight]),
    ),
    [[], [['c1', 2]], [], [], [], []],
  );
}

test('slow start: a member that joins gets a growing share of the new flows', async () => {
  await start({
    clients: 1,
    servers: NAMES.slice(0, 3),
    members: NAMES.slice(0, 2),
    group: () => ({ policy: { kind: 'even', interval: '100ms', slowStart: '4s' } }),
  });
  await bed.untilWeights([1, 1]);
  await bed.json('member', 'add', 'app', 'c', bed.endpoint('c'));
  const shares: number[] = [];
  const startMs = performance.now();
  while (performance.now() - startMs < 4_000) {
    const weights = (await bed.members()).map(({ weight }) => weight);
    shares.push(weights[2]! / weights[0]!);
  }
  await bed.untilWeights([1, 1, 1]);
  assert.ok(shares[0]! < 0.5, `shares: ${shares.map((share) => share.toFixed(2)).join(' ')}`);
  assert.ok(
    shares.every((share, i) => i === 0 || share >= shares[i - 1]!),
    'it never shrinks',
  );
  assert.ok(new Set(shares).size >= 3, 'in steps');
  assert.equal(await clients[0]!.open(6), { a: 2, b: 2, c: 2 });
});

test.run();
