/** Maglev tables: the published vectors, a naive twin, balance, and how little moves when members come and go. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  compileMaglev,
  fillMaglev,
  MAGLEV_ENTRIES,
  type MaglevMember,
} from '../../../src/tables/balancing/maglev-table.ts';
import type { MemberSpec } from '../../../src/tables/balancing/rule-spec.ts';
import { Random, runs, seed } from '../../support/seed.ts';
import { membersOf, sharesOf, sum } from '../../support/selection-bed.ts';

const vectors = suite('Maglev: published vectors');
const tables = suite('Maglev: tables');
const disruption = suite('Maglev: disruption');

/** Members with the permutations [offset, skip], in order; places count from 0. */
const withPermutations = (
  permutations: readonly (readonly [offset: number, skip: number])[],
  weights: readonly number[] = permutations.map(() => 1),
): MaglevMember[] =>
  permutations.map(([offset, skip], place) => ({ place, offset, skip, weight: weights[place]! }));

function filled(entries: number, members: readonly MaglevMember[]): number[] {
  const table = new Uint16Array(entries);
  fillMaglev(table, members);
  return [...table];
}

// ---------------------------------------------------------------------------------------------------------

// Table 1 of the paper: permutations 3 0 4 1 5 2 6, 0 2 4 6 1 3 5 and 3 4 5 6 0 1 2.
const PAPER = withPermutations([
  [3, 4],
  [0, 2],
  [3, 1],
]);

vectors("the paper's example, before and after B1 is removed", () => {
  assert.equal(filled(7, PAPER), [1, 0, 1, 0, 2, 2, 0]);
  assert.equal(filled(7, [PAPER[0]!, PAPER[2]!]), [0, 0, 0, 0, 2, 2, 2]);
});

// Envoy's maglev_lb_test.cc: hosts 127.0.0.1:90 and up; offset xxHash64(host) mod M, skip xxHash64(host, 1) mod (M-1) + 1.
vectors('Envoy: six hosts on seven entries', () => {
  const hosts = withPermutations([
    [2, 4],
    [3, 6],
    [0, 2],
    [3, 3],
    [1, 3],
    [1, 5],
  ]);
  assert.equal(filled(7, hosts), [2, 4, 0, 1, 5, 0, 3]);
});

const TWO_HOSTS = [
  [1, 6],
  [9, 14],
] as const;

vectors('Envoy: weights 1:2, 1:1 and 8:2 on 17 entries', () => {
  const weighted = (...weights: number[]) => filled(17, withPermutations(TWO_HOSTS, weights)).join('');
  assert.is(weighted(1, 2), '10010110111110101');
  assert.is(weighted(1, 1), '10010110010100101');
  assert.is(weighted(8, 2), '10000010010100000');
});

vectors('Envoy: light members get one entry each where their share would be less', () => {
  const members = membersOf([65_535, ...new Array<number>(1_023).fill(1)]);
  const shares = sharesOf(tableOf(members), 1_024);
  assert.equal(shares, [MAGLEV_ENTRIES - 1_023, ...new Array<number>(1_023).fill(1)]);
});

vectors('Cilium: weights 2, 13, 111, 10 on 1021 entries give 16, 98, 832, 75', () => {
  const random = new Random(seed, 1);
  for (let run = 0; run < 20; run++) {
    const members = randomMembers(random, [2, 13, 111, 10], 1_021);
    const shares = sharesOf(filled(1_021, members), 4);
    // Cilium breaks ties between turns in another way: an entry more or less.
    [16, 98, 832, 75].forEach((entries, i) => {
      assert.ok(Math.abs(shares[i]! - entries) <= 1, `${shares}`);
    });
  }
});

// ---------------------------------------------------------------------------------------------------------

function randomMembers(random: Random, weights: readonly number[], entries: number): MaglevMember[] {
  return weights.map((weight, place) => ({
    place,
    offset: random.below(entries),
    skip: random.between(1, entries - 1),
    weight,
  }));
}

