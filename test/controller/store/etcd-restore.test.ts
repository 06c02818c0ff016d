// timeout: 120s
/** etcd put back to an older state by `etcdctl snapshot restore`: hosts that have seen newer epochs follow all the same. */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RuleStore } from '../../../src/agent/rule-store.ts';
import { Controller } from '../../../src/controller/controller.ts';
import { openStore } from '../../../src/controller/store/open-store.ts';
import type { Store } from '../../../src/controller/store/store.ts';
import { createInProcessLink } from '../../../src/messages/in-process-link.ts';
import type { ControllerLink } from '../../../src/messages/link.ts';
import type { FromController } from '../../../src/messages/messages.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { shop } from '../../host/configurations.ts';
import { EtcdServer } from '../../support/etcd.ts';
import { linesOnly } from '../../support/event-sinks.ts';
import { helloOf } from '../../support/link.ts';
import { port, QUICK, silent } from '../fleet.ts';
import { Standing, TestLog, until } from './support.ts';

const test = suite('etcd restored from a snapshot');

const server = await EtcdServer.start();
const snapshot = join(tmpdir(), `sluice-snapshot-${process.pid}`);
test.after(async () => {
  await server.remove();
  rmSync(snapshot, { force: true });
});

interface RunningController {
  readonly controller: Controller;
  readonly store: Store;
  stop(): Promise<void>;
}

async function start(prefix: string): Promise<RunningController> {
  const store = await openStore(
    { kind: 'etcd', endpoints: [server.endpoint], prefix },
    new TestLog(),
    systemRuntime,
  );
  const controller = new Controller({
    configuration: shop(),
    store,
    log: silent,
    events: linesOnly(silent),
    runtime: systemRuntime,
    self: { id: 'c1', address: '' },
    settings: QUICK,
  });
  await until(() => controller.leadership !== undefined, 'a leader');
  const stop = async (): Promise<void> => {
    await controller.stop();
    await store.close();
  };
  return { controller, store, stop };
}

/** A host's rules, which outlive controllers, and its link to one of them. */
class RuleKeeper {
  readonly rules = new RuleStore();
  readonly refused: string[] = [];
  private link: ControllerLink | undefined;

  attach(controller: Controller): void {
    this.link = createInProcessLink(
      controller,
      {
        hello: () => {
          const { epoch, revision } = this.rules.current;
          return {
            ...helloOf('h1'),
            ports: [port('web', 'app', { tier: 'web' })],
            rulesEpoch: epoch,
            rulesRevision: revision,
          };
        },
        attached: () => {},
        detached: () => {},
        received: (message) => this.take(message),
      },
      { runtime: systemRuntime },
    );
  }

  async detach(): Promise<void> {
    await this.link?.close();
  }

  get epoch(): number {
    return this.rules.current.epoch;
  }

  weightOf(member: string): number | undefined {
    const api = this.rules.current.groups.find(({ name }) => name === 'api');
    const members = api?.criteria[0]?.members;
    return members?.find(({ name }) => name === member)?.weight;
  }

  private take(message: FromController): void {
    if (message.type !== 'rules') return;
    const { epoch, revision } = message;
    const proposal = this.rules.propose(message, Date.now());
    if (proposal.kind === 'rules') this.rules.accept(proposal.rules);
    else this.refused.push(proposal.kind);
    const error = proposal.kind === 'rules' ? '' : proposal.kind;
    this.link!.send({ type: 'applied', epoch, revision, localRevision: 1, error });
  }
}

test('the leader begins an epoch above all that its hosts have seen, and they take what it says', async () => {
  const prefix = '/sluice-restore/';
  const host = new RuleKeeper();
  let running = await start(prefix);
  host.attach(running.controller);
  await until(() => host.rules.current.groups.length > 0, 'rules');
  await server.control('snapshot', 'save', snapshot);

  // Life goes on: leaders come and go, and members change.
  for (let weight = 11; weight <= 13; weight++) {
    await running.controller.changes.setWeight('api', 'app1', weight);
    await until(() => host.weightOf('app1') === weight, `weight ${weight}`);
    await host.detach();
    await running.stop();
    running = await start(prefix);
    host.attach(running.controller);
    await until(() => host.epoch === running.controller.leadership?.epoch, 'rules of this term');
  }
  await host.detach();
  await running.stop();
  const seen = host.epoch;

  await server.restore(snapshot);
  running = await start(prefix);
  const first = running.controller.leadership!.epoch;
  assert.ok(first <= seen, `the restored store gives epoch ${first}, hosts have seen ${seen}`);
  host.attach(running.controller);
  await until(() => host.epoch > seen, 'rules of a newer epoch');
  await until(() => host.weightOf('app1') === 1, 'the weight as it was when the snapshot was saved');
  await running.controller.changes.setWeight('api', 'app1', 21);
  await until(() => host.weightOf('app1') === 21, 'changes arrive again');
  assert.ok(running.controller.leadership!.epoch > seen);
  await host.detach();
  await running.stop();
});

test('a follower that stood for election before the epoch was raised leads under a greater one', async () => {
  const config = { kind: 'etcd' as const, endpoints: [server.endpoint], prefix: '/sluice-raise/' };
  const stores = [
    await openStore(config, new TestLog(), systemRuntime),
    await openStore(config, new TestLog(), systemRuntime),
  ];
  const leader = new Standing(stores[0]!, { id: 'a', address: 'a:1' });
  const epoch = await leader.elected();
  const follower = new Standing(stores[1]!, { id: 'b', address: 'b:1' });
  await until(() => follower.leader === 'a:1', 'the follower knows the leader');
  await leader.raise(epoch + 1_000_000);
  await leader.resign();
  assert.ok((await follower.elected()) > epoch + 1_000_000);
  for (const store of stores) await store.close();
});

test.run();
