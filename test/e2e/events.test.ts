// What `sluice events --follow` shows of a real host while people, health checks and packets do something to it: who
// decided it and why; over a kill and a replacement of the process; and that a flood stays bounded.
// timeout: 240s
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import type { Event } from '../../src/events/event.ts';
import { type Background, run, until } from '../support/command.ts';
import { Host, killProcess } from '../support/host.ts';
import type { ConfigText } from '../support/testbed-config.ts';

const test = suite('e2e: events');

const PATIENCE_MS = 30_000;
const ROOT = 'uid 0 (root)';

const host = new Host();
let follower: Background;

const names = ['c1', 's1', 's2', 's3'];
const ports = names.map((name, i) => ({
  name,
  network: 'app',
  netns: host.netns(name),
  addresses: [`10.1.0.${11 + i}/24`],
}));

const configuration = (): ConfigText =>
  ({
    host: 'h1',
    networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'], gateway: '10.1.0.1' }],
    ports,
    firewalls: [
      {
        name: 'guard',
        default: 'allow',
        rules: [{ name: 'no-ssh', deny: { direction: 'to-vm', protocol: 'tcp', ports: [22] }, log: true }],
      },
    ],
    groups: [
      {
        name: 'api',
        network: 'app',
        vip: '10.1.0.100',
        protocol: 'tcp',
        port: 80,
        members: [
          { name: 's1', address: '10.1.0.12', port: 8080 },
          { name: 's2', address: '10.1.0.13', port: 8080 },
        ],
      },
      {
        name: 'checked',
        network: 'app',
        vip: '10.1.0.101',
        protocol: 'tcp',
        port: 80,
        health: { kind: 'tcp', port: 8080, interval: '200ms', timeout: '200ms', rise: 2, fall: 2 },
        members: [{ name: 's3', address: '10.1.0.14', port: 8080 }],
      },
    ],
  }) as unknown as ConfigText;

test.before(async () => {
  const config = configuration();
  (config.ports[1] as { chain?: unknown }).chain = ['anti-spoofing', { firewall: 'guard' }, 'load-balancer'];
  await host.up(config);
  follower = host.startSluice('events', '--follow', '--since', '1h', '-o', 'json');
  await seen('process.started', 'h1');
});
test.after(async () => {
  await follower?.stop();
  host.close();
});

const followed = (): Event[] => follower.lines.map((line) => JSON.parse(line) as Event);

/** The last one of those that the follower has shown. */
const seen = (type: string, subject: string, reason?: string): Promise<Event> =>
  until(
    `${type} ${subject} ${reason ?? ''} after ${follower.stdout.slice(-2000)}${follower.stderr}`,
    () =>
      followed()
        .reverse()
        .find(
          (event) =>
            event.type === type && event.subject === subject && (reason ?? event.reason) === event.reason,
        ),
    PATIENCE_MS,
  );

const change = async (...args: string[]): Promise<void> => {
  const { status, stderr } = await host.sluice(...args);
  assert.is(status, 0, stderr);
};

test('a person fails a member, drains one, weighs one, and takes it back', async () => {
  await change('member', 'fail', 'api', 's1');
  const failed = await seen('member.failed', 'api/s1');
  assert.equal([failed.host, failed.reason, failed.actor], ['h1', 'command', ROOT]);
  assert.ok(Math.abs(Date.parse(failed.time) - Date.now()) < 60_000, failed.time);
  assert.is((await seen('audit.member-fail', 'api/s1')).actor, ROOT);
  await change('member', 'weight', 'api', 's2', '7');
  assert.equal((await seen('member.weight', 'api/s2')).details, { before: 1, after: 7 });
  await change('member', 'drain', 'api', 's2', '--deadline', '5m');
  const draining = await seen('member.draining', 'api/s2', 'command');
  assert.ok(Date.parse(draining.details.deadline as string) > Date.now());
  await change('group', 'reset', 'api');
  for (const [type, subject] of [
    ['member.recovered', 'api/s1'],
    ['member.active', 'api/s2'],
  ] as const) {
    const back = await seen(type, subject);
    assert.equal([back.reason, back.actor], ['reset', ROOT]);
  }
});

test('a reload says what it has changed, and for whom', async () => {
  const config = configuration();
  config.groups[0]!.members![0]!.weight = 4;
  config.ports.push({
    name: 'late',
    network: 'app',
    netns: host.netns('late'),
    addresses: ['10.1.0.19/24'],
  } as never);
  (config.ports[1] as { chain?: unknown }).chain = ['anti-spoofing', { firewall: 'guard' }, 'load-balancer'];
  writeFileSync(host.configFile, stringify(config));
  await change('reload', '-c', host.configFile);
  const reloaded = await seen('config.reloaded', host.configFile);
  assert.is(reloaded.actor, ROOT);
  const changed = reloaded.details.changed as string[];
  assert.ok(changed.includes('groups.api.members.s1.weight'), changed.join());
  assert.ok(
    changed.some((path) => path.startsWith('ports.late')),
    changed.join(),
  );
  await seen('port.added', 'late');
  const weight = await seen('member.weight', 'api/s1');
  assert.equal([weight.reason, weight.actor, weight.details], ['file', ROOT, { before: 1, after: 4 }]);
  await seen('audit.reload', host.configFile);
});

