/** Source-address affinity in front of every algorithm. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Algorithm, MemberSpec } from '../../../../src/tables/balancing/rule-spec.ts';
import { ALGORITHM, CHOSEN_BY } from '../../../../src/tables/balancing/rule-table.ts';
import { NONE } from '../../../../src/tables/common/bucket-index.ts';
import { Random, runs, seed } from '../../../support/seed.ts';
import {
  CLIENT,
  flowFrom,
  memberAddress,
  membersOf,
  ruleOf,
  SelectionBed,
  sharesOf,
} from '../../../support/selection-bed.ts';

const selection = suite('affinity');

const ALGORITHMS = Object.keys(ALGORITHM) as Algorithm[];
const TIMEOUT_MS = 60_000;

const rule = (algorithm: Algorithm, members: readonly MemberSpec[], more = {}) =>
  ruleOf(0, [], { algorithm, affinityMs: TIMEOUT_MS, criteria: [{ members }], ...more });

const bedOf = (algorithm: Algorithm, members: readonly MemberSpec[], more = {}): SelectionBed =>
  new SelectionBed([rule(algorithm, members, more)], { hashKey: [seed, 1] });

const withChange = (
  members: readonly MemberSpec[],
  place: number,
  change: Partial<MemberSpec>,
): MemberSpec[] => members.map((member, i) => (i === place ? { ...member, ...change } : member));

const MEMBERS = membersOf([1, 3, 1, 3, 2]);

for (const algorithm of ALGORITHMS) {
  selection(`${algorithm}: a client keeps its member, whatever its ports and the load`, () => {
    const bed = bedOf(algorithm, MEMBERS);
    const first = bed.pick(flowFrom('10.9.0.1', 1));
    assert.is(bed.selection.chosenBy, ALGORITHM[algorithm]);
    bed.load(first, 1_000);
    for (let port = 2; port < 100; port++) {
      assert.is(bed.pick(flowFrom('10.9.0.1', port)), first);
      assert.is(bed.selection.chosenBy, CHOSEN_BY.affinity);
    }
  });

  selection(`${algorithm}: clients as a whole are spread as without affinity`, () => {
    const plain = new SelectionBed([ruleOf(0, [1, 3, 1, 3, 2], { algorithm })], { hashKey: [seed, 1] });
    const bed = bedOf(algorithm, MEMBERS);
    for (let i = 0; i < 200; i++) {
      const flow = flowFrom(`10.9.1.${i}`, 40_000 + i);
      assert.is(bed.pick(flow), plain.pick(flow));
      bed.pick(flow); // kept: the algorithm is not asked
    }
  });

  selection(`${algorithm}: drain, failure, weight 0 and removal end it for new flows`, () => {
    const changes: ((place: number) => MemberSpec[])[] = [
      (place) => withChange(MEMBERS, place, { state: 'draining' }),
      (place) => withChange(MEMBERS, place, { state: 'failed' }),
      (place) => withChange(MEMBERS, place, { weight: 0 }),
      (place) => MEMBERS.filter((_, i) => i !== place),
    ];
    for (const change of changes) {
      const bed = bedOf(algorithm, MEMBERS);
      const kept = MEMBERS[bed.pick()]!;
      const left = change(MEMBERS.indexOf(kept));
      bed.adopt([rule(algorithm, left)]);
      const next = left[bed.pick()]!;
      assert.is.not(next.address, kept.address);
      assert.is(bed.selection.chosenBy, ALGORITHM[algorithm]);
      assert.is(left[bed.pick(flowFrom('10.9.0.1', 7))]!.address, next.address, 'the new one is kept');
      bed.adopt([rule(algorithm, MEMBERS)]);
      assert.is(MEMBERS[bed.pick()]!.address, next.address, 'the old one is back, and not asked for');
    }
  });
}

selection('a change of weight, of order, of other members or of the algorithm leaves it', () => {
  for (const from of ALGORITHMS) {
    const bed = bedOf(from, MEMBERS);
    const kept = MEMBERS[bed.pick()]!;
    const at = MEMBERS.indexOf(kept);
    const joined = [{ ...MEMBERS[0]!, id: 99, address: '10.1.9.9' }, ...MEMBERS];
    const lists = [withChange(MEMBERS, at, { weight: 1 }), [...MEMBERS].reverse(), joined, joined.slice(at)];
    for (const list of lists) {
      for (const to of ALGORITHMS) {
        bed.adopt([rule(to, list)]);
        assert.is(list[bed.pick()]!.address, kept.address);
        assert.is(bed.selection.chosenBy, CHOSEN_BY.affinity);
      }
    }
  }
});

selection('it ends when the client has opened no flow for the timeout, and not before', () => {
  const bed = bedOf('weighted-round-robin', membersOf([1, 1]));
  const first = bed.pick();
  for (let i = 0; i < 20; i++) {
    bed.nowMs += TIMEOUT_MS - 1;
    assert.is(bed.pick(), first, 'each flow sets it anew');
  }
  bed.nowMs += TIMEOUT_MS;
  assert.is.not(bed.pick(), first);
});

selection('each load balancer and group has its own; criteria sets of a group share it', () => {
  const members = membersOf([1, 1, 1]);
  const night = members.slice(1);
  const rules = [
    rule('weighted-round-robin', members, { criteria: [{ untilMs: 1_000, members }, { members: night }] }),
    { ...rule('weighted-round-robin', members), id: 1, group: 1 },
  ];
  const bed = new SelectionBed(rules, { balancer: 1 });
  const other = new SelectionBed(rules, { balancer: 3, tables: bed.tables });
  const first = bed.pick(CLIENT, 0);
  assert.is(first, 1);
  assert.is(bed.pick(CLIENT, 1), 1);
  assert.is(other.pick(CLIENT, 0), 0, 'chosen anew, from where its own round begins');
  assert.is(bed.pick(CLIENT, 0), 1);
  assert.is(bed.pick(CLIENT, 0, 1), 0, 'the same member, at its place in the night set');
  assert.is(other.pick(CLIENT, 0, 1), 1, 'the kept one is not of the night: chosen anew');
  assert.is(other.selection.chosenBy, ALGORITHM['weighted-round-robin']);
});

selection('a rule without affinity neither asks nor notes', () => {
  const bed = new SelectionBed([ruleOf(0, [1, 1])]);
  assert.equal(sharesOf(bed.picks(10), 2), [5, 5]);
  assert.is(bed.tables.affinities.inUse, 0);
});

selection('a client that avoids itself does not keep itself once there is another', () => {
  const members = membersOf([1, 0]);
  const self = flowFrom(memberAddress(0));
  const bed = bedOf('maglev', members, { avoidSelf: true });
  assert.equal(bed.picks(2, self), [0, 0]);
  bed.adopt([rule('maglev', membersOf([1, 1]), { avoidSelf: true })]);
  assert.is(bed.pick(self), 1);
  assert.is(bed.pick(self), 1);
});

selection('nobody usable: nothing to keep', () => {
  const bed = bedOf('least-connections', membersOf([0, 0]));
  assert.is(bed.pick(), NONE);
  assert.is(bed.tables.affinities.inUse, 0);
});

selection('random clients, time and changes, against a Map', () => {
  const random = new Random(seed, 2);
  for (let run = 0; run < runs(10); run++) {
    let members = membersOf([1, 3, 1, 3, 2, 1]);
    const bed = bedOf('random-two-choices', members);
    const twin = new Map<number, { id: number; untilMs: number }>();
    for (let step = 0; step < 3_000; step++) {
      if (random.chance(3)) {
        const state = random.pick(['active', 'active', 'draining', 'failed'] as const);
        members = withChange(members, random.below(6), { state, weight: random.below(4) });
        if (random.chance(30)) members = [...members.slice(1), members[0]!];
        bed.adopt([rule('random-two-choices', members)]);
      }
      bed.nowMs += random.chance(2) ? 50_000 : random.below(500);
      const who = random.below(40);
      const place = bed.pick(flowFrom(`10.9.0.${who}`, step));
      const kept = twin.get(who);
      const isUsable = ({ id, state, weight }: MemberSpec) =>
        id === kept?.id && state === 'active' && weight > 0;
      const holds = kept !== undefined && kept.untilMs > bed.nowMs && members.some(isUsable);
      if (holds) assert.is(members[place]?.id, kept.id);
      if (place === NONE) continue;
      assert.is(bed.selection.chosenBy === CHOSEN_BY.affinity, holds);
      twin.set(who, { id: members[place]!.id, untilMs: bed.nowMs + TIMEOUT_MS });
    }
    assert.is(bed.tables.affinities.evicted, 0);
  }
});

selection.run();
