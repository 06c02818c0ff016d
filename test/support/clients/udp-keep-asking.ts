/**
 * node udp-keep-asking.js ADDRESS PORT INTERVAL-MS [BYTES]: datagrams from one socket, one every INTERVAL-MS, padded
 * to BYTES; prints each answer's server, its length, and `error CODE` for ICMP errors. Runs inside a VM until it is
 * killed.
 */
import { createSocket } from 'node:dgram';

const [address, port, intervalMs, bytes = '8'] = process.argv.slice(2);
const socket = createSocket(address!.includes(':') ? 'udp6' : 'udp4');
socket.on('error', (error: NodeJS.ErrnoException) => console.log(`error ${error.code ?? error.message}`));
socket.on('message', (message) => console.log(`${message.toString().split(' ', 1)[0]} ${message.length}`));
socket.connect(Number(port), address, () => {
  const ask = () => socket.send('x'.repeat(Number(bytes)), (error) => error && socket.emit('error', error));
  ask();
  setInterval(ask, Number(intervalMs));
});
