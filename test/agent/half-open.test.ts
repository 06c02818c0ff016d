/**
 * The network between agent and controller goes away without a word: no FIN, no RST. Both ends have to notice by
 * themselves, within the keepalive's time, and to find each other again.
 *
 *     namespace …-c  10.9.0.1 ── veth ── 10.9.0.2  namespace …-h
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeCertificates, parseHolders } from '../../src/cli/development-ca.ts';
import { KEEPALIVE } from '../../src/messages/fleet-service.ts';
import { onEnd, output, start, until } from '../support/command.ts';
import { claimName } from '../support/host.ts';
import { CHECKOUT } from '../support/paths.ts';

const PEER = join(CHECKOUT, 'dist/test/support/fleet-peer.js');
const ADDRESS = '10.9.0.1:7400';
/** On top of the keepalive's own time: a busy machine, and the polling here. */
const SLACK_MS = 2000;

const halfOpen = suite('half-open connections');

halfOpen('both ends notice within the keepalive time, and attach again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-half-open-'));
  onEnd(() => rmSync(directory, { recursive: true, force: true }));
  await makeCertificates(directory, [
    ...parseHolders('h1', 'hosts'),
    ...parseHolders('c1=10.9.0.1', 'controllers'),
  ]);

  const { name } = claimName();
  const [c, h] = [`${name}-c`, `${name}-h`];
  for (const netns of [c, h]) await output('ip', 'netns', 'add', netns);
  await output('ip', '-n', c, 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up0', 'netns', h);
  await output('ip', '-n', c, 'address', 'add', '10.9.0.1/24', 'dev', 'up0');
  await output('ip', '-n', h, 'address', 'add', '10.9.0.2/24', 'dev', 'up0');
  for (const netns of [c, h]) await output('ip', '-n', netns, 'link', 'set', 'up0', 'up');

  const peer = (netns: string, role: string) =>
    start('ip', 'netns', 'exec', netns, process.execPath, PEER, role, ADDRESS, directory);
  const controller = peer(c, 'server');
  await until('listening', () => controller.lines.includes('listening'), 30_000);
  const agent = peer(h, 'agent');
  const times = (end: { lines: string[] }, word: string): number =>
    end.lines.filter((line) => line.startsWith(word)).length;
  await until(
    'attached',
    () => times(agent, 'attached') === 1 && times(controller, 'attached') === 1,
    30_000,
  );

  await output('ip', '-n', c, 'link', 'set', 'up0', 'down');
  const boundMs = KEEPALIVE.timeMs + KEEPALIVE.timeoutMs + SLACK_MS;
  const downAt = performance.now();
  await Promise.all([
    until('the agent notices', () => times(agent, 'detached') === 1, boundMs),
    until('the controller notices', () => times(controller, 'detached') === 1, boundMs),
  ]);
  assert.ok(performance.now() - downAt > 100, 'the link was down, nobody was told');

  await output('ip', '-n', c, 'link', 'set', 'up0', 'up');
  await until('attached again', () => times(agent, 'attached') === 2, 30_000);
  assert.is(times(controller, 'attached'), 2);
  await Promise.all([agent.stop('SIGKILL'), controller.stop('SIGKILL')]);
});

halfOpen.run();
