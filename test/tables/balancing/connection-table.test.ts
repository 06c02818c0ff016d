/** Connection records against two Maps from five-tuples in words to rows, one per direction. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  COLD_WORDS,
  HOT,
  HOT_WORDS,
  REWRITE_ADDRESS,
  REWRITE_PORTS,
  STATE,
  STATE_NAMES,
} from '../../../src/tables/balancing/connection-record.ts';
import { ConnectionTable } from '../../../src/tables/balancing/connection-table.ts';
import type { FlowKey } from '../../../src/tables/balancing/flow-key.ts';
import { BucketIndex, NONE } from '../../../src/tables/common/bucket-index.ts';
import { addressWords } from '../../support/addresses.ts';
import { flowKey } from '../../support/flow-keys.ts';
import { assertCovered, Random, runs, seed } from '../../support/seed.ts';

const connections = suite('connection table');

const TCP = 6;
const UDP = 17;

type Address = [number, number, number, number];

interface Key {
  readonly client: Address;
  /** client << 16 | VIP port, and client as translated << 16 | member port. */
  readonly forward: number;
  readonly reverse: number;
  readonly vip: number;
  readonly member: number;
  readonly protocol: number;
  readonly balancer: number;
}

const forwardText = ({ balancer, client, forward, vip, protocol }: Key): string =>
  `${balancer} ${client.join(' ')} ${forward >>> 0} ${vip} ${protocol}`;
const reverseText = ({ balancer, client, reverse, member, protocol }: Key): string =>
  `${balancer} ${client.join(' ')} ${reverse >>> 0} ${member} ${protocol}`;

function tableOf(capacity: number, key: readonly [number, number] = [1, 2]): ConnectionTable {
  const table = new ConnectionTable(
    new Int32Array((capacity + 1) * HOT_WORDS),
    new Int32Array((capacity + 1) * COLD_WORDS),
    new Int32Array(BucketIndex.wordsNeeded(capacity * 2)),
    key,
  );
  table.initialise();
  return table;
}

/** What a record is made with beside its keys. */
interface Made {
  readonly state?: number;
  readonly rewrite?: number;
  readonly statSlot?: number;
  readonly nowMs?: number;
}

function create(table: ConnectionTable, key: Key, made: Made = {}): number {
  const { state = STATE.synSent, rewrite = REWRITE_ADDRESS, statSlot = 7, nowMs = 0 } = made;
  const forward = forwardKey(key);
  const reverse = reverseKey(key);
  table.findForward(forward);
  table.findReverse(reverse);
  return table.create(forward, reverse, state, rewrite, statSlot, nowMs);
}

const forwardKey = ({ balancer, client, forward, vip, protocol }: Key): FlowKey =>
  flowKey(balancer, client, forward, vip, protocol);
const reverseKey = ({ balancer, client, reverse, member, protocol }: Key): FlowKey =>
  flowKey(balancer, client, reverse, member, protocol);

const findForward = (table: ConnectionTable, key: Key): number => table.findForward(forwardKey(key));
const findReverse = (table: ConnectionTable, key: Key): number => table.findReverse(reverseKey(key));

const CLIENTS: readonly Address[] = [
  '10.1.0.11',
  '10.1.0.12',
  '11.1.0.11',
  'fd00:1::b',
  'fd00:1::c',
  'fd00:1::1:b',
  'fd01:1::b',
  // Only the lowest word is that of 10.1.0.11.
  'fd00:1::a01:b',
].map(addressWords);

/** Few clients, ports and services: keys that differ in one field only are common. */
const randomKey = (random: Random): Key => ({
  client: random.pick(CLIENTS),
  forward: (random.between(1, 40) << 16) | random.pick([80, 443, 0x8000]),
  reverse: (random.between(1, 40) << 16) | random.pick([80, 8080, 0x8000]),
  vip: random.pick([1, 2, 3, 65_535]),
  member: random.pick([1, 2, 3, 4, 65_535]),
  protocol: random.pick([TCP, UDP]),
  balancer: random.pick([0, 1, 4_095]),
});

