/**
 * Whatever the order of changes, a datapath that was brought there by differences has the same in force as one that was
 * given the last snapshot alone: rules word for word, their order at each VIP, endpoints with roles and MACs, timers.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MemberRows } from '../../src/datapath/balancing/member-rows.ts';
import { RuleSets } from '../../src/datapath/balancing/rule-sets.ts';
import type { DatapathSnapshot, LoadBalancerSpec, PortSpec } from '../../src/datapath/snapshot.ts';
import { inPieces, SnapshotReceiver, SnapshotSender } from '../../src/host/thread/snapshot-transfer.ts';
import { ENDPOINT_WORDS, EndpointTable } from '../../src/tables/balancing/endpoint-table.ts';
import type { MemberSpec, RuleSpec } from '../../src/tables/balancing/rule-spec.ts';
import { type CompiledRules, compileRules } from '../../src/tables/balancing/rule-table.ts';
import { NONE } from '../../src/tables/common/bucket-index.ts';
import { wordsToAddress } from '../../src/wire/address.ts';
import { Random, runs, seed } from '../support/seed.ts';
import { statTable } from '../support/stat-table.ts';
import { SETTINGS } from '../support/topology.ts';

const test = suite('deltas');

const NETWORKS = [0, 1];
const VIPS = ['10.1.0.100', '10.1.0.101', '10.1.0.102', 'fd00::100'];
const BALANCERS = 5;
const MAX_ENDPOINTS = 256;

/** A datapath as far as rules go. */
class Side {
  readonly endpoints: EndpointTable;
  readonly rows: MemberRows;
  readonly sets: RuleSets;

  constructor() {
    this.endpoints = new EndpointTable(
      new Int32Array((MAX_ENDPOINTS + 1) * ENDPOINT_WORDS),
      new Int32Array(EndpointTable.indexWordsNeeded(MAX_ENDPOINTS)),
    );
    this.endpoints.initialise();
    this.rows = new MemberRows(statTable(16));
    this.sets = new RuleSets(this.endpoints, this.rows);
  }

  apply({ loadBalancers, revision }: DatapathSnapshot): void {
    this.sets.replace(
      loadBalancers.map(({ id, groups }) => ({ balancer: id, blocks: groups, networks: networksOf(id) })),
      revision,
    );
    this.rows.renewTimers();
  }

  /** Everything that decides about packets, without what only says in which order it came to be. */
  describe(balancers: readonly number[]): unknown {
    const { endpoints } = this;
    return {
      rules: balancers.map((balancer) =>
        NETWORKS.map((network) => {
          const set = this.sets.inForce.find((one) => one.network === network && one.balancers.has(balancer));
          if (set === undefined) return undefined;
          return VIPS.map((vip) => {
            const endpoint = this.find(network, vip);
            const candidates = endpoint === NONE ? [] : (set.rulesOf(endpoint) ?? []);
            return candidates.map(({ group, rule }) => ({
              rule,
              words: [...group.table.words],
              members: [...group.memberEndpoints].map((member) => this.address(member)),
            }));
          });
        }),
      ),
      endpoints: this.allEndpoints(),
      inUse: endpoints.inUse,
      timers: [...(Reflect.get(this.rows, 'timers') as Map<number, unknown>)]
        .filter(([member]) => this.isMember(member))
        .sort(([a], [b]) => a - b),
    };
  }

  private isMember(id: number): boolean {
    return this.sets.inForce.some((set) =>
      [...set.groups.values()].some(({ table }) => {
        let found = false;
        table.forEachMember((_, member) => {
          if (member === id) found = true;
        });
        return found;
      }),
    );
  }

  /** By network and address: references, roles, and the MAC where it is fixed. */
  private allEndpoints(): string[] {
    const { endpoints } = this;
    const all: string[] = [];
    for (let id = 1; id <= MAX_ENDPOINTS; id++) {
      if (!endpoints.isUsed(id)) continue;
      const roles = [1, 2, 4, 8].filter((role) => endpoints.hasRole(id, role));
      const mac = roles.includes(4) ? `${endpoints.macHigh(id)}:${endpoints.macLow(id)}` : '';
      const references = endpoints.rows[id * ENDPOINT_WORDS + REFERENCES];
      all.push(`${endpoints.network(id)} ${this.address(id)} ${references} ${roles} ${mac}`);
    }
    return all.sort();
  }

