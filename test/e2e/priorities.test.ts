// Priorities (the specification's figure 20): one VIP, subgroups by what the client's flows look like, and by whom it serves.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Changed, FlowRow, GroupDetail, RuleRow } from '../../src/api/shapes.ts';
import { until } from '../support/command.ts';
import { shares, Testbed } from '../support/testbed.ts';
import { member, tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: priorities');

const VIP = '10.1.0.171';
const TENANT = '10.1.0.172';
/** Expedited forwarding, as a whole type-of-service byte. */
const EF = 46 << 2;

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create((config) => {
    for (const port of config.ports) {
      if (port.name === 'c1') port.labels = { ...port.labels, tenant: 'a' };
      // c3 is a web server: whom it serves from 10.1.0.12 is marked, and it reflects the mark in its own requests.
      if (port.name === 'c3') port.mark = [{ sources: ['10.1.0.12/32'], dscp: 46 }];
    }
    const { members: _, ...tiers } = tcpGroup('tiers', 171, []);
    const { members: __, ...tenants } = tcpGroup('tenants', 172, []);
    config.groups.push(
      {
        ...tiers,
        priorities: [
          {
            name: 'gold',
            when: { dscp: 46 },
            members: [member('s1'), member('s2', { weight: 3 })],
            onEmpty: 'next',
          },
          { name: 'rest', members: [member('s3'), member('s4')] },
        ],
      },
      {
        ...tenants,
        priorities: [
          { name: 'a', when: { labels: { tenant: 'a' } }, members: [member('s1')], onEmpty: 'reject' },
          { name: 'odd', when: { sourcePorts: ['2000-2050'] }, members: [member('s4')] },
          { name: 'others', when: { sources: ['10.1.0.12/32'] }, members: [member('s2')] },
        ],
      },
    );
  });
});
test.after(() => bed?.close());

/** Marks what a VM sends, by its own kernel; undefined: unmarked. */
async function mark(vm: string, tos: number | undefined): Promise<void> {
  await bed.try(vm, 'nft', 'delete', 'table', 'ip', 'dscps');
  if (tos === undefined) return;
  const chain = 'add table ip dscps; add chain ip dscps out { type route hook output priority -150; }';
  await bed.exec(vm, 'nft', `${chain}; add rule ip dscps out ip dscp set ${tos >> 2}`);
}

const detail = () => bed.json<GroupDetail>('group', 'show', 'tiers');

test('marked flows go to the gold members in their exact shares, all others to the rest', async () => {
  await mark('c1', EF);
  assert.equal(shares(await bed.ask('c1', VIP, 8)), { s1: 2, s2: 6 });
  assert.equal(shares(await bed.ask('c2', VIP, 8)), { s3: 4, s4: 4 });
  await mark('c1', undefined);
  assert.equal(shares(await bed.ask('c1', VIP, 8)), { s3: 4, s4: 4 });
});

test('group show, flows and rule list name the priorities, each with its own statistics', async () => {
  await mark('c1', EF);
  await bed.ask('c1', VIP, 4);
  await bed.ask('c2', VIP, 2);
  const { priorities, members } = await detail();
  assert.equal(
    priorities.map(({ priority, when, onEmpty, activeMembers }) => [priority, when, onEmpty, activeMembers]),
    [
      ['gold', 'dscp 46', 'next', 2],
      ['rest', null, 'reject', 2],
    ],
  );
  assert.ok(
    priorities.every(({ newFlows, bytes, replyBytes }) => newFlows > 0 && bytes > 0 && replyBytes > 0),
  );
  assert.equal(
    members.map((row) => `${row.member} ${row.priority}`),
    ['s1 gold', 's2 gold', 's3 rest', 's4 rest'],
  );
  const flows = await bed.json<FlowRow[]>('flows', '--group', 'tiers');
  assert.ok(flows.length > 0);
  for (const { priority, member: name, why } of flows) {
    assert.is(priority, ['s1', 's2'].includes(name) ? 'gold' : 'rest');
    assert.match(why, new RegExp(`, priority ${priority}, revision`));
  }
  const rules = await bed.json<RuleRow[]>('rule', 'list', '--port', 'c2');
  const shown = rules.filter(({ group }) => group === 'tenants');
  assert.equal(
    shown.map(({ priority, when }) => [priority, when]),
    [
      ['a', 'never'],
      ['odd', 'source port 2000-2050'],
      ['others', 'source 10.1.0.12/32'],
    ],
  );
  const { stdout } = await bed.sluice('group', 'show', 'tiers');
  assert.match(stdout, /PRIORITY +WHEN +ON-EMPTY/);
});

