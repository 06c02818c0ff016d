/** One block of memory for all tables: nothing overlaps, and every reader of the same bytes sees the same. */

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COLD, COLD_WORDS, HOT, HOT_WORDS, STATE } from '../../src/tables/balancing/connection-record.ts';
import { ENDPOINT_WORDS } from '../../src/tables/balancing/endpoint-table.ts';
import type { FlowKey } from '../../src/tables/balancing/flow-key.ts';
import { NONE } from '../../src/tables/common/bucket-index.ts';
import { NetworkAddress } from '../../src/tables/common/network-address.ts';
import { NEIGHBOUR } from '../../src/tables/forwarding/neighbour-table.ts';
import { PORT } from '../../src/tables/port-counters.ts';
import { STAT } from '../../src/tables/stat-table.ts';
import { DEFAULT_LIMITS, LAYOUT_VERSION, type TableLimits, Tables } from '../../src/tables/tables.ts';
import { addressWords } from '../support/addresses.ts';
import { affinityKey } from '../support/affinity-keys.ts';
import { flowKey } from '../support/flow-keys.ts';
import { check } from '../support/seed.ts';

const layout = suite('tables');

const SMALL: TableLimits = {
  maxConnections: 100,
  maxEndpoints: 50,
  maxStatSlots: 20,
  maxPorts: 8,
  maxMacs: 64,
  maxNeighbours: 40,
  maxAffinities: 30,
  maxDatagrams: 8,
  maxFirewallFlows: 12,
  maxFirewallRules: 5,
};
const KEY: readonly [number, number] = [17, 42];

const someLimits: fc.Arbitrary<TableLimits> = fc.record({
  maxConnections: fc.integer({ min: 1, max: 300 }),
  maxEndpoints: fc.integer({ min: 1, max: 200 }),
  maxStatSlots: fc.integer({ min: 1, max: 50 }),
  maxPorts: fc.integer({ min: 2, max: 20 }),
  maxMacs: fc.integer({ min: 1, max: 100 }),
  maxNeighbours: fc.integer({ min: 1, max: 60 }),
  maxAffinities: fc.integer({ min: 1, max: 60 }),
  maxDatagrams: fc.integer({ min: 4, max: 20 }),
  maxFirewallFlows: fc.integer({ min: 1, max: 40 }),
  maxFirewallRules: fc.integer({ min: 1, max: 20 }),
});

const host = (i: number): [number, number, number, number] => [0, 0, 0xffff, 0x0a010000 + i];

/** The parts of the block that a table lets one see. */
const visible = ({ connections, endpoints, neighbours, fragments, stats, portCounters }: Tables) => ({
  hot: connections.hot,
  cold: connections.cold,
  endpoints: endpoints.rows,
  neighbours: neighbours.rows,
  fragments: fragments.rows,
  stats: stats.fields,
  ports: portCounters.fields,
});

layout('visible regions lie in the block, on cache lines, and none overlaps another', () => {
  check(
    fc.property(someLimits, fc.integer({ min: 0, max: 4 }), (limits, lines) => {
      const bytes = Tables.bytesNeeded(limits);
      const tables = new Tables(new ArrayBuffer(bytes + lines * 64), lines * 64, limits, KEY);
      const regions = Object.values(visible(tables))
        .map((view) => [view.byteOffset, view.byteOffset + view.byteLength])
        .sort((a, b) => a[0] - b[0]);
      let end = lines * 64;
      for (const [from, until] of regions) {
        assert.is(from % 64, 0);
        assert.ok(from >= end, `a region from ${from} overlaps one that ends at ${end}`);
        end = until;
      }
      assert.ok(end <= lines * 64 + bytes);
    }),
  );
});

/** Keys of flow `i`. */
const forwardOf = (i: number): FlowKey => flowKey(i % 9, host(i), i, 1, 6);
const reverseOf = (i: number): FlowKey => flowKey(i % 9, host(i), ~i, 2, 6);

