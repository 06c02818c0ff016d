// What is written for Prometheus and Grafana is made from the definitions, current, and valid by Prometheus's own tool.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { METRICS, type MetricName } from '../../src/metrics/definitions.ts';
import { monitoringDocuments } from '../../src/metrics/documents.ts';
import { expose } from '../../src/metrics/exposition.ts';
import { ALERTS, PANEL_ROWS } from '../../src/metrics/monitoring.ts';
import { Samples } from '../../src/metrics/samples.ts';
import { CHECKOUT } from '../support/paths.ts';

const test = suite('monitoring');

const DIRECTORY = join(CHECKOUT, 'docs/monitoring');

function promtool(args: readonly string[], input = ''): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  assert.is(status, 0, `promtool ${args.join(' ')}: ${stdout}${stderr}`);
}

test('docs/monitoring is what the definitions give now: npm run monitoring', () => {
  const documents = monitoringDocuments();
  assert.equal(readdirSync(DIRECTORY).sort(), [...documents.keys()].sort());
  for (const [name, text] of documents) assert.is(readFileSync(join(DIRECTORY, name), 'utf8'), text, name);
});

test('names: counters are totals, nothing else is; labels name nothing that clients choose', () => {
  const allowed =
    'version kind mode error engine port reason group state member direction outcome host template phase setting';
  for (const [name, { type, labels, help }] of Object.entries(METRICS)) {
    assert.is(name.endsWith('_total'), type === 'counter', name);
    for (const label of labels) assert.ok(allowed.split(' ').includes(label), `${name}: ${label}`);
    assert.match(help, /\.$/, name);
  }
});

test('every panel and every alert is about metrics that exist', () => {
  const used = [
    ...PANEL_ROWS.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries.map(({ expr }) => expr))),
    ...ALERTS.map(({ expr }) => expr),
  ].flatMap((expr) => expr.match(/sluice_\w+/g) ?? []);
  assert.equal(
    [...new Set(used)].filter((name) => !(name in METRICS)),
    [],
  );
});

test('the alert rules are rules', () => promtool(['check', 'rules', join(DIRECTORY, 'alerts.yaml')]));

test('whatever groups are called: the text is one that Prometheus reads', async () => {
  const samples = new Samples();
  const odd = ['a"b', 'back\\slash', 'two\nlines', 'ünïcode', '{}', ''];
  for (const [name, { labels }] of Object.entries(METRICS)) {
    for (const value of labels.length === 0 ? [''] : odd)
      samples.add(name as MetricName, 1.5, Object.fromEntries(labels.map((label) => [label, value])));
  }
  const { text, contentType } = await expose(samples);
  assert.match(contentType, 'text/plain; version=0.0.4');
  promtool(['check', 'metrics'], text);
  const open = await expose(samples, 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5');
  assert.match(open.contentType, 'application/openmetrics-text; version=1.0.0');
  assert.ok(open.text.endsWith('\n# EOF\n'));
  assert.match(open.text, '# TYPE sluice_connections_created counter\nsluice_connections_created_total 1.5');
  assert.is((await expose(samples)).text, text, 'one format leaves no trace in the other');
});

test.run();
