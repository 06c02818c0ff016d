/** What hosts may ask of a controller, over the real link with real certificates. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createControllerLink } from '../../../src/agent/controller-link.ts';
import { PeerRequests } from '../../../src/api/peer-requests.ts';
import { makeCertificates, parseHolders } from '../../../src/cli/development-ca.ts';
import { parseConfiguration } from '../../../src/config/load.ts';
import { Refusal } from '../../../src/config/problems/refusal.ts';
import { loadTlsFiles } from '../../../src/config/tls-files.ts';
import { type FleetServer, startFleetServer } from '../../../src/controller/agents/fleet-server.ts';
import { Controller } from '../../../src/controller/controller.ts';
import { controllerAnswerer } from '../../../src/controller/controller-routes.ts';
import { openStore } from '../../../src/controller/store/open-store.ts';
import type { Store } from '../../../src/controller/store/store.ts';
import type { ControllerLink } from '../../../src/messages/link.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { until } from '../../support/command.ts';
import { linesOnly } from '../../support/event-sinks.ts';
import { helloOf, TestLog } from '../../support/link.ts';

const CONFIGURATION = `
host: c1
networks:
  - { name: app, vni: 5001, subnets: [10.1.0.0/24] }
  - { name: other, vni: 5002, subnets: [10.2.0.0/24] }
groups:
  - { name: own, network: app, vip: 10.1.0.100, members: [{ name: a, address: 10.1.0.1 }, { name: b, address: 10.1.0.2 }] }
  - { name: labelled, network: app, vip: 10.1.0.101, from: { tier: db }, members: [{ name: a, address: 10.1.0.1 }] }
  - { name: foreign, network: other, vip: 10.2.0.100, members: [{ name: a, address: 10.2.0.1 }] }
`;

interface Asker {
  readonly link: ControllerLink;
  readonly requests: PeerRequests;
}

interface Bed {
  directory: string;
  store: Store;
  controller: Controller;
  server: FleetServer;
  downs: number;
  reloads: string[];
  host: Asker;
  admin: Asker;
}

const test = suite<Bed>('requests of agents');

async function attach(bed: Bed, name: string): Promise<Asker> {
  const file = (suffix: string): string => join(bed.directory, `${name}.${suffix}`);
  const port = {
    name: 'web1',
    network: 'app',
    netns: 'web1',
    mac: '',
    addresses: [],
    labels: { tier: 'web' },
  };
  const hello = { ...helloOf(name), ports: [port] };
  const link = createControllerLink({
    runtime: systemRuntime,
    controllers: [bed.server.address],
    tls: { ca: join(bed.directory, 'ca.pem'), cert: file('pem'), key: file('key') },
    log: new TestLog(),
    handler: {
      hello: () => hello,
      attached() {},
      detached() {},
      received(message) {
        if (message.type === 'reply') requests.replied(message);
        if (message.type !== 'rules') return;
        const { epoch, revision } = message;
        link.send({ type: 'applied', epoch, revision, localRevision: revision, error: '' });
      },
    },
  });
  const requests = new PeerRequests(systemRuntime, 'the controller', (request) => link.send(request));
  await until(`${name} attached`, () => link.state === 'attached');
  return { link, requests };
}

test.before(async (bed) => {
  bed.directory = mkdtempSync(join(tmpdir(), 'sluice-requests-'));
  await makeCertificates(bed.directory, [
    ...parseHolders('h1,h2', 'hosts'),
    ...parseHolders('h2', 'admins'),
    ...parseHolders('c1', 'controllers'),
  ]);
  const log = pino({ level: 'silent' });
  bed.store = await openStore({ kind: 'file', dir: join(bed.directory, 'store') }, log, systemRuntime, {});
  const configuration = parseConfiguration(CONFIGURATION);
  const self = { id: 'c1', address: '' };
  bed.controller = new Controller({
    runtime: systemRuntime,
    configuration,
    store: bed.store,
    log,
    events: linesOnly(log),
    self,
  });
  bed.downs = 0;
  bed.reloads = [];
  bed.controller.answerAgentsWith(
    controllerAnswerer({
      controller: bed.controller,
      version: '0',
      certificates: { list: [], warnings: [] },
      refusals: [],
      streams: { accepted: 0, refused: 0, turnedAway: 0, malformed: 0, failed: 0, overflows: 0 },
      metrics: () => Promise.reject(new Error('not asked for')),
      events: () => {
        throw new Error('not asked for');
      },
      diff: () => [],
      plan: () => [],
      reload: (path) => {
        bed.reloads.push(path);
        return Promise.reject(new Refusal(400, path));
      },
      down: () => bed.downs++,
    }),
  );
  await until('leadership', () => bed.controller.leadership !== undefined);
  bed.server = await startFleetServer({
    runtime: systemRuntime,
    listen: '127.0.0.1:0',
    tls: loadTlsFiles({
      ca: join(bed.directory, 'ca.pem'),
      cert: join(bed.directory, 'c1.pem'),
      key: join(bed.directory, 'c1.key'),
    }),
    handler: bed.controller,
    log: new TestLog(),
  });
  bed.host = await attach(bed, 'h1');
  bed.admin = await attach(bed, 'h2');
});

test.after(async (bed) => {
  await bed.host.link.close();
  await bed.admin.link.close();
  await bed.server.close();
  await bed.controller.stop();
  await bed.store.close();
  rmSync(bed.directory, { recursive: true, force: true });
});

const refusal = async (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    (body) => `answered ${JSON.stringify(body)}`,
    (error) => `${(error as Refusal).status} ${(error as Refusal).message}`,
  );

for (const who of ['host', 'admin'] as const) {
  test(`no ${who} stops a controller, or makes it read a file`, async (bed) => {
    const { requests } = bed[who];
    const asked = [
      requests.ask('POST', '/v1/down', {}),
      requests.ask('POST', '/v1/reload', { path: '/etc/shadow' }),
      requests.ask('POST', '//v1/down', {}),
      requests.ask('POST', '/v1/%64own', {}),
      requests.ask('POST', '/v1/x/../down', {}),
      requests.ask('GET', '/v1/status'),
      requests.ask('GET', '/v1/flows'),
      requests.ask('GET', '/v1/groups/own/watch'),
      requests.ask('POST', '/v1/agents', {}),
    ];
    for (const answer of asked) assert.match(await refusal(answer), /^40[034] /);
    assert.is(bed.downs, 0);
    assert.equal(bed.reloads, []);
  });
}

test('a host asks about the groups that concern its ports, and changes them', async ({
  host,
  controller,
}) => {
  await host.requests.ask('POST', '/v1/groups/own/members/a/fail', {});
  assert.is(controller.groups.get('own')!.group.criteria[0]!.members[0]!.state, 'failed');
  await host.requests.ask('GET', '/v1/groups/own/policy');
  assert.is((await host.requests.ask<unknown[]>('GET', '/v1/agents')).length, 2);
});

test('no group of another network, or for other labels, and none that does not exist', async ({
  host,
  controller,
}) => {
  for (const group of ['foreign', 'labelled', 'none', 'constructor', '__proto__']) {
    assert.match(
      await refusal(host.requests.ask('POST', `/v1/groups/${group}/members/a/fail`, {})),
      `403 group ${group}: found a request of host h1, which it does not concern`,
    );
    assert.match(await refusal(host.requests.ask('GET', `/v1/groups/${group}/policy`)), /^403 /);
  }
  for (const group of ['foreign', 'labelled'])
    assert.is(controller.groups.get(group)!.group.criteria[0]!.members[0]!.state, 'active');
});

test('an admin at its host changes every group', async ({ admin, controller }) => {
  await admin.requests.ask('POST', '/v1/groups/foreign/members/a/weight', { weight: 7 });
  assert.is(controller.groups.get('foreign')!.group.criteria[0]!.members[0]!.weight, 7);
});

test.run();
