/**
 * The datapath of one host: ports, load balancers and the forwarding element over shared tables.
 *
 * It knows no I/O, no clock and no randomness: frames, time and the tables' hash key are handed in. The same code
 * runs behind TAPs, behind a capture file and in property tests. All of it runs on one thread, batch by batch:
 *
 *   beginBatch(now) → handleFrames(frames) → endBatch()
 *
 * A snapshot describes everything that the control side decides; `apply` swaps it in between two batches, and
 * running state (connections, learned MACs, round-robin positions) carries over by ids.
 */
import { ROLE_ANSWERED } from '../tables/balancing/endpoint-table.ts';
import { NONE } from '../tables/common/bucket-index.ts';
import { NetworkAddress } from '../tables/common/network-address.ts';
import { MAX_MACS_PER_PORT } from '../tables/forwarding/mac-table.ts';
import type { FrameArena } from '../tables/frame-arena.ts';
import { DROP } from '../tables/port-counters.ts';
import type { Tables } from '../tables/tables.ts';
import { addressToWords, macHigh16, macLow32 } from '../wire/address.ts';
import { ConnectionTracking } from './balancing/connection-tracking.ts';
import { FailFast } from './balancing/fail-fast.ts';
import { FlowMeter } from './balancing/flow-meter.ts';
import { InheritedFlows } from './balancing/inherited-flows.ts';
import { LoadBalancer } from './balancing/load-balancer.ts';
import { type RuleSet, RuleSets } from './balancing/rule-sets.ts';
import { UndeliveredFlows } from './balancing/undelivered-flows.ts';
import { type CaptureClock, CapturePoints } from './capture/capture-points.ts';
import { FastPath } from './fast-path/fast-path.ts';
import { LOOKAHEAD_FRAMES, Lookahead } from './fast-path/lookahead.ts';
import { PortFacts } from './fast-path/port-facts.ts';
import type { Firewall } from './firewall/firewall.ts';
import { FirewallFlows } from './firewall/firewall-flows.ts';
import { Rejudging } from './firewall/rejudging.ts';
import { Announcer } from './forwarding/announcer.ts';
import { ForwardingElement } from './forwarding/forwarding-element.ts';
import { Fragments } from './forwarding/fragments.ts';
import { IcmpErrors } from './forwarding/icmp-errors.ts';
import { LogicalRouter } from './forwarding/logical-router.ts';
import { LogicalSwitch } from './forwarding/logical-switch.ts';
import { NeighbourResolver } from './forwarding/neighbour-resolver.ts';
import { Responder } from './forwarding/responder.ts';
import { RouterAdvertiser } from './forwarding/router-advertiser.ts';
import { Context, type FrameList, type FrameOutput, frameList } from './frame/context.ts';
import { Frame } from './frame/frame.ts';
import { OffloadFinisher } from './frame/offload.ts';
import { stripPriorityTags } from './frame/priority-tags.ts';
import type { TraceSink } from './frame/trace-sink.ts';
import { CONSUMED } from './frame/verdict.ts';
import { MssClamp } from './operators/mss-clamp.ts';
import { RateBuckets } from './operators/rate-limit.ts';
import { buildChain, portMac } from './port-chain.ts';
import { type Network, Networks } from './ports/networks.ts';
import { Port, type PortOptions } from './ports/port.ts';
import type { DatapathSnapshot, PortSpec, PreparedGroup } from './snapshot.ts';

export type { FrameList, FrameOutput } from './frame/context.ts';

export interface DatapathOptions {
  readonly arena: FrameArena;
  readonly output: FrameOutput;
  /** Initialised by the caller; the datapath is the only writer from now on. */
  readonly tables: Tables;
  /** Packets looked at for times and losses per millisecond; 0: none, not even handshakes. */
  readonly meterPacketsPerMs?: number;
  /** Of captured packets; absent: their times are 1970. */
  readonly captureClock?: CaptureClock;
  /** False: every packet takes the slow path; for comparisons. */
  readonly fastPath?: boolean;
}

const NO_CLOCK: CaptureClock = { read: () => {}, seconds: () => 0, nanoseconds: () => 0 };

/** MAC sets aged per millisecond that has batches at all. */
const MAC_SETS_PER_TICK = 4;
/** The same for affinities. */
const AFFINITY_SETS_PER_TICK = 4;

