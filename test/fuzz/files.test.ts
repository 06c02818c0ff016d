// timeout: 240s
/**
 * Files of a run directory with anything in them, as a crash, a full disk or another version may leave them: each reader
 * answers with what it could read, or with an Error that names the file. Nothing else is thrown, and no list makes a
 * process claim files that Sluice does not make. The rows of left tables: test/datapath/balancing/inherited-flows.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RuleJournal } from '../../src/agent/rule-journal.ts';
import { RuleStore } from '../../src/agent/rule-store.ts';
import type { PortConfig } from '../../src/config/model/model.ts';
import { ConfigError } from '../../src/config/problems/problems.ts';
import { DatapathIds } from '../../src/host/publishing/datapath-ids.ts';
import { closeLeftTables, NumbersFile, openLeftTables } from '../../src/host/takeover/left-tables.ts';
import { mapTables } from '../../src/host/thread/table-memory.ts';
import { encodeFrame } from '../../src/run-dir/frame.ts';
import { MadeThings } from '../../src/run-dir/made-things.ts';
import { RunDir } from '../../src/run-dir/run-dir.ts';
import { DEFAULT_LIMITS, Tables } from '../../src/tables/tables.ts';
import { fuzz, SEED } from './byte-fuzzer.ts';

const test = suite(`files of a run (SLUICE_TEST_SEED=${SEED})`);

let runDir: RunDir;
test.before(() => {
  runDir = new RunDir(mkdtempSync('/dev/shm/sluice-fuzz-'));
});
test.after(() => rmSync(runDir.path, { recursive: true, force: true }));

/** What a reader makes of the bytes at `path`. An Error has to name a file of the run. */
function outcomeOf(path: string, bytes: Uint8Array, read: () => unknown): string {
  writeFileSync(path, bytes, { mode: 0o600 });
  try {
    return read() === undefined ? 'nothing' : 'read';
  } catch (error) {
    if (error instanceof ConfigError) return 'refused';
    if (!(error instanceof Error) || !error.message.includes(runDir.path)) throw error;
    return 'refused';
  }
}

const meets = (outcomes: ReadonlyMap<string, number>, ...kinds: string[]): void => {
  for (const kind of kinds)
    assert.ok((outcomes.get(kind) ?? 0) > 0, `${kind}: ${JSON.stringify([...outcomes])}`);
};

test('state.json', async () => {
  const request = { netns: 'a', interfaceName: 'eth0', addresses: ['10.1.0.1/24'], gateways: [] };
  const state = {
    namespaces: [{ name: 'a', identity: '1 2', withProcesses: true }],
    taps: [{ request, index: 1, fd: 4 }],
    files: [runDir.apiSocket, runDir.tablesFile],
    directories: [runDir.storeDir],
  };
  const ours = [runDir.apiSocket, runDir.tablesFile, runDir.storeDir];
  const corpus = [state, { namespaces: [], files: [] }].map((value) => Buffer.from(JSON.stringify(value)));
  const { outcomes } = await fuzz([...corpus, new Uint8Array(0)], (bytes) =>
    outcomeOf(runDir.stateFile, bytes, () => {
      const made = MadeThings.load(runDir);
      for (const path of made.paths) assert.ok(ours.includes(resolve(path)), path);
      return made.isEmpty ? undefined : made;
    }),
  );
  meets(outcomes, 'read', 'refused', 'nothing');
});

test('numbers.json, beside tables', async () => {
  const limits = { ...DEFAULT_LIMITS, maxConnections: 64 };
  rmSync(runDir.stateFile, { force: true });
  const { bytes: memory } = mapTables(runDir.tablesFile, limits, MadeThings.load(runDir));
  new Tables(memory, 0, limits, [1, 2]).initialise();
  const ids = new DatapathIds(limits);
  ids.network('app');
  ids.port({
    name: 'web1',
    network: 'app',
    netns: 'w',
    interface: 'eth0',
    mac: '02:00:00:00:00:01',
  } as PortConfig);
  ids.group('web');
  ids.member({ group: 'web', member: 's1', address: '10.1.0.21' });
  assert.is(new NumbersFile(runDir.numbersFile, limits, ids).save(), undefined);
  const { outcomes } = await fuzz([readFileSync(runDir.numbersFile)], (bytes) =>
    outcomeOf(runDir.numbersFile, bytes, () => {
      const left = openLeftTables(runDir);
      if (left === undefined) return undefined;
      try {
        new DatapathIds(limits).follow(left.numbers);
      } catch (error) {
        // Numbers that do not fit are reported, and the flows are not taken over.
        assert.instance(error, Error);
      }
      closeLeftTables(left);
      return left;
    }),
  );
  meets(outcomes, 'read', 'refused');
});

test('rules.json', async () => {
  const group = {
    name: 'api',
    network: 'app',
    vip: ['10.1.0.100'],
    protocol: 'any',
    match: { sources: [] },
    rewrite: 'address',
    algorithm: 'weighted-round-robin',
    onEmpty: 'reject',
    criteria: [{ members: [{ name: 'a', address: '10.1.0.1', weight: 1, state: 'active' }] }],
  };
  const whole = { epoch: 3, revision: 4, groups: [{ name: 'api', definition: JSON.stringify(group) }] };
  const change = { epoch: 3, revision: 5, groups: [], removed: ['api'] };
  const corpus = [
    encodeFrame(whole),
    Buffer.concat([encodeFrame(whole), encodeFrame(change)]),
    Buffer.concat([encodeFrame(whole), encodeFrame(change).subarray(0, 9)]),
  ];
  const read = (bytes: Uint8Array): string =>
    outcomeOf(runDir.rulesFile, bytes, () => new RuleStore(new RuleJournal(runDir.rulesFile)).load());
  const { outcomes } = await fuzz(corpus, read);
  meets(outcomes, 'read', 'refused');
  // Behind a right checksum, too: another version may have written it.
  const texts = [whole, change].map((value) => Buffer.from(JSON.stringify(value)));
  const framed = await fuzz(texts, (bytes) => {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(bytes).toString('utf8'));
    } catch {
      return 'no JSON';
    }
    return read(encodeFrame(value));
  });
  meets(framed.outcomes, 'read', 'refused');
});

test.run();
