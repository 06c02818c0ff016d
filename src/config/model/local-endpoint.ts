/** Endpoints that need no TLS because their traffic stays on the machine. */
import { isIPv4, isIPv6 } from 'node:net';

/** `unix:/run/x.sock`, or `host:port` with a loopback address. */
export function isLocal(address: string): boolean {
  if (address.startsWith('unix:')) return true;
  const host = address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (isIPv4(host)) return host.startsWith('127.');
  if (isIPv6(host)) return new URL(`http://[${host}]`).hostname === '[::1]';
  return host === 'localhost';
}
