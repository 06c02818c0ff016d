/** One episode: the same commands to a datapath and to the model, and every frame that comes out compared. */
import { PORT, PORT_FIELDS } from '../../../src/tables/port-counters.ts';
import { hexOf } from '../../support/addresses.ts';
import { type BedOptions, DatapathBed, describe, type Sent } from '../../support/datapath-bed.ts';
import {
  countingBytes,
  echoFrame,
  icmpFrame,
  tcpFrame,
  type Way,
  type WireFrame,
} from '../../support/packets.ts';
import { parseFrame } from '../../support/parse-frame.ts';
import { PORTS } from '../../support/topology.ts';
import type {
  ChangeCommand,
  Command,
  DirectCommand,
  ErrorCommand,
  FlowCommand,
  PingCommand,
  SendCommand,
} from './commands.ts';
import { forwardKey, isHairpin, type ModelFlow, type Packet } from './flow.ts';
import {
  ACKNOWLEDGMENT,
  build,
  clientEnds,
  type Ends,
  memberEnds,
  quotedPacket,
  reversed,
  SEQUENCE,
  type Segment,
} from './frames.ts';
import { type Choice, LoadBalancerModel, type Outcome } from './lb-model.ts';
import { ModelError } from './model-error.ts';
import {
  addressOf,
  describeGroup,
  firstGroups,
  type Group,
  networkOf,
  ownerOf,
  START_WALL_MS,
  TIMERS,
  withMembers,
} from './world.ts';

export interface EpisodeOptions {
  readonly capacity: number;
  readonly balancer: 'port' | 'host';
  readonly onTableFull: 'refuse' | 'evict-idle';
  /** Monotonic clock at the start: it may wrap around on the way. */
  readonly startMs: number;
}

export class Episode {
  private bed: DatapathBed;
  private readonly options: BedOptions;
  private readonly model: LoadBalancerModel;
  private groups = firstGroups();
  private sent: readonly Sent[] = [];
  private batches = 0;
  private errorsSuppressed = 0;

  constructor({ capacity, balancer, onTableFull, startMs }: EpisodeOptions) {
    const settings = { ...TIMERS, onTableFull };
    // The numbers in the segments are those of no conversation: nothing is known of them, and every segment is believed.
    const meterPacketsPerMs = 0;
    this.options = { limits: { maxConnections: capacity }, settings, balancer, slots: 16, meterPacketsPerMs };
    const groups = this.groups.map(describeGroup);
    this.bed = new DatapathBed({ ...this.options, groups, nowMs: startMs, wallMs: START_WALL_MS });
    this.model = new LoadBalancerModel({
      groups: this.groups,
      settings,
      capacity,
      balancedPorts: PORTS.length,
      observer: {
        all: () => this.records(),
        choice: () => this.choice(),
        isSilent: () => this.sent.length === 0,
      },
    });
    this.pass(0);
  }

  run(command: Command): void {
    switch (command.kind) {
      case 'send':
        return this.sendNew(command);
      case 'go-on':
        return this.goOn(command);
      case 'reply':
        return this.reply(command);
      case 'send-on':
        return this.sendOn(command);
      case 'direct':
        return this.direct(command);
      case 'direct-answer':
        return this.directAnswer(command);
      case 'error':
        return this.error(command);
      case 'ping':
        return this.ping(command);
      case 'reapply':
        this.bed.configure({});
        return;
      case 'restart':
        return this.restart();
      case 'pass':
        return this.pass(command.ms);
      default:
        return this.change(command);
    }
  }

  /** At the end: counters, and everything comes to rest. */
  finish(): void {
    this.pass(0);
    this.checkTotals();
    for (let i = 0; i < 12; i++) this.pass(10_000);
    const { stopped, forgotten } = this.model;
    if (forgotten > 5 + stopped / 10) {
      throw new ModelError(`of flows cut off, ${forgotten} packets passed and ${stopped} were stopped`);
    }
    if (this.model.flows.size > 0) throw new ModelError(`${this.model.flows.size} flows never end`);
    this.checkTotals();
  }

  // -------------------------------------------------------------------------------------------------------
  // Packets