export class Datapath {
  /** Revision of the snapshot in force; 0 before the first. */
  revision = 0;
  private readonly context: Context;
  private readonly networks: Networks;
  private readonly ports: (Port | undefined)[];
  private readonly loadBalancers = new Map<number, LoadBalancer>();
  private readonly frame: Frame;
  private readonly meter: FlowMeter;
  private readonly tracking: ConnectionTracking;
  private readonly ruleSets: RuleSets;
  private readonly errors: IcmpErrors;
  private readonly fragments: Fragments;
  private readonly responder: Responder;
  private readonly logicalSwitch: LogicalSwitch;
  private readonly resolver: NeighbourResolver;
  private readonly router: LogicalRouter;
  private readonly forwarding: ForwardingElement;
  private readonly announcer: Announcer;
  private readonly advertiser: RouterAdvertiser;
  private readonly finisher: OffloadFinisher;
  private readonly firewallFlows: FirewallFlows;
  private readonly rejudging: Rejudging;
  /** By port and place; a handful of numbers per port number that ever had a limit. */
  private readonly rateBuckets = new Map<string, readonly [RateBuckets, RateBuckets]>();
  private readonly facts: PortFacts;
  private readonly lookahead: Lookahead;
  private readonly fastPath: FastPath;
  /** The list of a frame that is handled alone. */
  private readonly alone = frameList(1);
  private readonly usesFastPath: boolean;
  readonly captures: CapturePoints;
  /** Networks and ports that are in force as a whole: a snapshot with the same objects changes nothing about them. */
  private wired: Pick<DatapathSnapshot, 'networks' | 'ports'> | undefined;
  private lastTimersMs = -1;
  private nextTimersMs = 0;
  /** Neighbours preset by the snapshot in force. */
  private fixedNeighbours = new Set<number>();

  constructor(options: DatapathOptions) {
    const context = new Context(options.arena, options.output, options.tables);
    const networks = new Networks(options.tables.limits.maxPorts);
    this.context = context;
    this.networks = networks;
    this.ports = new Array<Port | undefined>(options.tables.limits.maxPorts).fill(undefined);
    this.frame = new Frame(options.arena);
    const failFast = new FailFast(context, networks, this.ports);
    this.meter = new FlowMeter(context, options.meterPacketsPerMs);
    this.tracking = new ConnectionTracking(context, this.meter, (row) => failFast.tell(row));
    this.ruleSets = new RuleSets(context.tables.endpoints, this.tracking.memberRows);
    this.errors = new IcmpErrors(context, networks, this.ports);
    this.fragments = new Fragments(context, this.ports);
    this.responder = new Responder(context, networks, this.errors, this.ports);
    this.logicalSwitch = new LogicalSwitch(context, networks, this.ports);
    const undelivered = new UndeliveredFlows(context, this.tracking, this.ports);
    const { errors, fragments, responder, logicalSwitch, ports } = this;
    this.resolver = new NeighbourResolver(context, networks, logicalSwitch, errors, undelivered, ports);
    this.router = new LogicalRouter(context, networks, this.resolver, responder, errors, fragments);
    this.advertiser = new RouterAdvertiser(context, networks, this.ports);
    const { router, resolver, advertiser } = this;
    this.forwarding = new ForwardingElement({
      context,
      networks,
      logicalSwitch,
      router,
      resolver,
      responder,
      errors,
      advertiser,
      undelivered,
    });
    this.announcer = new Announcer(context, networks, this.responder, this.ports);
    this.finisher = new OffloadFinisher(context);
    this.firewallFlows = new FirewallFlows(context);
    this.rejudging = new Rejudging(context, this.firewallFlows, this.tracking);
    this.usesFastPath = options.fastPath ?? true;
    this.captures = new CapturePoints(context, this.frame, this.ports, options.captureClock ?? NO_CLOCK);
    this.facts = new PortFacts(options.tables.limits.maxPorts);
    this.lookahead = new Lookahead(context, this.facts, this.ports);
    this.fastPath = new FastPath(context, this.facts, this.tracking, this.meter, this.lookahead);
  }

  /** Sets the clocks for a batch: monotonic milliseconds (any origin), epoch milliseconds, monotonic microseconds. */
  beginBatch(nowMs: number, wallMs: number, nowUs = Math.imul(nowMs, 1000)): void {
    this.context.setClocks(nowMs | 0, wallMs, nowUs | 0);
    this.meter.renew();
    this.context.tables.stats.renew();
  }

