/**
 * The networks of a host, compiled from a snapshot: logical switches and what the logical router knows of them.
 */
import { NONE } from '../../tables/common/bucket-index.ts';
import { PortRates } from '../../tables/common/port-shares.ts';
import {
  addressToWords,
  isIpv4Mapped,
  macHigh16,
  macLow32,
  networkOf,
  parsePrefix,
  prefixMask,
} from '../../wire/address.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { isOverMtu, mayFragment } from '../frame/fragmentation.ts';
import type { Frame } from '../frame/frame.ts';
import type { NetworkSpec, RouterAdvertisementSpec } from '../snapshot.ts';

/** A prefix in matchable form: four words, four masks. */
export interface Subnet {
  readonly words: Int32Array;
  readonly masks: Int32Array;
  /** In the 128-bit space. */
  readonly bits: number;
  readonly isIpv4: boolean;
}

/** Copies of flooded frames that one port may cause in a network, as long as no other port causes any there. */
export const FLOOD_FRAMES_PER_SECOND = 20_000;
export const FLOOD_BURST = 2_000;

export class Network {
  readonly id: number;
  readonly name: string;
  readonly mtu: number;
  /** Name of the logical router; undefined: the network is not routed. */
  readonly router: string | undefined;
  readonly routerMacHigh: number;
  readonly routerMacLow: number;
  /** The MACs that the router's frames bear on uplinks, each in two words: high 16 and low 32 bits. */
  hostMacs: Int32Array = new Int32Array(0);
  readonly subnets: readonly Subnet[];
  /** Four words per gateway address; link-local ones last, as errors come from the first. */
  readonly gateways: Int32Array;
  /**
   * The router's IPv6 link-local address (RFC 4291 §2.1): the first gateway that is one, else made of the router's MAC.
   * Undefined in a network without IPv6 gateway.
   */
  readonly linkLocal: Int32Array | undefined;
  /** Subnet-router anycast addresses (RFC 4291 §2.6.1), four words each. */
  private readonly anycast: Int32Array;
  /** All addresses of the router: gateways, link-local, anycast; four words each. */
  private readonly own: Int32Array;
  readonly advertisements: RouterAdvertisementSpec | undefined;
  /** Indices of the ports in this network. */
  ports: Int32Array = new Int32Array(0);
  /** Copies of flooded frames, by the port that caused them. */
  readonly floods: PortRates;

  constructor(spec: NetworkSpec, floods: PortRates) {
    this.floods = floods;
    this.id = spec.id;
    this.name = spec.name;
    this.mtu = spec.mtu;
    this.router = spec.gateways.length === 0 ? undefined : (spec.router ?? '');
    this.routerMacHigh = macHigh16(spec.routerMac);
    this.routerMacLow = macLow32(spec.routerMac);
    this.subnets = spec.subnets.map(compileSubnet);
    const gateways = spec.gateways.map(wordsOf);
    const isLocal = (words: Int32Array): boolean => ipv6.isLinkLocal(words[0]!);
    const linkLocals = gateways.filter(isLocal);
    this.gateways = joined([...gateways.filter((words) => !isLocal(words)), ...linkLocals]);
    this.linkLocal = this.gatewayOf(false) === NONE ? undefined : (linkLocals[0] ?? this.linkLocalOfMac());
    // RFC 6164 §5.1: the router of a point-to-point link of two addresses has no anycast address.
    const anycast = this.subnets.filter(({ isIpv4, bits }) => !isIpv4 && bits < 127);
    this.anycast = joined(this.linkLocal === undefined ? [] : anycast.map(({ words }) => words));
    this.own = joined([this.gateways, this.linkLocal ?? [], this.anycast]);
    this.advertisements = this.linkLocal === undefined ? undefined : spec.routerAdvertisements;
  }

  private linkLocalOfMac(): Int32Array {
    const view = new DataView(new ArrayBuffer(16));
    ipv6.writeLinkLocal(view, 0, this.routerMacHigh, this.routerMacLow);
    return Int32Array.from([0, 4, 8, 12], (at) => view.getInt32(at));
  }

  get isRouted(): boolean {
    return this.router !== undefined;
  }

  /** Whether a MAC is the router's or the host's own: no station has it. */
  isOwnMac(high16: number, low32: number): boolean {
    if (low32 === this.routerMacLow && high16 === this.routerMacHigh) return true;
    const { hostMacs } = this;
    for (let i = 0; i < hostMacs.length; i += 2) {
      if (hostMacs[i + 1] === low32 && hostMacs[i] === high16) return true;
    }
    return false;
  }

  /** Whether a station may have a MAC: it is one station's address (RFC 1812 §3.3.2), and not ours. */
  isStationMac(high16: number, low32: number): boolean {
    return !ethernet.isGroup(high16) && (high16 | low32) !== 0 && !this.isOwnMac(high16, low32);
  }

