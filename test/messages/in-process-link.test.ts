import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createInProcessLink } from '../../src/messages/in-process-link.ts';
import type { AgentSession, AgentSessionHandler, ControllerLinkHandler } from '../../src/messages/link.ts';
import {
  type FromAgent,
  type FromController,
  type Hello,
  PROTOCOL_VERSION,
  type Welcome,
} from '../../src/messages/messages.ts';
import { type ReportRow, RowKeys } from '../../src/messages/report.ts';
import { ReportTable } from '../../src/messages/report-table.ts';

const hello = (): Hello => ({
  protocolVersion: PROTOCOL_VERSION,
  host: 'h1',
  agentEpoch: 1,
  version: '0',
  ports: [],
  rulesEpoch: 0,
  rulesRevision: 0,
});

const welcome: Welcome = {
  protocolVersion: PROTOCOL_VERSION,
  epoch: 3,
  controller: 'c1',
  leader: '',
  reportIntervalMs: 1000,
  reportRaw: false,
};

const ports: FromAgent = { type: 'ports', ports: [] };
const reply = (id: number): FromController => ({ type: 'reply', id, status: 200, body: '' });

const turn = () => sleep(5);

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
      if (this.redirectTo !== undefined) return { redirect: this.redirectTo };
      this.session = session;
      session.send({ type: 'welcome', ...welcome });
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
    retryMs: 10,
    limits: { maxMessages: 4, maxBytes: 100 },
  });

  /** What was seen since the last call. */
  take(): string[] {
    return this.seen.splice(0);
  }
}

async function attached(): Promise<Ends> {
  const ends = new Ends();
  await turn();
  assert.equal(ends.take(), ['controller: h1 attached', 'agent: attached, epoch 3']);
  assert.is(ends.link.state, 'attached');
  return ends;
}

const link = suite('in-process link');

link('nothing is delivered from inside send, and in order', async () => {
  const ends = new Ends();
  assert.is(ends.link.state, 'connecting');
  assert.is(ends.link.send(ports), false);
  await turn();
  ends.take();
  ends.session!.send(reply(1));
  assert.is(ends.link.send(ports), true);
  assert.is(ends.link.send({ type: 'applied', epoch: 1, revision: 1, localRevision: 1, error: '' }), true);
  assert.equal(ends.take(), []);
  await turn();
  assert.equal(ends.take(), ['controller: ports', 'controller: applied', 'agent: reply']);
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
  table.columns.packets[1] = 4;
  ends.link.report({ ...header, sequence: 2 }, table);
  await turn();
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
  await turn();
  assert.equal(ends.take(), ['agent: rules']);
  await ends.link.close();
});

link('a session that the controller closes ends after what was queued, and is made anew', async () => {
  const ends = await attached();
  ends.session!.send(reply(1));
  ends.session!.close('no longer the leader');
  ends.session!.send(reply(2));
  await sleep(40);
  assert.equal(ends.take(), [
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
  await sleep(40);
  assert.equal(ends.take(), [
    'controller: detached, the agent closed the link',
    'agent: detached, the agent closed the link',
  ]);
  assert.is(ends.link.state, 'waiting');
  assert.is(ends.link.send(ports), false);
});

link('a redirect is tried again until the controller takes the agent', async () => {
  const ends = new Ends();
  ends.redirectTo = '';
  await sleep(35);
  assert.ok(ends.link.status.redirects >= 2);
  assert.is(ends.link.state === 'attached', false);
  ends.redirectTo = undefined;
  await sleep(35);
  assert.is(ends.link.state, 'attached');
  assert.equal(
    ends.seen.filter((line) => line.startsWith('agent')),
    ['agent: attached, epoch 3'],
  );
  await ends.link.close();
});

link('too many messages that must arrive end the stream', async () => {
  const ends = await attached();
  for (let id = 0; id < 5; id++) ends.session!.send(reply(id));
  await turn();
  assert.equal(ends.take(), [
    'controller: detached, the queue to the agent is full',
    'agent: detached, the queue to the agent is full',
  ]);
  await ends.link.close();
});

link.run();
