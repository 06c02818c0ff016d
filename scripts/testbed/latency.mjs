// Round trips of one UDP flow to the testbed's echo servers: node latency.mjs ADDRESS PORT COUNT
// Prints the percentiles in microseconds: `p50 p90 p99 lost`.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const [address, port, count] = process.argv.slice(2);
const WARM_UP = 200;
const TIMEOUT_MS = 1_000;

const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
socket.connect(Number(port), address);
await once(socket, 'connect');

const microseconds = [];
let lost = 0;
for (let i = 0; i < WARM_UP + Number(count); i++) {
  const begin = process.hrtime.bigint();
  socket.send(String(i));
  try {
    await once(socket, 'message', { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    lost++;
    continue;
  }
  if (i >= WARM_UP) microseconds.push(Number(process.hrtime.bigint() - begin) / 1000);
}
socket.close();

microseconds.sort((a, b) => a - b);
const percentile = (share) => Math.round(microseconds[Math.floor((microseconds.length - 1) * share)] ?? NaN);
console.log(`${percentile(0.5)} ${percentile(0.9)} ${percentile(0.99)} ${lost}`);
