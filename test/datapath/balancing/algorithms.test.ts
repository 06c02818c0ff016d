/** Selection behind packets: what the algorithms see of the flows that they have placed, and what records say of them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Algorithm } from '../../../src/tables/balancing/rule-spec.ts';
import { ALGORITHM, CHOSEN_BY } from '../../../src/tables/balancing/rule-table.ts';
import { TcpConversation, UdpConversation } from '../../support/conversation.ts';
import { DatapathBed, only } from '../../support/datapath-bed.ts';
import { sharesOf } from '../../support/selection-bed.ts';
import { type GroupDescription, type MemberDescription, members, SETTINGS } from '../../support/topology.ts';

const algorithms = suite('algorithms');

const ALL = Object.keys(ALGORITHM) as Algorithm[];
const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::64';
const NAMES = ['app1', 'app2', 'app3', 'app4', 'app5'];

const group = (algorithm: Algorithm, list: MemberDescription[], more: Partial<GroupDescription> = {}) => ({
  name: 'api',
  vip: VIP,
  algorithm,
  members: list,
  ...more,
});

let nextPort = 20_000;

/** Opens a TCP connection through the VIP, from a client port of its own. */
function open(bed: DatapathBed, from = 'web1', vip = VIP): TcpConversation {
  const ends = { port: from, clientPort: nextPort++, vip, vipPort: 80 };
  return new TcpConversation(bed, ends).open();
}

const placesOf = (flows: readonly TcpConversation[]): number[] =>
  flows.map((flow) => NAMES.indexOf(flow.member.port));

const openMany = (bed: DatapathBed, count: number, from = 'web1', vip = VIP): number[] =>
  placesOf(Array.from({ length: count }, () => open(bed, from, vip)));

for (const algorithm of ALL) {
  algorithms(`${algorithm}: records name it; a change of the rule leaves those of running flows`, () => {
    const bed = new DatapathBed({ groups: [group(algorithm, members([1, 2, 1]))] });
    openMany(bed, 8);
    assert.equal([...new Set(bed.flows().map(({ chosenBy }) => chosenBy))], [ALGORITHM[algorithm]]);
    const other = ALL[(ALL.indexOf(algorithm) + 1) % ALL.length]!;
    bed.configure({ groups: [group(other, members([1, 2, 1]))] });
    openMany(bed, 2);
    const chosenBy = bed.flows().map((flow) => flow.chosenBy);
    assert.equal(chosenBy.slice(0, 8), new Array<number>(8).fill(ALGORITHM[algorithm]));
    assert.equal(chosenBy.slice(8), new Array<number>(2).fill(ALGORITHM[other]));
  });

  algorithms(
    `${algorithm}: a draining member's flow goes on, new ones go elsewhere; IPv6 and UDP too`,
    () => {
      for (const vip of [VIP, VIP6]) {
        const list = members([1, 1, 1], { family: vip === VIP ? 4 : 6 });
        const bed = new DatapathBed({ groups: [group(algorithm, list, { vip })] });
        const flows = Array.from({ length: 12 }, () => open(bed, 'web1', vip));
        const datagrams = new UdpConversation(bed, { port: 'web2', clientPort: 5_000, vip, vipPort: 53 });
        datagrams.send();
        const { member } = flows[0]!;
        const drained = list.map((one) =>
          one.name === member.port ? { ...one, state: 'draining' as const } : one,
        );
        bed.configure({ groups: [group(algorithm, drained, { vip })] });
        for (const flow of flows) assert.is(only(flow.send('A')).port, flow.member.port);
        assert.is(only(datagrams.send()).port, datagrams.member.port);
        const later = openMany(bed, 30, 'web1', vip);
        assert.not(later.includes(NAMES.indexOf(member.port)));
        assert.is(new Set(later).size, 2);
      }
    },
  );
}

algorithms('least connections counts what is open: closed, reset and idle flows make room', () => {
  const bed = new DatapathBed({ groups: [group('least-connections', members([1, 1, 1]))] });
  const flows = Array.from({ length: 12 }, () => open(bed));
  assert.equal(sharesOf(placesOf(flows), 3), [4, 4, 4]);
  const at = (place: number) => flows.filter((_, i) => placesOf(flows)[i] === place);
  for (const flow of at(1).slice(0, 2)) flow.close();
  at(1)[2]!.send('R', { sequence: 101 });
  at(1)[3]!.reply('R', { sequence: 301 });
  assert.equal(openMany(bed, 4), [1, 1, 1, 1]);
  for (let i = 0; i < 40; i++) {
    bed.pass(1_000);
    for (const flow of [...at(0), ...at(2)]) flow.send('A');
  }
  // The four that were opened last have been idle for longer than counts as active.
  assert.ok(SETTINGS.activeFlowIdleMs < 40_000);
  assert.equal(openMany(bed, 4), [1, 1, 1, 1]);
});

