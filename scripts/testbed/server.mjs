// A server of the testbed: answers with its name and the peer's address, over HTTP and UDP, on IPv4 and IPv6.
//
//   node server.mjs --name s1 [--http 8080] [--udp 5300]
//
//   GET  /, /?…    "s1 10.1.0.11:43210\n": the server's name and the peer's address
//   GET  /bytes/N  N bytes of the counting stream: 32-bit big-endian words 0, 1, 2, …; every word of a
//                  download is unique, so a lost, duplicate or reordered segment changes the digest
//   POST /digest   SHA-256 of the body, in hex, and its length
//   UDP            each datagram is echoed with the prefix "s1 10.1.0.11:43210 "
//
// Prints "ready" when all sockets listen.
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    name: { type: 'string' },
    http: { type: 'string', default: '8080' },
    udp: { type: 'string', default: '5300' },
  },
});
const { name } = values;
if (!name) throw new Error('no --name given, expected the name to answer with');

const CHUNK_BYTES = 256 * 1024;

/** Peer as ADDRESS:PORT; IPv4 peers of a dual-stack socket without ::ffff:, IPv6 in brackets. */
function peerText(address, port) {
  const plain = address.replace(/^::ffff:/, '');
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}

/** Bytes `offset` to `offset + length` of the counting stream; `offset` is a multiple of 4. */
function counting(offset, length) {
  const words = Math.ceil(length / 4);
  const bytes = Buffer.allocUnsafe(words * 4);
  for (let i = 0; i < words; i++) bytes.writeUInt32BE((offset / 4 + i) >>> 0, i * 4);
  return bytes.subarray(0, length);
}

async function sendBytes(response, total) {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': total });
  for (let offset = 0; offset < total && !response.destroyed; offset += CHUNK_BYTES) {
    if (response.write(counting(offset, Math.min(CHUNK_BYTES, total - offset)))) continue;
    await Promise.race([once(response, 'drain'), once(response, 'close')]);
  }
  response.end();
}

async function digest(request, response) {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of request) {
    hash.update(chunk);
    length += chunk.length;
  }
  response.end(`${hash.digest('hex')} ${length}\n`);
}

// Connections have no timeout, however long their peer or a host on the path is away.
const http = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  const { remoteAddress, remotePort } = request.socket;
  const bytes = /^\/bytes\/(\d+)$/.exec(request.url);
  let done;
  if (request.method === 'POST' && request.url === '/digest') done = digest(request, response);
  else if (bytes) done = sendBytes(response, Number(bytes[1]));
  else if (/^\/(\?|$)/.test(request.url)) response.end(`${name} ${peerText(remoteAddress, remotePort)}\n`);
  else response.writeHead(404).end(`no ${request.url}, expected /, /bytes/N or POST /digest\n`);
  done?.catch(() => response.destroy()); // the client has gone
});

const udp = createSocket({ type: 'udp6' });
udp.on('message', (message, from) => {
  const answer = Buffer.concat([Buffer.from(`${name} ${peerText(from.address, from.port)} `), message]);
  udp.send(answer, from.port, from.address);
});

http.listen(Number(values.http), '::');
udp.bind(Number(values.udp), '::');
await Promise.all([once(http, 'listening'), once(udp, 'listening')]);
console.log('ready');
