/**
 * node ask-from.js LOCAL-ADDRESS LOCAL-PORT TARGET…: one TCP connection per target ADDRESS@PORT, all from the same
 * local port and all open at a time, each asks `GET /` twice; prints the server's lines, target by target, or
 * `error CODE`. The server closes first, so the port can be used again at once. Runs inside a VM.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [localAddress, localPort, ...targets] = process.argv.slice(2);

interface Asked {
  readonly socket: Socket;
  text: string;
  error: string | undefined;
}

async function open(target: string): Promise<Asked> {
  const [host, port] = target.split('@');
  const socket = connect({ host, port: Number(port), localAddress, localPort: Number(localPort) });
  const asked: Asked = { socket, text: '', error: undefined };
  socket.setEncoding('utf8').on('data', (text: string) => {
    asked.text += text;
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    asked.error = error.code ?? error.message;
  });
  await Promise.race([once(socket, 'connect').catch(() => undefined), sleep(3_000)]);
  if (socket.connecting) asked.error ??= 'TIMEOUT';
  return asked;
}

const request = (more: string): string => `GET / HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

const all: Asked[] = [];
for (const target of targets) all.push(await open(target));
for (const { socket, error } of all) if (error === undefined) socket.write(request(''));
await sleep(100);
for (const { socket, error } of all) if (error === undefined) socket.write(request('Connection: close\r\n'));
for (const asked of all) {
  if (asked.error === undefined && !asked.socket.closed) {
    await Promise.race([once(asked.socket, 'close').catch(() => undefined), sleep(3_000)]);
  }
  const lines = asked.text.split(/\r?\n/).filter((line) => /^\w+ \S+:\d+$/.test(line));
  if (asked.error === undefined && lines.length !== 2) asked.error = `${lines.length} answers`;
  console.log(asked.error === undefined ? lines.join('\n') : `error ${asked.error}`);
  asked.socket.destroy();
}