test('health checks fail a member whose server is not there, and revive it when it is', async () => {
  const failed = await seen('member.failed', 'checked/s3');
  assert.is(failed.actor, 'health checks');
  assert.match(failed.reason, /refused|timeout|no answer/i);
  const server = host.start('s3', process.execPath, '-e', 'require("node:net").createServer().listen(8080)');
  const recovered = await seen('member.recovered', 'checked/s3');
  assert.equal([recovered.actor, recovered.reason], ['health checks', 'healthy again']);
  await seen('health.passed', 'checked/s3');
  await server.stop();
  await until('it fails again', () => followed().filter(isFailureOfS3).length === 2, PATIENCE_MS);
});

const isFailureOfS3 = ({ type, subject }: Event): boolean =>
  type === 'member.failed' && subject === 'checked/s3';

test('dropped packets are events with their reason, and denied ones with their addresses and ports', async () => {
  await host.try('c1', 'ping', '-c', '3', '-i', '0.2', '-W', '1', '203.0.113.1');
  const drop = await seen('drop', 'c1', 'no-route');
  assert.ok((drop.details.packets as number) >= 1);
  await host.try('c1', 'curl', '-s', '--max-time', '1', 'telnet://10.1.0.12:22');
  const denied = await seen('drop.denied', 's1', 'firewall guard, rule no-ssh');
  const { protocol, source, destination, direction } = denied.details as Record<string, string>;
  assert.equal([protocol, destination, direction], ['tcp', '10.1.0.12:22', 'to-vm']);
  assert.match(source!, /^10\.1\.0\.11:\d+$/);
});

test('a port whose device disappears is down, and up when it is made again', async () => {
  assert.is((await host.try('late', 'ip', 'link', 'del', 'eth0')).status, 0);
  await seen('port.down', 'late');
  await change('reload', '-c', host.configFile);
  await seen('port.up', 'late');
});

test('the same by the API as server-sent events, and filtered', async () => {
  const text = await until('an event', () =>
    firstEvent('/v1/events?since=1h&follow=1&type=member&subject=api'),
  );
  assert.match(text, /^data: \{.*"subject":"api\/.*\}\n\n/);
  const { stdout } = await host.sluice('events', '--since', '1h', '--type', 'audit', '-o', 'json');
  const audited = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
  assert.ok(audited.length >= 5);
  assert.ok(audited.every(({ type, actor }) => type.startsWith('audit.') && actor === ROOT));
  assert.is((await host.sluice('events', '--since', 'yesterday')).status, 2);
  assert.is((await host.sluice('events', '--type', 'no-such')).status, 2);
});

/** What comes first, with the header of an EventSource; the connection then ends. */
const firstEvent = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = { accept: 'text/event-stream' };
    const call = request({ socketPath: join(host.runDir, 'api.sock'), path, headers }, (response) => {
      if (response.headers['content-type'] !== 'text/event-stream') reject(new Error('no event stream'));
      response.setEncoding('utf8').once('data', (text: string) => {
        resolve(text);
        call.destroy();
      });
    });
    call.on('error', reject);
    call.end();
  });

test('events outlive a kill and a replacement; a follower goes on', async () => {
  const before = await host.sluice('events', '-o', 'json');
  const { pid } = await host.status();
  killProcess(pid);
  await until('it is dead', () => !existsSync(`/proc/${pid}`));
  await change('up', '-c', host.configFile, '--detach');
  await seen('process.took-over', 'h1', 'the previous process was killed');
  await change('up', '-c', host.configFile, '--detach', '--replace');
  await seen('process.handing-over', 'h1');
  await seen('process.took-over', 'h1', 'it was handed over');
  const after = await host.sluice('events', '-o', 'json');
  assert.ok(after.stdout.startsWith(before.stdout), 'nothing is lost, and nothing comes before');
  const shown = follower.lines;
  assert.is(new Set(shown).size, shown.length, 'nothing is shown twice');
  await until('the follower has them all', () => {
    const lines = new Set(follower.lines);
    return after.stdout
      .trimEnd()
      .split('\n')
      .every((line) => lines.has(line));
  });
});

test('a flood of drops is a few events that say how many there were, in bounded files', async () => {
  const flood = [
    'import socket, time',
    's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
    'end = time.time() + 15',
    'while time.time() < end:',
    '    for i in range(200): s.sendto(b"x", ("203.0.113.%d" % (i % 250), 1024 + i))',
    '    time.sleep(0.02)',
  ].join('\n');
  const dropsOf = (): Event[] =>
    followed().filter(
      ({ type, subject, reason }) => type === 'drop' && subject === 'c1' && reason === 'no-route',
    );
  const countBefore = dropsOf().length;
  const counted = async (): Promise<number> => {
    const rows = await host.json<{ port: string; drops: Record<string, number> }[]>('port', 'list');
    return rows.find(({ port }) => port === 'c1')!.drops['no-route'] ?? 0;
  };
  const packetsBefore = await counted();
  const { status } = await run('ip', 'netns', 'exec', host.netns('c1'), 'python3', '-c', flood);
  assert.is(status, 0);
  const packets = (await counted()) - packetsBefore;
  assert.ok(packets > 1_000, `${packets} packets`);
  const told = await until(
    `${packets} packets are told of`,
    () => {
      const drops = dropsOf().slice(countBefore);
      const sum = drops.reduce((total, { details }) => total + (details.packets as number), 0);
      return sum >= packets && drops;
    },
    90_000,
  );
  assert.ok(told.length <= 12, `${told.length} events`);
  assert.ok(told.some(({ details }) => (details.count as number) > 1));
  const directory = join(host.runDir, 'store', 'events');
  const bytes = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  assert.ok(bytes < 1_000_000, `${bytes} bytes`);
});

test.run();
