// The VM manager against hosts that are a clock and a list of orders.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../../src/config/load.ts';
import type { TemplateConfig } from '../../../src/config/model/model.ts';
import { chooseAddresses, membersOfVm } from '../../../src/controller/vm-manager/addresses.ts';
import { type HostLoad, placeVm } from '../../../src/controller/vm-manager/placement.ts';
import { HOST_LOSS_MS, VmManager } from '../../../src/controller/vm-manager/vm-manager.ts';
import type { VmRecord } from '../../../src/controller/vm-manager/vm-record.ts';
import type { VmOrder } from '../../../src/messages/messages.ts';

const templates = (...changes: object[]): TemplateConfig[] =>
  parseConfiguration(
    JSON.stringify({
      host: 'h1',
      networks: [{ name: 'app', vni: 1, subnets: ['10.1.0.0/24'] }],
      groups: [{ name: 'api', network: 'app', vip: '10.1.0.100', members: [] }],
      templates: changes.map((change) => ({
        name: 'web',
        network: 'app',
        group: 'api',
        command: 'exit',
        port: 8080,
        addresses: '10.1.0.20-10.1.0.29',
        ...change,
      })),
    }),
  ).templates;

class Fleet {
  nowMs = 1_000_000;
  hosts: HostLoad[] = ['h1', 'h2', 'h3'].map((host) => ({ host, agentEpoch: 1, load: 0 }));
  readonly orders: [host: string, command: string, vm: string][] = [];
  readonly definitions = new Map<string, TemplateConfig>();
  readonly events: string[] = [];
  readonly waits: string[] = [];
  readonly store = new Map<string, VmRecord>();
  readonly taken = new Set<string>();
  manager: VmManager;
  private readonly configured: TemplateConfig[];
  private names = 0;

  constructor(...changes: object[]) {
    this.configured = templates(...(changes.length === 0 ? [{}] : changes));
    this.manager = this.makeManager();
  }

  private makeManager(): VmManager {
    return new VmManager({
      records: [...this.store.values()],
      templates: () => this.configured,
      hosts: () => this.hosts,
      isAddressTaken: (_, address) => this.taken.has(address),
      send: (host, order) => this.ordered(host, order),
      persist: (changes) => {
        for (const { id, record } of changes) {
          if (record === undefined) this.store.delete(id);
          else this.store.set(id, JSON.parse(JSON.stringify(record)));
        }
      },
      onEvent: ({ kind, vm }) => this.events.push(`${kind} ${vm.id}`),
      vniOf: () => 1,
      onWait: ({ id }, why) => this.waits.push(`${id}: ${why}`),
      now: () => this.nowMs,
      suffix: () => String(++this.names),
    });
  }

  private ordered(host: string, { command, vm, definition }: VmOrder): void {
    this.orders.push([host, command, vm]);
    if (definition !== '') this.definitions.set(vm, JSON.parse(definition));
  }

  /** Another controller takes over. */
  restart(): void {
    this.manager = this.makeManager();
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.manager.tick();
  }

  says(vm: string, ...kinds: ('created' | 'serving' | 'terminated' | 'crashed')[]): void {
    const host = this.record(vm).host!;
    for (const kind of kinds) this.manager.take(host, { vm, template: 'web', kind, detail: '' });
  }

  record(vm: string): VmRecord {
    return this.manager.list().find(({ id }) => id === vm)!;
  }

  takeOrders(): string[] {
    return this.orders.splice(0).map((order) => order.join(' '));
  }

  phases(): string[] {
    return this.manager.list().map(({ id, phase }) => `${id} ${phase}`);
  }
}

const manager = suite('VM manager');

manager('VMs spread over the hosts, each with an address of its own', () => {
  const fleet = new Fleet();
  fleet.taken.add('10.1.0.21');
  fleet.manager.scale('web', 4);
  fleet.pass(0);
  assert.equal(fleet.takeOrders(), ['h1 start web-1', 'h2 start web-2', 'h3 start web-3', 'h1 start web-4']);
  const addresses = [1, 2, 3, 4].map((n) => fleet.definitions.get(`web-${n}`)!.addresses);
  assert.equal(addresses, [['10.1.0.20'], ['10.1.0.22'], ['10.1.0.23'], ['10.1.0.24']]);
  fleet.says('web-1', 'created', 'serving', 'serving', 'created');
  assert.equal(fleet.events, ['created web-1', 'serving web-1']);
  assert.equal(fleet.phases()[0], 'web-1 serving');
});

