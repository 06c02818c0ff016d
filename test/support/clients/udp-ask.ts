/**
 * node udp-ask.js ADDRESS PORT COUNT [--one-flow]: datagrams one after another, each from a socket of its own
 * or all from one, each sent when the one before was answered. Prints per datagram the answer, `timeout` after
 * 2 s, or `error CODE` (an ICMP error reaches a connected socket). Runs inside a VM.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

const TIMEOUT_MS = 2_000;
const [address, port, count, oneFlow] = process.argv.slice(2);

async function connect(): Promise<Socket> {
  const socket = createSocket(address!.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => {}); // told by ask(), or too late for it
  socket.connect(Number(port), address);
  await once(socket, 'connect');
  return socket;
}

async function ask(socket: Socket, text: string): Promise<string> {
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), TIMEOUT_MS);
  try {
    socket.send(text, (error) => error && socket.emit('error', error));
    const [message] = (await once(socket, 'message', { signal: ended.signal })) as [Buffer];
    return message.toString();
  } catch (error) {
    if (ended.signal.aborted) return 'timeout';
    return `error ${(error as NodeJS.ErrnoException).code}`;
  } finally {
    clearTimeout(timer);
  }
}

let socket = await connect();
for (let i = 0; i < Number(count); i++) {
  if (i > 0 && !oneFlow) {
    socket.close();
    socket = await connect();
  }
  console.log(await ask(socket, `datagram ${i}`));
}
socket.close();
