/**
 * Chained flows whatever happens in whatever order, as a naive model says: packets, replies, middleboxes that fail, drain and come
 * back, time. A packet passes one middlebox of each group and then its member, a reply the same ones in reverse; a flow keeps
 * its middleboxes as long as these have not failed; no other VM can speak for it.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, only } from '../../support/datapath-bed.ts';
import { udpFrame } from '../../support/packets.ts';
import { assertCovered, Random, runs, seed } from '../../support/seed.ts';
import { type GroupDescription, members, PORTS, type PortDescription, vm } from '../../support/topology.ts';

const chains = suite('service chains, any order');

const VIP = '10.1.0.100';
const BOXES = { fw: { fw1: 31, fw2: 32, fw3: 33 }, ids: { ids1: 41, ids2: 42 } } as const;
const BOX_NAMES = Object.values(BOXES).flatMap((group) => Object.keys(group));
const CLIENTS = ['web1', 'web2', 'web3'];

type State = 'active' | 'draining' | 'failed';

interface ModelFlow {
  readonly client: string;
  readonly sourcePort: number;
  /** Middleboxes and member, as last seen. */
  way: string[];
  lastMs: number;
}

class World {
  readonly bed: DatapathBed;
  readonly states = new Map<string, State>(BOX_NAMES.map((name) => [name, 'active']));
  flows: ModelFlow[] = [];
  moved = 0;
  private nextPort = 20_000;

  constructor() {
    const ports: PortDescription[] = [...PORTS];
    for (const group of Object.values(BOXES)) {
      for (const [name, host] of Object.entries(group)) {
        const port = vm(name, 'app', host);
        const allowedSources = port.addresses.map((text) => `${text}/${text.includes(':') ? 128 : 32}`);
        ports.push({ ...port, isMiddlebox: true, allowedSources });
      }
    }
    this.bed = new DatapathBed({ ports, groups: this.groups() });
  }

  private groups(): GroupDescription[] {
    const hops = Object.entries(BOXES).map(([name, group], i) => ({
      name,
      vip: '::',
      isHop: true,
      algorithm: i === 0 ? ('least-connections' as const) : undefined,
      members: Object.entries(group).map(([member, host]) => {
        return { name: member, address: `10.1.0.${host}`, state: this.states?.get(member) ?? 'active' };
      }),
    }));
    const api = { name: 'api', vip: VIP, protocol: 'udp' as const, through: ['fw', 'ids'] };
    return [{ ...api, members: members([2, 1], { port: 53 }) }, ...hops];
  }

  open(client: string): void {
    const flow = { client, sourcePort: this.nextPort++, way: [] as string[], lastMs: this.bed.nowMs };
    this.flows.push(flow);
    this.forth(flow);
  }

  /** The VMs that a packet of the client comes by. */
  forth(flow: ModelFlow): void {
    const { bed } = this;
    const fields = { sourcePort: flow.sourcePort, destinationPort: 80 };
    const way: string[] = [];
    let at = flow.client;
    while (!at.startsWith('app')) {
      assert.ok(way.length < 4, `a loop: ${way}`);
      const from = bed.address(flow.client);
      const sent = only(bed.send(at, udpFrame({ ...bed.way(at, VIP), from }, fields)));
      at = sent.port;
      way.push(at);
    }
    this.judge(flow, way);
  }

  /** The member answers the flow's last packet. */
  back(flow: ModelFlow): void {
    const { bed } = this;
    const member = flow.way.at(-1)!;
    const to = bed.address(flow.client);
    const way: string[] = [];
    let at = member;
    while (at !== flow.client) {
      assert.ok(way.length < 4, `a loop: ${way}`);
      const isMember = at === member;
      const from = isMember ? bed.address(member) : VIP;
      const fields = { sourcePort: isMember ? 53 : 80, destinationPort: flow.sourcePort };
      const sent = only(bed.send(at, udpFrame({ ...bed.way(at, to), from }, fields)));
      assert.is(sent.frame.packet!.from, VIP);
      way.unshift(at);
      at = sent.port;
    }
    this.judge(flow, way);
  }