function churn(capacity: number, steps: number, stream: number): void {
  const random = new Random(seed, stream);
  const table = tableOf(capacity, [random.word(), random.word()]);
  const forward = new Map<string, number>();
  const reverse = new Map<string, number>();
  const rows = new Map<number, Key>();
  let peak = 0;
  let created = 0;
  let removed = 0;
  let refused = 0;
  for (let step = 0; step < steps; step++) {
    const key =
      rows.size > 0 && random.chance(40) ? random.pick([...rows.values()].slice(0, 20)) : randomKey(random);
    assert.is(findForward(table, key), forward.get(forwardText(key)) ?? NONE);
    assert.is(findReverse(table, key), reverse.get(reverseText(key)) ?? NONE);
    const isNew = !forward.has(forwardText(key)) && !reverse.has(reverseText(key));
    if (isNew && random.chance(rows.size < capacity * 0.9 ? 80 : 50)) {
      const isFull = rows.size === capacity;
      assert.is(table.isFull, isFull);
      const row = create(table, key, { nowMs: step });
      assert.is(row === NONE, isFull);
      if (isFull) {
        refused++;
        continue;
      }
      assert.not(rows.has(row), `row ${row} was given out twice`);
      rows.set(row, key);
      forward.set(forwardText(key), row);
      reverse.set(reverseText(key), row);
      created++;
    } else if (rows.size > 0 && random.chance(60)) {
      const [row, gone] = [...rows].at(random.below(Math.min(rows.size, 30))) as [number, Key];
      table.remove(row);
      rows.delete(row);
      forward.delete(forwardText(gone));
      reverse.delete(reverseText(gone));
      removed++;
    }
    peak = Math.max(peak, rows.size);
    assert.is(table.inUse, rows.size);
    assert.is(table.highWater, peak, 'freed rows are used before fresh ones');
  }
  for (const [row, key] of rows) {
    assert.is(findForward(table, key), row);
    assert.is(findReverse(table, key), row);
    assert.is(table.vip(row), key.vip);
    assert.is(table.member(row), key.member);
    assert.is(table.protocol(row), key.protocol);
    assert.is(table.forwardPorts(row), key.forward);
    assert.is(table.reversePorts(row), key.reverse);
    table.remove(row);
  }
  assert.is(table.inUse, 0);
  assert.equal(table.totals, { created, expired: created, refused: 0, evicted: 0 });
  assert.is(created - removed, rows.size);
  assertCovered(created > capacity, 'rows were used again');
  if (capacity < 200) assertCovered(refused > 0, 'the table was full at times');
}

connections('roomy: both directions agree with the Maps at every step', () => {
  churn(2_000, runs(60_000), 1);
});

connections('small: full again and again, every row in turn', () => {
  churn(64, runs(60_000), 2);
});

connections('one row', () => {
  churn(1, runs(5_000), 3);
});

connections('a VIP that is a member of another group: the directions are not mixed', () => {
  const table = tableOf(4);
  const client = addressWords('10.1.0.11');
  const ports = (4000 << 16) | 80;
  // Endpoint 1 is the VIP of one flow and the member of the other, with the same ports.
  const toVip = { client, forward: ports, reverse: ports, vip: 1, member: 2, protocol: TCP, balancer: 5 };
  const toMember = { client, forward: ports, reverse: ports, vip: 3, member: 1, protocol: TCP, balancer: 5 };
  const one = create(table, toVip);
  const other = create(table, toMember);
  assert.is(table.findForward(flowKey(5, client, ports, 1, TCP)), one);
  assert.is(table.findReverse(flowKey(5, client, ports, 1, TCP)), other);
  assert.is(table.findReverse(flowKey(5, client, ports, 2, TCP)), one);
  assert.is(table.findForward(flowKey(5, client, ports, 2, TCP)), NONE);
});

