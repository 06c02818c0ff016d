// The page of a real host, in a real browser, with real traffic: a member that fails is one that the page shows.
// timeout: 180s
import type { Browser, Page as BrowserPage } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { complaintsOf, openBrowser, shows } from '../support/browser.ts';
import { type Background, until } from '../support/command.ts';
import { LoopbackController } from '../support/controllers.ts';
import { freePorts } from '../support/etcd.ts';
import { Host } from '../support/host.ts';
import { SOAK_CLIENT, SOAK_SERVER } from '../support/paths.ts';

const test = suite('e2e: page');

const VIP = '10.1.0.100';
const SERVERS = ['s1', 's2', 's3'];

const host = new Host();
const controller = new LoopbackController();
let http = { host: '', controller: '' };
let client: Background;
let browser: Browser;
let page: BrowserPage;
let complaints: string[];

test.before(async () => {
  const [agents, ...https] = (await freePorts(3)).map((free) => `127.0.0.1:${free}`);
  http = { host: https[0]!, controller: https[1]! };
  const networks = [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }];
  controller.configure({
    host: 'ctl',
    networks,
    listen: { agents, http: http.controller },
    groups: [
      {
        name: 'api',
        network: 'app',
        vip: VIP,
        protocol: 'tcp',
        port: 80,
        from: { tier: 'client' },
        members: SERVERS.map((name, i) => ({ name, address: `10.1.0.2${i + 1}`, port: 8080 })),
      },
    ],
  } as never);
  await controller.launch();
  const port = (name: string, address: string, tier: string) => ({
    name,
    network: 'app',
    netns: host.netns(name),
    addresses: [`${address}/24`],
    labels: { tier },
  });
  await host.up({
    host: 'h1',
    networks,
    controllers: [agents],
    listen: { http: http.host },
    ports: [
      port('c1', '10.1.0.11', 'client'),
      ...SERVERS.map((name, i) => port(name, `10.1.0.2${i + 1}`, 'server')),
    ],
  } as never);
  for (const name of SERVERS) host.start(name, process.execPath, SOAK_SERVER, name, '8080');
  client = host.start('c1', process.execPath, SOAK_CLIENT, VIP, '80', '20');
  browser = await openBrowser();
});
test.after(async () => {
  await browser?.close();
  await client?.stop();
  host.close();
  controller.close();
});
test.before.each(async () => {
  page = await browser.newPage();
  complaints = complaintsOf(page);
});
test.after.each(async () => {
  await page.close();
  assert.equal(complaints, []);
});

const member = (name: string): string => `table[aria-label=Members] tbody tr:has(th:text-is("${name}"))`;

test('the host at a glance: it is well, and the group has load', async () => {
  await page.goto(`http://${http.host}/`);
  await shows(page, '#name', 'host h1');
  await shows(page, '#verdict', 'all is well');
  await shows(page, 'table[aria-label=Groups] tbody', '3 of 3 active');
  await until('new flows', async () => {
    const [text = ''] = await page.locator('.tile:has-text("New flows") dd >> nth=0').allInnerTexts();
    return Number.parseFloat(text) > 0;
  });
  await page.getByRole('link', { name: 'Topology' }).click();
  await until('a line from c1 to api', async () => {
    const titles = (await page.locator('.picture .link title').allTextContents()).join();
    return /h1 c1 → api: .* flows/.test(titles);
  });
});

for (const of of ['host', 'controller'] as const) {
  test(`${of}: a member fails while somebody looks at its group; it is shown, marked, and so is its recovery`, async () => {
    await page.goto(`http://${http[of]}/`);
    await page.getByRole('link', { name: 'api', exact: true }).click();
    await shows(page, member('s2'), 'active');
    await until('load in the chart', async () => {
      const [text = ''] = await page.locator(`${member('s2')} td >> nth=4`).allInnerTexts();
      return Number.parseFloat(text) > 0;
    });
    await controller.json('member', 'fail', 'api', 's2');
    await shows(page, member('s2'), 'failed');
    await shows(page, 'table[aria-label=Changes] tbody', /s2\s+active → failed/);
    await shows(page, '#verdict', of === 'controller' ? '1 problem' : /problem|well/);
    await until('no new flows for it', async () => {
      const [text] = await page.locator(`${member('s2')} td >> nth=4`).allInnerTexts();
      return text === '0/s';
    });
    await controller.json('member', 'reset', 'api', 's2');
    await shows(page, member('s2'), 'active');
    await shows(page, 'table[aria-label=Changes] tbody', /s2\s+failed → active/);
    await page.getByRole('link', { name: 'Changes' }).click();
    await shows(page, 'table[aria-label=Changes] tbody', 'failed members 0 → 1');
  });
}

test('the fleet at its controller: hosts, their ports, who sends', async () => {
  await page.goto(`http://${http.controller}/`);
  await shows(page, '#name', 'controller ctl');
  await shows(page, 'table[aria-label=Hosts] tbody', /h1\s+attached/);
  await page.getByRole('link', { name: 'Topology' }).click();
  await until('a line from the host to api', async () => {
    const titles = (await page.locator('.picture .link title').allTextContents()).join();
    return /h1 .*→ api: .* flows/.test(titles);
  });
  await page.getByRole('link', { name: 'Ports' }).click();
  await shows(page, 'table[aria-label=Ports] tbody', 's3');
});

test('events of the controller say who failed the member', async () => {
  await page.goto(`http://${http.controller}/#/events`);
  await shows(page, 'table[aria-label=Events] tbody', /audit\.member-fail\s+api\/s2/);
  await page.getByLabel('Filter').fill('member.failed');
  await until('only these', async () => {
    const types = await page
      .locator('table[aria-label=Events] tbody tr:not(.spacer) td:nth-child(2)')
      .allInnerTexts();
    return types.length > 0 && types.every((type) => type === 'member.failed');
  });
});

test('flows are listed and filtered; drops have their reason', async () => {
  await page.goto(`http://${http.host}/#/flows`);
  await shows(page, 'table[aria-label=Flows] tbody', '10.1.0.11:');
  await page.getByLabel('Member').fill('s1');
  await page.getByRole('button', { name: 'Show flows' }).click();
  await until('only flows of s1', async () => {
    const members = await page
      .locator('table[aria-label=Flows] tbody tr:not(.spacer) td:nth-child(4)')
      .allInnerTexts();
    return members.length > 0 && members.every((name) => name === 's1');
  });
  await page.getByLabel('Member').fill('nobody');
  await page.getByRole('button', { name: 'Show flows' }).click();
  await shows(page, 'main [role=status]', /nobody/);
  complaints.length = 0; // the browser reports the status 404
  await host.exec('c1', 'ip', 'address', 'add', '10.1.0.200/32', 'dev', 'eth0');
  await host.try('c1', 'ping', '-c', '1', '-W', '1', '-I', '10.1.0.200', '10.1.0.21');
  await page.getByRole('link', { name: 'Drops' }).click();
  await shows(page, 'table[aria-label=Drops] tbody', 'spoofed-source');
});

test.run();