  /** One of each group, and nobody else than before unless that one has failed. */
  private judge(flow: ModelFlow, way: string[]): void {
    assert.is(way.length, 3, way.join());
    const [fw, ids, member] = way as [string, string, string];
    assert.ok(fw in BOXES.fw && ids in BOXES.ids && member.startsWith('app'), way.join());
    if (flow.way.length > 0) {
      assert.is(member, flow.way[2], 'the member stays');
      for (const [i, name] of way.slice(0, 2).entries()) {
        if (name === flow.way[i]) continue;
        assert.is(flow.way[i], '', `${flow.way} became ${way}`);
        this.moved++;
      }
    }
    for (const name of way.slice(0, 2)) {
      const isNew = !flow.way.includes(name);
      const state = this.states.get(name);
      assert.ok(state === 'active' || (state === 'draining' && !isNew), `${name} is ${state}, ${isNew}`);
    }
    flow.way = way;
    flow.lastMs = this.bed.nowMs;
  }

  /** A middlebox that was not handed the flow tries to speak for either side. */
  spoof(flow: ModelFlow, name: string): void {
    if (flow.way.includes(name)) return;
    const { bed } = this;
    const client = bed.address(flow.client);
    const there = { sourcePort: flow.sourcePort, destinationPort: 80 };
    const back = { sourcePort: 80, destinationPort: flow.sourcePort };
    assert.equal(bed.send(name, udpFrame({ ...bed.way(name, VIP), from: client }, there)), []);
    assert.equal(bed.send(name, udpFrame({ ...bed.way(name, client), from: VIP }, back)), []);
  }

  set(name: string, state: State): void {
    const group = Object.values(BOXES).find((one) => name in one)!;
    const others = Object.keys(group).filter((other) => other !== name);
    if (state !== 'active' && !others.some((other) => this.states.get(other) === 'active')) return;
    this.states.set(name, state);
    const { bed } = this;
    bed.pass(1);
    bed.configure({ groups: this.groups() });
    if (state !== 'failed') return;
    const groupName = name in BOXES.fw ? 'fw' : 'ids';
    bed.datapath.purge([bed.maker.memberId(groupName, name)], 'all', bed.nowMs);
    for (const flow of this.flows) flow.way = flow.way.map((one) => (one === name ? '' : one));
    bed.pass(1);
  }

  pass(ms: number): void {
    this.bed.passSlowly(ms);
    // UDP flows end after two minutes of silence; well before, the model takes them for running.
    const { nowMs } = this.bed;
    this.flows = this.flows.filter(({ lastMs }) => nowMs - lastMs < 100_000);
  }

  /** Flows that each middlebox has, as the statistics say. */
  checkCounts(): void {
    for (const flow of this.flows) this.forth(flow);
    for (const [group, names] of Object.entries(BOXES)) {
      for (const name of Object.keys(names)) {
        const counted = CLIENTS.map((client) => this.bed.stats(client, group, name).activeFlows);
        const known = this.flows.filter(({ way }) => way.includes(name)).length;
        const sum = counted.reduce((a, b) => a + b, 0);
        assert.is(sum, known, `active flows through ${name}`);
      }
    }
  }
}

chains('each packet goes its flow’s way, forth and back, whatever fails meanwhile', () => {
  const random = new Random(seed, 17);
  let moved = 0;
  for (let life = 0; life < runs(12); life++) {
    const world = new World();
    const any = <T>(list: readonly T[]): T => list[(random.word() >>> 0) % list.length]!;
    for (let step = 0; step < 150; step++) {
      const what = (random.word() >>> 0) % 20;
      if (what < 5 || world.flows.length === 0) world.open(any(CLIENTS));
      else if (what < 9) world.forth(any(world.flows));
      else if (what < 13) world.back(any(world.flows));
      else if (what < 15) world.spoof(any(world.flows), any(BOX_NAMES));
      else if (what < 18) world.set(any(BOX_NAMES), any(['active', 'active', 'draining', 'failed']));
      else world.pass((random.word() >>> 0) % 8_000);
    }
    world.bed.passSlowly(40_000);
    world.flows = world.flows.filter(({ lastMs }) => world.bed.nowMs - lastMs < 100_000);
    world.checkCounts();
    world.bed.passSlowly(200_000);
    assert.equal(world.bed.flows(), []);
    moved += world.moved;
  }
  assertCovered(moved > 0, 'flows that have moved to another middlebox');
});

chains.run();
