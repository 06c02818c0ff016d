/**
 * How long a balanced flow is silent when the host's process is replaced: `node dist/test/bench/restart-pause.js [TRIALS]`,
 * JSON on stdout.
 *
 * One UDP flow through a VIP of the testbed, a request every millisecond, each answered by its member. The pause is the
 * longest time between two answers, milliseconds, around `up --replace`, and around a `kill -9` with an `up` right after
 * it, whose start counts too. Every answer must come from the same member.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../support/command.ts';
import { killProcess } from '../support/host.ts';
import { Testbed } from '../support/testbed.ts';
import { type Spread, spreadOf } from './statistics.ts';

const trials = Number(process.argv[2] ?? 10);

const CLIENT = `
  const socket = require('node:dgram').createSocket('udp4');
  let last = 0, longest = 0, servers = new Set();
  socket.on('message', (answer) => {
    const now = performance.now();
    if (last === 0) console.log('answered');
    else longest = Math.max(longest, now - last);
    last = now;
    servers.add(String(answer).split(' ')[0]);
  });
  socket.bind(() => setInterval(() => socket.send('x', 53, '10.1.0.101'), 1));
  process.stdin.on('data', () => {
    const atMs = performance.now();
    setInterval(() => {
      if (last < atMs) return;
      console.log(JSON.stringify({ pauseMs: Math.round(longest), servers: [...servers] }));
      process.exit();
    }, 10);
  });`;

const bed = await Testbed.create();

const up = async (...options: string[]): Promise<void> => {
  const { status, stderr } = await bed.sluice('up', '-c', bed.configFile, '--detach', ...options);
  if (status !== 0) throw new Error(stderr);
};

const WAYS: Record<string, () => Promise<void>> = {
  replace: () => up('--replace'),
  kill: async () => {
    killProcess((await bed.status()).pid);
    await up();
  },
};

async function pauseOf(restart: () => Promise<void>): Promise<number> {
  const client = bed.start('c1', process.execPath, '-e', CLIENT);
  await until('an answer', () => client.lines.includes('answered'));
  await delay(500);
  await restart();
  await delay(500);
  client.child.stdin!.write('\n');
  await client.ended;
  const { pauseMs, servers } = JSON.parse(client.lines.at(-1)!) as { pauseMs: number; servers: string[] };
  if (servers.length !== 1) throw new Error(`found answers of ${servers.join(', ')}, expected one server's`);
  return pauseMs;
}

try {
  const figures: Record<string, Spread> = {};
  for (const [way, restart] of Object.entries(WAYS)) {
    const pauses: number[] = [];
    for (let trial = 0; trial < trials; trial++) pauses.push(await pauseOf(restart));
    console.error(`${way}: ${pauses.join(' ')} ms`);
    figures[way] = spreadOf(pauses)!;
  }
  console.log(JSON.stringify({ trials, ...figures }, null, 2));
} finally {
  bed.close();
}
