// Pictures of the page for docs/: screenshots.mjs URL DIRECTORY COMMAND…; the command fails a member of group web.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const [url, directory, command, ...args] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });

async function open(fragment, colorScheme, width, height) {
  const page = await browser.newPage({ colorScheme, viewport: { width, height } });
  await page.goto(`${url}/${fragment}`);
  return page;
}

const overview = await open('#/', 'light', 1100, 860);
const group = await open('#/group/web', 'dark', 1100, 860);
const topology = await open('#/topology', 'light', 1100, 640);
const phone = await open('#/group/web', 'light', 360, 740);
await sleep(25_000);
execFileSync(command, args, { stdio: 'ignore' });
await sleep(15_000);
await overview.screenshot({ path: `${directory}/overview.png` });
await group.screenshot({ path: `${directory}/group.png` });
await topology.screenshot({ path: `${directory}/topology.png` });
await phone.screenshot({ path: `${directory}/phone.png` });
await browser.close();
