/** How `listen.http` is served: loopback is trusted, as whoever is on the machine; other addresses get HTTPS. */
import type { ServerTls } from '../api/server.ts';
import { isLocal } from '../config/model/local-endpoint.ts';
import { loadTlsFiles, type TlsFiles } from '../config/tls-files.ts';
import { parseEndpoint } from '../wire/address.ts';

export interface HttpListener {
  readonly host: string;
  readonly port: number;
  readonly tls?: ServerTls;
}

/** Throws TlsFilesError. The configuration's checks refuse another address than loopback without `tls`. */
export function httpListener(listen: string, tls: TlsFiles | undefined): HttpListener {
  const { address, port } = parseEndpoint(listen);
  const listener = { host: address, port: port! };
  if (isLocal(listen)) return listener;
  if (tls === undefined)
    throw new Error(`listen.http: found ${listen} without tls, expected a loopback address, or tls`);
  const { ca, cert, key } = loadTlsFiles(tls);
  return { ...listener, tls: { ca, cert, key } };
}
