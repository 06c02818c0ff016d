// The page in a real browser, with states that a testbed does not have.
// timeout: 240s
import type { Browser, Page as BrowserPage } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { complaintsOf, LOW_CONTRAST, openBrowser, shows } from '../support/browser.ts';
import { until } from '../support/command.ts';
import { groupLoad, memberRow, PageBed, portRow, sender } from '../support/page-bed.ts';

const test = suite('page: browser');

let browser: Browser;
let bed: PageBed;
let complaints: string[];

test.before(async () => {
  browser = await openBrowser();
});
test.after(() => browser?.close());
test.before.each(() => {
  bed = new PageBed();
});
test.after.each(async () => {
  await bed.close();
  for (const context of browser.contexts()) await context.close();
  assert.equal(complaints, []);
  assert.equal(bed.failures, []);
});

async function look(options: Parameters<Browser['newPage']>[0] = {}, fragment = '#/'): Promise<BrowserPage> {
  await bed.open();
  const page = await browser.newPage(options);
  complaints = complaintsOf(page);
  await page.goto(`${bed.url}/${fragment}`);
  await shows(page, '#connection', 'live');
  return page;
}

const many = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    groupLoad(`group-${i}`, {
      members: 10,
      active: 10,
      activeFlows: i,
      newFlowsPerSecond: i % 7,
      bytesPerSecond: 10 * i,
    }),
  );

test('names of any kind are text, in every view', async () => {
  const hostile = `<script>document.title='taken'</script><img src=x onerror="document.title='taken'">"'&amp;\u202e`;
  bed.name = hostile;
  bed.problems = [{ problem: `failed: ${hostile}`, advice: hostile }];
  bed.overview = {
    groups: [
      groupLoad(hostile, { networks: [hostile], vip: [hostile], ports: [hostile], algorithm: hostile }),
    ],
    senders: [{ host: hostile, loadBalancer: hostile, group: hostile, activeFlows: 3, bytesPerSecond: 1000 }],
  };
  bed.members.set(hostile, [
    memberRow(hostile, {
      address: hostile,
      health: hostile,
      activeFlows: 1,
      loadBalancers: [sender(hostile, hostile, 1)],
    }),
  ]);
  bed.ports = [portRow(hostile, { network: hostile, addresses: [hostile], drops: { [hostile]: 3 } })];
  const page = await look();
  await shows(page, 'tbody a', '<script>');
  const scripts = await page.locator('script').count();
  assert.is(scripts, 1, 'only the script of the page');
  for (const view of [
    'topology',
    'ports',
    'drops',
    'changes',
    'flows',
    `group/${encodeURIComponent(hostile)}`,
  ]) {
    await page.goto(`${bed.url}/#/${view}`);
    if (!['changes', 'flows'].includes(view)) await shows(page, 'main', '<script>');
    assert.is(await page.locator('main img, main script, header script').count(), 0, view);
    assert.not.match(await page.title(), /^taken/, view);
  }
});

test('a thousand groups: only those in sight are elements, and a change comes through', async () => {
  bed.overview = { groups: many(1000), senders: [] };
  const page = await look();
  await shows(page, '.count', '1000');
  const rows = page.locator('table[aria-label=Groups] tbody tr:not(.spacer)');
  assert.ok((await rows.count()) < 60, 'few rows');
  assert.is(await page.locator('table[aria-label=Groups]').getAttribute('aria-rowcount'), '1001');
  const elements = Number(await page.evaluate('document.querySelectorAll("*").length'));
  assert.ok(elements < 2_000, `${elements} elements`);
  for (let round = 1; round <= 3; round++) {
    bed.overview = {
      groups: many(1000).map((row) => ({ ...row, activeFlows: row.activeFlows + 10_000 * round })),
      senders: [],
    };
    await shows(page, 'table[aria-label=Groups] tbody tr:nth-child(2)', `${round}0.0 k`);
  }
  await page.evaluate(`document.querySelector('.viewport[aria-label=Groups]').scrollTop = 20_000`);
  await shows(page, 'table[aria-label=Groups] tbody', 'group-560');
  assert.ok((await rows.count()) < 60, 'few rows after scrolling');
  await page.getByLabel('Filter').fill('group-99');
  await shows(page, '.count', '11 of 1000');
  await shows(page, 'table[aria-label=Groups] tbody', 'group-990');
  await page.getByRole('button', { name: 'Flows' }).click();
  await until('sorted by flows, most first', async () => {
    const [first] = await rows.first().locator('th').allInnerTexts();
    return first === 'group-999';
  });
  assert.match(await page.locator('th[aria-sort=descending]').allInnerTexts().then(String), /^Flows/);
});

