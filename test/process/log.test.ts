// The log: floods are folded, rotation by others, the journal; and who may not attach, and why, in `agent list`.
// timeout: 120s
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createControllerLink } from '../../src/agent/controller-link.ts';
import type { AgentRow, ControllerStatus } from '../../src/api/fleet-shapes.ts';
import { FoldedLog, formatEntry, formatForJournal, isJournal } from '../../src/process/log.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { silent, TestAgent } from '../controller/fleet.ts';
import { until } from '../support/command.ts';
import { freePorts } from '../support/etcd.ts';
import { Host, killProcess } from '../support/host.ts';

const test = suite('log');

const WARN = 40;
const entry = (level: number, msg: string, err?: { stack: string }) =>
  JSON.stringify({ level, time: 0, msg, err });

function folded() {
  const lines: string[] = [];
  const log = new FoldedLog(
    { write: (line) => lines.push(line.trimEnd().slice(25)) },
    formatEntry,
    systemRuntime,
  );
  return { log, lines };
}

test('lines that differ in ports and counts are folded, and the number of them is told', () => {
  const { log, lines } = folded();
  for (let port = 40_000; port < 40_055; port++)
    log.take(
      entry(WARN, `agent h1 from 192.0.2.7:${port} is refused: after ${port} s and 3 failed attempts`),
    );
  log.take(entry(WARN, 'agent h2 from 192.0.2.8:1 is refused'));
  log.sumUp();
  assert.is(lines.length, 7, lines.join('\n'));
  assert.match(lines[5]!, 'agent h2');
  assert.match(lines[6]!, /agent h1 from 192\.0\.2\.7:40054 .*\(50 more lines like this within 60 s\)/);
  log.sumUp();
  assert.is(lines.length, 7, 'told once');
});

test('lines about different things are all written, and so are the stacks of bugs', () => {
  const { log, lines } = folded();
  for (let port = 0; port < 200; port++) log.take(entry(WARN, `port web${port}: link is down`));
  assert.is(lines.length, 200);
  for (let bug = 0; bug < 20; bug++) log.take(entry(50, 'the same failed', { stack: 'at x' }));
  assert.is(lines.length, 220);
});

test('a flood of different lines is cut, and the number of those left out is told', () => {
  const { log, lines } = folded();
  for (let at = 0; at < 20_000; at++) log.take(entry(WARN, `odd ${'x'.repeat(at % 300)}${at}z`));
  assert.is(lines.length, 5_000);
  log.sumUp();
  assert.is(lines.length, 5_001);
  assert.match(lines.at(-1)!, '15000 lines were left out');
});

test('the journal gets levels as prefixes and no time; a stack is several lines of that level', () => {
  assert.is(formatForJournal({ level: WARN, time: 0, msg: 'careful' }), '<4>careful\n');
  assert.is(
    formatForJournal({ level: 50, time: 0, msg: 'bug', err: { stack: 'Error: bug\n  at x' } }),
    '<3>bug\n<3>Error: bug\n<3>  at x\n',
  );
  assert.ok(isJournal('9:4711', { dev: 9, ino: 4711 }));
  assert.not.ok(isJournal('9:4711', { dev: 9, ino: 4712 }), 'stderr was redirected');
  assert.not.ok(isJournal(undefined, { dev: 9, ino: 4711 }));
});

test('SIGHUP goes on in a new file after rotation; two machines with one name: the list says who and why', async () => {
  const host = new Host();
  const [number] = (await freePorts(1)) as [number];
  const agents: TestAgent[] = [];
  try {
    host.configure({
      host: 'k1',
      listen: { agents: `127.0.0.1:${number}` },
      networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
      groups: [],
    } as never);
    assert.is((await host.sluice('controller', '-c', host.configFile, '--detach')).status, 0);
    const { pid } = await host.json<ControllerStatus>('status');
    const log = `${host.runDir}/sluice.log`;

    renameSync(log, `${log}.1`);
    killProcess(pid, 'SIGHUP');
    await until('the new file', () => existsSync(log) && readFileSync(log, 'utf8').includes('reloaded'));
    assert.not.match(readFileSync(`${log}.1`, 'utf8'), 'reloaded');

    const attach = (agentEpoch: number): void => {
      const link = (handler: Parameters<typeof createControllerLink>[0]['handler']) =>
        createControllerLink({
          controllers: [`127.0.0.1:${number}`],
          handler: { ...handler, hello: () => ({ ...handler.hello(), agentEpoch }) },
          log: silent,
          runtime: systemRuntime,
          timing: {
            attachTimeoutMs: 2000,
            firstPauseMs: 10,
            pauseMs: 10,
            eagerMs: 60_000,
            maxPauseMs: 10,
            followerMs: 100,
            unreachableMs: 1,
          },
        });
      agents.push(new TestAgent(link, 'h1'));
    };
    attach(2);
    await until('the younger is attached', () => agents[0]!.isAttached);
    attach(1);
    const status = () => host.json<ControllerStatus>('status');
    await until('many attempts', async () => (await status()).streams.refused > 60);
    const rows = await host.json<AgentRow[]>('agent', 'list');
    assert.equal(
      rows.map(({ host: name, state }) => `${name} ${state}`),
      ['h1 attached', 'h1 refused'],
    );
    assert.match(rows[1]!.error!, 'is attached from 127.0.0.1');
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    const refusals = lines.filter((line) => line.includes('is refused')).length;
    assert.ok(refusals > 0 && refusals <= 12, `${refusals} lines`);
  } finally {
    for (const agent of agents) await agent.close();
    host.close();
  }
});

test.run();
