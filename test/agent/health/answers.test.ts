// What members answer about their load, as text: HAProxy's agent-check words, Prometheus text, JSON, ORCA.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type AgentState,
  afterWords,
  agentVerdict,
  parseAgentWords,
} from '../../../src/agent/health/answers/agent-words.ts';
import { orcaValue, valueAt } from '../../../src/agent/health/answers/json-load.ts';
import { MetricSum } from '../../../src/agent/health/answers/prometheus-text.ts';
import { parseMetricSelector } from '../../../src/config/metric-selector.ts';

const words = suite('agent-check');

words('words in any order, with any separator, in any case', () => {
  assert.equal(parseAgentWords('75%'), { percent: 75 });
  assert.equal(parseAgentWords('up ready 75%'), { service: 'up', admin: 'ready', percent: 75 });
  assert.equal(parseAgentWords('75%,\tUP,Ready maxconn:30'), { percent: 75, service: 'up', admin: 'ready' });
  assert.equal(parseAgentWords('drain'), { admin: 'drain' });
  assert.equal(parseAgentWords('maint 0%'), { admin: 'maint', percent: 0 });
  assert.equal(parseAgentWords('failed'), { service: 'fail' });
});

words('a reason stands behind a sharp, and is no word', () => {
  assert.equal(parseAgentWords('down#disk full, 50% up'), { service: 'down', reason: 'disk full, 50% up' });
  assert.equal(parseAgentWords('stopped#'), { service: 'stopped' });
});

words('what is no word is skipped, and alone is no answer', () => {
  for (const line of [
    '',
    ' ',
    '%',
    '-5%',
    '5.5%',
    'NaN%',
    'upready',
    'HTTP/1.1 400 Bad Request',
    '__proto__',
  ])
    assert.is(parseAgentWords(line), undefined, line);
  assert.equal(parseAgentWords('constructor up'), { service: 'up' });
  assert.is(parseAgentWords('9999999999%')!.percent, 1_000_000);
  assert.is(parseAgentWords('99999999999%'), undefined);
});

words('a word holds until another takes it back', () => {
  const verdicts = (...lines: string[]): string[] => {
    let state: AgentState = {};
    return lines.map((line) => {
      state = afterWords(state, parseAgentWords(line)!);
      return agentVerdict(state).verdict;
    });
  };
  assert.equal(verdicts('50%', 'drain', '50%', 'ready'), ['up', 'draining', 'draining', 'up']);
  assert.equal(verdicts('maint', 'up', 'ready'), ['down', 'down', 'up']);
  assert.equal(verdicts('drain', 'down', 'up', 'ready'), ['draining', 'down', 'draining', 'up']);
  assert.equal(verdicts('up 0%', 'up 1%'), ['draining', 'up']);
  assert.equal(verdicts('fail', 'stopped', '10%', 'up'), ['down', 'down', 'down', 'up']);
  assert.is(
    agentVerdict({ service: 'down', reason: 'disk \x1b[2J full' }).detail,
    'its agent says down (disk ?[2J full)',
  );
});

words.run();

const text = suite('Prometheus text');

function sumOf(selector: string, page: string): number | undefined {
  const sum = new MetricSum(parseMetricSelector(selector)!);
  for (const line of page.split('\n')) sum.take(line);
  return sum.sum;
}

const PAGE = `# HELP node_load1 1m load average.
# TYPE node_load1 gauge
node_load1 0.21
node_load15 0.5
in_flight{handler="api",code="200"} 3 1395066363000
in_flight{handler="api",code="500"} 4
in_flight{handler="a}\\"b"} 1e1
weird NaN
endless +Inf
negative -3
no_value
broken{a="b 7
`;

text('samples of a name, with the labels asked for, are added up', () => {
  assert.is(sumOf('node_load1', PAGE), 0.21);
  assert.is(sumOf('in_flight', PAGE), 17);
  assert.is(sumOf('in_flight{handler="api"}', PAGE), 7);
  assert.is(sumOf('in_flight{code="500",handler="api"}', PAGE), 4);
  assert.is(sumOf('in_flight{handler="a}\\"b"}', PAGE), 10);
  assert.is(sumOf('in_flight{handler="other"}', PAGE), undefined);
  assert.is(sumOf('node_load', PAGE), undefined);
  assert.is(sumOf('negative', PAGE), -3);
  assert.is(sumOf('endless', PAGE), Number.POSITIVE_INFINITY);
  assert.ok(Number.isNaN(sumOf('weird', PAGE)));
  assert.is(sumOf('broken', PAGE), undefined);
  assert.is(sumOf('no_value', PAGE), undefined);
});

text('selectors', () => {
  for (const malformed of ['', '1a', 'a b', 'a{', 'a{b}', 'a{b="c}', 'a{b="c"}d', 'a{b="c",,}', 'a{="c"}'])
    assert.is(parseMetricSelector(malformed), undefined, malformed);
  assert.equal(
    [...parseMetricSelector('a{b="c", d="e\\n\\\\"}')!.labels],
    [
      ['b', 'c'],
      ['d', 'e\n\\'],
    ],
  );
});

text.run();

const json = suite('JSON and ORCA');

json('a pointer leads to a value, through objects and arrays, never to what objects inherit', () => {
  const document = '{"a":{"b/c":[1,{"~":2}]},"":3,"load":0.5}';
  assert.is(valueAt(document, '/load'), 0.5);
  assert.is(valueAt(document, '/a/b~1c/0'), 1);
  assert.is(valueAt(document, '/a/b~1c/1/~0'), 2);
  assert.is(valueAt(document, '/'), 3);
  assert.is(valueAt('7', ''), 7);
  for (const pointer of ['/x', '/a/b', '/load/0', '/constructor', '/__proto__', '/a/b~1c/length/x'])
    assert.is(valueAt(document, pointer), undefined, pointer);
  assert.is(valueAt('{"a":', '/a'), undefined);
  assert.is(valueAt('{"__proto__":{"a":1}}', '/a'), undefined);
});

json('an ORCA report, in the body or the header, with either spelling', () => {
  assert.is(orcaValue(undefined, '{"cpu_utilization":0.3}', undefined), 0.3);
  assert.is(orcaValue(undefined, '{"cpuUtilization":0.3,"applicationUtilization":0.7}', undefined), 0.7);
  assert.is(orcaValue(undefined, '{"cpu_utilization":0.3,"application_utilization":0}', undefined), 0.3);
  assert.is(orcaValue('JSON {"mem_utilization":0.9}', 'x', 'mem_utilization'), 0.9);
  assert.is(orcaValue('JSON {"named_metrics":{"queue":12}}', '', 'named_metrics.queue'), 12);
  assert.is(orcaValue('TEXT cpu_utilization=0.3,named_metrics.queue=12', '', 'named_metrics.queue'), 12);
  assert.is(orcaValue('TEXT cpu_utilization=0.3', '', undefined), 0.3);
  for (const [header, body] of [
    ['BIN CDEF', ''],
    ['JSON [', ''],
    ['TEXT =,==', ''],
    [undefined, '[]'],
    [undefined, 'null'],
    [undefined, '{"named_metrics":7}'],
  ] as const)
    assert.is(orcaValue(header, body, 'named_metrics.x'), undefined, `${header} ${body}`);
});

json.run();