/** Whole permutations, and every member asked in every round whether it is its turn. */
function naive(entries: number, members: readonly MaglevMember[]): number[] {
  const table = new Array<number>(entries).fill(-1);
  const wishes = members.map(({ offset, skip }) =>
    Array.from({ length: entries }, (_, j) => (offset + j * skip) % entries),
  );
  const heaviest = Math.max(...members.map(({ weight }) => weight));
  const turnsTaken = members.map(() => 0);
  for (let round = 1; ; round++) {
    for (const [i, { place, weight }] of members.entries()) {
      if (round * weight < turnsTaken[i]! * heaviest) continue;
      turnsTaken[i]!++;
      table[wishes[i]!.find((entry) => table[entry] === -1)!] = place;
      if (!table.includes(-1)) return table;
    }
  }
}

const tableOf = (members: readonly MemberSpec[]): number[] => [...new Uint16Array(compileMaglev(members)!)];

tables('any members and weights: the same table as the naive twin', () => {
  const random = new Random(seed, 2);
  for (let run = 0; run < runs(200); run++) {
    const entries = random.pick([2, 3, 7, 17, 101, 251]);
    const most = random.pick([1, 3, 20, 65_535]);
    const weights = Array.from({ length: random.between(1, 12) }, () => random.between(1, most));
    const members = randomMembers(random, weights, entries);
    assert.equal(filled(entries, members), naive(entries, members), `${entries}: ${JSON.stringify(members)}`);
  }
});

tables('equal members differ by one entry at most', () => {
  for (const count of [1, 2, 3, 10, 100, 655, 1_000]) {
    const shares = sharesOf(tableOf(membersOf(new Array<number>(count).fill(1))), count);
    assert.is(sum(shares), MAGLEV_ENTRIES);
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 1, `${count} members`);
    if (count <= 655) assert.ok(Math.max(...shares) / Math.min(...shares) <= 1.01 + 1e-9, `${count} members`);
  }
});

tables('weights: shares within 1 % of the configured ones, and one entry', () => {
  const random = new Random(seed, 3);
  for (let run = 0; run < runs(15); run++) {
    const weights = Array.from({ length: random.between(2, 60) }, () => random.between(1, 20));
    const shares = sharesOf(tableOf(membersOf(weights)), weights.length);
    weights.forEach((weight, i) => {
      const due = (weight / sum(weights)) * MAGLEV_ENTRIES;
      assert.ok(Math.abs(shares[i]! - due) <= due * 0.01 + 1, `weights ${weights}: ${shares[i]} for ${due}`);
    });
  }
});

tables('more weight never means fewer entries', () => {
  const shareOf = (weight: number) => sharesOf(tableOf(membersOf([4, weight, 7, 1])), 4)[1]!;
  const shares = [1, 2, 3, 4, 7, 8, 20, 100, 65_535].map(shareOf);
  assert.equal(
    shares,
    [...shares].sort((a, b) => a - b),
  );
  assert.is(new Set(shares).size, shares.length);
});

tables('draining, failed and weightless members are not in it; nobody left: no table', () => {
  const [a, b, c, d] = membersOf([1, 1, 0, 1]) as [MemberSpec, MemberSpec, MemberSpec, MemberSpec];
  const table = tableOf([{ ...a, state: 'draining' }, { ...b, state: 'failed' }, c, d]);
  assert.equal([...new Set(table)], [3]);
  assert.is(compileMaglev([{ ...a, state: 'failed' }, c]), undefined);
  assert.is(compileMaglev([]), undefined);
});

tables('the order in which members are told does not matter, nor do names and statistics rows', () => {
  const random = new Random(seed, 4);
  const members = membersOf([1, 3, 1, 3, 2, 5, 1]);
  const addressesOf = (list: MemberSpec[]) => tableOf(list).map((place) => list[place]!.address);
  const shuffled = members
    .map((member) => ({ ...member, name: `x${member.name}`, id: random.below(1_000_000) }))
    .sort((one, other) => one.id - other.id);
  assert.equal(addressesOf(shuffled), addressesOf(members));
});

