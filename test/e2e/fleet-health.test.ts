// Agreement about health between three hosts that probe for real: a member that one host does not reach stays, one that
// two do not reach is failed on all of them, and active on all of them when the ways are healed. What is cut are the
// answers to one host's probes, in the member's namespace: the host sees silence.
// timeout: 180s
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GroupDetail } from '../../src/api/shapes.ts';
import { until } from '../support/command.ts';
import { apiOf, Fleet } from '../support/fleet.ts';
import { HOSTS, type HostName } from '../support/hosts.ts';
import { shares } from '../support/testbed.ts';
import { tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: fleet, agreement about health');

const PATIENCE_MS = 30_000;
/** Twice what a host needs to find a member unhealthy or healthy. */
const WATCH_MS = 4_000;
const VIP = '10.1.0.110';
const CLIENTS = ['c1', 'c3', 'c5'] as const;
/** Where each host's probes come from. */
const PROBE_ADDRESS: Readonly<Record<HostName, string>> = {
  h1: '10.1.0.241',
  h2: '10.1.0.242',
  h3: '10.1.0.243',
};

let fleet: Fleet;
let atBeginning = 0;
test.before(async () => {
  const members = [1, 3, 5].map((n) => ({ name: `s${n}`, address: `10.1.0.2${n}`, port: 8080 }));
  const health = { kind: 'http', interval: '250ms', timeout: '500ms', rise: 2, fall: 3, quorum: 2 };
  fleet = await Fleet.embedded({
    groups: (groups) => [...groups, { ...tcpGroup('checked', 110, members), health } as never],
    host: ({ networks }, label) => Object.assign(networks[0]!, { probeAddress: PROBE_ADDRESS[label] }),
  });
  await untilStates('active active active');
  await sleep(WATCH_MS); // the servers have just been started, and each host finds them by itself
  atBeginning = allVerdicts().length;
});
test.after(() => fleet?.close());

/** In order of the members, as each host has them in force. */
const statesAt = (hosts: readonly HostName[] = HOSTS): Promise<string[]> =>
  Promise.all(
    hosts.map(async (label) => {
      const { members } = await apiOf(fleet.host(label)).get<GroupDetail>('/v1/groups/checked');
      return members.map(({ state }) => state).join(' ');
    }),
  );

async function untilStates(expected: string): Promise<void> {
  let found: string[] = [];
  const isSo = async () => {
    found = await statesAt();
    return found.every((states) => states === expected);
  };
  await until(`states ${expected}`, isSo, PATIENCE_MS).catch(() =>
    assert.equal(
      found,
      HOSTS.map(() => expected),
    ),
  );
}

/** What the controller has said about members of the group since everybody was healthy. */
const verdicts = (): string[] => allVerdicts().slice(atBeginning);

const allVerdicts = (): string[] =>
  readFileSync(join(fleet.host('h1').runDir, 'sluice.log'), 'utf8')
    .split('\n')
    .flatMap((line) => /group checked: \w+ (?:has failed|is healthy again)/.exec(line) ?? []);

/** Nobody's state changes, on any host, for a while. */
async function staysSo(expected: string): Promise<void> {
  const before = verdicts();
  for (const end = Date.now() + WATCH_MS; Date.now() < end; await sleep(100)) {
    assert.equal(
      await statesAt(),
      HOSTS.map(() => expected),
    );
  }
  assert.equal(verdicts(), before);
}

const cut = (member: string, host: HostName) =>
  fleet.hosts.exec(member, 'ip', 'route', 'add', 'blackhole', PROBE_ADDRESS[host]);

const heal = (member: string, host: HostName) =>
  fleet.hosts.exec(member, 'ip', 'route', 'del', 'blackhole', PROBE_ADDRESS[host]);

async function untilCut(member: string, host: HostName): Promise<void> {
  await cut(member, host);
  await sleep(WATCH_MS / 2);
}

async function asksFrom(clients: readonly string[], expected: Record<string, number>): Promise<void> {
  for (const client of clients) {
    assert.equal(shares(await fleet.hosts.ask(client, VIP, 6)), expected, client);
  }
}

test('one host that does not reach a member changes nothing', async () => {
  await untilCut('s3', 'h1');
  await staysSo('active active active');
  await asksFrom(CLIENTS, { s1: 2, s3: 2, s5: 2 });
  assert.equal(verdicts(), []);
});

test('a second one does: the member is failed on every host, once', async () => {
  await cut('s3', 'h3');
  await untilStates('active failed active');
  await staysSo('active failed active');
  await asksFrom(CLIENTS, { s1: 3, s5: 3 });
  assert.equal(verdicts(), ['group checked: s3 has failed']);
  const { members } = await fleet.host('h1').json<GroupDetail>('group', 'show', 'checked');
  assert.match(members[1]!.health ?? '', '2 of 3 hosts');
});

test('one of the two ways is healed: it is back on every host, and stays', async () => {
  await heal('s3', 'h1');
  await untilStates('active active active');
  await staysSo('active active active');
  await heal('s3', 'h3');
  await staysSo('active active active');
  await asksFrom(CLIENTS, { s1: 2, s3: 2, s5: 2 });
  assert.equal(verdicts(), ['group checked: s3 has failed', 'group checked: s3 is healthy again']);
});

test('two hosts that do not reach different members change nothing', async () => {
  await cut('s1', 'h2');
  await untilCut('s5', 'h3');
  await staysSo('active active active');
  await heal('s1', 'h2');
  await heal('s5', 'h3');
});

test.run();
