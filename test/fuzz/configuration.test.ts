// timeout: 180s
/**
 * A configuration file with anything in it: a Configuration or a ConfigError with every problem, never another error.
 * What is accepted can be published to a datapath.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems/problems.ts';
import { warningsOf } from '../../src/config/warnings.ts';
import { capacityProblems } from '../../src/host/publishing/capacity.ts';
import { snapshotOf } from '../../src/host/publishing/snapshot-builder.ts';
import { CHECKOUT } from '../support/paths.ts';
import { fuzz, SEED } from './byte-fuzzer.ts';

const test = suite(`configuration (SLUICE_TEST_SEED=${SEED})`);

const SNIPPETS = [
  'a: &a [*a]\n',
  'host: h1\nhost: h2\n',
  '<<: { host: h1 }\n',
  '__proto__: { host: h1 }\n',
  'host: !!binary AAAA\n',
  '? [complex, key]\n: 1\n',
  'host: h1\nports: { 0: 1 }\nnetworks: 5\n',
  'host: h1\nnetworks: [{ name: app, vni: 5001, subnets: [10.1.0.0/24] }]\n',
];

/** Of the examples, the groups and networks of one each, short enough that many inputs are tried. */
const corpus = (): Uint8Array[] => {
  const directory = join(CHECKOUT, 'examples');
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.yaml'),
  );
  const texts = files.sort().map((name) => readFileSync(join(directory, name), 'utf8'));
  return [...SNIPPETS, ...texts.filter((text) => text.length < 4_000)].map((text) => Buffer.from(text));
};

test('a Configuration or a ConfigError', async () => {
  const { outcomes } = await fuzz(corpus(), (bytes) => {
    let configuration: ReturnType<typeof parseConfiguration>;
    try {
      configuration = parseConfiguration(Buffer.from(bytes).toString('utf8'));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      assert.ok(error.problems.length > 0);
      return 'refused';
    }
    warningsOf(configuration, 0);
    if (capacityProblems(configuration).length > 0) return 'too large';
    snapshotOf(configuration, { offloads: true });
    return 'accepted';
  });
  for (const kind of ['accepted', 'refused']) assert.ok((outcomes.get(kind) ?? 0) > 0, kind);
});

test.run();
