/**
 * What keeps a web page of somebody else from using a person's browser against the listener.
 *
 * A page may make the browser send requests anywhere, though it cannot read the answers without the listener's consent (CORS),
 * which is never given. Two things remain. DNS rebinding: the page's own name is made to resolve to 127.0.0.1, so that the
 * browser takes the listener for the page's own server; the Host header still has the page's name. And requests made only to
 * occupy the listener; the browser says in Sec-Fetch-Site (W3C Fetch Metadata) that they come from elsewhere.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** In every answer. */
export const BROWSER_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * Why the request is refused; undefined: it is not. `isTls`: the browser has checked the listener's name by its certificate,
 * so that a rebound name does not get here.
 */
export function refusalOf(headers: IncomingHttpHeaders, isTls: boolean): string | undefined {
  const { host } = headers;
  if (!isTls && host !== undefined && !isAddressOrLocalhost(host))
    return `Host: found ${JSON.stringify(host.slice(0, 60))}, expected an address or localhost`;
  const site = headers['sec-fetch-site'];
  const isLink = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  if ((site === 'cross-site' || site === 'same-site') && !isLink)
    return 'the request was made by a page of another site';
  return undefined;
}

/** `host`: as in the header, with or without a port. Names other than localhost are whatever their owner's DNS says. */
function isAddressOrLocalhost(host: string): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  return name === 'localhost' || isIP(name) === 4 || (/^\[.*\]$/.test(name) && isIP(name.slice(1, -1)) === 6);
}
