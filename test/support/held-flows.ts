/** Real TCP connections of one VM to a VIP, opened, kept and closed as a test says (clients/hold-flows.ts). */
import { type Background, until } from './command.ts';
import type { Host } from './host.ts';
import { HOLD_FLOWS } from './paths.ts';

type Counts = Record<string, number>;

const TIMEOUT_MS = 20_000;

export class HeldFlows {
  private readonly client: Background;
  private read = 0;

  constructor(host: Host, vm: string, address: string, port: number) {
    this.client = host.start(vm, process.execPath, HOLD_FLOWS, address, String(port));
  }

  /** New connections, one after the other: how many of them each server has. */
  async open(count: number): Promise<Counts> {
    return JSON.parse(await this.order(`open ${count}`, 'opened ')) as Counts;
  }

  async close(server: string, count: number): Promise<void> {
    if (count > 0) await this.order(`close ${server} ${count}`, 'closed');
  }

  /** A question on each connection: answers by server. */
  async ask(): Promise<Counts> {
    return JSON.parse(await this.order('ask', 'asked ')) as Counts;
  }

  /** Connections that ended without having been told to, or could not be opened. */
  get lost(): string[] {
    return this.client.lines.filter((line) => line.startsWith('lost'));
  }

  stop(): Promise<void> {
    return this.client.stop();
  }

  private async order(order: string, answer: string): Promise<string> {
    this.client.child.stdin!.write(`${order}\n`);
    return until(
      `an answer to "${order}"`,
      () => {
        if (this.client.child.exitCode !== null) throw new Error(`it has ended: ${this.client.stderr}`);
        for (const { lines } = this.client; this.read < lines.length; ) {
          const line = lines[this.read++]!;
          if (line.startsWith(answer)) return line.slice(answer.length) || ' ';
          if (line.startsWith('failed')) return Promise.reject(new Error(line));
        }
        return false;
      },
      TIMEOUT_MS,
    );
  }
}

/**
 * Brings every server to so many connections over all clients: opens, in turns, as many as it takes with the weights in
 * force, and closes what is too much.
 */
export async function holdEach(
  clients: readonly HeldFlows[],
  wanted: readonly Readonly<Counts>[],
  perClient: number,
): Promise<void> {
  await Promise.all(
    clients.map(async (client, i) => {
      const has = await client.open(perClient);
      for (const [server, count] of Object.entries(wanted[i]!)) {
        const surplus = (has[server] ?? 0) - count;
        if (surplus < 0) throw new Error(`${server}: found ${has[server]} connections, expected ${count}`);
        await client.close(server, surplus);
      }
    }),
  );
}
