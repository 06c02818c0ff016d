/**
 * The whole load balancer once more, slow and obviously right: Maps of strings, no typed arrays, no hashing, no
 * caches. It is told what was sent and what came out, says whether that was right, and remembers.
 *
 * Where the datapath may choose (which member, which free port, which ended flow makes room, when an expired record is
 * swept), the model looks at the choice and judges it; all else it predicts.
 */
import type { DatapathSnapshot } from '../../../src/datapath/snapshot.ts';
import { ChoiceJudge } from './choice-judge.ts';
import {
  type FlowEnds,
  forwardKey,
  hasEnded,
  isHairpin,
  isHalfOpen,
  isNewSyn,
  keyOf,
  type ModelFlow,
  nextState,
  type Packet,
  reverseKey,
  reverseKeyOf,
  textOf,
} from './flow.ts';
import { ModelError } from './model-error.ts';
import { addressOf, type Group, isEligible, type Member, servingMembers } from './world.ts';

/** What became of a packet. */
export type Outcome =
  | { readonly kind: 'to-member' | 'to-client'; readonly flow: ModelFlow }
  | { readonly kind: 'unchanged' | 'refused' | 'full' | 'cut-off' | 'loop' };

/** What the datapath chose for a new flow, as its first packet shows. */
export interface Choice {
  readonly member: string;
  readonly translated: number;
  readonly memberPort: number;
}

/** The datapath's own answers to questions that the model does not want to predict. */
export interface Observer {
  /** All records of the datapath, by `textOf`. */
  all(): Set<string>;
  /** The choice that the packet shows, or undefined if it went nowhere. */
  choice(): Choice | undefined;
  /** Whether the packet went nowhere. */
  isSilent(): boolean;
}

/** What the datapath must have counted for a load balancer, group and member. */
export interface Totals {
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
  newFlows: number;
}

export interface ModelOptions {
  readonly groups: readonly Group[];
  readonly settings: DatapathSnapshot['settings'];
  readonly capacity: number;
  /** Ports that have a load balancer. */
  readonly balancedPorts: number;
  readonly observer: Observer;
}

const HALF_OPEN_MS = 3_000;
const EVICTABLE_MS = 10_000;
const DIRECT_MEMORY_MS = 600_000;
const CUT_OFF_MS = 300_000;
/** One turn of the ageing hand, begun and in full. */
const SWEEP_MS = 17_000;

export class LoadBalancerModel {
  readonly flows = new Map<string, ModelFlow>();
  readonly totals = new Map<string, Totals>();
  private readonly byReverse = new Map<string, ModelFlow>();
  private readonly directNotes = new Map<string, number>();
  /** Flows whose members have failed, and when: by their reverse keys. */
  private readonly cutOff = new Map<string, number>();
  /** Packets of such members that the datapath stopped, and those that it had forgotten about. */
  stopped = 0;
  forgotten = 0;
  private readonly choices = new ChoiceJudge();
  private readonly options: ModelOptions;
  /** Flows that the datapath of now has from the one before, as it began, and when that was. */
  private readonly inherited = new Map<string, number>();
  private restartedMs: number | undefined;
  private groups: readonly Group[];
  nowMs = 0;
  wallMs = 0;

  constructor(options: ModelOptions) {
    this.options = options;
    this.groups = options.groups;
  }

  /** A packet from a client's port; `balancer` is the load balancer of that port. */
  fromClient(packet: Packet, ingress: string, balancer: string): Outcome {
    const { protocol, from, fromPort, to, toPort } = packet;
    let flow = this.lookup(forwardKey(balancer, protocol, from, fromPort, to, toPort));
    if (flow !== undefined && this.isDueForRepick(flow)) {
      this.remove(flow, true);
      flow = undefined;
    }
    if (!this.groups.some(({ vip }) => vip === to)) {
      return flow === undefined ? this.direct(packet, ingress, balancer) : this.forward(flow, packet);
    }
    if (flow !== undefined && isNewSyn(packet) && hasEnded(flow)) {
      this.remove(flow);
      flow = undefined;
    }
    if (flow !== undefined) {
      const mayBeLoop = flow.ingress !== ingress && flow.member === ingress;
      return mayBeLoop && this.options.observer.isSilent() ? { kind: 'loop' } : this.forward(flow, packet);
    }
    const own = this.lookupReverse(balancer, protocol, from, toPort, from, fromPort);
    if (own !== undefined && isHairpin(own) && own.vip === to) return this.backward(own, packet);
    // A reply begins nothing.
    if (protocol === 'icmp' && fromPort === 0) return { kind: 'cut-off' };
    return this.newFlow(packet, ingress, balancer);
  }

