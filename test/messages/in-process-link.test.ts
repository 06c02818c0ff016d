import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createInProcessLink } from '../../src/messages/in-process-link.ts';
import type { AgentSession, AgentSessionHandler, ControllerLinkHandler } from '../../src/messages/link.ts';
import {
  type FromAgent,
  type FromController,
  type Hello,
  PROTOCOL_VERSIONS,
  type Welcome,
} from '../../src/messages/messages.ts';
import { type ReportRow, RowKeys } from '../../src/messages/report.ts';
import { ReportTable } from '../../src/messages/report-table.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { until } from '../controller/until.ts';

const hello = (): Hello => ({
  protocolVersion: PROTOCOL_VERSIONS.oldest,
  host: 'h1',
  agentEpoch: 1,
  version: '0',
  ports: [],
  rulesEpoch: 0,
  rulesRevision: 0,
});

const welcome: Welcome = {
  protocolVersion: PROTOCOL_VERSIONS.oldest,
  epoch: 3,
  controller: 'c1',
  leader: '',
  reportIntervalMs: 1000,
  reportRaw: false,
};

const ports: FromAgent = { type: 'ports', ports: [] };
const reply = (id: number): FromController => ({ type: 'reply', id, status: 200, body: '' });

/** Long enough for what must not come, or come again. */
const SILENCE_MS = 40;

/** Both ends, and what they saw in order. */
class Ends {
  readonly seen: string[] = [];
  readonly rows: ReportRow[] = [];
  readonly keys = new RowKeys();
  session: AgentSession | undefined;
  redirectTo: string | undefined;

  readonly controller: AgentSessionHandler = {
    attached: (session) => {
      this.seen.push(`controller: ${session.hello.host} attached`);
      this.session = session;
      if (this.redirectTo === undefined) session.send({ type: 'welcome', ...welcome });
      else session.send({ type: 'redirect', leader: this.redirectTo });
      return {
        received: (message) => {
          this.seen.push(`controller: ${message.type}`);
          if (message.type === 'report') this.rows.push(...this.keys.rowsOf(message));
        },
        detached: (reason) => this.seen.push(`controller: detached, ${reason}`),
      };
    },
  };

  readonly agent: ControllerLinkHandler = {
    hello,
    attached: ({ epoch }) => this.seen.push(`agent: attached, epoch ${epoch}`),
    received: ({ type }) => this.seen.push(`agent: ${type}`),
    detached: (reason) => this.seen.push(`agent: detached, ${reason}`),
  };

  link = createInProcessLink(this.controller, this.agent, {
    runtime: systemRuntime,
    retryMs: 10,
    limits: { maxMessages: 4, maxBytes: 100 },
  });

  /** What was seen since the last call, when it is as many lines, however long that takes; no more may have come. */
  async take(lines: number): Promise<string[]> {
    await until(() => this.seen.length >= lines);
    return this.seen.splice(0);
  }
}

async function attached(): Promise<Ends> {
  const ends = new Ends();
  assert.equal(await ends.take(2), ['controller: h1 attached', 'agent: attached, epoch 3']);
  assert.is(ends.link.state, 'attached');
  return ends;
}

const link = suite('in-process link');

link('nothing is delivered from inside send, and in order', async () => {
  const ends = new Ends();
  assert.is(ends.link.state, 'connecting');
  assert.is(ends.link.send(ports), false);
  await ends.take(2);
  ends.session!.send(reply(1));
  assert.is(ends.link.send(ports), true);
  assert.is(ends.link.send({ type: 'applied', epoch: 1, revision: 1, localRevision: 1, error: '' }), true);
  assert.equal(ends.seen, []);
  assert.equal(await ends.take(3), ['controller: ports', 'controller: applied', 'agent: reply']);
  assert.is(ends.link.status.unsent, 1);
  await ends.link.close();
});

link('reports carry what changed since the last one of the stream', async () => {
  const ends = await attached();
  const table = new ReportTable();
  const header = { sequence: 1, atMs: 1, intervalMs: 1000, isAggregated: true };
  table.set({ group: 'g', member: 'm', address: 'a', loadBalancer: '' }, { packets: 3 });
  table.set({ group: 'g', member: 'n', address: 'b', loadBalancer: '' }, {});
  ends.link.report(header, table);
  table.set({ group: 'g', member: 'n', address: 'b', loadBalancer: '' }, { packets: 4 });
  ends.link.report({ ...header, sequence: 2 }, table);
  await until(() => ends.rows.length >= 3);
  assert.equal(
    ends.rows.map(({ member, packets }) => [member, packets]),
    [
      ['m', 3],
      ['n', 0],
      ['n', 4],
    ],
  );
  await ends.link.close();
});

link('rules that follow each other within a turn arrive as one', async () => {
  const ends = await attached();
  const rules = { type: 'rules', epoch: 3, isFull: false, groups: [], removed: [] } as const;
  for (let revision = 1; revision <= 100; revision++) {
    ends.session!.send({ ...rules, baseRevision: revision - 1, revision });
  }
  assert.equal(await ends.take(1), ['agent: rules']);
  await sleep(SILENCE_MS);
  assert.equal(ends.seen, []);
  await ends.link.close();
});

link('a session that the controller closes ends after what was queued, and is made anew', async () => {
  const ends = await attached();
  ends.session!.send(reply(1));
  ends.session!.close('no longer the leader');
  ends.session!.send(reply(2));
  assert.equal(await ends.take(5), [
    'agent: reply',
    'controller: detached, no longer the leader',
    'agent: detached, no longer the leader',
    'controller: h1 attached',
    'agent: attached, epoch 3',
  ]);
  assert.is(ends.link.status.lastError, 'no longer the leader');
  await ends.link.close();
});

link('a link that is closed says so to both ends, once, and stays closed', async () => {
  const ends = await attached();
  await ends.link.close();
  await ends.link.close();
  await sleep(SILENCE_MS);
  assert.equal(await ends.take(2), [
    'controller: detached, the agent closed the link',
    'agent: detached, the agent closed the link',
  ]);
  assert.is(ends.link.state, 'waiting');
  assert.is(ends.link.send(ports), false);
});

link('an agent that is redirected stays until its controller takes it', async () => {
  const ends = new Ends();
  ends.redirectTo = '';
  await until(() => ends.link.status.redirects === 1);
  assert.is(ends.link.state, 'connecting');
  assert.is(ends.link.send(ports), false);
  ends.session!.send({ type: 'redirect', leader: 'c2:7400' });
  await until(() => ends.link.status.redirects === 2);
  ends.session!.send({ type: 'welcome', ...welcome });
  assert.equal(await ends.take(2), ['controller: h1 attached', 'agent: attached, epoch 3']);
  assert.is(ends.link.state, 'attached');
  await ends.link.close();
});

link('too many messages that must arrive end the stream', async () => {
  const ends = await attached();
  for (let id = 0; id < 5; id++) ends.session!.send(reply(id));
  assert.equal(await ends.take(2), [
    'controller: detached, the queue to the agent is full',
    'agent: detached, the queue to the agent is full',
  ]);
  await ends.link.close();
});

link.run();