  private address = (endpoint: number): string =>
    wordsToAddress(this.endpoints.rows, endpoint * ENDPOINT_WORDS);

  private find(network: number, vip: string): number {
    for (let id = 1; id <= MAX_ENDPOINTS; id++) {
      if (this.endpoints.isUsed(id) && this.endpoints.network(id) === network && this.address(id) === vip)
        return id;
    }
    return NONE;
  }
}

/** Word of an endpoint's row that counts its references (tables/endpoint-table.ts). */
const REFERENCES = 5;

/** Ports of one, of the other, or of both networks. */
const networksOf = (balancer: number): number[] => (balancer === 0 ? NETWORKS : [balancer % 2]);

/** As far as the sender looks at them. */
const PORTS = Array.from({ length: BALANCERS }, (_, id) => id).flatMap((loadBalancer) =>
  networksOf(loadBalancer).map((network) => ({ loadBalancer, network }) as PortSpec),
);

class Story {
  private readonly random: Random;
  private readonly groups = new Map<number, CompiledRules>();
  /** Timers of a group, whoever's weights it has. */
  private readonly idleMs = new Map<number, number | undefined>();
  private revision = 0;

  constructor(random: Random) {
    this.random = random;
  }

  /** Some groups come, go or change; some load balancers have weights of their own. */
  next(): DatapathSnapshot {
    const { random } = this;
    for (let i = random.below(4); i > 0; i--) {
      const group = random.below(8);
      if (random.chance(3)) this.groups.delete(group);
      else {
        this.idleMs.set(group, random.pick([undefined, 5_000]));
        this.groups.set(group, this.compile(group));
      }
    }
    if (random.chance(10)) this.groups.clear();
    const shared = [...this.groups.values()];
    const half = shared.filter((_, at) => at % 2 === 0);
    const loadBalancers = Array.from({ length: BALANCERS }, (_, id): LoadBalancerSpec => {
      let groups: readonly CompiledRules[] = id === 3 ? half : shared;
      const [own] = this.groups.keys();
      // Its own weights for one group.
      if (id === 4 && own !== undefined) {
        groups = [...this.groups].map(([number, compiled]) =>
          number === own ? this.compile(number) : compiled,
        );
      }
      return { id, scope: 'port', name: `b${id}`, groups };
    }).filter(() => !random.chance(20));
    return { revision: ++this.revision, networks: [], ports: [], loadBalancers, settings: SETTINGS };
  }

  compile(group: number): CompiledRules {
    const { random } = this;
    const isIpv6 = group === 7;
    const rule = (id: number, vip: string): RuleSpec => ({
      id,
      group,
      vip,
      protocol: random.pick(['any', 'tcp', 'udp'] as const),
      ports: random.pick([
        undefined,
        [[80, 80]],
        [
          [443, 443],
          [8_000, 8_010],
        ],
      ] as const),
      sources: isIpv6 ? [] : random.pick([[], ['10.1.0.0/24'], ['10.1.0.0/16', '10.2.0.0/28']]),
      sourcePorts: random.pick([undefined, [[1_000, 1_000]]] as const),
      rewrite: group === 6 ? 'port' : 'address',
      algorithm: 'weighted-round-robin',
      udpIdleMs: this.idleMs.get(group),
      onEmpty: 'reject',
      criteria: [
        { members: Array.from({ length: random.below(5) }, (_, at) => this.member(group, at, isIpv6)) },
      ],
    });
    const vips = isIpv6
      ? [VIPS[3]!]
      : [random.pick(VIPS.slice(0, 3)), VIPS[0]!].slice(0, random.between(1, 2));
    return compileRules(vips.map((vip, at) => rule(group * 10 + at, vip)));
  }