  /** A packet on its way to a client's port; `balancer` is the load balancer of that port. */
  toClient(packet: Packet, balancer: string): Outcome {
    const { protocol, from, fromPort, to, toPort } = packet;
    const flow = this.lookupReverse(balancer, protocol, to, toPort, from, fromPort);
    if (isNewSyn(packet) && (flow === undefined || hasEnded(flow))) {
      // The member's own connection, with the ports of a flow that has ended or was cut off.
      if (flow !== undefined) this.remove(flow);
      this.cutOff.delete(reverseKey(balancer, protocol, to, toPort, from, fromPort));
      return { kind: 'unchanged' };
    }
    if (flow !== undefined) return this.backward(flow, packet);
    const cutOffMs = this.cutOff.get(reverseKey(balancer, protocol, to, toPort, from, fromPort));
    if (cutOffMs === undefined || this.nowMs - cutOffMs >= CUT_OFF_MS) return { kind: 'unchanged' };
    // The datapath's memory is small and may forget; and an address that is no member's any more is not looked at.
    if (this.options.observer.isSilent()) {
      this.stopped++;
      return { kind: 'cut-off' };
    }
    if (this.isEndpoint(from)) this.forgotten++;
    return { kind: 'unchanged' };
  }

  private isEndpoint(address: string): boolean {
    const isMember = ({ sets, family }: Group): boolean =>
      sets.some((set) => set.some(({ name }) => addressOf(name, family) === address));
    if (this.groups.some((group) => group.vip === address || isMember(group))) return true;
    return [...this.flows.values()].some(({ memberAddress }) => memberAddress === address);
  }

  private newFlow(packet: Packet, ingress: string, balancer: string): Outcome {
    const { protocol, from, fromPort, to, toPort } = packet;
    const group = this.ruleFor(packet);
    if (group === undefined || (protocol === 'tcp' && !isNewSyn(packet))) return { kind: 'refused' };
    const set = group.switchesMs.filter((at) => this.wallMs >= at).length;
    const members = servingMembers(group, set);
    if (!members.some(isEligible)) return { kind: 'refused' };
    if (group.isPerDatagram) return this.datagram(packet, ingress, balancer, group, set);
    const choice = this.options.observer.choice();
    // Where the member would have the packet a second time, it is dropped, if it is known already where the member is.
    const loop = choice === undefined ? this.loopsOf(packet, ingress, members) : [];
    if (loop.length === 1) {
      this.judgePressure(ingress, false);
      this.choices.judge({ balancer, group, set, packet, nowMs: this.nowMs }, loop[0]);
      return { kind: 'loop' };
    }
    this.judgePressure(ingress, choice === undefined);
    if (choice === undefined) return { kind: 'full' };
    this.choices.judge({ balancer, group, set, packet, nowMs: this.nowMs }, choice.member);
    const memberPort = group.memberPort ?? toPort;
    if (choice.memberPort !== memberPort) {
      throw new ModelError(`member port: found ${choice.memberPort}, expected ${memberPort}`);
    }
    const memberAddress = group.rewrite === 'mac' ? to : addressOf(choice.member, group.family);
    this.judgePort(packet, balancer, choice.translated, memberAddress, memberPort);
    const flow = this.add({
      protocol,
      client: from,
      clientPort: fromPort,
      ingress,
      balancer,
      vip: to,
      vipPort: toPort,
      translated: choice.translated,
      member: choice.member,
      memberAddress,
      memberPort,
      kind: group.rewrite,
      group: group.name,
    });
    this.totalsOf(flow).newFlows++;
    return this.forward(flow, packet);
  }

