/**
 * node udp-new-flows.js ADDRESS PORT INTERVAL-MS: a datagram every INTERVAL-MS, each from a socket of its own. Runs
 * inside a VM until it is killed.
 */
import { createSocket } from 'node:dgram';

/** Sockets stay open for so long, that what comes back finds them. */
const LINGER_MS = 500;

const [address, port, intervalMs] = process.argv.slice(2);

setInterval(() => {
  const socket = createSocket('udp4');
  socket.on('error', () => {});
  socket.send('new', Number(port), address);
  setTimeout(() => socket.close(), LINGER_MS);
}, Number(intervalMs));
