import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type ControllerLinkOptions,
  type ControllerLinkTiming,
  createControllerLink,
} from '../../src/agent/controller-link.ts';
import { type FleetServer, startFleetServer } from '../../src/controller/agents/fleet-server.ts';
import type { ControllerLink } from '../../src/messages/link.ts';
import { PROTOCOL_VERSIONS } from '../../src/messages/messages.ts';
import { rangeText } from '../../src/messages/protocol-version.ts';
import { ReportTable } from '../../src/messages/report-table.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { sleep, until } from '../support/command.ts';
import { helloOf, TestAgent, TestController, TestLog } from '../support/link.ts';

const LOOPBACK = '127.0.0.1:0';
const TIMING: ControllerLinkTiming = {
  attachTimeoutMs: 2000,
  firstPauseMs: 20,
  pauseMs: 30,
  eagerMs: 200,
  maxPauseMs: 100,
  followerMs: 100,
  unreachableMs: 50,
};

/** Everything that a test started, ended after it. */
const open: (() => Promise<void>)[] = [];

async function serve(controller: TestController, listen = LOOPBACK): Promise<FleetServer> {
  const server = await startFleetServer({
    runtime: systemRuntime,
    listen,
    handler: controller,
    log: new TestLog(),
  });
  open.push(() => server.close());
  return server;
}

function attach(
  controllers: readonly string[],
  agent: TestAgent,
  options: Partial<ControllerLinkOptions> = {},
): ControllerLink {
  const log = new TestLog();
  const link = createControllerLink({
    runtime: systemRuntime,
    controllers,
    handler: agent,
    log,
    timing: TIMING,
    ...options,
  });
  open.push(() => link.close());
  return link;
}

const link = suite('controller link and fleet server');

link.after.each(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

link('an agent attaches, both sides speak, and either may end it', async () => {
  const controller = new TestController();
  const server = await serve(controller);
  const agent = new TestAgent();
  const agentLink = attach([server.address], agent);
  assert.is(agentLink.state, 'connecting');
  await until('attached', () => agentLink.state === 'attached');
  assert.equal(agent.attachments, ['c1']);
  assert.is(server.sessions[0]!.hello.host, 'h1');

  const session = controller.sessions.get('h1')!;
  assert.match(session.peer, /^127\.0\.0\.1:\d+$/);
  session.send({ type: 'request', id: 7, method: 'GET', path: '/v1/ports', body: '' });
  await until('the request', () => agent.messages.length === 1);
  assert.equal(agent.messages, [
    { type: 'request', id: 7, method: 'GET', path: '/v1/ports', body: '', actor: '' },
  ]);
  agentLink.send({ type: 'reply', id: 7, status: 200, body: '[]' });
  await until('the reply', () => controller.received.length === 1);
  assert.equal(controller.received, [{ type: 'reply', id: 7, status: 200, body: '[]' }]);

  session.close('made room');
  await until('detached', () => agent.detachments.length === 1);
  assert.equal(agent.detachments, ['made room']);
  assert.equal(controller.detachments, ['h1: made room']);
  await until('attached again', () => agent.attachments.length === 2);

  await agentLink.close();
  await until('the controller hears it', () => controller.detachments.length === 2);
  assert.is(agent.detachments[1], 'the agent closed the link');
  assert.is(server.sessions.length, 0);
});

link('what is said before attaching is not sent, and counted', async () => {
  const server = await serve(new TestController());
  const agentLink = attach([server.address], new TestAgent());
  assert.is(agentLink.send({ type: 'ports', ports: [] }), false);
  await until('attached', () => agentLink.state === 'attached');
  assert.is(agentLink.status.unsent, 1);
  assert.is(agentLink.send({ type: 'ports', ports: [] }), true);
});

link('reports add up at the controller', async () => {
  const controller = new TestController();
  const server = await serve(controller);
  const agentLink = attach([server.address], new TestAgent());
  await until('attached', () => agentLink.state === 'attached');
  const table = new ReportTable();
  const key = (member: string) => ({ group: 'g', member, address: '10.0.0.1', loadBalancer: '' });
  const send = (sequence: number) =>
    agentLink.report({ sequence, atMs: sequence, intervalMs: 1000, isAggregated: true }, table);
  table.set(key('a'), { packets: 5, activeFlows: 2 });
  table.set(key('b'), { packets: 1 });
  send(1);
  await until('the first', () => controller.rows.length === 2);
  table.set(key('a'), { packets: 9, activeFlows: 1 });
  send(2);
  await until('the second', () => controller.rows.length === 3);
  const seen = controller.rows.map(({ member, packets, activeFlows }) => [member, packets, activeFlows]);
  assert.equal(seen, [
    ['a', 5, 2],
    ['b', 1, 0],
    ['a', 9, 1],
  ]);
});

link('a unix socket serves as well, is private, and a stale one is no hindrance', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-link-'));
  open.unshift(async () => rmSync(directory, { recursive: true }));
  const path = join(directory, 'agents.sock');
  const first = await serve(new TestController('first'), `unix:${path}`);
  assert.is(statSync(path).mode & 0o777, 0o600);
  const agent = new TestAgent();
  const agentLink = attach([first.address], agent);
  await until('attached', () => agentLink.state === 'attached');
  await first.close();
  await serve(new TestController('second'), `unix:${path}`);
  await until('attached again', () => agent.attachments.length === 2);
  assert.equal(agent.attachments, ['first', 'second']);
});

