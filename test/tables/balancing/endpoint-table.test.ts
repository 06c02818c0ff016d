/** Endpoint numbers against a Map with reference counts. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ENDPOINT_WORDS,
  EndpointTable,
  ROLE_ANSWERED,
  ROLE_FIXED_MAC,
  ROLE_MEMBER,
  ROLE_VIP,
} from '../../../src/tables/balancing/endpoint-table.ts';
import { NONE } from '../../../src/tables/common/bucket-index.ts';
import { addressWords } from '../../support/addresses.ts';
import { assertCovered, Random, runs, seed } from '../../support/seed.ts';

const endpoints = suite('endpoint table');

type Words = [number, number, number, number];

function tableOf(capacity: number): EndpointTable {
  const table = new EndpointTable(
    new Int32Array((capacity + 1) * ENDPOINT_WORDS),
    new Int32Array(EndpointTable.indexWordsNeeded(capacity)),
  );
  table.initialise();
  return table;
}

function churn(capacity: number, steps: number, address: (random: Random) => Words, stream: number): void {
  const random = new Random(seed, stream);
  const table = tableOf(capacity);
  const twin = new Map<string, { id: number; references: number }>();
  let refused = 0;
  for (let step = 0; step < steps; step++) {
    const network = random.below(3);
    const words = address(random);
    const text = `${network} ${words.join(' ')}`;
    const known = twin.get(text);
    assert.is(table.find(network, ...words), known?.id ?? NONE, text);
    if (random.chance(twin.size < capacity ? 60 : 45)) {
      const id = table.intern(network, ...words);
      if (known !== undefined) {
        assert.is(id, known.id);
        known.references++;
      } else if (twin.size === capacity) {
        assert.is(id, NONE);
        refused++;
      } else {
        assert.ok(id >= 1 && id <= capacity, `number ${id}`);
        assert.not(
          [...twin.values()].some((other) => other.id === id),
          `number ${id} was given out twice`,
        );
        twin.set(text, { id, references: 1 });
        assert.is(table.network(id), network);
      }
    } else if (known !== undefined) {
      if (random.chance(30)) {
        table.retain(known.id);
        known.references++;
      } else {
        table.release(known.id);
        if (--known.references === 0) twin.delete(text);
      }
    }
    assert.is(table.inUse, twin.size);
  }
  for (const [text, { id, references }] of twin) {
    const [network, ...words] = text.split(' ').map(Number);
    assert.is(table.find(network, ...(words as Words)), id, text);
    for (let i = 0; i < references; i++) table.release(id);
    assert.is(table.find(network, ...(words as Words)), NONE, 'gone with its last reference');
  }
  assert.is(table.inUse, 0);
  if (capacity < 50) assertCovered(refused > 0, 'the table was full at times');
}

endpoints('IPv4 and IPv6 of several networks, full at times', () => {
  const some = ['10.1.0.', '10.2.0.', 'fd00:1::', 'fd00:2::'];
  churn(40, runs(100_000), (random) => addressWords(`${random.pick(some)}${random.below(30)}`), 1);
});

endpoints('neighbouring addresses, as an operator gives them out', () => {
  churn(500, runs(100_000), (random) => [0, 0, 0xffff, 0x0a010000 + random.below(700)], 2);
});

endpoints('addresses that differ in one word each', () => {
  const word = (random: Random): number => random.pick([0, 1, -1, 0xffff]);
  churn(30, runs(60_000), (random) => [word(random), word(random), word(random), word(random)], 3);
});

endpoints('one place', () => {
  churn(1, runs(5_000), (random) => [0, 0, 0xffff, random.below(4)], 4);
});

endpoints('a number that is used again has no role, MAC or way of its previous owner', () => {
  const table = tableOf(1);
  const id = table.intern(0, ...addressWords('10.1.0.100'));
  table.addRole(id, ROLE_VIP | ROLE_ANSWERED);
  table.setMac(id, 0x0200, 0x0000010b);
  table.setWay(id, 5, 3, 0x0200, 0x0000010b);
  assert.ok(table.hasRole(id, ROLE_FIXED_MAC));
  assert.is(table.wayPort(id, 5), 3);
  table.release(id);
  const again = table.intern(0, ...addressWords('10.1.0.21'));
  assert.is(again, id);
  for (const role of [ROLE_VIP, ROLE_MEMBER, ROLE_FIXED_MAC, ROLE_ANSWERED]) {
    assert.not(table.hasRole(again, role), `role ${role}`);
  }
  assert.is(table.wayPort(again, 5), NONE);
});

endpoints('roles are set and cleared one by one', () => {
  const table = tableOf(2);
  const id = table.intern(0, ...addressWords('fd00:1::64'));
  table.addRole(id, ROLE_VIP);
  table.addRole(id, ROLE_MEMBER);
  table.clearRole(id, ROLE_VIP);
  assert.not(table.hasRole(id, ROLE_VIP));
  assert.ok(table.hasRole(id, ROLE_MEMBER));
  table.setMac(id, 0xffff, -1);
  assert.is(table.macHigh(id), 0xffff);
  assert.is(table.macLow(id), -1);
});

endpoints('a way holds for the generation in which it was found', () => {
  const table = tableOf(2);
  const id = table.intern(0, ...addressWords('10.1.0.21'));
  assert.is(table.wayPort(id, 1), NONE);
  table.setWay(id, 1, 0, 0x0200, -7);
  assert.is(table.wayPort(id, 1), 0);
  assert.is(table.wayMacHigh(id), 0x0200);
  assert.is(table.wayMacLow(id), -7);
  assert.is(table.wayPort(id, 2), NONE);
});

endpoints.run();
