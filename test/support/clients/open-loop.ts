/**
 * node open-loop.js ADDRESS PORT RATE SECONDS: requests to work-server.js, each over a connection of its own, begun at
 * random times RATE times a second whatever becomes of the earlier ones. A latency counts from the time at which the
 * request was due, so that a client that is held up hides nothing. Prints one line of JSON: milliseconds of each, and
 * how many failed.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const TIMEOUT_MS = 30_000;

const [address, port, rate, seconds] = process.argv.slice(2);
const latenciesMs: number[] = [];
const answers: Record<string, number> = {};
let failed = 0;

function ask(dueMs: number): Promise<void> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: address, port: Number(port), noDelay: true });
    socket.setEncoding('utf8').setTimeout(TIMEOUT_MS, () => socket.destroy());
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.on('end', () => {
      if (!answer.endsWith('\n')) return;
      latenciesMs.push(performance.now() - dueMs);
      const server = answer.trim();
      answers[server] = (answers[server] ?? 0) + 1;
    });
    socket.on('error', () => {}); // `close` follows, and no answer has come
    socket.on('close', () => {
      if (!answer.endsWith('\n')) failed++;
      resolve();
    });
  });
}

const startMs = performance.now();
const endMs = startMs + Number(seconds) * 1_000;
const pending: Promise<void>[] = [];
let dueMs = startMs;
while (dueMs < endMs) {
  const waitMs = dueMs - performance.now();
  if (waitMs > 1) await sleep(waitMs);
  pending.push(ask(dueMs));
  dueMs += (-Math.log(1 - Math.random()) * 1_000) / Number(rate);
}
await Promise.all(pending);
const rounded = latenciesMs.map((ms) => Number(ms.toFixed(2)));
console.log(JSON.stringify({ latenciesMs: rounded, answers, failed }));