link('a follower sends the agent to the leader', async () => {
  const [follower, leader] = [new TestController('follower'), new TestController('leader')];
  const leaderServer = await serve(leader);
  follower.redirect = leaderServer.address;
  const followerServer = await serve(follower);
  const agent = new TestAgent();
  const agentLink = attach([followerServer.address, leaderServer.address], agent);
  await until('attached', () => agentLink.state === 'attached');
  assert.equal(agent.attachments, ['leader']);
  assert.is(agentLink.status.redirects, 1);
  assert.is(agentLink.status.failures, 0);
  assert.is(agentLink.status.controller, leaderServer.address);
});

link('no controller sends the agent to a leader that is not in its list', async () => {
  const [follower, stranger, leader] = ['follower', 'stranger', 'leader'].map(
    (name) => new TestController(name),
  );
  const strangerServer = await serve(stranger!);
  follower!.redirect = strangerServer.address;
  const servers = [await serve(follower!), await serve(leader!)];
  const agent = new TestAgent();
  const alone = attach([servers[0]!.address], agent);
  await until('the refusal', () =>
    /which is not among the configured controllers/.test(alone.status.lastError),
  );
  const both = new TestAgent(helloOf('h2'));
  attach(
    servers.map(({ address }) => address),
    both,
  );
  await until('the other one of its list', () => both.attachments.length === 1);
  assert.equal(both.attachments, ['leader']);
  leader!.sessions.get('h2')!.send({ type: 'redirect', leader: strangerServer.address });
  await until('it is back', () => both.attachments.length === 2);
  assert.equal(both.attachments, ['leader', 'leader']);
  assert.equal([agent.attachments, stranger!.sessions.size], [[], 0]);
});

link('no leader, or redirects in a circle: it goes on until somebody leads', async () => {
  const [first, second] = [new TestController('first'), new TestController('second')];
  const [firstServer, secondServer] = [await serve(first), await serve(second)];
  first.redirect = secondServer.address;
  second.redirect = firstServer.address;
  const agent = new TestAgent();
  const agentLink = attach([firstServer.address, secondServer.address], agent);
  await until('a failure', () => agentLink.status.failures > 1);
  assert.is(agentLink.status.lastError, 'redirects in a circle');
  first.redirect = '';
  second.redirect = '';
  await until('no leader', () => /knows none/.test(agentLink.status.lastError));
  second.redirect = undefined;
  await until('attached', () => agentLink.state === 'attached');
  assert.equal(agent.attachments, ['second']);
});

link('an agent whose leader is gone stays with a follower, and is with the next leader at once', async () => {
  const [follower, next] = [new TestController('follower'), new TestController('next')];
  const dead = await serve(new TestController('dead'));
  await dead.close();
  follower.redirect = dead.address;
  const [followerServer, nextServer] = [await serve(follower), await serve(next)];
  const agent = new TestAgent();
  const timing = { ...TIMING, followerMs: 60_000, unreachableMs: 60_000 };
  const list = [dead.address, followerServer.address, nextServer.address];
  const agentLink = attach(list, agent, { timing });
  await until('it has tried the dead one, and waits', () =>
    /cannot be reached/.test(agentLink.status.lastError),
  );
  assert.is(agentLink.state, 'waiting');
  assert.is(follower.waiting.size, 1);
  const tell = (leader: string) => {
    for (const session of follower.waiting) session.send({ type: 'redirect', leader });
  };
  tell('');
  await until('the word', () => /knows none/.test(agentLink.status.lastError));
  tell(nextServer.address);
  await until('attached', () => agentLink.state === 'attached');
  assert.equal(agent.attachments, ['next']);
  assert.is(agentLink.status.failures, 1, 'the dead one');
  await until('it has left the follower', () => follower.waiting.size === 0);
});

