import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HealthConfig } from '../../../src/config/model/model.ts';
import { agree, type HostVerdicts } from '../../../src/controller/health/health-agreement.ts';

const test = suite('agreement on health');

/** `h1: a+ b-`; address and name of a member are the same, its group is `api`. */
const hosts = (...lines: string[]): HostVerdicts[] =>
  lines.map((line) => {
    const [host, ...words] = line.split(/[: ]+/).filter((word) => word !== '');
    const results = words.map((word) => ({
      group: 'api',
      member: word.slice(0, -1),
      address: word.slice(0, -1),
      isHealthy: word.endsWith('+'),
    }));
    return { host: host!, results };
  });

function outcome(quorum: HealthConfig['quorum'], lines: string[], before = '', attachedHosts = lines.length) {
  const failed = new Map([['api', new Set(before.split(' ').filter((name) => name !== ''))]]);
  const input = { groups: [{ name: 'api', quorum }], verdicts: hosts(...lines), attachedHosts, failed };
  const agreement = agree(input);
  return {
    failed: [...agreement.failed.get('api')!].sort().join(' '),
    notBelieved: [...agreement.notBelieved].sort().join(' '),
  };
}

const failed = (...given: Parameters<typeof outcome>): string => outcome(...given).failed;

test('quorums of three hosts', () => {
  const lines = ['h1: a- b+ c-', 'h2: a- b- c-', 'h3: a+ b+ c-'];
  // h2 finds everything dead that others see alive.
  assert.equal(outcome('any', lines), { failed: 'a c', notBelieved: 'h2' });
  const sane = lines.map((line) => `${line} d+`);
  assert.is(failed('any', sane), 'a b c');
  assert.is(failed('majority', sane), 'a c');
  assert.is(failed(2, sane), 'a c');
  assert.is(failed(3, sane), 'c');
  assert.is(failed('all', sane), 'c');
  assert.is(failed(7, sane), 'c', 'as many as there are');
});

test('half is no majority; a host without a verdict has no vote', () => {
  assert.is(failed('majority', ['h1: a- b+', 'h2: a+ b+']), '');
  assert.is(failed('majority', ['h1: a- b+', 'h2: b+', 'h3: b+']), 'a');
});

test('a host that sees everything dead is not believed against one that does not', () => {
  for (const quorum of ['any', 'majority', 'all', 1] as const) {
    assert.equal(outcome(quorum, ['h1: a- b- c-', 'h2: a+ b+ c+']), { failed: '', notBelieved: 'h1' });
  }
  assert.equal(outcome('any', ['h1: a- b-', 'h2: a- b+']), { failed: 'a', notBelieved: 'h1' });
});

test('what is left from before a host saw again is no vote, and still says that it sees nothing', () => {
  const left = hosts('h1: a+ b-', 'h2: a- b-', 'h3: a+ b+').map(({ host, results }) => ({
    host,
    results: results.map((result) => ({ ...result, isLeftover: !result.isHealthy })),
  }));
  const groups = [{ name: 'api', quorum: 'any' as const }];
  const before = new Map([['api', new Set<string>()]]);
  const agreement = agree({ groups, verdicts: left, attachedHosts: 3, failed: before });
  assert.equal([...agreement.failed.get('api')!], []);
  assert.equal([...agreement.notBelieved], ['h2']);
});

test('nor alone, when the others say nothing; then all stays as it was', () => {
  assert.equal(outcome('any', ['h1: a- b- c-', 'h2:'], 'b'), { failed: 'b', notBelieved: 'h1' });
  assert.equal(outcome('any', ['h1: a- b- c-'], 'b', 5), { failed: 'b', notBelieved: 'h1' });
});

test('but when all see everything dead, or there is only one, it is so', () => {
  assert.equal(outcome('majority', ['h1: a- b-', 'h2: a- b-']), { failed: 'a b', notBelieved: '' });
  assert.equal(outcome('majority', ['h1: a- b-']), { failed: 'a b', notBelieved: '' });
});

test('one dead member of one tells nothing about the path', () => {
  assert.equal(outcome('any', ['h1: a-', 'h2: a+']), { failed: 'a', notBelieved: '' });
  assert.is(failed('majority', ['h1: a-', 'h2: a+', 'h3: a+']), '');
});

test('recovery, and members of which nobody says anything', () => {
  assert.is(failed('majority', ['h1: a+ b+'], 'a b'), '');
  assert.is(failed('majority', ['h1: a+'], 'a b'), 'b');
  assert.is(failed('majority', [], 'a b'), 'a b');
});

test('groups do not mix, and the path is judged over all of them', () => {
  const verdicts: HostVerdicts[] = [
    {
      host: 'h1',
      results: [
        { group: 'api', member: 'a', address: '10.1.0.1', isHealthy: false },
        { group: 'db', member: 'a', address: '10.1.0.2', isHealthy: false },
      ],
    },
    { host: 'h2', results: [{ group: 'db', member: 'a', address: '10.1.0.2', isHealthy: true }] },
  ];
  const groups = [
    { name: 'api', quorum: 'any' as const },
    { name: 'db', quorum: 'any' as const },
  ];
  const agreement = agree({ groups, verdicts, attachedHosts: 2, failed: new Map() });
  assert.equal([...agreement.notBelieved], ['h1']);
  assert.equal(
    [...agreement.failed].map(([name, members]) => [name, members.size]),
    [
      ['api', 0],
      ['db', 0],
    ],
  );
});

test.run();