algorithms('least connections: each load balancer counts its own flows', () => {
  const bed = new DatapathBed({ groups: [group('least-connections', members([1, 1]))] });
  const [first] = openMany(bed, 1, 'web1');
  const from2 = openMany(bed, 10, 'web2');
  assert.equal(sharesOf(from2, 2), [5, 5]);
  assert.is(openMany(bed, 1, 'web1')[0], 1 - first!);
});

algorithms('random of two choices: the same frames under the same hash key meet the same members', () => {
  const run = (hashKey: readonly [number, number]) => {
    nextPort = 30_000;
    const bed = new DatapathBed({ groups: [group('random-two-choices', members([1, 3, 1, 3, 2]))], hashKey });
    return openMany(bed, 100).join();
  };
  assert.is(run([1, 2]), run([1, 2]));
  assert.is.not(run([1, 2]), run([1, 3]));
});

algorithms(
  'Maglev: a client port meets the same member through any load balancer, before and after a change',
  () => {
    const list = members([1, 1, 1, 1, 1]);
    const bed = new DatapathBed({ groups: [group('maglev', list)] });
    const ends = { clientPort: 50_000, vip: VIP, vipPort: 80 };
    const flow = new TcpConversation(bed, { ...ends, port: 'web1' }).open();
    const chosen = flow.member.port;
    flow.send('R', { sequence: 101 });
    bed.configure({ groups: [group('maglev', [...list].reverse())], balancer: 'host' });
    assert.is(new TcpConversation(bed, { ...ends, port: 'web1' }).open().member.port, chosen);
    const moved = new DatapathBed({ groups: [group('maglev', list)], balancer: 'host', hashKey: [7, 7] });
    assert.is(new TcpConversation(moved, { ...ends, port: 'web1' }).open().member.port, chosen);
  },
);

algorithms('Maglev by source address: all of a client meet one member, clients differ', () => {
  const groups = [group('maglev', members([1, 1, 1, 1, 1]), { hash: 'source-address' })];
  const bed = new DatapathBed({ groups });
  const chosen = ['web1', 'web2', 'web3', 'db1', 'db2'].map((from) => {
    const places = new Set(openMany(bed, 10, from));
    assert.is(places.size, 1);
    return [...places][0];
  });
  assert.ok(new Set(chosen).size > 1, `${chosen}`);
});

algorithms('affinity: records say so, and it ends after the timeout without a new flow', () => {
  const bed = new DatapathBed({
    groups: [group('weighted-round-robin', members([1, 1, 1]), { affinityMs: 60_000 })],
  });
  const places = openMany(bed, 5);
  assert.is(new Set(places).size, 1);
  const chosenBy = bed.flows().map((flow) => flow.chosenBy);
  assert.equal(chosenBy, [
    ALGORITHM['weighted-round-robin'],
    ...new Array<number>(4).fill(CHOSEN_BY.affinity),
  ]);
  bed.passSlowly(59_000);
  assert.equal(openMany(bed, 1), [places[0]]);
  bed.passSlowly(61_000);
  assert.is.not(openMany(bed, 1)[0], places[0]);
});

algorithms('affinity rows of clients that are gone are aged', () => {
  const bed = new DatapathBed({
    groups: [group('maglev', members([1, 1, 1]), { affinityMs: 60_000 })],
    limits: { maxAffinities: 64 },
  });
  for (const from of ['web1', 'web2', 'web3']) open(bed, from);
  assert.is(bed.tables.affinities.inUse, 3);
  bed.passSlowly(70_000);
  assert.is(bed.tables.affinities.inUse, 0);
});

for (const algorithm of ALL) {
  algorithms(
    `${algorithm}: a VM that is client and member talks to the others, or to itself if it is alone`,
    () => {
      const all = members([2, 1, 1]);
      const bed = new DatapathBed({ groups: [group(algorithm, all, { avoidSelf: true })] });
      assert.equal([...new Set(openMany(bed, 40, 'app1'))].sort(), [1, 2]);
      assert.is(new Set(openMany(bed, 40, 'web1')).size, 3);
      const alone = all.map((one) => ({ ...one, weight: one.name === 'app1' ? 1 : 0 }));
      bed.configure({ groups: [group(algorithm, alone, { avoidSelf: true })] });
      const ends = { port: 'app1', clientPort: nextPort++, vip: VIP, vipPort: 80 };
      assert.is(only(new TcpConversation(bed, ends).send('S')).port, 'app1');
    },
  );
}

algorithms.run();