  /**
   * Handles the first `count` frames of a list in their order and takes over the caller's references on their slots. Before
   * each Ethernet header stand 12 bytes of vnet header. The list's offsets and lengths become those without priority tags.
   * Never throws.
   */
  handleFrames(frames: FrameList, count: number): void {
    const { capture, sink } = this.context;
    const usesFastPath = this.usesFastPath && sink === null;
    const window = capture === null ? LOOKAHEAD_FRAMES : 1;
    for (let first = 0; first < count; first += window) {
      const some = Math.min(window, count - first);
      if (capture !== null) capture.begin(frames.port[first]!, frames.offset[first]!, frames.length[first]!);
      if (usesFastPath) this.lookahead.look(frames, first, some);
      else for (let i = 0; i < some; i++) stripPriorityTags(this.context.arena, frames, first + i);
      for (let i = 0; i < some; i++) {
        if (usesFastPath) i = this.fastPath.send(frames, first, i, some);
        if (i === some) break;
        const at = first + i;
        this.handle(frames.port[at]!, frames.slot[at]!, frames.offset[at]!, frames.length[at]!);
      }
      if (capture !== null) capture.end(frames.port[first]!);
    }
  }

  /** Handles one frame alone. */
  handleFrame(portId: number, slot: number, offset: number, length: number): void {
    const { alone } = this;
    alone.port[0] = portId;
    alone.slot[0] = slot;
    alone.offset[0] = offset;
    alone.length[0] = length;
    this.handleFrames(alone, 1);
  }

  /** Reports the steps of packets to a sink, in place of captures and on the slow path; null: no longer. */
  report(sink: TraceSink | null): void {
    this.context.sink = sink;
    if (sink !== null) this.context.capture = null;
  }

  /**
   * Everything that a packet may change outside the tables' memory, except what its sink hears of before it changes
   * (`TraceSink.touch`): operators of the ports on its way, selections, floods of a network.
   */
  get parts(): readonly object[] {
    const { context, frame, tracking, forwarding, finisher, firewallFlows } = this;
    return [context, frame, tracking, forwarding, finisher, firewallFlows];
  }

  /** Network of a port, or undefined. */
  networkOf(port: number): Network | undefined {
    return this.networks.all().find(({ id }) => id === this.ports[port]?.network);
  }

  /** Slow path of one frame. */
  private handle(portId: number, slot: number, offset: number, length: number): void {
    const { frame, context } = this;
    const port = this.ports[portId];
    context.counters.countReceived(portId, length);
    if (port === undefined) {
      frame.load(slot, offset, length, portId, NONE);
      context.drop(frame, DROP.portDown);
      context.arena.release(slot);
      return;
    }
    const reason = frame.load(slot, offset, length, portId, port.network);
    if (reason !== DROP.none) {
      context.drop(frame, reason);
    } else if (port.ingress(frame) !== CONSUMED) {
      this.forwarding.forward(frame);
    }
    // The frame may have moved to a slot of its own.
    context.arena.release(frame.slot);
    if (this.fragments.hasReleased) this.fragments.sendReleased(this.forwarding);
  }

  /** Timers, neighbour probes and a step of ageing, once per millisecond. Returns the milliseconds after which it wants to be called again. */
  endBatch(): number {
    const { nowMs } = this.context;
    if (nowMs === this.lastTimersMs) return this.nextTimersMs;
    this.lastTimersMs = nowMs;
    this.resolver.tick();
    this.announcer.tick();
    this.advertiser.tick();
    this.fragments.tick();
    this.firewallFlows.tick();
    this.rejudging.tick();
    this.context.tables.macs.age(nowMs, MAC_SETS_PER_TICK);
    this.context.tables.affinities.age(nowMs, AFFINITY_SETS_PER_TICK);
    const sweepMs = this.tracking.sweep();
    this.nextTimersMs = this.rejudging.isDone ? sweepMs : 0;
    return this.nextTimersMs;
  }

  /** Makes groups of the next snapshot, each for the networks in which it works: that `apply` has less to do at once. */
  prepare(groups: readonly PreparedGroup[]): void {
    for (const { compiled, networks } of groups) {
      for (const network of networks) this.ruleSets.prepare(compiled, network);
    }
  }

  /**
   * Swaps a snapshot in, between two batches. Returns what could not be put in force, in words; empty: all of it.
   * Throws on a snapshot that contradicts itself: that is a programming error of the control side.
   */
  apply(snapshot: DatapathSnapshot, nowMs: number): string[] {
    const problems: string[] = [];
    this.context.nowMs = nowMs | 0;
    const { networks, ports } = snapshot;
    const isWiredAsBefore = networks === this.wired?.networks && ports === this.wired.ports;
    if (!isWiredAsBefore) {
      this.networks.replace(networks);
      this.resolver.forgetLostNetworks();
    }
    this.tracking.configure(snapshot.settings);
    this.firewallFlows.configure(snapshot.settings);
    this.responder.answersEchoToVip = snapshot.settings.answerEchoToVip;
    this.applyLoadBalancers(snapshot, problems);
    this.tracking.memberRows.renewTimers();
    if (!isWiredAsBefore) this.rewire(snapshot, problems);
    this.context.revalidate();
    this.lastTimersMs = -1;
    this.revision = snapshot.revision;
    return problems;
  }

