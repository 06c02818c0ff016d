/**
 * The networks of a host, compiled from a snapshot: logical switches and what the logical router knows of them.
 */
import { NONE } from '../../tables/bucket-index.ts';
import { PortRates } from '../../tables/port-shares.ts';
import {
  addressToWords,
  MAPPED_WORD,
  macHigh16,
  macLow32,
  networkOf,
  parsePrefix,
  prefixMask,
} from '../../wire/address.ts';
import * as ethernet from '../../wire/ethernet.ts';
import type { Frame } from '../frame/frame.ts';
import type { NetworkSpec } from '../snapshot.ts';

/** A prefix as it is matched: four words, four masks. */
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
  readonly routerMacHigh: number;
  readonly routerMacLow: number;
  /** The MACs that the router's frames bear on uplinks, each in two words: high 16 and low 32 bits. */
  hostMacs: Int32Array = new Int32Array(0);
  readonly subnets: readonly Subnet[];
  /** Four words per gateway address. */
  readonly gateways: Int32Array;
  /** Indices of the ports in this network. */
  ports: Int32Array = new Int32Array(0);
  /** Copies of flooded frames, by the port that caused them. */
  readonly floods: PortRates;

  constructor(spec: NetworkSpec, floods: PortRates) {
    this.floods = floods;
    this.id = spec.id;
    this.name = spec.name;
    this.mtu = spec.mtu;
    this.routerMacHigh = macHigh16(spec.routerMac);
    this.routerMacLow = macLow32(spec.routerMac);
    this.subnets = spec.subnets.map(compileSubnet);
    this.gateways = new Int32Array(spec.gateways.length * 4);
    spec.gateways.forEach((gateway, i) => {
      addressToWords(gateway, this.gateways, i * 4);
    });
  }

  get isRouted(): boolean {
    return this.gateways.length > 0;
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

  isGateway(w0: number, w1: number, w2: number, w3: number): boolean {
    const g = this.gateways;
    for (let i = 0; i < g.length; i += 4) {
      if (g[i + 3] === w3 && g[i] === w0 && g[i + 1] === w1 && g[i + 2] === w2) return true;
    }
    return false;
  }

  /** Offset in `gateways` of the first gateway address of a family, or NONE. */
  gatewayOf(isIpv4: boolean): number {
    const g = this.gateways;
    for (let i = 0; i < g.length; i += 4) {
      if (((g[i]! | g[i + 1]!) === 0 && g[i + 2] === 0xffff) === isIpv4) return i;
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
    // ::/0 holds no IPv4 address, mapped as it is.
    ((w0 | w1) === 0 && w2 === MAPPED_WORD) === subnet.isIpv4
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

  all(): Network[] {
    return this.list.filter((network) => network !== undefined);
  }
}

/** Makes a frame come from the router of the network that it is in. */
export function setRouterSource(frame: Frame, networks: Networks): void {
  const { routerMacHigh, routerMacLow } = networks.at(frame.network);
  ethernet.setSource(frame.view, frame.offset, routerMacHigh, routerMacLow);
}
