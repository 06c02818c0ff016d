// A real Prometheus scrapes a real host and a real controller: every panel of the dashboard has data, the alert rules load, and a
// member that fails is one that an alert is about.
// timeout: 180s
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import { ALERTS, PANEL_ROWS } from '../../src/metrics/monitoring.ts';
import { type Background, start, until } from '../support/command.ts';
import { LoopbackController } from '../support/controllers.ts';
import { freePorts } from '../support/etcd.ts';
import { Host } from '../support/host.ts';
import { CHECKOUT, SOAK_CLIENT, SOAK_SERVER } from '../support/paths.ts';

const test = suite('e2e: metrics');

const VIP = '10.1.0.100';
const SERVERS = ['s1', 's2'];

const host = new Host();
const controller = new LoopbackController();
const directory = mkdtempSync(join(tmpdir(), 'sluice-prometheus-'));
let http = { host: '', controller: '', prometheus: '' };
let prometheus: Background;
let client: Background;

test.before(async () => {
  const [agents, ...https] = (await freePorts(4)).map((free) => `127.0.0.1:${free}`);
  http = { host: https[0]!, controller: https[1]!, prometheus: https[2]! };
  const networks = [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }];
  controller.configure({
    host: 'c1',
    networks,
    listen: { agents, http: http.controller },
    groups: [
      {
        name: 'api',
        network: 'app',
        vip: VIP,
        protocol: 'tcp',
        port: 80,
        from: { tier: 'client' },
        policy: { kind: 'inverse-load', interval: '500ms' },
        members: SERVERS.map((name, i) => ({ name, address: `10.1.0.2${i + 1}`, port: 8080 })),
      },
    ],
  } as never);
  await controller.launch();
  const port = (name: string, address: string, tier: string) => ({
    name,
    network: 'app',
    netns: host.netns(name),
    addresses: [`${address}/24`],
    labels: { tier },
  });
  await host.up({
    host: 'h1',
    networks,
    controllers: [agents],
    listen: { http: http.host },
    ports: [
      port('c1', '10.1.0.11', 'client'),
      ...SERVERS.map((name, i) => port(name, `10.1.0.2${i + 1}`, 'server')),
    ],
  } as never);
  for (const name of SERVERS) host.start(name, process.execPath, SOAK_SERVER, name, '8080');
  client = host.start('c1', process.execPath, SOAK_CLIENT, VIP, '80', '20');
  startPrometheus();
});
test.after(async () => {
  await client?.stop();
  await prometheus?.stop();
  host.close();
  controller.close();
  rmSync(directory, { recursive: true });
});

function startPrometheus(): void {
  const file = join(directory, 'prometheus.yml');
  writeFileSync(
    file,
    stringify({
      global: { scrape_interval: '500ms', evaluation_interval: '500ms' },
      rule_files: [join(CHECKOUT, 'docs/monitoring/alerts.yaml')],
      scrape_configs: [{ job_name: 'sluice', static_configs: [{ targets: [http.host, http.controller] }] }],
    }),
  );
  const data = `--storage.tsdb.path=${join(directory, 'data')}`;
  prometheus = start('prometheus', `--config.file=${file}`, data, `--web.listen-address=${http.prometheus}`);
}

async function ask<Data>(path: string): Promise<Data> {
  const response = await fetch(`http://${http.prometheus}/api/v1/${path}`);
  const { status, data, error } = (await response.json()) as { status: string; data: Data; error?: string };
  if (status !== 'success') throw new Error(`${path}: ${error}`);
  return data;
}

interface Series {
  readonly metric: Record<string, string>;
  readonly value: [number, string];
}

const query = async (expr: string): Promise<readonly Series[]> =>
  (await ask<{ result: Series[] }>(`query?query=${encodeURIComponent(expr)}`)).result;

test('both targets are up, and every query of every panel returns numbers', async () => {
  // A frame that the host drops.
  await host.exec('c1', 'ip', 'address', 'add', '10.1.0.200/32', 'dev', 'eth0');
  const drop = () => host.try('c1', 'ping', '-c', '1', '-W', '1', '-I', '10.1.0.200', '10.1.0.21');
  await until('both targets', async () => {
    const up = await query('up');
    return up.length === 2 && up.every(({ value }) => value[1] === '1');
  });
  await drop();
  for (const { panels } of PANEL_ROWS) {
    for (const { title, queries } of panels) {
      for (const { expr } of queries) {
        const concrete = expr.replaceAll('$__rate_interval', '30s');
        const series = await until(`${title}: ${expr}`, async () => {
          const found = (await query(concrete)).filter(({ value }) => Number.isFinite(Number(value[1])));
          return found.length > 0 && found;
        });
        assert.ok(
          series.every(({ metric }) => Object.values(metric).every((label) => !label.includes('10.1.0.11'))),
          'no client in any label',
        );
      }
    }
  }
});

test('weights are those that are enforced, where hosts compute them too', async () => {
  await controller.json('policy', 'set', 'api', 'even', 'mode=distribute-stats', 'interval=500ms');
  await controller.json('member', 'weight', 'api', 's2', '3');
  await until('the weights', async () => {
    const found = await query('sluice_member_weight');
    return (
      found
        .map(({ metric, value }) => `${metric.member} ${value[1]}`)
        .sort()
        .join() === 's1 1,s2 3'
    );
  });
  await controller.json('policy', 'set', 'api', '--file');
});

test('figures are those of the host', async () => {
  const flows = await until('new flows', async () => {
    const [found] = await query('sum(sluice_member_new_flows_total)');
    return found !== undefined && Number(found.value[1]) > 0 && Number(found.value[1]);
  });
  const { connections } = await host.status();
  assert.ok(flows <= connections.created, `${flows} of ${connections.created}`);
});

test('all rules load; a member that fails is one that alerts are about, and so is the verdict', async () => {
  const { groups } = await ask<{ groups: { rules: { name: string; health: string }[] }[] }>('rules');
  assert.equal(
    groups.flatMap(({ rules }) => rules.map(({ name }) => name)),
    ALERTS.map(({ name }) => name),
  );
  const holds = async (name: string) =>
    (await query(ALERTS.find((alert) => alert.name === name)!.expr)).length > 0;
  const check = () => controller.sluice('status', '--check');
  assert.not(await holds('SluiceMemberFailed'));
  assert.equal([(await check()).status, (await check()).stdout], [0, 'all is well\n']);
  await controller.json('member', 'fail', 'api', 's1');
  await until(
    'the alerts',
    async () => (await holds('SluiceMemberFailed')) && (await holds('SluiceNotWell')),
  );
  const { status, stdout } = await check();
  assert.is(status, 1);
  assert.is(stdout, '1 thing is not well\n- failed: api/s1: see sluice group show api\n');
  assert.match((await host.sluice('status')).stdout, /^1 thing is not well\n- failed: api\/s1/);
});

test('/healthz and /readyz answer load balancers and orchestrators; nobody to ask: exit status 2', async () => {
  for (const address of [http.host, http.controller]) {
    for (const path of ['healthz', 'readyz']) {
      const response = await fetch(`http://${address}/${path}`);
      assert.equal([response.status, await response.text()], [200, 'ok\n'], `${address} ${path}`);
    }
  }
  assert.is((await new Host().sluice('status', '--check')).status, 2);
  await host.exec('s2', 'ip', 'link', 'delete', 'eth0');
  await until('a port that is gone', async () => (await fetch(`http://${http.host}/readyz`)).status === 503);
  const text = await (await fetch(`http://${http.host}/readyz`)).text();
  assert.match(text, 'the interface of port s2 is gone');
});

test.run();