  private rewire(snapshot: DatapathSnapshot, problems: string[]): void {
    const { networks, ports } = snapshot;
    const before = problems.length;
    this.applyPorts(snapshot, problems);
    this.tracking.balancedPorts = ports.filter((port) => port.loadBalancer >= 0).length;
    this.router.replace(networks);
    this.announcer.replace(ports);
    this.advertiser.replace();
    this.presetNeighbours(ports, problems);
    this.wired = problems.length === before ? { networks, ports } : undefined;
  }

  /**
   * Before the first snapshot: takes over the flows that a datapath which has ended left in its tables, those in rows from
   * `first` to before `end`; with the first of them, what clients are used to. `keptPorts`: numbers of the ports that are
   * still the same.
   */
  follow(previous: Tables, keptPorts: ReadonlySet<number>, nowMs: number, first: number, end: number): void {
    this.context.nowMs = nowMs | 0;
    const flows = new InheritedFlows(this.context, this.tracking, previous, keptPorts);
    if (first === 0) flows.takeAffinities();
    flows.takeRows(first, end);
  }

  /**
   * Connection records of these members no longer count from now on; they are removed over the next batches.
   * `all`: the member has failed. `datagrams`: it was removed, its TCP flows run on to their end.
   */
  purge(members: readonly number[], which: 'all' | 'datagrams', nowMs: number): void {
    this.context.nowMs = nowMs | 0;
    this.tracking.purge(members, which);
  }

  /** Statistics rows that the reader has done with, as it has seen them: StatTable.release. */
  releaseStatRows(rows: readonly number[], notedAt: readonly number[]): void {
    const { stats } = this.context.tables;
    stats.renew();
    for (let i = 0; i < rows.length; i++) stats.release(rows[i]!, notedAt[i]!);
  }

  /** A port of the snapshot in force has got its device: neighbours may know another MAC of its VM. */
  portAttached(port: number, nowMs: number): void {
    this.context.nowMs = nowMs | 0;
    this.announcer.portAttached(port);
    this.advertiser.portAttached(port);
    this.lastTimersMs = -1;
  }

  /** The port's device has gone: its MACs and connections go too. */
  portGone(port: number): void {
    // An uplink's stations are there while it is away.
    this.resolver.forgetPort(port, this.ports[port]?.isUplink === false);
    this.announcer.portGone(port);
    this.advertiser.portGone(port);
    this.ports[port] = undefined;
    this.wired = undefined;
    this.facts.forget(port);
    this.context.revalidate();
    this.context.tables.macs.forgetPort(port);
    this.tracking.purgePort(port);
    this.fragments.forgetPort(port);
    this.firewallFlows.forgetPort(port);
    for (const network of this.networks.all()) network.ports = network.ports.filter((id) => id !== port);
  }

  private applyLoadBalancers({ loadBalancers, ports, revision }: DatapathSnapshot, problems: string[]): void {
    const networks = new Map<number, Set<number>>(loadBalancers.map(({ id }) => [id, new Set()]));
    for (const { loadBalancer, network } of ports) networks.get(loadBalancer)?.add(network);
    const lost = this.ruleSets.replace(
      loadBalancers.map(({ id, groups }) => ({ balancer: id, blocks: groups, networks: networks.get(id)! })),
      revision,
    );
    const sets = new Map<number, RuleSet[]>();
    for (const set of this.ruleSets.inForce) {
      for (const balancer of set.balancers) sets.set(balancer, [...(sets.get(balancer) ?? []), set]);
    }
    for (const { id, name } of loadBalancers) {
      const own = sets.get(id) ?? [];
      this.loadBalancerOf(id).rules.adopt(own, lost);
      if (!own.every((set) => set.isWhole)) {
        problems.push(`load balancer ${name}: the endpoint table is full, some rules are not in force`);
      }
    }
    for (const id of this.loadBalancers.keys()) if (!networks.has(id)) this.loadBalancers.delete(id);
  }

  /** They outlive snapshots, so that none gives a port a new burst. */
  private bucketsOf(port: number, place: number): readonly [RateBuckets, RateBuckets] {
    const key = `${port} ${place}`;
    const known = this.rateBuckets.get(key) ?? [new RateBuckets(), new RateBuckets()];
    this.rateBuckets.set(key, known);
    return known;
  }

