/**
 * node relay.js PORT TARGET TARGET_PORT: a server that asks another one (soak-server.js, by its VIP). For each connection
 * it opens one of its own, hands on what it is asked, and answers with the address at which it was reached itself.
 * Prints `ready`.
 */
import { connect, createServer, type Socket } from 'node:net';

const [port, target, targetPort] = process.argv.slice(2);

const server = createServer({ noDelay: true }, (client: Socket) => {
  const upstream = connect({ host: target, port: Number(targetPort), noDelay: true });
  const end = () => {
    client.destroy();
    upstream.destroy();
  };
  client.on('error', end);
  upstream.on('error', end);
  client.on('data', (question) => {
    upstream.write(question);
    if (String(question).endsWith('bye\n')) client.end(`${client.localAddress}\n`);
  });
  upstream.on('data', () => {
    if (!client.writableEnded) client.write(`${client.localAddress}\n`);
  });
  upstream.on('close', () => client.end());
});
server.listen({ port: Number(port), host: '0.0.0.0', backlog: 4_096 }, () => console.log('ready'));
