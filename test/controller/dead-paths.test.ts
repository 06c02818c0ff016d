import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type HostOpinions, hostsWithDeadPath } from '../../src/controller/dead-paths.ts';

const test = suite('dead paths');

/** `h1: a+ b-`: h1 finds a healthy, and b not. */
const opinions = (...lines: string[]): HostOpinions[] =>
  lines.map((line) => {
    const [host, ...words] = line.split(/[: ]+/).filter((word) => word !== '');
    const results = words.map((word) => ({ address: word.slice(0, -1), isHealthy: word.endsWith('+') }));
    return { host: host!, results };
  });

const blind = (lines: string[], attachedHosts = lines.length): string =>
  [...hostsWithDeadPath(opinions(...lines), attachedHosts)].join(' ');

test('a host that sees everything dead, against one that sees something of it alive', () => {
  assert.is(blind(['h1: a- b- c-', 'h2: a+ b+ c+']), 'h1');
  assert.is(blind(['h1: a- b-', 'h2: a- b+']), 'h1');
  assert.is(blind(['h1: a- b-', 'h2: a- b-', 'h3: a+']), 'h1 h2');
  assert.is(blind(['h1: a- b+', 'h2: a+ b-']), '');
});

test('others that see other members alive prove nothing', () => {
  assert.is(blind(['h1: a- b-', 'h2: c+ d+']), '');
});

test('nobody is believed alone, but where there is only one', () => {
  assert.is(blind(['h1: a- b- c-', 'h2:']), 'h1');
  assert.is(blind(['h1: a- b- c-'], 5), 'h1');
  assert.is(blind(['h1: a- b- c-'], 1), '');
});

test('all that speak see everything dead: it is so', () => {
  assert.is(blind(['h1: a- b-', 'h2: a- b-', 'h3:']), '');
});

test('one member tells nothing about the path, in however many groups it is', () => {
  assert.is(blind(['h1: a-', 'h2: a+']), '');
  assert.is(blind(['h1: a- a-', 'h2: a+']), '');
});

test.run();