/** Uses every table as full as its limits allow; returns what a reader must find. */
function fill(tables: Tables): () => void {
  const { limits, connections, endpoints, macs, neighbours, affinities, stats, portCounters } = tables;
  const rows: number[] = [];
  for (let i = 0; i < limits.maxEndpoints; i++) assert.is.not(endpoints.intern(1, ...host(i)), NONE);
  for (let i = 0; i < limits.maxConnections; i++) {
    const [forward, reverse] = [forwardOf(i), reverseOf(i)];
    assert.is(connections.findForward(forward), NONE);
    assert.is(connections.findReverse(reverse), NONE);
    rows.push(connections.create(forward, reverse, 1, 1, i % limits.maxStatSlots, i));
  }
  for (let i = 0; i < limits.maxNeighbours; i++) {
    const id = neighbours.intern(new NetworkAddress().set(2, ...host(i)), i, neighbours.configuredPort);
    neighbours.setState(id, NEIGHBOUR.fixed, i);
    neighbours.setMac(id, 0x0200, i);
  }
  const known: number[] = [];
  for (let i = 0; i < limits.maxMacs; i++) if (macs.fix(3, 0x0200, i, i % limits.maxPorts)) known.push(i);
  for (let i = 0; i < 4 * limits.maxAffinities; i++)
    affinities.put(affinityKey(host(i), 1, 1), i, i, 0, 1_000, 1);
  const affine = [...Array(4 * limits.maxAffinities).keys()].filter(
    (i) => affinities.find(affinityKey(host(i), 1, 1), 0) !== NONE,
  );
  for (let i = 0; i < limits.maxStatSlots - 1; i++) assert.is(stats.acquire(7, i), i);
  for (let i = 0; i < limits.maxStatSlots; i++) stats.add(i, STAT.bytes, 1e12 + i);
  for (let i = 0; i < limits.maxPorts; i++) portCounters.add(i, PORT.txBytes, 2e12 + i);
  return () => {
    for (let i = 0; i < limits.maxEndpoints; i++) assert.is.not(endpoints.find(1, ...host(i)), NONE);
    for (let i = 0; i < limits.maxConnections; i++) {
      assert.is(connections.findForward(forwardOf(i)), rows[i]);
      assert.is(connections.findReverse(reverseOf(i)), rows[i]);
      assert.is(connections.statSlot(rows[i]), i % limits.maxStatSlots);
    }
    for (let i = 0; i < limits.maxNeighbours; i++) {
      const id = neighbours.find(new NetworkAddress().set(2, ...host(i)));
      assert.is(neighbours.macLow(id), i);
      assert.is(neighbours.state(id), NEIGHBOUR.fixed);
    }
    for (const i of known) assert.is(macs.find(3, 0x0200, i, 0), i % limits.maxPorts);
    assert.is(affine.length, affinities.inUse);
    for (const i of affine) assert.is(affinities.member(affinities.find(affinityKey(host(i), 1, 1), 0)), i);
    for (let i = 0; i < limits.maxStatSlots; i++) assert.is(stats.read(i).bytes, 1e12 + i);
    for (let i = 0; i < limits.maxPorts; i++) assert.is(portCounters.read(i).txBytes, 2e12 + i);
  };
}

layout('all tables full to the brim disturb neither each other nor what lies around the block', () => {
  check(
    fc.property(someLimits, (limits) => {
      const bytes = Tables.bytesNeeded(limits);
      const memory = new ArrayBuffer(64 + bytes + 64);
      const before = new Uint8Array(memory, 0, 64).fill(0xc3);
      const after = new Uint8Array(memory, 64 + bytes, 64).fill(0xc3);
      const tables = new Tables(memory, 64, limits, KEY);
      tables.initialise();
      fill(tables)();
      assert.is(tables.connections.isFull, true);
      assert.is(tables.endpoints.intern(1, ...host(-1)), NONE);
      assert.is(tables.neighbours.intern(new NetworkAddress().set(2, ...host(-1)), 0, 0), NONE);
      assert.ok(before.every((byte) => byte === 0xc3) && after.every((byte) => byte === 0xc3));
    }),
    60,
  );
});

layout('a reader over the same memory finds the same', () => {
  const memory = new SharedArrayBuffer(Tables.bytesNeeded(SMALL));
  const writer = new Tables(memory, 0, SMALL, KEY);
  writer.initialise();
  fill(writer);
  const reader = new Tables(memory, 0, SMALL, KEY);
  for (const [name, view] of Object.entries(visible(writer))) {
    assert.equal(visible(reader)[name as keyof ReturnType<typeof visible>], view, name);
  }
  assert.is(reader.connections.inUse, SMALL.maxConnections);
  assert.is(reader.connections.highWater, SMALL.maxConnections);
  assert.equal(reader.connections.totals, writer.connections.totals);
  assert.is(reader.endpoints.inUse, SMALL.maxEndpoints);
  assert.is(reader.affinities.inUse, writer.affinities.inUse);
  assert.is(reader.affinities.evicted, writer.affinities.evicted);
  const row = writer.connections.findForward(forwardOf(5));
  assert.is(reader.connections.findForward(forwardOf(5)), row);
  const id = writer.endpoints.find(1, ...host(7));
  assert.is(reader.endpoints.find(1, ...host(7)), id);
  writer.stats.add(3, STAT.newFlows, 5);
  assert.is(reader.stats.read(3).newFlows, 5);
  writer.connections.remove(row);
  assert.not(reader.connections.isUsed(row));
});

