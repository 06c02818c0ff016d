// What is written for Prometheus and Grafana is made from the definitions, current, and valid by Prometheus's own tool.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
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

/** By alert: a series that must make it fire, and the same when all is well; values in promtool's notation, every 30 s. */
const STORIES: Readonly<Record<string, readonly [series: string, bad: string, well: string][]>> = {
  SluiceNotWell: [['sluice_well', '0x300', '1x300']],
  SluiceGroupWithoutMembers: [['sluice_controller_group_members{state="active"}', '0x300', '2x300']],
  SluiceMemberFailed: [['sluice_controller_group_members{state="failed"}', '1x300', '0x300']],
  SluiceConnectionsRefused: [['sluice_connections_refused_total', '0+5x300', '7x300']],
  SluiceTableNearlyFull: [
    ['sluice_connections', '95x300', '50x300'],
    ['sluice_connections_limit', '100x300', '100x300'],
  ],
  SluiceDatapathBusy: [['sluice_datapath_cpu_seconds_total{mode="user"}', '0+29x300', '0+3x300']],
  SluiceDatapathHangs: [['sluice_datapath_turns_total', '900x300', '0+60x300']],
  SluicePortDown: [['sluice_port_up', '0x300', '1x300']],
  SluiceWritesFail: [['sluice_io_failed_writes_total{error="EIO"}', '0+50x300', '3x300']],
  SluiceHostDetached: [['sluice_agent_attached', '0x300', '1x300']],
  SluiceNoLeader: [['sluice_controller_leads', '0x300', '1x300']],
  SluiceSeveralLeaders: [
    ['sluice_controller_leads{instance="c1"}', '1x300', '1x300'],
    ['sluice_controller_leads{instance="c2"}', '1x300', '0x300'],
  ],
  SluiceRulesNotInForce: [['sluice_controller_agent_in_force', '0x300', '1x300']],
  SluiceHostSilent: [['sluice_controller_agent_report_age_seconds', '60x300', '1x300']],
  // 20 days, and 100 days, after the beginning of promtool's time.
  SluiceCertificateExpires: [['sluice_certificate_expiry_timestamp_seconds', '1728000x300', '8640000x300']],
  SluiceVmWaits: [['sluice_controller_vms_waiting', '1x300', '0x300']],
};

test('each alert fires when what it is about happens, and not when all is well', () => {
  assert.equal(Object.keys(STORIES).sort(), ALERTS.map(({ name }) => name).sort());
  const tests = Object.entries(STORIES).flatMap(([name, series]) =>
    (['bad', 'well'] as const).map((story) => ({
      name: `${name}, ${story}`,
      interval: '30s',
      input_series: series.map(([of, bad, well]) => ({ series: of, values: story === 'bad' ? bad : well })),
      promql_expr_test: [
        {
          expr: `count(ALERTS{alertname="${name}", alertstate="firing"})`,
          eval_time: '2h',
          exp_samples: story === 'bad' ? [{ labels: '{}', value: 1 }] : [],
        },
      ],
    })),
  );
  const directory = mkdtempSync(join(tmpdir(), 'sluice-alerts-'));
  try {
    const file = join(directory, 'test.yaml');
    const rules = join(DIRECTORY, 'alerts.yaml');
    writeFileSync(file, stringify({ rule_files: [rules], evaluation_interval: '30s', tests }));
    promtool(['test', 'rules', file]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

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