  private sendNew({ client, group, clientPort, toPort, protocol, ...segment }: SendCommand): void {
    const { vip, family, protocol: balanced } = this.groups[group];
    const isEcho = balanced === 'icmp';
    const service = isEcho ? { protocol: balanced, toPort: 0 } : { protocol, toPort };
    const ends = { from: addressOf(client, family), fromPort: clientPort, to: vip, ...service };
    this.fromClient(client, ends, isEcho ? { ...segment, partial: false } : segment);
  }

  private goOn({ flow: position, ...segment }: FlowCommand): void {
    const flow = this.flowAt(position);
    if (flow === undefined) return;
    const { protocol, client, clientPort, vip, vipPort } = flow;
    this.fromClient(
      flow.ingress,
      { protocol, from: client, fromPort: clientPort, to: vip, toPort: vipPort },
      segment,
    );
  }

  private reply({ flow: position, ...segment }: FlowCommand): void {
    const flow = this.flowAt(position);
    if (flow === undefined) return;
    const { protocol, client, translated, member, memberAddress, memberPort, vip } = flow;
    // On a hairpin the member knows its client by the VIP.
    const to = isHairpin(flow) ? vip : client;
    const ends = { protocol, from: memberAddress, fromPort: memberPort, to, toPort: translated };
    if (isHairpin(flow)) this.fromClient(member, ends, segment);
    else this.toClient(member, ownerOf(client), ends, segment);
  }

  /** The member of a MAC redirect is a router: it sends what it got on to the VIP, in the client's name. */
  private sendOn({ flow: position, ...segment }: FlowCommand): void {
    const flow = this.flowAt(position);
    if (flow === undefined || flow.kind !== 'mac' || flow.isGhost) return;
    const { protocol, client, clientPort, vip, vipPort, member } = flow;
    const ends = { protocol, from: client, fromPort: clientPort, to: vip, toPort: vipPort };
    const { group } = flow;
    const sets = this.groups.find(({ name }) => name === group)?.sets ?? [];
    // Which of several would be a loop could not be told from the outside.
    if (this.model.loopsOf({ ...ends, flags: '', frameBytes: 0 }, member, sets.flat()).length > 1) return;
    this.fromClient(member, ends, segment);
  }

  private direct({ client, member, clientPort, toPort, protocol, flags }: DirectCommand): void {
    if (client === member) return;
    const ends = {
      protocol,
      from: addressOf(client, 4),
      fromPort: clientPort,
      to: addressOf(member, 4),
      toPort,
    };
    this.fromClient(client, ends, { flags, payload: 5 });
  }

  private directAnswer({ client, member, clientPort, toPort, protocol, flags }: DirectCommand): void {
    if (client === member) return;
    const ends = {
      protocol,
      from: addressOf(member, 4),
      fromPort: toPort,
      to: addressOf(client, 4),
      toPort: clientPort,
    };
    // To the other side this is a client that talks to a member directly: its own record, if it ever needs one.
    const key = forwardKey(this.balancerOf(member), protocol, ends.from, toPort, ends.to, clientPort);
    if (this.model.flows.has(key)) return;
    this.toClient(member, client, ends, { flags, payload: 7 });
  }

  private fromClient(port: string, ends: Ends, segment: Segment): void {
    const way = this.bed.way(port, ends.to, { from: ends.from });
    const frame = build(way, ends, segment);
    const packet = {
      ...ends,
      flags: ends.protocol === 'tcp' ? segment.flags : '',
      frameBytes: frame.bytes.length,
    };
    this.sent = this.bed.send(port, frame);
    const outcome = this.model.fromClient(packet, port, this.balancerOf(port));
    this.expectSent(this.expected(outcome, port, way, packet, segment));
  }

  private toClient(member: string, client: string, ends: Ends, segment: Segment): void {
    const way = this.bed.way(member, ends.to, { from: ends.from });
    const frame = build(way, ends, segment);
    const packet = {
      ...ends,
      flags: ends.protocol === 'tcp' ? segment.flags : '',
      frameBytes: frame.bytes.length,
    };
    this.sent = this.bed.send(member, frame);
    const outcome = this.model.toClient(packet, this.balancerOf(client));
    this.expectSent(this.expected(outcome, client, way, packet, segment));
  }

