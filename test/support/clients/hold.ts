/**
 * node hold.js ADDRESS PORT COUNT: TCP connections that stay open, each with an HTTP request every half second; prints
 * `ready` when all are open, and `error CODE` for each that breaks. Runs inside a VM until it is killed.
 */
import { connect } from 'node:net';

const [address, port, count] = process.argv.slice(2);
let open = 0;
for (let i = 0; i < Number(count); i++) {
  const socket = connect(Number(port), address, () => {
    if (++open === Number(count)) console.log('ready');
  });
  const timer = setInterval(() => socket.write('GET / HTTP/1.1\r\nHost: vip\r\n\r\n'), 500);
  socket.on('data', () => {});
  socket.on('error', (error: NodeJS.ErrnoException) => console.log(`error ${error.code}`));
  socket.on('close', () => {
    clearInterval(timer);
    console.log('error CLOSED');
  });
}