connections('a new record begins at zero, whatever the row held before', () => {
  const table = tableOf(1);
  const key = randomKey(new Random(seed));
  const first = create(table, key, { nowMs: 1_000 });
  table.countForward(first, 3, 180, 2_000);
  table.countReverse(first, 2, 1e12, 3_000);
  table.setState(first, STATE.timeWait);
  assert.is(table.hotFloats[(first * HOT_WORDS + HOT.bytesReverse) / 2], 1e12);
  table.remove(first);
  assert.not(table.isUsed(first));
  const second = create(table, key, { nowMs: 5_000 });
  assert.is(second, first);
  const at = second * HOT_WORDS;
  assert.is(table.hot[at + HOT.lastSeenMs], 5_000);
  assert.is(table.hot[at + HOT.packetsForward], 0);
  assert.is(table.hot[at + HOT.packetsReverse], 0);
  assert.is(table.hotFloats[(at + HOT.bytesForward) / 2], 0);
  assert.is(table.hotFloats[(at + HOT.bytesReverse) / 2], 0);
  assert.is(table.state(second), STATE.synSent);
});

connections('counting and states touch nothing else in the row', () => {
  const table = tableOf(2);
  const key: Key = {
    client: addressWords('fd00:1::b'),
    forward: -1,
    reverse: 0x8000_0000 | 0,
    vip: 65_535,
    member: 65_534,
    protocol: 255,
    balancer: 4_095,
  };
  const row = create(table, key, {
    state: STATE.unreplied,
    rewrite: REWRITE_ADDRESS | REWRITE_PORTS | 0x80,
    statSlot: 2 ** 20 - 1,
    nowMs: -5,
  });
  assert.is(table.countForward(row, 2, 100, -4), (0x83 << 16) | (STATE.unreplied << 8) | 255);
  for (const state of Object.values(STATE).filter((value) => value !== STATE.free)) {
    table.setState(row, state);
    assert.is(table.state(row), state);
    assert.is(table.protocol(row), 255);
    assert.is(table.rewrite(row), 0x83);
  }
  assert.is(table.vip(row), 65_535);
  assert.is(table.member(row), 65_534);
  assert.is(table.statSlot(row), 2 ** 20 - 1);
  assert.is(table.balancer(row), 4_095);
  assert.is(findForward(table, key), row);
  assert.is(findReverse(table, key), row);
});

connections('every state has a name of its own, and ended are those whose ports may be used again', () => {
  const table = tableOf(1);
  const row = create(table, randomKey(new Random(seed)));
  assert.is(new Set(STATE_NAMES).size, STATE_NAMES.length);
  const ended: string[] = [];
  for (const state of Object.values(STATE)) {
    table.setState(row, state);
    if (table.hasEnded(row)) ended.push(STATE_NAMES[state]);
  }
  assert.is(Object.keys(STATE).length, STATE_NAMES.length);
  assert.equal(ended.sort(), ['reset-by-client', 'reset-by-member', 'time-wait']);
});

connections('initialise empties a table that was in use', () => {
  const table = tableOf(50);
  const random = new Random(seed, 4);
  const keys = new Map<string, Key>();
  while (keys.size < 30) {
    const key = randomKey(random);
    if (findForward(table, key) !== NONE || findReverse(table, key) !== NONE) continue;
    create(table, key);
    keys.set(forwardText(key), key);
  }
  table.initialise();
  assert.is(table.inUse, 0);
  assert.is(table.highWater, 0);
  for (const key of keys.values()) {
    assert.is(findForward(table, key), NONE);
    assert.is(findReverse(table, key), NONE);
  }
  for (const key of keys.values()) {
    if (findReverse(table, key) === NONE) assert.is.not(create(table, key), NONE);
  }
});

connections('refused and evicted flows are counted', () => {
  const table = tableOf(1);
  table.refuse();
  table.refuse();
  table.countEvicted();
  assert.equal(table.totals, { created: 0, expired: 0, refused: 2, evicted: 1 });
});

connections.run();