  /** The frames that must have come out, where and byte for byte. */
  private expected(
    outcome: Outcome,
    port: string,
    way: Way,
    packet: Packet,
    segment: Segment,
  ): [string, WireFrame][] {
    switch (outcome.kind) {
      case 'full':
      case 'cut-off':
      case 'loop':
        return [];
      case 'refused':
        return this.refusal(port, way, packet, segment);
      case 'unchanged': {
        const to = PORTS.find(({ addresses }) => addresses.includes(packet.to))?.name ?? '';
        return [[to, build(this.routed(way, to), packet, segment)]];
      }
      case 'to-member':
        return [
          [
            outcome.flow.member,
            build(this.wayToMember(outcome.flow, way), memberEnds(outcome.flow), segment),
          ],
        ];
      case 'to-client':
        return [
          [
            ownerOf(outcome.flow.client),
            build(this.wayToClient(outcome.flow, way), clientEnds(outcome.flow), segment),
          ],
        ];
    }
  }

  /** The frame's way when it has crossed to the network of a port, if it is another one. */
  private routed(way: Way, to: string): Way {
    const crosses = way.toMac.startsWith('02:53');
    if (!crosses) return way;
    return {
      ...way,
      fromMac: this.bed.maker.routerMac(networkOf(to)),
      toMac: this.bed.mac(to),
      ttl: (way.ttl ?? 64) - 1,
    };
  }

  private wayToMember(flow: ModelFlow, way: Way): Way {
    const to = flow.memberAddress;
    if (networkOf(flow.member) === 'db') return this.routed({ ...way, to }, flow.member);
    const direct = { ...way, to, toMac: this.bed.mac(flow.member) };
    return isHairpin(flow) ? { ...direct, from: flow.vip, fromMac: this.bed.maker.routerMac('app') } : direct;
  }

  private wayToClient(flow: ModelFlow, way: Way): Way {
    const routed = networkOf(flow.member) === 'db' ? this.routed(way, ownerOf(flow.client)) : way;
    const fromMac = flow.kind === 'direct' ? routed.fromMac : this.bed.maker.routerMac('app');
    return { ...routed, from: flow.vip, to: flow.client, fromMac, toMac: this.bed.mac(ownerOf(flow.client)) };
  }

  /** What a client hears when nobody serves it. */
  private refusal(port: string, way: Way, packet: Packet, segment: Segment): [string, WireFrame][] {
    const back = { fromMac: way.toMac, toMac: way.fromMac, from: way.to, to: way.from };
    if (packet.protocol !== 'tcp') {
      if (this.sent.length === 0 && this.isErrorSuppressed()) return [];
      const unreachable = packet.protocol === 'udp' ? { 4: 3, 6: 4 } : { 4: 1, 6: 3 };
      const type = way.from.includes(':') ? [1, unreachable[6]] : [3, unreachable[4]];
      // What is quoted has its checksum, though the VM had left it to its device.
      const whole = build(way, packet, { ...segment, partial: false });
      const original = parseFrame(whole.bytes, whole.vnet).packet?.bytes;
      return [[port, icmpFrame(back, type[0], type[1], 0, original)]];
    }
    if (packet.flags.includes('R')) return [];
    const ports = { sourcePort: packet.toPort, destinationPort: packet.fromPort, window: 0 };
    if (packet.flags.includes('A')) {
      return [[port, tcpFrame(back, { ...ports, flags: 'R', sequence: ACKNOWLEDGMENT })]];
    }
    const control = [...packet.flags].filter((flag) => 'SF'.includes(flag)).length;
    const acknowledgment = SEQUENCE + segment.payload + control;
    return [[port, tcpFrame(back, { ...ports, flags: 'RA', sequence: 0, acknowledgment })]];
  }

  /** Whether the rate limit has kept back another error since the last question. */
  private isErrorSuppressed(): boolean {
    const { fields } = this.bed.tables.portCounters;
    let suppressed = 0;
    for (let at = PORT.errorsSuppressed; at < fields.length; at += PORT_FIELDS) suppressed += fields[at];
    const isMore = suppressed > this.errorsSuppressed;
    this.errorsSuppressed = suppressed;
    return isMore;
  }