test('everything can be reached by keyboard, and the focus stays with its row', async () => {
  bed.overview = { groups: many(300), senders: [] };
  bed.members.set('group-102', [memberRow('a'), memberRow('b')]);
  const page = await look();
  const focused = () => page.evaluate('document.activeElement.textContent') as Promise<string>;
  await shows(page, 'tbody', 'group-0');
  await page.keyboard.press('Tab');
  assert.is(await focused(), 'Skip to the content');
  await page.keyboard.press('Enter');
  assert.is(await page.evaluate('document.activeElement.id'), 'main');
  for (let i = 0; i < 30 && (await focused()) !== 'group-0'; i++) await page.keyboard.press('Tab');
  assert.is(await focused(), 'group-0');
  for (let i = 0; i < 100; i++) await page.keyboard.press('ArrowDown');
  assert.is(await focused(), 'group-100');
  // The list changes above the row.
  bed.overview = { groups: many(300).slice(40), senders: [] };
  await shows(page, '.count', '260');
  assert.is(await focused(), 'group-100');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await shows(page, 'main h2', 'group-102');
  await shows(page, 'table[aria-label=Members] tbody', 'active');
  assert.match(await page.title(), /^group-102 ·/);
  await page.keyboard.press('Tab');
  assert.is(await focused(), '← all groups');
});

test('landmarks, one heading of the first rank, names for all that can be used, and few live regions', async () => {
  bed.overview = { groups: many(3), senders: [] };
  const page = await look();
  for (const role of ['banner', 'navigation', 'main'] as const)
    assert.is(await page.getByRole(role).count(), 1, role);
  for (const view of ['', 'topology', 'ports', 'flows', 'drops', 'changes', 'group/group-1']) {
    await page.goto(`${bed.url}/#/${view}`);
    assert.is(await page.locator('h1').count(), 1);
    const nameless =
      await page.evaluate(`[...document.querySelectorAll('a, button, input, select, [role=img], [role=region]')]
      .filter((element) => !(element.ariaLabel || element.textContent.trim() || element.labels?.length)).length`);
    assert.is(nameless, 0, view);
    assert.ok((await page.locator('[role=status], [aria-live]').count()) <= 3, view);
  }
  assert.is(await page.locator('html').getAttribute('lang'), 'en');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`contrast is enough, ${colorScheme}`, async () => {
    bed.problems = [{ problem: 'failed: web/s1', advice: 'see sluice group show web' }];
    bed.overview = {
      groups: [...many(3), groupLoad('bad', { failed: 1, active: 1 }), groupLoad('drains', { draining: 1 })],
      senders: [{ host: 'h1', loadBalancer: 'c1', group: 'group-1', activeFlows: 1, bytesPerSecond: 1 }],
    };
    bed.members.set('group-1', [
      memberRow('a'),
      memberRow('b', { state: 'failed', health: 'refused' }),
      memberRow('c', { state: 'draining', flowsLeft: 2 }),
    ]);
    bed.ports = [portRow('c1', { drops: { 'no-route': 3 } }), portRow('c2', { state: 'gone' })];
    const page = await look({ colorScheme });
    await shows(page, 'tbody', 'drains');
    const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    for (const view of ['', 'topology', 'ports', 'flows', 'drops', 'changes', 'group/group-1']) {
      await page.goto(`${bed.url}/#/${view}`);
      if (view === 'group/group-1') await shows(page, 'tbody', 'draining');
      assert.equal(await page.evaluate(LOW_CONTRAST), [], view);
    }
    assert.is(ground, colorScheme === 'light' ? 'rgb(245, 247, 250)' : 'rgb(16, 21, 28)');
  });
}

test('a phone of 360 pixels needs no scrolling sideways', async () => {
  const long = 'a-group-with-a-name-that-is-longer-than-any-phone-is-wide-and-goes-on-0123456789';
  bed.name = long;
  bed.problems = [{ problem: `failed: ${long}/${long}`, advice: `see sluice group show ${long}` }];
  bed.overview = {
    groups: [groupLoad(long, { vip: ['fd00:1234:5678:9abc:def0:1234:5678:9abc'] }), ...many(5)],
    senders: [{ host: long, loadBalancer: long, group: long, activeFlows: 1, bytesPerSecond: 1 }],
  };
  bed.members.set(long, [memberRow(long, { address: 'fd00:1234:5678:9abc:def0:1234:5678:9abc' })]);
  bed.ports = [portRow(long, { drops: { 'neighbour-table-full': 1 } })];
  const page = await look({ viewport: { width: 360, height: 740 } });
  await shows(page, 'tbody', 'group-1');
  for (const view of ['', 'topology', 'ports', 'flows', 'drops', 'changes', `group/${long}`]) {
    await page.goto(`${bed.url}/#/${view}`);
    await until(`${view || 'overview'} is there`, async () => (await page.locator('main h2').count()) > 0);
    assert.is(await page.evaluate('document.documentElement.scrollWidth'), 360, view);
    assert.ok((await page.locator('nav a').first().boundingBox())!.height >= 24, 'large enough for a finger');
  }
});

test('a page whose process restarts is live again, with the new state', async () => {
  bed.overview = { groups: [groupLoad('before')], senders: [] };
  const page = await look();
  await shows(page, 'tbody', 'before');
  const { port } = bed;
  await bed.close();
  await shows(page, '#connection', 'connection lost');
  complaints.length = 0;
  bed = new PageBed();
  bed.overview = { groups: [groupLoad('after')], senders: [] };
  await bed.open(undefined, undefined, port);
  await shows(page, 'tbody', 'after');
  await shows(page, '#connection', 'live');
  complaints.length = 0; // the browser reports the refused connections
});

test.run();
