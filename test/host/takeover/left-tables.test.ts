/** What one host leaves to the next, in files of a real tmpfs. */

import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PortConfig } from '../../../src/config/model/model.ts';
import { DatapathIds } from '../../../src/host/publishing/datapath-ids.ts';
import { closeLeftTables, NumbersFile, openLeftTables } from '../../../src/host/takeover/left-tables.ts';
import { mapTables } from '../../../src/host/thread/table-memory.ts';
import { MadeThings } from '../../../src/run-dir/made-things.ts';
import { RunDir } from '../../../src/run-dir/run-dir.ts';
import { REWRITE_ADDRESS, STATE } from '../../../src/tables/balancing/connection-record.ts';
import type { ConnectionTable } from '../../../src/tables/balancing/connection-table.ts';
import { NONE } from '../../../src/tables/common/bucket-index.ts';
import { DEFAULT_LIMITS, Tables } from '../../../src/tables/tables.ts';
import { flowKey } from '../../support/flow-keys.ts';
import { SmallDisk } from '../../support/small-disk.ts';

const test = suite('leftTables');

const LIMITS = { ...DEFAULT_LIMITS, maxConnections: 1_000 };
const MEMBER = { group: 'web', member: 's1', address: '10.1.0.21' };
const PORT = {
  name: 'web1',
  network: 'app',
  netns: 'w',
  interface: 'eth0',
  mac: '02:00:00:00:00:01',
} as PortConfig;
const LEG = { uplink: 'up', interface: 'up0', network: 'app', vlan: 7 };

let runDir: RunDir;
test.before.each(() => {
  runDir = new RunDir(mkdtempSync('/dev/shm/sluice-leftTables-'));
});
test.after.each(() => rmSync(runDir.path, { recursive: true, force: true }));

function createFlow(connections: ConnectionTable, client: number): void {
  const forward = flowKey(0, [0, 0, 0xffff, client], 2, 4, 6);
  const reverse = flowKey(0, [0, 0, 0xffff, client], 3, 5, 6);
  assert.is(connections.findForward(forward), NONE);
  assert.is(connections.findReverse(reverse), NONE);
  connections.create(forward, reverse, STATE.established, REWRITE_ADDRESS, 0, 0);
}

/** Tables with one flow, and numbers for it. */
function leave(): DatapathIds {
  const { bytes } = mapTables(runDir.tablesFile, LIMITS, MadeThings.load(runDir));
  const tables = new Tables(bytes, 0, LIMITS, [1, 2]);
  tables.initialise();
  createFlow(tables.connections, 1);
  const ids = new DatapathIds(LIMITS);
  ids.network('app');
  ids.port(PORT);
  ids.uplinkLeg(LEG as Parameters<DatapathIds['uplinkLeg']>[0]);
  ids.loadBalancer('port web1');
  ids.group('web');
  ids.rule('web', '10.1.0.100');
  ids.member(MEMBER);
  ids.member({ ...MEMBER, port: 8080 });
  assert.is(new NumbersFile(runDir.numbersFile, LIMITS, ids).save(), undefined);
  return ids;
}

const change = (edit: (header: Record<string, unknown>) => void): void => {
  const [first, ...lines] = readFileSync(runDir.numbersFile, 'utf8').split('\n');
  const header = JSON.parse(first!);
  edit(header);
  writeFileSync(runDir.numbersFile, [JSON.stringify(header), ...lines].join('\n'));
};

test('tables and numbers are there for the next host, also when their files are gone', () => {
  const ids = leave();
  const leftTables = openLeftTables(runDir)!;
  rmSync(runDir.tablesFile);
  rmSync(runDir.numbersFile);
  assert.is(leftTables.flows, 1);
  assert.equal(leftTables.limits, LIMITS);
  const { connections } = new Tables(leftTables.tables.bytes, 0, leftTables.limits, [0, 0]);
  assert.equal([connections.vip(1), connections.member(1)], [4, 5]);
  closeLeftTables(leftTables);
  assert.is(connections.inUse, 0);

  const next = new DatapathIds(LIMITS);
  next.follow(leftTables.numbers);
  assert.equal(next.numbers, ids.numbers);
  assert.is(next.findPort(PORT), undefined);
  assert.is(next.findPreviousPort(PORT), 0);
  assert.is(next.findPreviousPort({ ...PORT, mac: '02:00:00:00:00:02' }), undefined, 'another device');
  assert.equal([next.portName(0), next.portName(1)], ['web1', 'up']);
  assert.equal(
    [...next.allMembers()],
    [
      [0, MEMBER],
      [1, { ...MEMBER, port: 8080 }],
    ],
  );
  assert.is(next.ruleName(0), 'web@10.1.0.100');
  assert.is(next.member({ ...MEMBER, port: 8080 }), 1);
});

