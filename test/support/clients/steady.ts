/**
 * node steady.js UDP-ADDRESS:PORT HTTP-ADDRESS:PORT INTERVAL-MS: steady traffic that notices every loss. Each interval
 * a datagram on one flow, a datagram on a new flow, and an HTTP request on a new connection. A line of JSON at each
 * SIGUSR2, and one at SIGTERM, when everything sent has been answered or 3 s are over; then it ends. Runs in a VM.
 *
 * A datagram is lost when its answer has not come within 3 s, or ICMP says so; requests are failed when curl would
 * say so. `longestGapMs`: between two answers of any kind.
 */
import { createSocket, type Socket } from 'node:dgram';
import { get } from 'node:http';

const PATIENCE_MS = 3_000;
const [udp, http, intervalMs] = process.argv.slice(2);
const [udpAddress, udpPort] = udp!.split(':');
const [httpAddress, httpPort] = http!.split(':');

export interface Steady {
  sent: number;
  answered: number;
  /** What has not been answered, and why. */
  losses: string[];
  /** Answers by server. */
  servers: Record<string, number>;
  longestGapMs: number;
}

const result: Steady = { sent: 0, answered: 0, losses: [], servers: {}, longestGapMs: 0 };
let lastAnswer = performance.now();

function answered(text: string): void {
  const server = text.split(' ', 1)[0]!;
  result.answered++;
  result.servers[server] = (result.servers[server] ?? 0) + 1;
  const now = performance.now();
  result.longestGapMs = Math.max(result.longestGapMs, now - lastAnswer);
  lastAnswer = now;
}

/** By number: when it was sent, and what it is. */
const waiting = new Map<number, { readonly atMs: number; readonly what: string }>();

function sent(what: string): number {
  waiting.set(++result.sent, { atMs: performance.now(), what });
  return result.sent;
}

function lost(number: number, why: string): void {
  const request = waiting.get(number);
  if (request === undefined || !waiting.delete(number)) return;
  result.losses.push(`${request.what} ${number} at ${new Date().toISOString()}: ${why}`);
}

function settle(number: number, text: string): void {
  if (waiting.delete(number)) answered(text);
}

function openSocket(): Socket {
  const socket = createSocket('udp4');
  socket.on('error', (error: NodeJS.ErrnoException) => {
    result.losses.push(`datagram at ${new Date().toISOString()}: ${error.code}`);
  });
  socket.on('message', (message) => {
    const text = message.toString();
    settle(Number(text.split(' ')[2]), text);
  });
  return socket;
}

function ask(socket: Socket, what: string): void {
  socket.send(`${sent(what)} `, Number(udpPort), udpAddress);
}

function request(): void {
  const number = sent('request');
  const asking = get(
    { host: httpAddress, port: httpPort, agent: false, timeout: PATIENCE_MS },
    (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => settle(number, body));
    },
  );
  asking.on('timeout', () => asking.destroy(new Error('timeout')));
  asking.on('error', (error) => lost(number, error.message));
}

const kept = openSocket();

const timer = setInterval(() => {
  ask(kept, 'datagram of the old flow');
  const fresh = openSocket();
  ask(fresh, 'datagram of a new flow');
  setTimeout(() => fresh.close(), PATIENCE_MS);
  request();
  const now = performance.now();
  for (const [number, { atMs }] of waiting) if (now - atMs > PATIENCE_MS) lost(number, 'timeout');
}, Number(intervalMs));

const print = (): void => console.log(JSON.stringify(result));

process.on('SIGUSR2', print);
process.on('SIGTERM', () => {
  clearInterval(timer);
  const deadline = performance.now() + PATIENCE_MS;
  const end = (): void => {
    if (waiting.size > 0 && performance.now() < deadline) return void setTimeout(end, 20);
    for (const number of [...waiting.keys()]) lost(number, 'timeout');
    print();
    process.exit();
  };
  end();
});