  /** Whether an address is the router's in this network: a gateway's, its link-local or an anycast one. */
  isGateway(w0: number, w1: number, w2: number, w3: number): boolean {
    return isAmong(this.own, w0, w1, w2, w3);
  }

  isAnycast(w0: number, w1: number, w2: number, w3: number): boolean {
    return isAmong(this.anycast, w0, w1, w2, w3);
  }

  /** Offset in `gateways` of the first gateway address of a family, or NONE. */
  gatewayOf(isIpv4: boolean): number {
    const g = this.gateways;
    for (let i = 0; i < g.length; i += 4) {
      if (isIpv4Mapped(g[i]!, g[i + 1]!, g[i + 2]!) === isIpv4) return i;
    }
    return NONE;
  }

  /** Whether an address is reached here without a router; a network without subnets takes all for local. */
  isOnLink(w0: number, w1: number, w2: number, w3: number): boolean {
    if (this.subnets.length === 0) return true;
    for (let i = 0; i < this.subnets.length; i++) {
      if (isInSubnet(this.subnets[i]!, w0, w1, w2, w3)) return true;
    }
    return false;
  }
}

function isAmong(list: Int32Array, w0: number, w1: number, w2: number, w3: number): boolean {
  for (let i = 0; i < list.length; i += 4) {
    if (list[i + 3] === w3 && list[i] === w0 && list[i + 1] === w1 && list[i + 2] === w2) return true;
  }
  return false;
}

function wordsOf(address: string): Int32Array {
  const words = new Int32Array(4);
  addressToWords(address, words, 0);
  return words;
}

const joined = (lists: readonly ArrayLike<number>[]): Int32Array =>
  Int32Array.from(lists.flatMap((list) => Array.from(list)));

export function compileSubnet(text: string): Subnet {
  const prefix = networkOf(parsePrefix(text));
  const masks = Int32Array.from([0, 1, 2, 3], (i) => prefixMask(prefix.bits, i));
  return { words: prefix.words, masks, bits: prefix.bits, isIpv4: prefix.family === 4 };
}

export function isInSubnet(subnet: Subnet, w0: number, w1: number, w2: number, w3: number): boolean {
  const { words, masks } = subnet;
  return (
    ((w3 ^ words[3]!) & masks[3]!) === 0 &&
    ((w0 ^ words[0]!) & masks[0]!) === 0 &&
    ((w1 ^ words[1]!) & masks[1]!) === 0 &&
    ((w2 ^ words[2]!) & masks[2]!) === 0 &&
    // ::/0 excludes IPv4 addresses in mapped form.
    isIpv4Mapped(w0, w1, w2) === subnet.isIpv4
  );
}

export class Networks {
  private readonly maxPorts: number;
  private list: Network[] = [];

  constructor(maxPorts: number) {
    this.maxPorts = maxPorts;
  }

  at(id: number): Network {
    return this.list[id]!;
  }

  has(id: number): boolean {
    return this.list[id] !== undefined;
  }

  replace(specs: readonly NetworkSpec[]): void {
    const list: Network[] = [];
    for (const spec of specs) {
      const floods =
        this.list[spec.id]?.floods ?? new PortRates(this.maxPorts, FLOOD_BURST, FLOOD_FRAMES_PER_SECOND);
      list[spec.id] = new Network(spec, floods);
    }
    this.list = list;
  }

  /** Whether an address belongs to another network that this one's router joins. */
  isBehindRouter(id: number, w0: number, w1: number, w2: number, w3: number): boolean {
    const network = this.at(id);
    if (!network.isRouted || network.isOnLink(w0, w1, w2, w3)) return false;
    for (const other of this.list) {
      if (other === undefined || other === network || other.router !== network.router) continue;
      if (other.subnets.length > 0 && other.isOnLink(w0, w1, w2, w3)) return true;
    }
    return false;
  }

  all(): Network[] {
    return this.list.filter((network) => network !== undefined);
  }
}

/** Makes a frame come from the router of the network that it is in. */
export function setRouterSource(frame: Frame, networks: Networks): void {
  const { routerMacHigh, routerMacLow } = networks.at(frame.network);
  ethernet.setSource(frame.view, frame.offset, routerMacHigh, routerMacLow);
}

/** Whether a frame is addressed to the router of its network. */
export function isForRouter(frame: Frame, networks: Networks): boolean {
  const { routerMacHigh, routerMacLow } = networks.at(frame.network);
  const { view, offset } = frame;
  return (
    ethernet.destinationLow(view, offset) === routerMacLow &&
    ethernet.destinationHigh(view, offset) === routerMacHigh
  );
}

/** Whether a packet's size lets it leave by a network: within the MTU, or fragmentable, which is noted in `cutToMtu`. */
export function fits(frame: Frame, { mtu }: Network): boolean {
  if (!isOverMtu(frame, mtu)) return true;
  if (!mayFragment(frame)) return false;
  frame.cutToMtu = mtu;
  return true;
}