test('a count of flows that cannot be is not told', () => {
  leave();
  const { tables, limits } = openLeftTables(runDir)!;
  const { connections } = new Tables(tables.bytes, 0, limits, [0, 0]);
  const words = new Int32Array(tables.bytes);
  // The count is the word that a second flow raises.
  const before = Int32Array.from(words);
  createFlow(connections, 9);
  const counts = [...words.keys()].filter((i) => before[i] === 1 && words[i] === 2);
  for (const word of counts) words[word] = -547_577_042;
  assert.is(openLeftTables(runDir)!.flows, undefined);
});

test('a number that is given to something else costs a line; the file is for its owner alone', () => {
  const ids = leave();
  const file = new NumbersFile(runDir.numbersFile, LIMITS, ids);
  file.save();
  const { size, mode } = statSync(runDir.numbersFile);
  assert.is(mode & 0o777, 0o600);
  ids.group('web');
  assert.is(file.save(), undefined);
  assert.is(statSync(runDir.numbersFile).size, size);
  ids.group('api');
  file.save();
  assert.is(statSync(runDir.numbersFile).size, size + '["groups",1,"api"]\n'.length);
  assert.equal(openLeftTables(runDir)!.numbers.groups, ['web', 'api']);
});

test('a line that was cut short is of a number that the datapath has not heard of', () => {
  leave();
  const whole = readFileSync(runDir.numbersFile, 'utf8');
  for (const torn of ['[', '["groups",1,"ap', '["groups",1,"api"]']) {
    writeFileSync(runDir.numbersFile, whole + torn);
    assert.equal(openLeftTables(runDir)!.numbers.groups, ['web'], torn);
  }
  writeFileSync(runDir.numbersFile, `${whole}["groups",0,"other"]\n`);
  assert.equal(openLeftTables(runDir)!.numbers.groups, ['other'], 'the last line of a number holds');
  writeFileSync(runDir.numbersFile, `${whole}["groups",7,"api"]\n`);
  assert.throws(() => openLeftTables(runDir), /not written by this version, or not whole/);
});

test('where there is nothing, there is nothing; what cannot be used is refused with the reason', () => {
  assert.is(openLeftTables(runDir), undefined);
  leave();
  change((header) => {
    header.boot = 'another';
  });
  assert.throws(() => openLeftTables(runDir), /numbers\.json was written before the machine was started/);
  change((header) => {
    header.layout = 0;
  });
  assert.throws(() => openLeftTables(runDir), /not written by this version, or not whole/);
  writeFileSync(runDir.numbersFile, '{"layout": 1, "bo');
  assert.throws(() => openLeftTables(runDir), /not written by this version, or not whole/);
  leave();
  truncateSync(runDir.tablesFile, 4096);
  assert.throws(() => openLeftTables(runDir), /tables: found 4096 bytes, expected \d+/);
  rmSync(runDir.tablesFile);
  assert.is(openLeftTables(runDir), undefined);
});

test('a full disk: no numbers are better than wrong ones, and the next change is written again', () => {
  const disk = new SmallDisk();
  try {
    const ids = leave();
    const path = join(disk.path, 'numbers.json');
    const file = new NumbersFile(path, LIMITS, ids);
    assert.is(file.save(), undefined);
    disk.fill();
    for (let i = 0; i < 500; i++) ids.group(`group-${i}`);
    assert.match(file.save()!, /^flows would not outlive this process: \S+numbers\.json: ENOSPC/);
    assert.throws(() => statSync(path), /ENOENT/);
    disk.free();
    assert.is(file.save(), undefined);
    assert.ok(statSync(path).size > 5_000);
  } finally {
    disk.remove();
  }
});

test.run();
