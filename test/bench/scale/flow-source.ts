/**
 * Makes flows: `node flow-source.js FLOWS GROUPS`, in the namespace of a port. One datagram for each pair of a socket and a
 * VIP, slowly enough that none is lost at the TAP's queue.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { vipAddress } from './configuration.ts';

const PORT = 4_000;
/** Of the TAP's queue, which holds a thousand frames. */
const AT_ONCE = 200;

const [flows, groups] = process.argv.slice(2).map(Number) as [number, number];

const send = (socket: Socket, vip: string): Promise<void> =>
  new Promise((resolve) => socket.send('', PORT, vip, () => resolve()));

let made = 0;
let port = 1_024;
while (made < flows) {
  const socket = createSocket('udp4');
  // Each port once: another socket of the same port would be the same flows.
  socket.bind(port++);
  await once(socket, 'listening');
  for (let group = 0; group < groups && made < flows; group += AT_ONCE) {
    const last = Math.min(groups, group + AT_ONCE, group + flows - made);
    await Promise.all(Array.from({ length: last - group }, (_, at) => send(socket, vipAddress(group + at))));
    made += last - group;
    if (made % AT_ONCE === 0 || last - group === AT_ONCE) await sleep(1);
  }
  socket.close();
}
