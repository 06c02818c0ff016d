/**
 * Priorities: the first one whose conditions a flow's first packet meets, and that has a usable member, takes the flow. A
 * naive twin reads the conditions one by one; DSCP, VLAN priority, source and port of the packets are random.
 */
import { BlockList } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CriteriaSpec } from '../../../src/tables/balancing/rule-spec.ts';
import { setDscpWithChecksum } from '../../../src/wire/ipv4.ts';
import { setDscp } from '../../../src/wire/ipv6.ts';
import { DatapathBed, only, type Sent } from '../../support/datapath-bed.ts';
import { echoFrame, tcpFrame, udpFrame, under, type WireFrame } from '../../support/packets.ts';
import { assertCovered, Random, runs, seed } from '../../support/seed.ts';
import { type GroupDescription, type MemberDescription, members } from '../../support/topology.ts';

const test = suite('priorities');

const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::100';

type Priority = NonNullable<GroupDescription['criteria']>[number];

interface Flow {
  readonly port: 'web1' | 'web2';
  readonly vip: string;
  readonly sourcePort: number;
  readonly dscp: number;
  /** undefined: the frame has no tag. */
  readonly vlanPriority?: number;
}

const ADDRESSES = { web1: ['10.1.0.11', 'fd00:1::b'], web2: ['10.1.0.12', 'fd00:1::c'] } as const;

function frameOf(bed: DatapathBed, { port, vip, sourcePort, dscp, vlanPriority }: Flow): WireFrame {
  const wire = tcpFrame(bed.way(port, vip), { sourcePort, destinationPort: 80, flags: 'S' });
  const view = new DataView(wire.bytes.buffer, wire.bytes.byteOffset);
  if (vip === VIP) setDscpWithChecksum(view, 14, dscp);
  else setDscp(view, 14, dscp);
  if (vlanPriority === undefined) return wire;
  return under(`8100${(vlanPriority << 13).toString(16).padStart(4, '0')}`, wire);
}