link('an agent that waits with a follower is welcomed when that leads', async () => {
  const follower = new TestController('follower');
  follower.redirect = '';
  const server = await serve(follower);
  const agent = new TestAgent();
  const agentLink = attach([server.address], agent, { timing: { ...TIMING, followerMs: 60_000 } });
  await until('it waits', () => agentLink.status.redirects === 1);
  for (const session of follower.waiting) session.send({ type: 'welcome', ...follower.welcome });
  await until('attached', () => agentLink.state === 'attached');
  assert.equal([agent.attachments, agentLink.status.failures], [['follower'], 0]);
});

link('an agent does not stay for ever with a follower that cannot help', async () => {
  const [lonely, leader] = [new TestController('lonely'), new TestController('leader')];
  lonely.redirect = '';
  const servers = [await serve(lonely), await serve(leader)];
  const agent = new TestAgent();
  attach(
    servers.map(({ address }) => address),
    agent,
  );
  await until('attached', () => agent.attachments.length === 1);
  assert.equal(agent.attachments, ['leader']);
});

link('a leader that steps down redirects an agent that is attached', async () => {
  const [first, second] = [new TestController('first'), new TestController('second')];
  const [firstServer, secondServer] = [await serve(first), await serve(second)];
  const agent = new TestAgent();
  attach([firstServer.address, secondServer.address], agent);
  await until('attached', () => agent.attachments.length === 1);
  first.sessions.get('h1')!.send({ type: 'redirect', leader: secondServer.address });
  await until('attached to the second', () => agent.attachments.length === 2);
  assert.equal(agent.attachments, ['first', 'second']);
  assert.is(agent.detachments.length, 1);
  await until('the first hears it', () => first.detachments.length === 1);
});

link('when its controller is gone it fails over, and comes back when it must', async () => {
  const [first, second] = [new TestController('first'), new TestController('second')];
  const firstServer = await serve(first);
  const secondServer = await serve(second);
  const agent = new TestAgent();
  const log = new TestLog();
  const agentLink = attach([firstServer.address, secondServer.address], agent, { log });
  await until('attached', () => agent.attachments.length === 1);
  await firstServer.close();
  await until('the second', () => agent.attachments.length === 2);
  await secondServer.close();
  await until('failures', () => agentLink.status.failures > 8);
  const again = await serve(first, firstServer.address);
  await until('the first', () => agent.attachments.length === 3);
  assert.equal(agent.attachments, ['first', 'second', 'first']);
  assert.is(again.sessions.length, 1);
  assert.is(agent.detachments.length, 2);

  const lines = log.lines.join('\n');
  assert.match(lines, /warn {1,2}controller \S+ is lost: the controller shuts down; looking for another/);
  assert.match(lines, /info attached to controller first at \S+, epoch 3 after \d+\.\d s and \d+ failed/);
  assert.is(log.lines.filter((line) => /ECONNREFUSED/.test(line)).length, 2, lines);
});

link('another protocol version is refused by either side, in words', async () => {
  const controller = new TestController();
  const server = await serve(controller);
  const tooNew = new TestAgent({ ...helloOf('h1'), protocolVersion: PROTOCOL_VERSIONS.newest + 1 });
  const refused = attach([server.address], tooNew);
  const words = `found protocol version ${PROTOCOL_VERSIONS.newest + 1}, expected ${rangeText(PROTOCOL_VERSIONS)}`;
  await until('the refusal', () => refused.status.lastError === words);
  assert.is(controller.sessions.size, 0);
  assert.ok(server.counters.refused > 0);
  await refused.close();

  controller.welcome = { ...controller.welcome, protocolVersion: PROTOCOL_VERSIONS.newest + 1 };
  const agent = new TestAgent();
  const refusing = attach([server.address], agent);
  await until('the refusal', () => refusing.status.lastError === words);
  assert.equal(agent.attachments, []);
});

link('a younger agent takes the place of the older one of its host, not the other way round', async () => {
  const controller = new TestController();
  const server = await serve(controller);
  const older = new TestAgent(helloOf('h1', 1));
  const olderLink = attach([server.address], older);
  await until('the older', () => older.attachments.length === 1);
  const younger = new TestAgent(helloOf('h1', 2));
  attach([server.address], younger);
  await until('the younger', () => younger.attachments.length === 1);
  await until('the older is sent away', () => older.detachments.length === 1);
  assert.match(older.detachments[0]!, /attached again/);
  await until('and refused', () => /started later/.test(olderLink.status.lastError));
  assert.is(controller.sessions.get('h1')!.hello.agentEpoch, 2);
  assert.is(younger.detachments.length, 0);
});

