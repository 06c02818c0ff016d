/**
 * node work-server.js NAME PORT MEAN_MS: answers each connection with NAME and closes it, after a time that is
 * exponentially distributed with this mean. As many at a time as come. Prints `ready`.
 */
import { createServer } from 'node:net';

const [name, port, meanMs] = process.argv.slice(2);

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy()); // the client has given up
  setTimeout(() => socket.end(`${name}\n`), -Math.log(1 - Math.random()) * Number(meanMs));
});
server.listen({ port: Number(port), host: '::', backlog: 4_096 }, () => console.log('ready'));
