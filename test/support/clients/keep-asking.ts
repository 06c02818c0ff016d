/**
 * node keep-asking.js ADDRESS PORT: one TCP connection, GET / every 20 ms, the server's line for each answer.
 * When the connection breaks: `error CODE`, and the end. Runs inside a VM until it is killed.
 */
import { Agent, get } from 'node:http';

const [host, port] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let connections = 0;

function fail(code: string): void {
  console.log(`error ${code}`);
  process.exit(1);
}

function ask(): void {
  const request = get({ host, port, agent, path: '/', timeout: 60_000 }, (response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    response.on('end', () => {
      process.stdout.write(body);
      setTimeout(ask, 20);
    });
  });
  request.on('socket', (socket) => {
    if (socket.connecting && ++connections > 1) fail('RECONNECTED');
  });
  request.on('timeout', () => fail('TIMEOUT'));
  request.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
}

ask();