manager('what crashes is replaced at once, elsewhere; what was released is not', () => {
  const fleet = new Fleet();
  fleet.manager.scale('web', 2);
  fleet.pass(0);
  fleet.says('web-1', 'created', 'serving');
  fleet.says('web-2', 'created', 'serving');
  fleet.takeOrders();
  fleet.says('web-1', 'crashed');
  assert.equal(fleet.takeOrders(), ['h3 start web-3'], 'without a tick');
  assert.is(fleet.record('web-3').replaces, 'web-1');
  fleet.manager.release('web-2');
  assert.equal(fleet.takeOrders(), ['h2 stop web-2']);
  fleet.says('web-2', 'terminated');
  fleet.pass(0);
  assert.equal(fleet.takeOrders(), []);
  assert.equal(fleet.events.slice(-2), ['crashed web-1', 'terminated web-2']);
  assert.equal(fleet.phases(), ['web-3 starting']);
});

manager('a template that always crashes does not spin', () => {
  const fleet = new Fleet();
  fleet.manager.instantiate('web');
  const startedAt: number[] = [];
  const begin = fleet.nowMs;
  while (fleet.nowMs < begin + 10 * 60_000) {
    fleet.pass(100);
    for (const order of fleet.takeOrders()) {
      startedAt.push(fleet.nowMs - begin);
      fleet.says(order.split(' ')[2]!, 'created', 'crashed');
      startedAt.push(...fleet.takeOrders().map(() => fleet.nowMs - begin));
      const next = fleet.manager.list().find(({ phase }) => phase === 'starting');
      if (next !== undefined) fleet.says(next.id, 'crashed');
    }
  }
  const waits = startedAt.slice(1).map((at, i) => Math.round((at - startedAt[i]!) / 100) / 10);
  assert.equal(waits.slice(0, 9), [0, 0.5, 1, 2, 4, 8, 16, 32, 60]);
  assert.ok(startedAt.length < 20, `${startedAt.length} starts in 10 minutes`);
  assert.is(fleet.store.size, 1);
});

manager('an address rests after its VM has ended, while there are others', () => {
  const fleet = new Fleet({ addresses: '10.1.0.20-10.1.0.22' });
  fleet.manager.instantiate('web');
  fleet.pass(0);
  const used: string[] = [];
  for (let n = 1; n <= 5; n++) {
    used.push(fleet.record(`web-${n}`).addresses[0]!);
    fleet.says(`web-${n}`, 'created', 'serving');
    fleet.pass(30_000);
    fleet.says(`web-${n}`, 'crashed');
  }
  assert.equal(
    used.map((address) => address.at(-1)),
    ['0', '1', '2', '0', '1'],
  );
});

manager('time in service makes up for earlier failures', () => {
  const fleet = new Fleet();
  fleet.manager.instantiate('web');
  fleet.pass(0);
  fleet.says('web-1', 'crashed');
  fleet.says('web-2', 'crashed');
  fleet.pass(500);
  fleet.says('web-3', 'created', 'serving');
  fleet.pass(60_000);
  fleet.takeOrders();
  fleet.says('web-3', 'crashed');
  assert.is(fleet.takeOrders().length, 1, 'at once again');
});

manager('an order that a host never carries out is taken back', () => {
  const fleet = new Fleet();
  fleet.manager.instantiate('web');
  fleet.pass(0);
  fleet.pass(15_000);
  assert.equal(fleet.takeOrders(), ['h1 start web-1']);
  fleet.pass(1);
  assert.equal(fleet.takeOrders(), ['h2 start web-2', 'h1 stop web-1']);
  assert.not.equal(fleet.record('web-2').addresses, fleet.record('web-1').addresses);
  fleet.says('web-1', 'terminated');
  assert.equal(fleet.events, ['crashed web-1']);
  assert.equal(fleet.phases(), ['web-2 starting']);
});

