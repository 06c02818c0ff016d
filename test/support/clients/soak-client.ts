/**
 * node soak-client.js ADDRESS PORT RATE: RATE new connections a second, whatever becomes of the earlier ones. Most ask
 * once; every HELD_EVERYth stays for seconds and asks again and again. A line of JSON per request that failed, and
 * after SIGTERM, when all have ended, one with the totals.
 */
import { connect } from 'node:net';

const HELD_EVERY = 25;
const HELD_QUESTIONS = 6;
const PAUSE_MS = 400;
const TIMEOUT_MS = 15_000;
const TICK_MS = 5;
/** Open connections beyond which the machine, not the load balancer, is what is tested. */
const MOST_OPEN = 4_000;

const [address, port, rate] = process.argv.slice(2);
const startedMs = performance.now();
let requests = 0;
let failed = 0;
let skipped = 0;
let open = 0;
let isStopping = false;

function ask(): void {
  const fromMs = Date.now();
  const isHeld = ++requests % HELD_EVERY === 0;
  let questions = isHeld ? HELD_QUESTIONS : 1;
  let server: string | null = null;
  let error: string | undefined;
  let isDone = false;
  const socket = connect({ host: address, port: Number(port), noDelay: true });
  const question = () => socket.write(--questions === 0 ? 'bye\n' : 'more\n');
  open++;
  socket.setEncoding('utf8').setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('TIMEOUT')));
  socket.on('connect', question);
  socket.on('data', (text: string) => {
    const name = text.split('\n', 1)[0]!;
    if (server !== null && server !== name) error = `answers of ${server} and ${name}`;
    server = name;
    if (questions === 0) isDone = true;
    else setTimeout(question, isStopping ? 0 : PAUSE_MS);
  });
  socket.on('error', (problem: NodeJS.ErrnoException) => {
    error = problem.code ?? problem.message;
  });
  socket.on('close', () => {
    open--;
    if (error === undefined && !isDone) error = 'closed without an answer';
    if (error !== undefined) {
      failed++;
      console.log(JSON.stringify({ fromMs, toMs: Date.now(), server, error, isHeld }));
    }
    if (isStopping && open === 0) finish();
  });
}

function finish(): void {
  const seconds = (performance.now() - startedMs) / 1_000;
  console.log(JSON.stringify({ requests, failed, skipped, seconds }));
  process.exit(0);
}

let due = 0;
let lastMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  due += ((nowMs - lastMs) * Number(rate)) / 1_000;
  lastMs = nowMs;
  for (; due >= 1 && !isStopping; due--) {
    if (open < MOST_OPEN) ask();
    else skipped++;
  }
}, TICK_MS);

process.on('SIGTERM', () => {
  isStopping = true;
  if (open === 0) finish();
});
