/** Bounded questions to servers by TCP and HTTP: no answer makes the asker read, keep or wait for more than it said. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { formatEndpoint } from '../../wire/address.ts';
import { MAX_LINE_BYTES } from './answers/agent-words.ts';

export interface Server {
  readonly address: string;
  readonly port: number;
}

/** Node's own bound on a response's header is 16 kB. */
export interface HttpEvents {
  /** False: the rest is not wanted. */
  headed(status: number, header: (name: string) => string | undefined): boolean;
  /** Some of the body. False: the rest is not wanted. */
  read(text: string): boolean;
  ended(): void;
  failed(error: NodeJS.ErrnoException): void;
}

/** Follows no redirects, keeps no connection. Returns a function that cancels the request. */
export function httpGet({ address, port }: Server, path: string, events: HttpEvents): () => void {
  const call = request({
    host: address,
    port,
    path,
    agent: false,
    headers: { host: formatEndpoint(address, port), 'user-agent': 'sluice-health', connection: 'close' },
  });
  call.once('response', (response) => {
    const header = (name: string): string | undefined => {
      const value = response.headers[name];
      return typeof value === 'string' ? value : undefined;
    };
    if (!events.headed(response.statusCode ?? 0, header)) return;
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      if (!events.read(text)) call.destroy();
    });
    response.once('end', () => events.ended());
    response.on('error', (error) => events.failed(error));
  });
  // An error after cancellation is ignored.
  call.on('error', (error) => events.failed(error));
  call.end();
  return () => call.destroy();
}

/**
 * The first line that a server says of itself, at most MAX_LINE_BYTES of it, up to CR, LF or the end of the connection.
 * Returns a function that cancels the connection.
 */
export function readLine(
  { address, port }: Server,
  said: (line: string) => void,
  failed: (error: NodeJS.ErrnoException) => void,
): () => void {
  const socket = connect({ host: address, port });
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (more: string) => {
    text += more.slice(0, MAX_LINE_BYTES - text.length);
    const end = text.search(/[\r\n]/);
    if (end >= 0) said(text.slice(0, end));
    else if (text.length >= MAX_LINE_BYTES) said(text);
  });
  socket.once('end', () => said(text));
  socket.on('error', failed);
  return () => socket.destroy();
}