  private member(group: number, at: number, isIpv6: boolean): MemberSpec {
    const { random } = this;
    const address = isIpv6 ? `fd00::${1 + random.below(6)}` : `10.1.0.${1 + random.below(6)}`;
    const mac = random.chance(5) ? `02:00:00:00:00:0${1 + random.below(9)}` : undefined;
    return { id: group * 100 + at, name: `m${at}`, address, weight: random.below(5), state: 'active', mac };
  }
}

test('state built by differences equals state built from nothing', () => {
  for (let round = 0; round < runs(40); round++) {
    const story = new Story(new Random(seed, 100 + round));
    const [sender, receiver] = [new SnapshotSender(), new SnapshotReceiver()];
    const changed = new Side();
    const random = new Random(seed, 1_000 + round);
    for (let step = 0; step < 12; step++) {
      const snapshot = story.next();
      // As it travels between the threads: shared memory is the same memory, objects are others.
      const { pieces, rest } = inPieces(
        sender.delta(snapshot),
        { ports: PORTS },
        random.pick([0, 500, 1 << 20]),
      );
      for (const piece of structuredClone(pieces)) {
        receiver.takeAhead(piece);
        for (const { compiled, networks } of piece)
          for (const network of networks) changed.sets.prepare(compiled, network);
      }
      // One that does not come after all.
      if (random.chance(30)) changed.sets.prepare(story.compile(9), random.below(2));
      const taken = receiver.take(structuredClone(rest));
      assert.equal(
        taken.loadBalancers.map(({ groups }) =>
          groups.map(({ ruleTable }) => [...new Int32Array(ruleTable)]),
        ),
        snapshot.loadBalancers.map(({ groups }) =>
          groups.map(({ ruleTable }) => [...new Int32Array(ruleTable)]),
        ),
      );
      changed.apply(taken);
      const fresh = new Side();
      fresh.apply(snapshot);
      const ids = snapshot.loadBalancers.map(({ id }) => id);
      assert.equal(changed.describe(ids), fresh.describe(ids), `seed ${seed}, round ${round}, step ${step}`);
    }
  }
});

test('what is the same travels once, and an unchanged list is the same object for the datapath', () => {
  const [sender, receiver] = [new SnapshotSender(), new SnapshotReceiver()];
  const rule = (id: number): RuleSpec => ({
    id,
    group: id,
    vip: VIPS[0]!,
    protocol: 'any',
    sources: [],
    rewrite: 'address',
    algorithm: 'weighted-round-robin',
    onEmpty: 'reject',
    criteria: [],
  });
  const [a, b, c] = [1, 2, 3].map((id) => compileRules([rule(id)])) as [
    CompiledRules,
    CompiledRules,
    CompiledRules,
  ];
  const networks: DatapathSnapshot['networks'] = [];
  const snapshot = (groups: readonly CompiledRules[]): DatapathSnapshot => ({
    revision: 1,
    networks,
    ports: [],
    loadBalancers: [0, 1].map((id) => ({ id, scope: 'port', name: `${id}`, groups })),
    settings: SETTINGS,
  });
  const list = [a, b];
  const first = receiver.take(structuredClone(sender.delta(snapshot(list))));
  assert.is(first.loadBalancers[0]!.groups, first.loadBalancers[1]!.groups);
  const nothing = sender.delta(snapshot(list));
  assert.equal([nothing.newGroups, nothing.newLists, nothing.networks], [[], [], undefined]);
  assert.is(receiver.take(nothing).loadBalancers[0]!.groups, first.loadBalancers[0]!.groups);
  const delta = sender.delta(snapshot([a, c]));
  assert.equal([delta.newGroups.length, delta.newLists.length], [1, 1]);
  assert.equal([delta.droppedGroups.length, delta.droppedLists.length], [1, 1]);
  assert.is(receiver.take(delta).loadBalancers[0]!.groups[0], first.loadBalancers[0]!.groups[0]);
});

test.run();
