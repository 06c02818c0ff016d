/**
 * How `listen.http` is served: plain HTTP on loopback, which only local users reach; HTTPS on other
 * addresses.
 */
import type { ServerTls } from '../api/server.ts';
import { isLocal } from '../config/model/local-endpoint.ts';
import { parseEndpoint } from '../wire/address.ts';

export interface HttpListener {
  readonly host: string;
  readonly port: number;
  readonly tls?: ServerTls;
}

/** Configuration checks require `tls` for any address that is not loopback. */
export function httpListener(listen: string, tls: ServerTls | undefined): HttpListener {
  const { address, port } = parseEndpoint(listen);
  const listener = { host: address, port: port! };
  if (isLocal(listen)) return listener;
  if (tls === undefined)
    throw new Error(`listen.http: found ${listen} without tls, expected a loopback address, or tls`);
  const { ca, cert, key } = tls;
  return { ...listener, tls: { ca, cert, key } };
}
