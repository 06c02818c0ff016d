/** Consistent hashing of flows: the same member every time, everywhere, and mostly also after a change. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NewFlow } from '../../../../src/datapath/balancing/selection/candidates.ts';
import { maglevEntry } from '../../../../src/datapath/balancing/selection/maglev.ts';
import { MAGLEV_ENTRIES } from '../../../../src/tables/balancing/maglev-table.ts';
import type { MemberSpec } from '../../../../src/tables/balancing/rule-spec.ts';
import { NONE } from '../../../../src/tables/common/bucket-index.ts';
import { assertAtMost, assertShares } from '../../../support/chance.ts';
import { Random, runs, seed } from '../../../support/seed.ts';
import {
  flowFrom,
  memberAddress,
  membersOf,
  ruleOf,
  SelectionBed,
  sharesOf,
} from '../../../support/selection-bed.ts';

const selection = suite('Maglev selection');

const rule = (members: readonly MemberSpec[], more = {}) =>
  ruleOf(0, [], { algorithm: 'maglev', criteria: [{ members }], ...more });

const bedOf = (members: readonly MemberSpec[], more = {}, balancer = 0): SelectionBed =>
  new SelectionBed([rule(members, more)], { balancer, hashKey: [seed, balancer] });

const random = new Random(seed, 1);
const someFlows = (count: number): NewFlow[] =>
  Array.from({ length: count }, () =>
    random.chance(50)
      ? flowFrom(`10.9.${random.below(8)}.${random.below(256)}`, random.between(1_024, 65_535))
      : flowFrom(`fd00:9::${random.below(65_536).toString(16)}`, random.between(1_024, 65_535)),
  );

const addressesOf = (
  bed: SelectionBed,
  members: readonly MemberSpec[],
  flows: readonly NewFlow[],
): string[] => flows.map((flow) => members[bed.pick(flow)]!.address);

selection('a flow always gets the same member, at every load balancer, however members are ordered', () => {
  const members = membersOf([1, 3, 1, 3, 2]);
  const flows = someFlows(500);
  const bed = bedOf(members);
  const expected = addressesOf(bed, members, flows);
  assert.equal(addressesOf(bed, members, flows), expected);
  const reversed = members.map((member, i) => ({ ...member, id: 50 + i })).reverse();
  assert.equal(addressesOf(bedOf(reversed, {}, 9), reversed, flows), expected);
});

selection('many flows: shares by weight, from one client or from many', () => {
  const weights = [1, 3, 1, 3, 2];
  const bed = bedOf(membersOf(weights));
  const clients = Array.from({ length: 20_000 }, (_, i) => flowFrom(`10.9.${i >> 8}.${i & 255}`));
  for (const flows of [someFlows(20_000), clients]) {
    assertShares(
      flows.reduce((shares, flow) => {
        shares[bed.pick(flow)]!++;
        return shares;
      }, new Array<number>(5).fill(0)),
      weights,
    );
  }
  // One client counts its ports up: one entry each, so the shares are close, but not those of independent draws.
  const ports = Array.from({ length: 20_000 }, (_, i) => bed.pick(flowFrom('10.9.0.1', 32_768 + i)));
  sharesOf(ports, 5).forEach((share, i) => {
    assert.ok(Math.abs(share / (2_000 * weights[i]!) - 1) < 0.1, `${sharesOf(ports, 5)}`);
  });
});

selection('the hash spreads evenly over all entries', () => {
  const counts = new Array<number>(64).fill(0);
  for (const flow of someFlows(50_000)) {
    counts[Math.floor((maglevEntry(flow, false) * 64) / MAGLEV_ENTRIES)]!++;
  }
  assertShares(counts, new Array<number>(64).fill(1));
});

selection('five-tuple: address, ports and protocol count; source-address: only that', () => {
  const flow = flowFrom('10.9.0.1', 40_000);
  const variants: NewFlow[] = [
    { ...flow, ports: (40_001 << 16) | 80 },
    { ...flow, ports: (40_000 << 16) | 81 },
    { ...flow, protocol: 17 },
  ];
  for (const variant of variants) {
    assert.is.not(maglevEntry(variant, false), maglevEntry(flow, false));
    assert.is(maglevEntry(variant, true), maglevEntry(flow, true));
  }
  for (const word of ['s0', 's1', 's2', 's3'] as const) {
    const other = { ...flow, [word]: flow[word] ^ 1 };
    for (const bySource of [false, true]) {
      assert.is.not(maglevEntry(other, bySource), maglevEntry(flow, bySource), word);
    }
  }
  const members = membersOf([1, 1, 1, 1, 1]);
  const byAddress = bedOf(members, { hash: 'source-address' });
  const byFlow = bedOf(members, { hash: 'five-tuple' });
  const ports = Array.from({ length: 200 }, (_, i) => flowFrom('10.9.0.1', 40_000 + i));
  assert.is(new Set(ports.map((one) => byAddress.pick(one))).size, 1);
  assert.is(new Set(ports.map((one) => byFlow.pick(one))).size, 5);
  const clients = Array.from({ length: 200 }, (_, i) => flowFrom(`10.9.0.${i}`));
  assert.is(new Set(clients.map((one) => byAddress.pick(one))).size, 5);
});

selection(
  'a member goes by drain, failure, weight 0 or removal: its flows move, 0.25 % of the others',
  () => {
    const members = membersOf(new Array<number>(10).fill(1));
    const flows = someFlows(10_000);
    const before = addressesOf(bedOf(members), members, flows);
    const gone = members[3]!;
    const changes: Partial<MemberSpec>[] = [{ state: 'draining' }, { state: 'failed' }, { weight: 0 }];
    const after = changes.map((change) => members.map((m) => (m === gone ? { ...m, ...change } : m)));
    for (const left of [...after, members.filter((m) => m !== gone)]) {
      const now = addressesOf(bedOf(left), left, flows);
      assert.not(now.includes(gone.address));
      const others = flows.filter((_, i) => before[i] !== gone.address && before[i] !== now[i]).length;
      // 0.23 % of the entries are other members' and move.
      assertAtMost(others, flows.length, 0.0025, 'flows of others that moved');
    }
  },
);

selection('rules that come later have their tables too; nobody left: NONE', () => {
  const bed = bedOf(membersOf([1, 1]));
  const third = membersOf([0, 0, 1]);
  bed.adopt([ruleOf(5, [1, 2]), rule(third), ruleOf(6, [3, 4], { algorithm: 'maglev' })]);
  for (const flow of someFlows(50)) assert.is(bed.pick(flow, 0), 2);
  assert.equal([...new Set(someFlows(200).map((flow) => bed.pick(flow, 6)))].sort(), [0, 1]);
  bed.adopt([rule(membersOf([0, 0]))]);
  assert.is(bed.pick(), NONE);
  bed.adopt([rule([])]);
  assert.is(bed.pick(), NONE);
});

selection('a client that avoids itself: what was its own goes to others, the rest stays', () => {
  const weights = [1, 3, 1, 3, 2];
  const members = membersOf(weights);
  const plain = bedOf(members);
  const avoiding = bedOf(members, { avoidSelf: true });
  const shares = [0, 0, 0, 0, 0];
  for (let port = 1_024; port < 61_024; port += 3) {
    const flow = flowFrom(memberAddress(1), port);
    const [usual, chosen] = [plain.pick(flow), avoiding.pick(flow)];
    if (usual !== 1) assert.is(chosen, usual);
    assert.is.not(chosen, 1);
    assert.is(avoiding.pick(flow), chosen);
    shares[chosen]!++;
  }
  [1, 0, 1, 3, 2].forEach((weight, i) => {
    const due = (20_000 * weight) / 7;
    assert.ok(Math.abs(shares[i]! - due) <= 0.1 * due, `${shares}`);
  });
  const alone = bedOf(membersOf([0, 1]), { avoidSelf: true });
  assert.is(alone.pick(flowFrom(memberAddress(1))), 1);
});

selection('a client with nearly all the weight still finds the other', () => {
  const bed = bedOf(membersOf([65_535, 1]), { avoidSelf: true });
  for (let run = 0; run < runs(20); run++) {
    assert.is(bed.pick(flowFrom(memberAddress(0), random.between(1, 65_535))), 1);
  }
});

selection.run();
