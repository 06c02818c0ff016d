/**
 * node soak-server.js NAME PORT: on each connection says NAME, and for each further line the line again, until it reads
 * `bye`; it closes first, so its clients can use their ports again at once. Prints `ready`.
 */
import { createServer } from 'node:net';

const [name, port] = process.argv.slice(2);

const server = createServer({ noDelay: true }, (socket) => {
  socket.setEncoding('utf8');
  socket.on('error', () => socket.destroy()); // the client was told to give up
  socket.on('data', (text: string) => {
    if (text.endsWith('bye\n')) socket.end(`${name}\n`);
    else socket.write(`${name}\n`);
  });
});
server.listen({ port: Number(port), host: '::', backlog: 4_096 }, () => console.log('ready'));