  /** A datagram that finds its member by itself: records are for the replies, one per member. */
  private datagram(packet: Packet, ingress: string, balancer: string, group: Group, set: number): Outcome {
    const { protocol, from, fromPort, to, toPort } = packet;
    const choice = this.options.observer.choice();
    if (choice === undefined) {
      this.judgePressure(ingress, true);
      return { kind: 'full' };
    }
    const { member, translated } = choice;
    this.choices.judge({ balancer, group, set, packet, nowMs: this.nowMs }, member);
    const memberPort = group.memberPort ?? toPort;
    if (choice.memberPort !== memberPort)
      throw new ModelError(`member port: found ${choice.memberPort}, expected ${memberPort}`);
    const memberAddress = addressOf(member, group.family);
    const known = this.lookupReverse(balancer, protocol, from, translated, memberAddress, memberPort);
    const isOwn =
      known?.isPerDatagram && known.clientPort === fromPort && known.vip === to && known.vipPort === toPort;
    if (known !== undefined && isOwn) return this.forward(known, packet);
    this.judgePressure(ingress, false);
    this.judgePort(packet, balancer, translated, memberAddress, memberPort);
    const client = { client: from, clientPort: fromPort, vip: to, vipPort: toPort, translated };
    const service = { member, memberAddress, memberPort, kind: 'address' as const, group: group.name };
    const flow = this.add({ ...client, ...service, protocol, ingress, balancer, isPerDatagram: true });
    this.totalsOf(flow).newFlows++;
    return this.forward(flow, packet);
  }

  /** Members that have had the packets of a flow before, if it has been balanced at another port. */
  loopsOf(
    { protocol, from, fromPort, to, toPort }: Packet,
    ingress: string,
    set: readonly Member[],
  ): string[] {
    const others = [...this.flows.values()].filter(
      (flow) =>
        flow.protocol === protocol &&
        flow.client === from &&
        flow.clientPort === fromPort &&
        flow.vip === to &&
        flow.vipPort === toPort &&
        flow.ingress !== ingress,
    );
    return set
      .filter(isEligible)
      .map(({ name }) => name)
      .filter((name) =>
        others.some((flow) => flow.ingress === name || (name === ingress && flow.member === name)),
      );
  }

  /** Whether a VIP answers pings: as long as one of its groups has a member for new flows. */
  isServed(vip: string): boolean {
    return this.groups.some((group) => group.vip === vip && this.membersNow(group).some(isEligible));
  }

  private membersNow(group: Group): Group['sets'][number] {
    return servingMembers(group, group.switchesMs.filter((at) => this.wallMs >= at).length);
  }

  /** A packet straight to a member: it gets a record only if it would be mixed up with a balanced flow. */
  private direct(packet: Packet, ingress: string, balancer: string): Outcome {
    const { protocol, from, fromPort, to, toPort } = packet;
    const note = reverseKey(balancer, protocol, from, fromPort, to, toPort);
    if (protocol === 'tcp' && /[FR]/.test(packet.flags)) this.directNotes.delete(note);
    else this.directNotes.set(note, this.nowMs);
    this.cutOff.delete(note);
    const other = this.lookupReverse(balancer, protocol, from, fromPort, to, toPort);
    if (other === undefined) return { kind: 'unchanged' };
    if (hasEnded(other)) {
      // The port is used again, for another destination: the old flow must not catch the answers.
      this.remove(other);
      return { kind: 'unchanged' };
    }
    const choice = this.options.observer.choice();
    this.judgePressure(ingress, choice === undefined);
    if (choice === undefined) return { kind: 'full' };
    const { translated } = choice;
    this.judgePort(packet, balancer, translated, to, toPort);
    const client = { client: from, clientPort: fromPort, vip: to, vipPort: toPort, translated };
    const member = { member: choice.member, memberAddress: to, memberPort: toPort };
    const flow = this.add({ ...client, ...member, protocol, ingress, balancer, kind: 'direct', group: '' });
    return this.forward(flow, packet);
  }

  private forward(flow: ModelFlow, packet: Packet): Outcome {
    flow.lastSeenMs = this.nowMs;
    const totals = this.totalsOf(flow);
    totals.packets++;
    totals.bytes += packet.frameBytes;
    if (flow.protocol === 'tcp') flow.state = nextState(flow, packet.flags, 'client');
    return { kind: 'to-member', flow };
  }

  private backward(flow: ModelFlow, packet: Packet): Outcome {
    flow.lastSeenMs = this.nowMs;
    const totals = this.totalsOf(flow);
    totals.replyPackets++;
    totals.replyBytes += packet.frameBytes;
    flow.state = flow.protocol !== 'tcp' ? 'replied' : nextState(flow, packet.flags, 'member');
    return { kind: 'to-client', flow };
  }

