/** What controllers tell agents about where a controller is. */
import { parseEndpoint } from '../wire/address.ts';

/** What other machines call a listening address: a wildcard says nothing, the host's name may. */
export function reachableAddress(listen: string, host: string): string {
  const { address, port } = parseEndpoint(listen);
  const isWildcard = address === '0.0.0.0' || address === '::';
  return isWildcard ? `${host}:${port}` : listen;
}