  /** An ICMP error about a flow, from one of its ends: the other reads about its own packet. */
  private error({ flow: position, side }: ErrorCommand): void {
    const flow = this.flowAt(position);
    if (flow === undefined || flow.isGhost || isHairpin(flow) || flow.kind === 'direct') return;
    if (ownerOf(flow.client) !== flow.ingress) return;
    // It names no member: datagram-records.ts.
    if (flow.isPerDatagram && side === 'client') return;
    const kind = flow.client.includes(':') ? [1, 4, 0] : [3, 3, 0];
    const near = side === 'member' ? memberEnds(flow) : reversed(clientEnds(flow));
    const far = side === 'member' ? reversed(clientEnds(flow)) : memberEnds(flow);
    // The member quotes what it got from the client, the client what it got from the VIP.
    const [told, heard] = side === 'member' ? [near, far] : [reversed(near), reversed(far)];
    const from = side === 'member' ? flow.member : flow.ingress;
    const way = this.bed.way(from, told.from, { from: told.to });
    const message = (along: Way, about: typeof told): WireFrame =>
      icmpFrame(along, kind[0], kind[1], kind[2], quotedPacket(about));
    this.sent = this.bed.send(from, message(way, told));
    const onward =
      side === 'member' ? this.wayToClient(flow, way) : { ...this.wayToMember(flow, way), from: flow.client };
    this.expectSent([[side === 'member' ? flow.ingress : flow.member, message(onward, heard)]]);
  }

  private ping({ client, group }: PingCommand): void {
    const { vip, protocol } = this.groups[group];
    if (protocol === 'icmp') return; // `send` does that
    const way = this.bed.way(client, vip);
    const [answer, ...more] = this.bed.send(client, echoFrame(way, 7, 9, countingBytes(11)));
    const icmp = answer?.frame.packet?.icmp;
    const isServed = this.model.isServed(vip);
    if (!isServed && answer === undefined && this.isErrorSuppressed()) return;
    const isReply = icmp?.type === 0 || icmp?.type === 129;
    if (answer?.port !== client || more.length > 0 || isReply !== isServed) {
      throw new ModelError(
        `ping ${vip}: ${isReply ? 'a' : 'no'} reply, expected ${isServed ? 'one' : 'none'}`,
      );
    }
  }

  // -------------------------------------------------------------------------------------------------------
  // Changes and time

  private change({ kind, group: position, member: which, weight }: ChangeCommand): void {
    const group = this.groups[position];
    const pool = group.sets[0].length > 0 ? group.sets[0] : group.sets[group.sets.length - 1];
    // A client that gets its own packets back unchanged would answer them inside itself: no MAC redirect to clients.
    const added = group.rewrite === 'mac' ? `app${2 + (which % 4)}` : `app${which + 1}`;
    const name = kind === 'add' ? added : pool[which % Math.max(1, pool.length)]?.name;
    if (name === undefined) return;
    const changed = withMembers(group, (set) => {
      if (set.length === 0) return set;
      if (kind === 'remove') return set.filter((member) => member.name !== name);
      if (kind === 'add')
        return set.some((member) => member.name === name) ? set : [...set, { name, weight, state: 'active' }];
      return set.map((member) => {
        if (member.name !== name) return member;
        if (kind === 'weight') return { ...member, weight };
        return { ...member, state: kind === 'drain' ? 'draining' : kind === 'fail' ? 'failed' : 'active' };
      });
    });
    this.groups = this.groups.with(position, changed);
    this.bed.configure({ groups: this.groups.map(describeGroup) });
    this.model.change(this.groups);
    if (kind === 'fail') this.purge(group, name, 'all');
    if (kind === 'remove') this.purge(group, name, 'datagrams');
  }

  private restart(): void {
    // What a purge has left is swept here; a host purges again (host/takeover/takeover.ts).
    this.pass(0);
    this.checkTotals();
    const { nowMs, wallMs } = this.bed;
    const follows = { bed: this.bed, ports: PORTS.map(({ name }) => name) };
    const groups = this.groups.map(describeGroup);
    const hashKey = [nowMs | 0, 7] as const;
    this.bed = new DatapathBed({ ...this.options, groups, nowMs, wallMs, hashKey, follows });
    this.errorsSuppressed = 0;
    this.model.restart();
    this.pass(0);
  }

  private purge(group: Group, member: string, which: 'all' | 'datagrams'): void {
    this.bed.datapath.purge([this.bed.maker.memberId(group.name, member)], which, this.bed.nowMs);
    this.model.purge(group.name, member, which);
    // What is made in the same millisecond counts as older than the purge.
    this.bed.nowMs += 1;
    this.setClocks();
  }