  /** The most specific rule: one that names a port before one that does not. */
  private ruleFor({ protocol, to, toPort }: Packet): Group | undefined {
    const matches = this.groups.filter(
      (group) =>
        group.vip === to &&
        (group.protocol === 'any' || group.protocol === protocol) &&
        (group.port === undefined || group.port === toPort),
    );
    return matches.find(({ port }) => port !== undefined) ?? matches[0];
  }

  // -------------------------------------------------------------------------------------------------------
  // Judging what the datapath chose

  /** Another port than the client's own needs a reason; no port may be taken that a live flow has. */
  private judgePort(
    packet: Packet,
    balancer: string,
    translated: number,
    member: string,
    memberPort: number,
  ): void {
    const { protocol, from, fromPort } = packet;
    const holder = this.byReverse.get(reverseKey(balancer, protocol, from, translated, member, memberPort));
    if (holder !== undefined) {
      if (!hasEnded(holder)) throw new ModelError(`port ${translated} is taken by ${textOf(holder)}`);
      this.remove(holder);
    }
    if (translated === fromPort) return;
    const own = reverseKey(balancer, protocol, from, fromPort, member, memberPort);
    const taken = this.byReverse.get(own);
    const noted = this.directNotes.get(own);
    const isNoted = noted !== undefined && this.nowMs - noted < DIRECT_MEMORY_MS;
    if ((taken === undefined || hasEnded(taken)) && !isNoted) {
      throw new ModelError(`client port ${fromPort} became ${translated} without need`);
    }
  }

  /** Who may be refused, and who may make room, when the table is full or a port holds more than its share. */
  private judgePressure(ingress: string, isRefused: boolean): void {
    const { capacity, balancedPorts, observer } = this.options;
    const all = [...this.flows.values()];
    const own = all.filter((flow) => flow.ingress === ingress).length;
    // A port may hold three times what is free.
    const isOverShare = balancedPorts > 1 && own >= 3 * (capacity - all.length);
    const mustMakeRoom = all.length >= capacity || isOverShare;
    if (!mustMakeRoom) {
      if (isRefused)
        throw new ModelError(`refused with ${all.length} of ${capacity} rows in use, ${own} own`);
      return;
    }
    const heldBy = (port: string): number => all.filter((flow) => flow.ingress === port).length;
    const candidates = all
      .filter((flow) => this.mayMakeRoom(flow))
      .filter((flow) => flow.ingress === ingress || (!isOverShare && heldBy(flow.ingress) >= own));
    if (isRefused) {
      if (candidates.length === 0) return;
      throw new ModelError(`refused, though ${textOf(candidates[0])} could make room`);
    }
    const left = observer.all();
    const gone = candidates.filter((flow) => !left.has(textOf(flow)));
    if (gone.length === 0) throw new ModelError('a row was needed, and none was given up');
    for (const flow of gone) this.remove(flow, mayBeHeard(flow));
  }

  private mayMakeRoom(flow: ModelFlow): boolean {
    const idleMs = this.nowMs - flow.lastSeenMs;
    const isEvictable = this.options.settings.onTableFull === 'evict-idle' && idleMs > EVICTABLE_MS;
    const isStale = isHalfOpen(flow) && idleMs > HALF_OPEN_MS;
    return flow.isGhost || hasEnded(flow) || idleMs > this.timeoutMs(flow) || isStale || isEvictable;
  }

  // -------------------------------------------------------------------------------------------------------
  // Changes and time

  change(groups: readonly Group[]): void {
    this.choices.change(this.groups, groups);
    this.groups = groups;
  }

  /** Another datapath goes on: with the flows and what clients are used to, but not with other memories. */
  restart(): void {
    this.restartedMs = this.nowMs;
    this.totals.clear();
    this.inherited.clear();
    for (const flow of this.flows.values()) {
      this.totalsOf(flow);
      const key = totalsKey(flow);
      this.inherited.set(key, this.takenOver(key) + 1);
    }
    this.directNotes.clear();
    this.cutOff.clear();
    this.choices.restart();
  }

  takenOver(totals: string): number {
    return this.inherited.get(totals) ?? 0;
  }

