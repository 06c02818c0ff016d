/**
 * A controller that does nothing but write: `node writer.js STORE_CONFIG_JSON ID [PADDING_BYTES]`.
 *
 * Stands for election and, once it has led, writes the next number under two keys at once, again and again, always
 * with the last epoch it was given, also when it was told that this is over. SIGUSR2 makes it resign, SIGHUP stop
 * itself (SIGSTOP) right before a write, until someone sends SIGCONT. A line on stdout for everything that
 * happens: `elected EPOCH`, `lost REASON`, `leader ADDRESS`, `written NUMBER EPOCH`, `rejected ERROR_NAME EPOCH MESSAGE`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { StoreConfig } from '../../../src/config/model/model.ts';
import { openStore } from '../../../src/controller/store/open-store.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';

const [config, id, padding] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);

const store = await openStore(
  JSON.parse(config!) as StoreConfig,
  {
    info: () => {},
    warn: (message) => console.error(message),
  },
  systemRuntime,
);
let epoch: number | undefined;
const campaign = store.campaign(
  { id: id!, address: `${id}:1` },
  {
    elected(elected) {
      epoch = elected;
      say(`elected ${elected}`);
    },
    lost: (reason) => say(`lost ${reason}`),
    leader: (address) => say(`leader ${address}`),
  },
);
process.on('SIGUSR2', () => void campaign.resign());
let isToStop = false;
process.on('SIGHUP', () => {
  isToStop = true;
});

const value = { number: 0, by: id, padding: 'x'.repeat(Number(padding ?? 0)) };
while (true) {
  if (epoch === undefined) {
    await delay(5);
    continue;
  }
  const asked = epoch;
  const before = store.snapshot().entries.get('a') as typeof value | undefined;
  const next = { ...value, number: (before?.number ?? 0) + 1 };
  if (isToStop) {
    isToStop = false;
    process.kill(process.pid, 'SIGSTOP');
  }
  try {
    await store.write(
      [
        { key: 'a', value: next },
        { key: 'b', value: next },
      ],
      asked,
    );
    say(`written ${next.number} ${asked}`);
    if (store.kind === 'etcd') await delay(2); // other tests share the machine
  } catch (error) {
    say(`rejected ${(error as Error).name} ${asked} ${(error as Error).message}`);
    await delay(20);
  }
}