manager('a host that is away for a while keeps its VMs; for longer, it loses them', () => {
  const fleet = new Fleet();
  fleet.manager.instantiate('web');
  fleet.pass(0);
  fleet.says('web-1', 'created', 'serving');
  const [gone, ...others] = fleet.hosts;
  fleet.hosts = others;
  fleet.manager.hostDetached('h1');
  fleet.pass(HOST_LOSS_MS - 1);
  fleet.hosts = [gone!, ...others];
  fleet.takeOrders();
  fleet.manager.hostAttached('h1', 1);
  assert.equal(fleet.takeOrders(), ['h1 start web-1'], 'asked after');
  fleet.says('web-1', 'serving');
  assert.equal(fleet.phases(), ['web-1 serving']);

  fleet.hosts = others;
  fleet.manager.hostDetached('h1');
  fleet.pass(HOST_LOSS_MS);
  assert.equal(fleet.takeOrders(), ['h2 start web-2']);
  assert.equal(fleet.phases(), ['web-1 lost', 'web-2 starting']);
  assert.equal(fleet.record('web-2').addresses, ['10.1.0.21'], 'the lost one may still use its address');
  fleet.hosts = [gone!, ...others];
  fleet.manager.hostAttached('h1', 1);
  assert.equal(fleet.takeOrders(), ['h1 stop web-1']);
  fleet.says('web-1', 'terminated');
  assert.equal(fleet.phases(), ['web-2 starting']);
  assert.is(fleet.events.filter((event) => event.endsWith('web-1')).at(-1), 'crashed web-1');
});

manager('a host that has restarted has nothing left; that is no fault of the template', () => {
  const fleet = new Fleet();
  fleet.manager.instantiate('web');
  fleet.pass(0);
  fleet.says('web-1', 'created', 'serving');
  fleet.hosts = fleet.hosts.map((host) => (host.host === 'h1' ? { ...host, agentEpoch: 2 } : host));
  fleet.takeOrders();
  fleet.manager.hostAttached('h1', 2);
  assert.equal(fleet.takeOrders(), ['h1 start web-2']);
  assert.is(fleet.record('web-2').failures, 0);
  assert.is(fleet.record('web-2').agentEpoch, 2);
});

manager('another controller goes on with the records', () => {
  const fleet = new Fleet();
  fleet.manager.scale('web', 2);
  fleet.pass(0);
  fleet.says('web-1', 'created', 'serving');
  fleet.restart();
  fleet.takeOrders();
  for (const { host } of fleet.hosts) fleet.manager.hostAttached(host, 1);
  assert.equal(fleet.takeOrders(), ['h1 start web-1', 'h2 start web-2']);
  fleet.says('web-2', 'created');
  assert.equal(fleet.phases(), ['web-1 serving', 'web-2 created']);
  fleet.manager.take('h3', { vm: 'web-9', template: 'web', kind: 'serving', detail: '' });
  assert.equal(fleet.takeOrders(), ['h3 stop web-9'], 'nobody knows it');
});

manager('scaling in takes the youngest; the limit holds; no host and no address: it waits', () => {
  const fleet = new Fleet({ maxInstances: 12 });
  const { hosts } = fleet;
  fleet.hosts = [];
  fleet.manager.scale('web', 12);
  assert.throws(() => fleet.manager.instantiate('web'), /found 12 VMs, expected fewer than 12/);
  fleet.pass(0);
  assert.equal(fleet.takeOrders(), []);
  fleet.hosts = hosts;
  fleet.pass(0);
  assert.is(fleet.takeOrders().length, 10, 'as many as there are addresses');
  assert.is(fleet.manager.waitsFor('web-10'), undefined);
  assert.is(fleet.manager.waitsFor('web-11'), 'no address of 10.1.0.20-10.1.0.29 is free');
  fleet.manager.scale('web', 9);
  assert.equal(fleet.takeOrders(), ['h1 stop web-10']);
  assert.equal(
    fleet.manager
      .list()
      .filter(({ isWanted }) => isWanted)
      .map(({ id }) => id),
    [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `web-${n}`),
  );
  assert.throws(() => fleet.manager.instantiate('wep'), /did you mean "web"/);
  assert.throws(() => fleet.manager.release('web-77'), /found web-77/);
});

manager('without a host that has its network it waits, says why once, and starts when one has', () => {
  const fleet = new Fleet();
  const on = (name: string, vni: number) => [{ name, vni }];
  fleet.hosts = [
    { host: 'h2', agentEpoch: 1, load: 0, networks: on('app', 2) },
    { host: 'h1', agentEpoch: 1, load: 0, networks: [] },
  ];
  fleet.manager.instantiate('web');
  fleet.pass(0);
  fleet.pass(200);
  const why = 'no host has network app (VNI 1); found h1 with none; h2 with app (VNI 2)';
  assert.equal(fleet.waits, [`web-1: ${why}`]);
  assert.is(fleet.manager.waitsFor('web-1'), why);
  assert.is(fleet.manager.refusal('web'), why);
  assert.equal(fleet.takeOrders(), []);
  fleet.hosts = [];
  fleet.pass(200);
  assert.is(fleet.manager.waitsFor('web-1'), 'no host is attached');
  assert.is(fleet.manager.refusal('web'), undefined, 'one may come');
  fleet.hosts = [{ host: 'h3', agentEpoch: 1, load: 9, networks: [...on('db', 2), ...on('app', 1)] }];
  fleet.pass(200);
  assert.equal(fleet.takeOrders(), ['h3 start web-1']);
  assert.is(fleet.manager.waitsFor('web-1'), undefined);
});