layout('initialise empties tables that were in use', () => {
  const tables = new Tables(new ArrayBuffer(Tables.bytesNeeded(SMALL)), 0, SMALL, KEY);
  tables.initialise();
  fill(tables);
  tables.initialise();
  assert.is(tables.connections.inUse, 0);
  assert.is(tables.endpoints.inUse, 0);
  assert.is(tables.endpoints.find(1, ...host(7)), NONE);
  assert.is(tables.connections.findForward(forwardOf(5)), NONE);
  assert.is(tables.neighbours.find(new NetworkAddress().set(2, ...host(1))), NONE);
  assert.is(tables.macs.find(3, 0x0200, 1, 0), NONE);
  assert.is(tables.affinities.inUse, 0);
  assert.is(tables.affinities.find(affinityKey(host(7), 1, 1), 0), NONE);
  assert.is(tables.stats.read(1).bytes, 0);
  assert.is(tables.portCounters.read(1).txBytes, 0);
  fill(tables)();
});

layout('an IPv6 and an IPv4 address with the same last word are two endpoints', () => {
  const tables = new Tables(new ArrayBuffer(Tables.bytesNeeded(SMALL)), 0, SMALL, KEY);
  tables.initialise();
  const four = tables.endpoints.intern(1, ...addressWords('10.1.0.21'));
  assert.is.not(tables.endpoints.intern(1, ...addressWords('fd00::a01:15')), four);
});

layout('memory too small or off the cache line, and limits out of range, are refused in words', () => {
  const needed = Tables.bytesNeeded(SMALL);
  const make = (bytes: number, offset: number, limits: TableLimits) => () =>
    new Tables(new ArrayBuffer(bytes), offset, limits, KEY);
  assert.throws(make(needed - 64, 0, SMALL), new RegExp(`${needed - 64} bytes at 0, ${needed} needed`));
  assert.throws(make(needed + 64, 32, SMALL), RangeError);
  assert.throws(make(needed, 64, SMALL), RangeError);
  assert.throws(
    make(needed, 0, { ...SMALL, maxConnections: 0 }),
    /maxConnections: found 0, expected 1 … 16777216/,
  );
  assert.throws(make(needed, 0, { ...SMALL, maxConnections: 2 ** 24 + 1 }), /maxConnections: found 16777217/);
  assert.throws(make(needed, 0, { ...SMALL, maxEndpoints: 0 }), /maxEndpoints: found 0/);
  assert.throws(make(needed, 0, { ...SMALL, maxEndpoints: 65_536 }), /maxEndpoints: found 65536/);
  assert.not.throws(make(needed, 0, SMALL));
});

/** What the next host, of another version perhaps, reads of the tables of this one (datapath/balancing/inherited-flows.ts). */
layout('what outlives a process lies where the version of the layout says', () => {
  const tables = new Tables(new ArrayBuffer(Tables.bytesNeeded(DEFAULT_LIMITS)), 0, DEFAULT_LIMITS, KEY);
  const read = {
    at: [tables.connections.hot, tables.connections.cold, tables.endpoints.rows].map(
      ({ byteOffset }) => byteOffset,
    ),
    bytes: Tables.bytesNeeded(DEFAULT_LIMITS),
    owners: Reflect.get(tables.stats, 'owners').byteOffset,
    rows: [HOT_WORDS, COLD_WORDS, ENDPOINT_WORDS],
    hot: HOT,
    cold: COLD,
    state: STATE,
  };
  const digest = createHash('sha256').update(JSON.stringify(read)).digest('hex').slice(0, 16);
  assert.equal(
    [LAYOUT_VERSION, digest],
    [7, '52ee3525bf27866b'],
    'a change of the layout is another version of it',
  );
});

layout.run();
