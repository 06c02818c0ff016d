/**
 * node hold-flows.js ADDRESS PORT: keeps connections to soak-server.js open, as many as it is told on stdin:
 *
 *   open N          N new ones, one after the other; says `opened {"SERVER":COUNT,…}`: who has them
 *   close SERVER N  the oldest N of a server; says `closed`
 *   ask             one more question on each; says `asked {"SERVER":ANSWERS,…}`
 *
 * Prints `lost SERVER WHY` when one ends that was not told to.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const [address, port] = process.argv.slice(2);
const held = new Map<string, Socket[]>();

/** A question and the server's name. */
async function ask(socket: Socket): Promise<string> {
  socket.write('more\n');
  const [text] = (await once(socket, 'data')) as [string];
  return text.trim();
}

async function open(): Promise<string> {
  const socket = connect({ host: address, port: Number(port), noDelay: true });
  socket.setEncoding('utf8');
  await once(socket, 'connect');
  const server = await ask(socket);
  const sockets = held.get(server) ?? [];
  held.set(server, sockets);
  sockets.push(socket);
  socket.on('error', () => {}); // `close` follows
  socket.on('close', () => {
    const at = sockets.indexOf(socket);
    if (at < 0) return;
    sockets.splice(at, 1);
    console.log(`lost ${server} ${socket.errored?.message ?? 'closed by the server'}`);
  });
  return server;
}

async function close(server: string, count: number): Promise<void> {
  for (const socket of held.get(server)!.splice(0, count)) {
    socket.write('bye\n');
    socket.resume();
    await once(socket, 'close');
  }
}

const text = (counts: Map<string, number>): string => JSON.stringify(Object.fromEntries([...counts].sort()));

async function obey(line: string): Promise<string> {
  const [command, ...words] = line.split(' ');
  const counts = new Map<string, number>();
  const note = (server: string) => counts.set(server, (counts.get(server) ?? 0) + 1);
  if (command === 'open') {
    for (let i = 0; i < Number(words[0]); i++) note(await open());
    return `opened ${text(counts)}`;
  }
  if (command === 'close') {
    await close(words[0]!, Number(words[1]));
    return 'closed';
  }
  for (const sockets of held.values()) for (const socket of [...sockets]) note(await ask(socket));
  return `asked ${text(counts)}`;
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(await obey(line).catch((error: Error) => `failed ${error.message}`));
}
process.exit(0);
