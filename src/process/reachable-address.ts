import { parseEndpoint } from '../wire/address.ts';

/**
 * The address that agents are given for a controller: its listening address, with a wildcard replaced by the
 * host name.
 */
export function reachableAddress(listen: string, host: string): string {
  const { address, port } = parseEndpoint(listen);
  const isWildcard = address === '0.0.0.0' || address === '::';
  return isWildcard ? `${host}:${port}` : listen;
}