manager('a spare one is taken into a group', () => {
  const fleet = new Fleet({ group: undefined });
  fleet.manager.scale('web', 2);
  fleet.pass(0);
  assert.is(fleet.manager.allocate('api', 'web'), undefined, 'none serves yet');
  fleet.says('web-1', 'created', 'serving');
  assert.is(fleet.manager.allocate('api', 'web')?.id, 'web-1');
  assert.is(fleet.manager.allocate('api', 'web'), undefined);
  assert.is(fleet.store.get('web-1')!.group, 'api');
});

manager.run();

const pure = suite('placement and addresses');

const app = { name: 'app', vni: 1 };

pure('only where the host has the template itself', () => {
  const request = { template: 't', network: app, allowed: [], siblingsOn: () => 0, vmsOn: () => 0 };
  const host = (name: string, templates: string[]): HostLoad => ({
    host: name,
    agentEpoch: 1,
    load: 0,
    networks: [app],
    templates,
  });
  assert.equal(placeVm(request, [host('a', []), host('b', ['u', 't'])]), { host: 'b' });
  assert.equal(placeVm(request, [host('a', []), host('b', ['u'])]), {
    refusal: 'no host with network app (VNI 1) has template t in its own configuration',
  });
});

pure('fewest siblings, then fewest VMs, then load; never where it is not allowed', () => {
  const hosts: HostLoad[] = [
    { host: 'a', agentEpoch: 1, load: 9, networks: [app] },
    { host: 'b', agentEpoch: 1, load: 5, networks: [app] },
    { host: 'c', agentEpoch: 1, load: 0, networks: [{ name: 'db', vni: 2 }] },
    { host: 'd', agentEpoch: 1, load: 7 }, // does not say
    { host: 'e', agentEpoch: 1, load: 0, networks: [{ name: 'app', vni: 2 }] },
  ];
  const place = (siblings: Record<string, number>, vms: Record<string, number>, more = {}) => {
    const placement = placeVm(
      {
        template: 't',
        network: app,
        allowed: [],
        siblingsOn: (host) => siblings[host] ?? 0,
        vmsOn: (host) => vms[host] ?? 0,
        ...more,
      },
      hosts,
    );
    return 'host' in placement ? placement.host : placement.refusal;
  };
  assert.is(place({}, {}), 'b');
  assert.is(place({}, { b: 1 }), 'd');
  assert.is(place({ a: 0, b: 1, d: 1 }, { a: 9 }), 'a');
  assert.is(place({}, {}, { avoid: 'b' }), 'd');
  assert.is(place({}, {}, { allowed: ['a'], avoid: 'a' }), 'a');
  assert.is(place({}, {}, { allowed: ['c'] }), 'no host has network app (VNI 1); found c with db (VNI 2)');
  assert.is(place({}, {}, { allowed: ['x', 'y'] }), 'none of its hosts (x, y) is attached');
});

pure('one address per family, or none at all', () => {
  const pools = ['10.1.0.1-10.1.0.1', '10.1.0.5-10.1.0.6', 'fd00::1-fd00::1'];
  const taken = new Set<string>();
  const next = () => {
    const addresses = chooseAddresses(pools, (address) => taken.has(address));
    for (const address of addresses) if (!address.includes(':')) taken.add(address);
    return addresses;
  };
  assert.equal(
    [next(), next(), next(), next()],
    [['10.1.0.1', 'fd00::1'], ['10.1.0.5', 'fd00::1'], ['10.1.0.6', 'fd00::1'], []],
  );
});

pure('members of the families that the group has', () => {
  const record = { id: 'web-1', addresses: ['10.1.0.5', 'fd00::5'] } as unknown as VmRecord;
  const [template] = templates({});
  const names = (...vip: string[]) =>
    membersOfVm(record, template!, { vip }).map(({ name, address, port }) => `${name} ${address} ${port}`);
  assert.equal(names('10.1.0.100'), ['web-1 10.1.0.5 8080']);
  assert.equal(names('fd00::100'), ['web-1 fd00::5 8080']);
  assert.equal(names('10.1.0.100', 'fd00::100'), ['web-1 10.1.0.5 8080', 'web-1.6 fd00::5 8080']);
});

pure.run();