  private loadBalancerOf(id: number): LoadBalancer {
    const known = this.loadBalancers.get(id);
    if (known !== undefined) return known;
    const { context, tracking, responder, networks, fragments, ports, forwarding: forwarder } = this;
    const made = new LoadBalancer({
      id,
      context,
      tracking,
      responder,
      networks,
      fragments,
      ports,
      forwarder,
    });
    this.loadBalancers.set(id, made);
    return made;
  }

  private applyPorts({ ports: specs, networks: networkSpecs }: DatapathSnapshot, problems: string[]): void {
    const { context, networks, responder, ports, firewallFlows, tracking, fragments } = this;
    const firewalls = new Map<number, readonly Firewall[]>();
    const clamps = new Map<number, MssClamp>();
    for (const { id, mssClamp } of networkSpecs) {
      if (mssClamp !== undefined) clamps.set(id, new MssClamp(context, mssClamp.ipv4, mssClamp.ipv6));
    }
    const { macs } = context.tables;
    const wanted = new Set(specs.map((spec) => spec.id));
    for (let id = 0; id < this.ports.length; id++) {
      if (this.ports[id] !== undefined && !wanted.has(id)) this.portGone(id);
    }
    macs.forgetFixed();
    for (const spec of specs) {
      const balancer = this.loadBalancers.get(spec.loadBalancer);
      const { id, name, network, offloads, mac, guards, uplink } = spec;
      const { high: macHigh, low: macLow } = portMac(spec);
      const clamp = clamps.get(network);
      const chain = buildChain(spec, {
        context,
        networks,
        responder,
        ports,
        firewallFlows,
        tracking,
        fragments,
        bucketsOf: (port, place) => this.bucketsOf(port, place),
        balancer,
        clamp,
      });
      if (chain.firewalls.length > 0) firewalls.set(id, chain.firewalls);
      if (ports[id] !== undefined && ports[id].network !== network) macs.forgetPort(id);
      const isUplink = uplink !== undefined;
      const options: PortOptions = {
        id,
        name,
        network,
        offloads,
        macHigh,
        macLow,
        isUplink,
        balancer: balancer?.id ?? NONE,
        guardsReservedMulticast: guards?.reservedMulticast === true,
        isMiddlebox: spec.isMiddlebox === true,
        chain,
      };
      ports[id] = new Port(options, context, this.finisher);
      macs.setLearnLimit(id, isUplink ? macs.capacity / 2 : MAX_MACS_PER_PORT);
      if (mac !== undefined && !macs.fix(network, macHigh, macLow, id)) {
        problems.push(`port ${name}: the MAC table has no room for ${mac}`);
      }
    }
    this.rejudging.replace(firewalls);
    this.facts.replace(this.ports, this.networks);
    for (const network of this.networks.all()) {
      const members = specs.filter((spec) => spec.network === network.id);
      network.ports = Int32Array.from(members, (spec) => spec.id);
      network.hostMacs = Int32Array.from(
        members.flatMap(({ uplink }) =>
          uplink === undefined ? [] : [macHigh16(uplink.hostMac), macLow32(uplink.hostMac)],
        ),
      );
    }
  }

  /** The addresses of configured ports need no ARP. */
  private presetNeighbours(specs: readonly PortSpec[], problems: string[]): void {
    const { neighbours, endpoints } = this.context.tables;
    const words = new Int32Array(4);
    const neighbour = new NetworkAddress();
    const fixed = new Set<number>();
    for (const spec of specs) {
      if (spec.mac === undefined) continue;
      for (const address of spec.addresses) {
        addressToWords(address, words, 0);
        const [w0, w1, w2, w3] = words as unknown as [number, number, number, number];
        // The VM now answers for a removed VIP that only existing connections keep.
        const endpoint = endpoints.find(spec.network, w0, w1, w2, w3);
        if (endpoint !== NONE) endpoints.clearRole(endpoint, ROLE_ANSWERED);
        const { nowMs } = this.context;
        neighbour.set(spec.network, w0, w1, w2, w3);
        const id = neighbours.intern(neighbour, nowMs, neighbours.configuredPort);
        if (id === NONE) {
          problems.push(`port ${spec.name}: the neighbour table is full, ${address} is not preset`);
          continue;
        }
        if (this.resolver.fix(id, neighbour, macHigh16(spec.mac), macLow32(spec.mac)))
          this.announcer.announce(spec, address);
        fixed.add(id);
      }
    }
    for (const id of this.fixedNeighbours) if (!fixed.has(id)) neighbours.remove(id);
    this.fixedNeighbours = fixed;
  }
}