  /** A member has failed (all of its flows go) or was removed (its datagrams go). */
  purge(group: string, member: string, which: 'all' | 'datagrams'): void {
    for (const flow of this.flows.values()) {
      if (flow.group !== group || flow.member !== member) continue;
      if (which === 'all' || flow.protocol !== 'tcp') flow.isGhost = true;
    }
  }

  private groupOf(flow: ModelFlow): Group | undefined {
    return this.groups.find(({ name }) => name === flow.group);
  }

  /** A datagram flow after its group's gap: the client's next packet finds a member anew. */
  private isDueForRepick(flow: ModelFlow): boolean {
    if (flow.protocol === 'tcp') return false;
    return this.nowMs - flow.lastSeenMs > (this.groupOf(flow)?.udpRepickMs ?? Number.POSITIVE_INFINITY);
  }

  private timeoutMs(flow: ModelFlow): number {
    const { udpIdleMs, tcpEstablishedIdleMs, tcpTransitoryIdleMs } = this.options.settings;
    if (flow.protocol !== 'tcp') return this.groupOf(flow)?.udpIdleMs ?? udpIdleMs;
    return flow.state === 'established' ? tcpEstablishedIdleMs : tcpTransitoryIdleMs;
  }

  /** After the end of a batch: the datapath's records are the model's, but for expired ones that it has swept. */
  compare(): void {
    const found = this.options.observer.all();
    for (const flow of [...this.flows.values()]) {
      const overMs = this.nowMs - flow.lastSeenMs - this.timeoutMs(flow);
      if (found.delete(textOf(flow))) {
        if (flow.isGhost) throw new ModelError(`purged, and still there after a batch: ${textOf(flow)}`);
        const sinceRestartMs = this.nowMs - (this.restartedMs ?? Number.NEGATIVE_INFINITY);
        if (Math.min(overMs, sinceRestartMs) > SWEEP_MS)
          throw new ModelError(`overdue by ${overMs} ms: ${textOf(flow)}`);
      } else {
        if (!flow.isGhost && overMs <= 0) throw new ModelError(`lost: ${textOf(flow)}`);
        this.remove(flow, mayBeHeard(flow));
      }
    }
    const [stranger] = found;
    if (stranger !== undefined) throw new ModelError(`not expected: ${stranger}`);
  }

  // -------------------------------------------------------------------------------------------------------
  // Records

  private lookup(key: string): ModelFlow | undefined {
    const flow = this.flows.get(key);
    if (flow?.isGhost !== true) return flow;
    this.remove(flow);
    return undefined;
  }

  private lookupReverse(
    balancer: string,
    protocol: string,
    client: string,
    port: number,
    member: string,
    memberPort: number,
  ) {
    const flow = this.byReverse.get(reverseKey(balancer, protocol, client, port, member, memberPort));
    return flow === undefined ? undefined : this.lookup(keyOf(flow));
  }

  private add(ends: FlowEnds): ModelFlow {
    const state = ends.protocol === 'tcp' ? 'syn-sent' : 'unreplied';
    const flow: ModelFlow = {
      ...ends,
      state,
      stateBeforeReset: state,
      lastSeenMs: this.nowMs,
      isGhost: false,
    };
    this.flows.set(keyOf(flow), flow);
    this.byReverse.set(reverseKeyOf(flow), flow);
    return flow;
  }

  /** `isCutOff`: its member may still send. */
  private remove(flow: ModelFlow, isCutOff = false): void {
    if (flow.isGhost || isCutOff) this.cutOff.set(reverseKeyOf(flow), this.nowMs);
    this.flows.delete(keyOf(flow));
    this.byReverse.delete(reverseKeyOf(flow));
  }

  private totalsOf(flow: FlowEnds): Totals {
    const key = totalsKey(flow);
    const known = this.totals.get(key);
    if (known !== undefined) return known;
    const fresh = { packets: 0, bytes: 0, replyPackets: 0, replyBytes: 0, newFlows: 0 };
    this.totals.set(key, fresh);
    return fresh;
  }
}

/** Whether the member of a flow whose record goes may still send on it. */
const mayBeHeard = ({ state }: ModelFlow): boolean => state !== 'time-wait';

const totalsKey = ({ balancer, group, member }: FlowEnds): string => `${balancer} ${group} ${member}`;
