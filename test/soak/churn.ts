/**
 * Members that come and go under load: one after another drains until nothing is left and is taken out, comes back,
 * fails, and comes back again.
 */
import type { GroupDetail } from '../../src/api/shapes.ts';
import { type ApiClient, path } from '../../src/cli/api-client.ts';
import { sleep } from '../support/command.ts';

export interface ChurnMember {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** A member failed somewhere between the two, epoch milliseconds. */
export interface Failure {
  readonly member: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Changes {
  drained: number;
  failed: number;
  joined: number;
}

/** A connection lasts some seconds. */
const DRAIN_LIMIT_MS = 30_000;

export class Churn {
  readonly failures: Failure[] = [];
  readonly changes: Changes = { drained: 0, failed: 0, joined: 0 };
  /** What did not go as it should. */
  readonly problems: string[] = [];
  private readonly api: ApiClient;
  private readonly group: string;
  private readonly members: readonly ChurnMember[];
  private isStopping = false;
  private running: Promise<void> | undefined;

  constructor(api: ApiClient, group: string, members: readonly ChurnMember[]) {
    this.api = api;
    this.group = group;
    this.members = members;
  }

  /** `pauseMs`: between two changes. */
  start(pauseMs: number): void {
    this.running = this.run(pauseMs);
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await this.running;
  }

  private async run(pauseMs: number): Promise<void> {
    for (let turn = 0; !this.isStopping; turn++) {
      const member = this.members[turn % this.members.length]!;
      try {
        await (turn % 2 === 0 ? this.drain(member) : this.fail(member));
        await sleep(pauseMs);
        await this.join(member);
        await sleep(pauseMs);
      } catch (error) {
        this.problems.push(`${member.name}: ${String(error)}`);
        return;
      }
    }
  }

  private async drain({ name }: ChurnMember): Promise<void> {
    await this.api.post(path`/v1/groups/${this.group}/members/${name}/drain`);
    const deadline = Date.now() + DRAIN_LIMIT_MS;
    for (let left = await this.flowsLeft(name); left !== 0; left = await this.flowsLeft(name)) {
      if (Date.now() > deadline) {
        this.problems.push(`${name}: ${left} flows left after draining for ${DRAIN_LIMIT_MS} ms`);
        break;
      }
      await sleep(250);
    }
    await this.api.delete(path`/v1/groups/${this.group}/members/${name}`);
    this.changes.drained++;
  }

  private async flowsLeft(name: string): Promise<number | null | undefined> {
    const { members } = await this.api.get<GroupDetail>(path`/v1/groups/${this.group}`);
    return members.find(({ member }) => member === name)?.flowsLeft;
  }

  private async fail({ name }: ChurnMember): Promise<void> {
    const fromMs = Date.now();
    await this.api.post(path`/v1/groups/${this.group}/members/${name}/fail`);
    this.failures.push({ member: name, fromMs, toMs: Date.now() });
    this.changes.failed++;
  }

  private async join({ name, address, port }: ChurnMember): Promise<void> {
    await this.api.post(path`/v1/groups/${this.group}/members`, { name, address, port });
    this.changes.joined++;
  }
}