function meets(when: CriteriaSpec['when'], { port, vip, sourcePort, dscp, vlanPriority = 0 }: Flow): boolean {
  if (when === undefined) return true;
  if (when === 'never') return false;
  const address = ADDRESSES[port][vip === VIP ? 0 : 1];
  const list = new BlockList();
  for (const prefix of when.sources) {
    const [network, bits] = prefix.split('/') as [string, string];
    list.addSubnet(network, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4');
  }
  return (
    (when.sources.length === 0 || list.check(address, vip === VIP ? 'ipv4' : 'ipv6')) &&
    (when.sourcePorts?.some(([first, last]) => first <= sourcePort && sourcePort <= last) ?? true) &&
    (when.dscps?.includes(dscp) ?? true) &&
    (when.vlanPriorities?.includes(vlanPriority) ?? true)
  );
}

/** Names of the members that may get the flow, or what becomes of it. */
function expectedOf(priorities: readonly Priority[], flow: Flow): string[] | 'reject' | 'drop' {
  for (const { when, members: list, onEmpty } of priorities) {
    if (!meets(when, flow)) continue;
    const usable = list.filter(({ state, weight = 1 }) => state === 'active' && weight > 0);
    if (usable.length > 0) return usable.map(({ name }) => name);
    if (onEmpty !== 'next') return onEmpty ?? 'reject';
  }
  return 'reject';
}

const STATES = ['active', 'active', 'draining', 'failed'] as const;

function randomPriorities(random: Random, isIpv6: boolean): Priority[] {
  const all = members([1, 1, 1, 1, 1], { family: isIpv6 ? 6 : 4 });
  const sources = isIpv6
    ? [['fd00:1::b/128'], ['fd00:1::/64'], ['fd00:1::c/128', 'fd00:7::/32']]
    : [['10.1.0.11/32'], ['10.1.0.0/24'], ['192.168.0.0/16', '10.1.0.12/32']];
  const count = random.between(1, 4);
  return Array.from({ length: count }, (_, i) => ({
    name: `p${i}`,
    onEmpty: random.pick([undefined, 'next', 'next', 'reject', 'drop'] as const),
    when: random.chance(20)
      ? undefined
      : random.chance(10)
        ? 'never'
        : {
            sources: random.chance(40) ? random.pick(sources) : [],
            ...(random.chance(40) && {
              sourcePorts: random.pick([[[1, 1_023]], [[1_024, 65_535]]] as const),
            }),
            ...(random.chance(40) && { dscps: random.pick([[46], [0], [0, 10, 63], [31, 32]]) }),
            ...(random.chance(30) && { vlanPriorities: random.pick([[5], [0], [7, 1]]) }),
          },
    members: all
      .filter((_, m) => m % count === i)
      .map(
        (one): MemberDescription => ({
          ...one,
          state: random.pick(STATES),
          weight: random.pick([0, 1, 1, 3]),
        }),
      ),
  }));
}

function outcomeOf(sent: readonly Sent[]): string {
  if (sent.length === 0) return 'drop';
  const { port, frame } = only([...sent]);
  return frame.packet?.tcp?.flags === 'RA' ? 'reject' : port;
}

test('any priorities, any flow: as the naive twin says', () => {
  const random = new Random(seed, 20);
  const seen = { member: 0, reject: 0, drop: 0, later: 0 };
  for (let run = 0; run < runs(150); run++) {
    const isIpv6 = random.chance(30);
    const vip = isIpv6 ? VIP6 : VIP;
    const criteria = randomPriorities(random, isIpv6);
    const bed = new DatapathBed({ groups: [{ name: 'api', vip, criteria }] });
    for (let i = 0; i < 20; i++) {
      const flow: Flow = {
        port: random.pick(['web1', 'web2'] as const),
        vip,
        sourcePort: random.chance(50) ? 100 + i : 40_000 + i,
        dscp: random.pick([0, 10, 31, 32, 46, 63]),
        vlanPriority: random.pick([undefined, 0, 1, 5, 7]),
      };
      const expected = expectedOf(criteria, flow);
      const found = outcomeOf(bed.send(flow.port, frameOf(bed, flow)));
      const context = JSON.stringify({ criteria, flow, found, expected });
      if (typeof expected === 'string') assert.is(found, expected, context);
      else assert.ok(expected.includes(found), context);
      seen[typeof expected === 'string' ? expected : 'member']++;
      if (typeof expected !== 'string' && !criteria[0]!.members.some(({ name }) => name === found))
        seen.later++;
    }
  }
  const isCovered = seen.member > 100 && seen.reject > 50 && seen.drop > 20 && seen.later > 50;
  assertCovered(isCovered, JSON.stringify(seen));
});

const [a1, a2, b1] = members([1, 1, 1]) as [MemberDescription, MemberDescription, MemberDescription];
const gold = {
  name: 'gold',
  when: { sources: [], dscps: [46] },
  members: [a1, a2],
  onEmpty: 'next' as const,
};
const rest = { name: 'rest', members: [b1] };
const flow = (port: 'web1' | 'web2', sourcePort: number, dscp: number): Flow => ({
  port,
  vip: VIP,
  sourcePort,
  dscp,
});

test('each priority has shares of its own, and a flow keeps its member whatever its later packets are marked', () => {
  const bed = new DatapathBed({ groups: [{ name: 'api', vip: VIP, criteria: [gold, rest] }] });
  const chosen = Array.from({ length: 12 }, (_, i) =>
    outcomeOf(bed.send('web1', frameOf(bed, flow('web1', 2_000 + i, i % 3 === 2 ? 0 : 46)))),
  );
  const counts = (name: string): number => chosen.filter((one) => one === name).length;
  assert.equal(['app1', 'app2', 'app3'].map(counts), [4, 4, 4]);
  assert.is(outcomeOf(bed.send('web1', frameOf(bed, flow('web1', 2_000, 0)))), chosen[0]);
  assert.is(outcomeOf(bed.send('web1', frameOf(bed, flow('web1', 2_002, 46)))), 'app3');
});

test('an empty priority: next, rejected, dropped; running flows of a drained one go on', () => {
  const bed = new DatapathBed({ groups: [{ name: 'api', vip: VIP, criteria: [gold, rest] }] });
  const first = outcomeOf(bed.send('web1', frameOf(bed, flow('web1', 3_000, 46))));
  const drained = gold.members.map((one): MemberDescription => ({ ...one, state: 'draining' }));
  const outcomes = (['next', 'reject', 'drop', undefined] as const).map((onEmpty, i) => {
    const criteria = [{ ...gold, members: drained, onEmpty }, rest];
    bed.configure({ groups: [{ name: 'api', vip: VIP, criteria }] });
    return outcomeOf(bed.send('web1', frameOf(bed, flow('web1', 3_001 + i, 46))));
  });
  assert.equal(outcomes, ['app3', 'reject', 'drop', 'reject']);
  assert.is(outcomeOf(bed.send('web1', frameOf(bed, flow('web1', 3_000, 46)))), first);
  assert.is(outcomeOf(bed.send('web1', frameOf(bed, flow('web1', 3_009, 0)))), 'app3', 'others are served');
});

test('affinity holds in each priority by itself', () => {
  const affine = { name: 'api', vip: VIP, affinityMs: 60_000, criteria: [gold, rest] };
  const bed = new DatapathBed({ groups: [affine] });
  const chosen = Array.from({ length: 12 }, (_, i) =>
    outcomeOf(bed.send('web1', frameOf(bed, flow('web1', 4_000 + i, i % 2 === 0 ? 46 : 0)))),
  );
  const [first] = chosen;
  assert.equal(
    chosen,
    Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? first : 'app3')),
  );
});

test('the VIP answers echo requests while one of the priorities has a usable member', () => {
  const answers = (usable: readonly Priority[]): number => {
    const bed = new DatapathBed({ groups: [{ name: 'api', vip: VIP, protocol: 'tcp', criteria: usable }] });
    return bed
      .send('web1', echoFrame(bed.way('web1', VIP), 1, 1))
      .filter(({ frame }) => frame.packet?.icmp?.type === 0).length;
  };
  const none = { ...gold, members: [] };
  assert.equal([answers([none, rest]), answers([gold, { ...rest, members: [] }])], [1, 1]);
  assert.is(answers([none, { ...rest, members: [] }]), 0);
});

test('a datagram of its own for each priority: per-datagram scheduling', () => {
  const group = { name: 'api', vip: VIP, protocol: 'udp', udpScheduling: 'per-datagram' } as const;
  const bed = new DatapathBed({ groups: [{ ...group, criteria: [gold, rest] }] });
  const send = (dscp: number): string => {
    const wire = udpFrame(bed.way('web1', VIP), { sourcePort: 5_000, destinationPort: 53 });
    setDscpWithChecksum(new DataView(wire.bytes.buffer, wire.bytes.byteOffset), 14, dscp);
    return only(bed.send('web1', wire)).port;
  };
  const golden = [send(46), send(46)];
  assert.equal(golden.toSorted(), ['app1', 'app2']);
  assert.is(send(0), 'app3');
});

test.run();