link('without tls, addresses that others can reach are refused at once', async () => {
  const refusal = /found (0\.0\.0\.0:7400|192\.0\.2\.1:7400) without tls, expected a loopback address/;
  const options = { handler: new TestController(), log: new TestLog() };
  let message = '';
  await startFleetServer({ runtime: systemRuntime, ...options, listen: '0.0.0.0:7400' }).catch(
    (error: Error) => {
      message = error.message;
    },
  );
  assert.match(message, refusal);
  assert.throws(() => attach(['127.0.0.1:1', '192.0.2.1:7400'], new TestAgent()), /controllers\[1\]/);
});

/** Runs node as `user` with this program, until it prints a line; ends it with the test. */
async function asUser(user: string, program: string): Promise<string> {
  const child = spawn('setpriv', [`--reuid=${user}`, '--clear-groups', process.execPath, '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  open.push(async () => void child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return line.toString().trim();
}

link('without tls nothing is said to a controller that another user runs', async () => {
  const port = await asUser(
    'nobody',
    `const server = require('node:http2').createServer();
     server.on('session', () => console.log('a session'));
     server.on('stream', () => console.log('a stream'));
     server.listen(0, '127.0.0.1', () => console.log(server.address().port));`,
  );
  const agent = new TestAgent();
  const agentLink = attach([`127.0.0.1:${port}`], agent);
  await until('refused', () => agentLink.status.failures > 1);
  assert.match(agentLink.status.lastError, /found user \d+ at the other end of a connection without tls/);
  assert.equal(agent.attachments, []);
});

link('without tls no other user attaches, by loopback or by a socket file', async () => {
  const controller = new TestController();
  const directory = mkdtempSync(join(tmpdir(), 'sluice-link-'));
  open.unshift(async () => rmSync(directory, { recursive: true }));
  const server = await serve(controller);
  const privateServer = await serve(controller, `unix:${join(directory, 'agents.sock')}`);
  // Whatever the file's mode says, the kernel knows who connects.
  chmodSync(directory, 0o755);
  chmodSync(join(directory, 'agents.sock'), 0o666);
  const end = await asUser(
    'nobody',
    `const net = require('node:net');
     const ended = (options) => new Promise((resolve) => {
       const socket = net.connect(options, () => socket.write('PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n'));
       let heard = 0;
       socket.on('data', (bytes) => { heard += bytes.length; }).on('error', () => {}).on('close', () => resolve(heard));
     });
     Promise.all([ended({ host: '127.0.0.1', port: ${server.address.split(':')[1]} }), ended({ path: '${directory}/agents.sock' })])
       .then((heard) => console.log(heard.join(' ')));`,
  );
  assert.is(end, '0 0', 'bytes that it heard');
  assert.equal([server.counters.turnedAway, privateServer.counters.turnedAway], [1, 1]);
  assert.is(controller.sessions.size, 0);
});

link('an address in use is told with its name', async () => {
  const server = await serve(new TestController());
  let message = '';
  await serve(new TestController(), server.address).catch((error: Error) => {
    message = error.message;
  });
  assert.match(message, `cannot listen on ${server.address}`);
  assert.match(message, /EADDRINUSE/);
});

link('a hundred reports at once arrive as few, the last among them', async () => {
  const controller = new TestController();
  const server = await serve(controller);
  const agentLink = attach([server.address], new TestAgent());
  await until('attached', () => agentLink.state === 'attached');
  const table = new ReportTable();
  for (let sequence = 1; sequence <= 100; sequence++) {
    table.set({ group: 'g', member: 'a', address: '10.0.0.1', loadBalancer: '' }, { packets: sequence });
    agentLink.report({ sequence, atMs: sequence, intervalMs: 1000, isAggregated: true }, table);
  }
  await until('the last', () => controller.rows.at(-1)?.packets === 100);
  assert.ok(agentLink.status.mergedReports >= 90, `${agentLink.status.mergedReports} merged`);
  assert.is(agentLink.status.sent - agentLink.status.attachments, 100 - agentLink.status.mergedReports);
  await sleep(50);
  assert.is(controller.rows.length, 100 - agentLink.status.mergedReports);
});

link.run();
