// timeout: 240s
/**
 * What a controller finds in its store: documents that it has not written, and files that a crash has left. A document is
 * taken or set aside with a reason; a file store opens, or says which of its files is damaged.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../src/config/load.ts';
import { checkEntries } from '../../src/controller/groups/document-checks.ts';
import { groupStates } from '../../src/controller/groups/group-states.ts';
import { openStore } from '../../src/controller/store/open-store.ts';
import { createPolicy } from '../../src/policy/create-policy.ts';
import { encodeFrame } from '../../src/run-dir/frame.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { fuzz, SEED } from './byte-fuzzer.ts';

const test = suite(`store (SLUICE_TEST_SEED=${SEED})`);

const [GROUP] = parseConfiguration(`
host: c1
networks: [{ name: app, vni: 5001, subnets: [10.1.0.0/24] }]
groups:
  - name: api
    network: app
    vip: 10.1.0.100
    policy: { kind: inverse-load, outlierEjection: {} }
    members: [{ name: a, address: 10.1.0.1 }, { name: b, address: 10.1.0.2 }]
`).groups;

const DOCUMENTS: readonly (readonly [key: string, value: unknown])[] = [
  ['groups/api', GROUP],
  ['policies/api', GROUP!.policy],
  [
    'overrides/api',
    {
      members: [
        { name: 'a', weight: 3, state: 'draining', drainDeadlineMs: 5 },
        { name: 'c', added: { address: '10.1.0.3' } },
      ],
    },
  ],
  ['health/api', { failed: { a: { sinceMs: 5, detail: 'refused' } } }],
  ['scale/api', { count: 3 }],
  ['files/c1', { groups: { api: '{}' } }],
];

test('a document under any key is taken or set aside', async () => {
  const corpus = DOCUMENTS.map(([key, value]) => Buffer.from(`${key} ${JSON.stringify(value)}`));
  const { outcomes } = await fuzz(corpus, (bytes) => {
    const text = Buffer.from(bytes).toString('utf8');
    const blank = text.indexOf(' ');
    let value: unknown;
    try {
      value = JSON.parse(text.slice(blank + 1));
    } catch {
      return 'no JSON';
    }
    const key = text.slice(0, Math.max(0, blank));
    const entries = new Map<string, unknown>([...DOCUMENTS.slice(0, 1), [key, value]]);
    const { entries: good, setAside } = checkEntries(entries);
    for (const { group } of groupStates(good).values()) {
      // What is in force can be computed with.
      if (group.policy !== undefined) createPolicy(group.policy);
      JSON.stringify(group);
    }
    return setAside.size > 0 ? 'set aside' : 'taken';
  });
  for (const kind of ['taken', 'set aside']) assert.ok((outcomes.get(kind) ?? 0) > 0, kind);
});

test('the files of a store on disk', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-fuzz-store-'));
  const dir = join(directory, 'store');
  const log = pino({ level: 'silent' });
  const changes = [{ key: 'groups/api', json: JSON.stringify(GROUP) }];
  const frames = [1, 2, 3].map((revision) => encodeFrame({ revision, changes }));
  const corpus = [
    ...['log', 'snapshot', 'epoch'].flatMap((name) => [
      Buffer.concat([Buffer.from(`${name}\n`), ...frames]),
      Buffer.concat([Buffer.from(`${name}\n`), encodeFrame({ revision: 2, entries: DOCUMENTS })]),
    ]),
    Buffer.from('epoch\n0000000000000007 9b1c2d3e\n'),
  ];
  try {
    const { outcomes } = await fuzz(corpus, async (bytes) => {
      const end = Buffer.from(bytes).indexOf('\n');
      const name = Buffer.from(bytes).toString('latin1', 0, Math.max(0, end));
      if (!['log', 'snapshot', 'epoch'].includes(name)) return 'no such file';
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir);
      writeFileSync(join(dir, name), bytes.subarray(end + 1));
      try {
        const store = await openStore({ kind: 'file', dir }, log, systemRuntime, {});
        const { entries } = store.snapshot();
        groupStates(checkEntries(entries).entries);
        await store.close();
        return `${name} opened`;
      } catch (error) {
        if (!(error instanceof Error) || !error.message.includes(dir)) throw error;
        return `${name} refused`;
      }
    });
    for (const kind of ['log opened', 'log refused', 'snapshot opened', 'snapshot refused', 'epoch opened'])
      assert.ok((outcomes.get(kind) ?? 0) > 0, `${kind}: ${JSON.stringify([...outcomes])}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test.run();