test('gold is empty: its flows go on to the next priority, and back', async () => {
  await mark('c1', EF);
  const kept = await bed.keepAsking('c1', VIP, 80);
  const [before] = await kept.nextAnswers(1);
  await bed.json<Changed>('member', 'drain', 'tiers', 's1');
  await bed.json<Changed>('member', 'weight', 'tiers', 's2', '0');
  assert.equal(shares(await bed.ask('c1', VIP, 4)), { s3: 2, s4: 2 });
  assert.is((await kept.nextAnswers(3)).at(-1)!.server, before!.server, 'a running flow stays');
  await kept.stop();
  assert.equal(kept.errors, []);
  await bed.json<Changed>('member', 'add', 'tiers', 's5', '10.1.0.25:8080', '--priority', 'gold');
  assert.equal(shares(await bed.ask('c1', VIP, 2)), { s5: 2 });
  for (const name of ['s1', 's2', 's5']) await bed.json<Changed>('member', 'reset', 'tiers', name);
  assert.equal(shares(await bed.ask('c1', VIP, 4)), { s1: 1, s2: 3 });
});

test('by labels, source ports and sources; whoever meets no condition is refused at once', async () => {
  await mark('c1', undefined);
  assert.equal(shares(await bed.ask('c1', TENANT, 2)), { s1: 2 });
  const odd = ['curl', '-sS', '--max-time', '9', '--local-port', '2000-2050', `http://${TENANT}/`];
  assert.match(await bed.exec('c3', ...odd), /^s4 /);
  assert.equal(shares(await bed.ask('c2', TENANT, 2)), { s2: 2 });
  assert.is((await bed.tryOnce('c3', TENANT)).curl, 7, 'refused');
  await bed.json<Changed>('member', 'fail', 'tenants', 's1');
  assert.is((await bed.tryOnce('c1', TENANT)).curl, 7, 'reject, though others have members');
  await bed.json<Changed>('member', 'reset', 'tenants', 's1');
  await until('s1 to serve again', async () => (await bed.tryOnce('c1', TENANT)).curl === 0);
});

test("the web server's client decides: who is marked on the way to it is served by gold members behind it", async () => {
  await bed.serve('c3');
  const serveFor = async (client: string): Promise<string> => {
    // What a server does that reflects DSCP: its next request has that of the one it got.
    const watch = bed.start(
      'c3',
      'timeout',
      '20',
      'tcpdump',
      '-lnvi',
      'eth0',
      '-c',
      '1',
      'tcp',
      'dst',
      'port',
      '8080',
    );
    await until('tcpdump', () => watch.stderr.includes('listening'));
    await bed.ask(client, '10.1.0.13:8080', 1);
    await watch.ended;
    const tos = Number(/tos (0x[0-9a-f]+)/.exec(watch.stdout)![1]);
    await mark('c3', tos & 0xfc);
    const [answer] = await bed.ask('c3', VIP, 1);
    return answer!.server;
  };
  assert.ok(['s1', 's2'].includes(await serveFor('c2')), 'asked by 10.1.0.12');
  assert.ok(['s3', 's4'].includes(await serveFor('c1')), 'asked by another');
});

test.run();