tables('members may share an address and differ in port; IPv6', () => {
  const ports = membersOf([1, 1, 1]).map((member, i) => ({
    ...member,
    address: 'fd00:1::21',
    port: 8080 + i,
  }));
  const shares = sharesOf(tableOf(ports), 3);
  assert.ok(Math.max(...shares) - Math.min(...shares) <= 1, `${shares}`);
});

// ---------------------------------------------------------------------------------------------------------

/** Entries that name another address in the second table though the first one's is still a member. */
function movedWithoutNeed(before: MemberSpec[], after: MemberSpec[]): number {
  const was = tableOf(before);
  const is = tableOf(after);
  const stays = new Set(
    after.filter(({ weight, state }) => weight > 0 && state === 'active').map((m) => m.address),
  );
  return was.filter((place, entry) => {
    const { address } = before[place]!;
    return stays.has(address) && after[is[entry]!]!.address !== address;
  }).length;
}

disruption('one of n members goes: its entries are spread evenly, and few others move', () => {
  for (const count of [2, 3, 10, 50, 100]) {
    const members = membersOf(new Array<number>(count).fill(1));
    const left = members.filter((_, i) => i !== count >> 1);
    const moved = movedWithoutNeed(members, left);
    assert.ok(moved <= 0.01 * MAGLEV_ENTRIES, `${count} members: ${moved} entries of others moved`);
    const after = tableOf(left);
    const heirs = sharesOf(
      tableOf(members).flatMap((place, entry) => (place === count >> 1 ? [after[entry]!] : [])),
      left.length,
    );
    const due = MAGLEV_ENTRIES / count / left.length;
    assert.ok(
      Math.max(...heirs) < 1.5 * due + 30,
      `${count} members: an heir got ${Math.max(...heirs)} of ${due}`,
    );
  }
});

disruption('1000 members, where one has 65 entries: others still lose under 1 %', () => {
  const members = membersOf(new Array<number>(1_000).fill(1));
  const moved = movedWithoutNeed(members, members.slice(1));
  assert.ok(moved <= 0.01 * MAGLEV_ENTRIES, `${moved} entries of others moved`);
});

disruption('a member that joins takes its share and moves little else', () => {
  const members = membersOf(new Array<number>(11).fill(1));
  const before = members.slice(0, 10);
  const share = sharesOf(tableOf(members), 11)[10]!;
  assert.ok(Math.abs(share - MAGLEV_ENTRIES / 11) <= 1, `${share}`);
  const moved = movedWithoutNeed(before, members);
  assert.ok(moved <= share + 0.01 * MAGLEV_ENTRIES, `${moved} entries moved for ${share}`);
});

disruption('drain, fail and weight 0 move no more than removal does', () => {
  const members = membersOf([1, 3, 1, 3, 2, 2, 1, 4]);
  const changed = (change: Partial<MemberSpec>) => members.map((m, i) => (i === 3 ? { ...m, ...change } : m));
  const removed = tableOf(members.filter((_, i) => i !== 3)).map((place) => (place < 3 ? place : place + 1));
  for (const change of [{ state: 'draining' }, { state: 'failed' }, { weight: 0 }] as const) {
    assert.equal(tableOf(changed(change)), removed, JSON.stringify(change));
  }
});

disruption('a weight that changes by one step moves about what it must', () => {
  const weights = [5, 5, 5, 5, 5];
  const was = tableOf(membersOf(weights));
  const is = tableOf(membersOf([5, 5, 6, 5, 5]));
  const moved = was.filter((place, entry) => place !== is[entry]).length;
  // From 1/5 to 6/26 of the entries: 3 % must move.
  assert.ok(moved < 0.06 * MAGLEV_ENTRIES, `${moved} entries moved`);
});

vectors.run();
tables.run();
disruption.run();