  private pass(ms: number): void {
    const sent = this.bed.pass(ms);
    if (sent.length > 0) throw new ModelError(`a timer sent ${describe(sent)}`);
    this.setClocks();
    this.model.compare();
    if (this.batches++ % 64 === 0) this.checkTotals();
  }

  private setClocks(): void {
    this.model.nowMs = this.bed.nowMs;
    this.model.wallMs = this.bed.wallMs;
  }

  // -------------------------------------------------------------------------------------------------------
  // Looking at the datapath

  private flowAt(position: number): ModelFlow | undefined {
    const flows = [...this.model.flows.values()];
    return flows.length === 0 ? undefined : flows[position % flows.length];
  }

  private balancerOf(port: string): string {
    return `${this.bed.maker.balancerOf(this.bed.topology, port)}`;
  }

  private records(): Set<string> {
    const spaced = (end: string): string => end.replace(/^\[?(.*?)\]?:(\d+)$/, '$1 $2');
    const portOf = (end: string): string => spaced(end).split(' ')[1];
    return new Set(
      this.bed.flows().map(({ protocol, client, vip, translated, member, state, port }) => {
        const name = protocol === 6 ? 'tcp' : protocol === 17 ? 'udp' : 'icmp';
        return `${this.balancerOf(port)}: ${name} ${spaced(client)} > ${spaced(vip)} | ${portOf(translated)} ${spaced(member)} | ${state}`;
      }),
    );
  }

  private choice(): Choice | undefined {
    if (this.sent.length === 0) return undefined;
    const [{ port, frame }] = this.sent;
    const echo = frame.packet?.icmp;
    if (echo?.type === 8 || echo?.type === 128)
      return { member: port, translated: echo.rest >>> 16, memberPort: 0 };
    const ports = frame.packet?.tcp ?? frame.packet?.udp;
    if (ports === undefined)
      throw new ModelError(`expected a packet at a member, found ${describe(this.sent)}`);
    return { member: port, translated: ports.sourcePort, memberPort: ports.destinationPort };
  }

  private expectSent(expected: readonly [string, WireFrame][]): void {
    const found = this.sent.map(({ port, wire }) => `${port} ${hexOf(wire.vnet)} ${hexOf(wire.bytes)}`);
    const wanted = expected.map(([port, { bytes, vnet }]) => `${port} ${hexOf(vnet)} ${hexOf(bytes)}`);
    if (found.join() === wanted.join()) return;
    const readable = expected.map(([port, wire]) => ({
      port,
      wire,
      frame: parseFrame(wire.bytes, wire.vnet),
    }));
    throw new ModelError(
      `found    ${describe(this.sent) || 'nothing'}\nexpected ${describe(readable) || 'nothing'}\n${found}\n${wanted}`,
    );
  }

  /** Statistics per load balancer, group and member: exact counters, and a gauge between two bounds. */
  private checkTotals(): void {
    for (const [key, totals] of this.model.totals) {
      const [balancer, group, member] = key.split(' ');
      if (group === '') continue;
      const stats = this.bed.statsAt(Number(balancer), group, member);
      const own = [...this.model.flows.values()].filter(
        (flow) => flow.balancer === balancer && flow.group === group && flow.member === member,
      );
      for (const name of Object.keys(totals) as (keyof typeof totals)[]) {
        if (stats[name] !== totals[name])
          throw new ModelError(`${key} ${name}: found ${stats[name]}, expected ${totals[name]}`);
      }
      const ended = this.model.takenOver(key) + totals.newFlows - own.length;
      if (stats.endedFlows !== ended)
        throw new ModelError(`${key} endedFlows: found ${stats.endedFlows}, expected ${ended}`);
      const running = own.filter(({ state }) => !/^(time-wait|reset)/.test(state));
      const fresh = running.filter(
        ({ lastSeenMs }) => this.model.nowMs - lastSeenMs <= TIMERS.activeFlowIdleMs,
      );
      if (stats.activeFlows < fresh.length || stats.activeFlows > running.length) {
        throw new ModelError(
          `${key} activeFlows: found ${stats.activeFlows}, expected ${fresh.length} … ${running.length}`,
        );
      }
    }
  }
}
