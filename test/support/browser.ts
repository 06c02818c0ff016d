/** Debian's Chromium without a window, driven by playwright-core. */
import { existsSync } from 'node:fs';
import { type Browser, type Page as BrowserPage, chromium } from 'playwright-core';
import { until } from './command.ts';

const CHROMIUM = '/usr/bin/chromium';

export async function openBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) throw new Error(`found no ${CHROMIUM}; scripts/test.sh installs it`);
  // Root has no sandbox; the pages are our own.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
}

/** What a tab has complained about: script errors, refused resources, violations of the policy. */
export function complaintsOf(page: BrowserPage): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  return complaints;
}

/** Text of an element, once it is as wanted. */
export const shows = (page: BrowserPage, selector: string, wanted: RegExp | string): Promise<unknown> =>
  until(`${selector} shows ${wanted}`, async () => {
    const texts = await page.locator(selector).allInnerTexts();
    return texts.some((text) => (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text)));
  });

/**
 * Pairs of text and ground on the page with less contrast than WCAG 2.2 AA asks for (1.4.3: 4.5, and 3 for large text), as
 * `RATIO COLOUR on COLOUR: text`. An expression, as the tests know no DOM.
 */
export const LOW_CONTRAST = `(() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const luminance = ({ r, g, b }) => {
    const linear = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const groundOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const ground = parse(at.tagName === 'svg' ? 'rgba(0,0,0,0)' : getComputedStyle(at).backgroundColor);
      if (ground.a === 1) return ground;
    }
    return parse('rgb(255, 255, 255)');
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.textContent.trim() === '' || element.getClientRects().length === 0) continue;
    const style = getComputedStyle(element);
    const isSvg = element.namespaceURI.endsWith('svg');
    const text = parse(isSvg ? style.fill : style.color);
    const [a, b] = [luminance(text), luminance(groundOf(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) found.push(ratio.toFixed(2) + ' ' + (isSvg ? style.fill : style.color) + ': ' + node.textContent.trim());
  }
  return found;
})()`;
