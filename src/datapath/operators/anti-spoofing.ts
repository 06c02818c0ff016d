/**
 * Anti-spoofing: a VM may only send from its own addresses.
 *
 * The operator stands first in the chain of a port with configured addresses. The source MAC must be the port's, or one that
 * the configuration allows besides; an
 * IP source must be one of the port's addresses, or of those that it may speak for (the VIP of a MAC redirect that it
 * is a member of, the prefixes of routes whose next hop it is). ARP, RARP and ND must say the same about the sender. What a
 * host needs before it has an address passes: DHCP, and from the unspecified address of IPv6 only ICMPv6, which may ask for
 * its own addresses (duplicate address detection) and no others. Of link-local addresses its own is that which its MAC makes
 * (RFC 4291 appendix A); one that is made otherwise (RFC 7217) must be allowed by the configuration.
 *
 * A middlebox returns packets of the flows that it was handed (balancing/chains), from their own sources; `frame.handed` says so.
 *
 * What is in no frame of IP or ARP could carry another's packet past all this (IEEE 802.2 SNAP, MPLS, PPPoE, further tags): only
 * EtherTypes that the configuration allows pass. RFC 2827 (ingress filtering) at the first port.
 */
import { NONE } from '../../tables/common/bucket-index.ts';
import { DROP } from '../../tables/port-counters.ts';
import { macHigh16, macLow32, wordsToAddress } from '../../wire/address.ts';
import * as arp from '../../wire/arp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmpv6 from '../../wire/icmpv6.ts';
import { PROTOCOL_UDP } from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Context } from '../frame/context.ts';
import { FAMILY_ARP, FAMILY_IPV4, FAMILY_IPV6, type Frame, IPV4_MAPPED } from '../frame/frame.ts';
import { PASS } from '../frame/verdict.ts';
import { compileSubnet, isInSubnet, type Subnet } from '../ports/networks.ts';
import type { Operator, OwnSources } from '../ports/operator.ts';

const DHCP_SERVER_PORT = 67;

interface Mac {
  /** Its first 16 bits. */
  readonly high: number;
  /** Its last 32 bits. */
  readonly low: number;
}

export class AntiSpoofing implements Operator, OwnSources {
  readonly name = 'anti-spoofing';
  readonly inspects = 'source';
  private readonly context: Context;
  private readonly mac: Mac;
  /** Others that the VM may send from: the virtual MAC of a VRRP router (RFC 9568 §7.3). */
  private readonly moreMacs: readonly Mac[];
  readonly ownSources: OwnSources = this;
  /** Single IPv4 addresses, compared first: nearly every packet comes from one. */
  readonly ipv4: Int32Array;
  private readonly allowed: readonly Subnet[];
  /** Single IPv6 addresses, four words each. */
  private readonly ownIpv6: Int32Array;
  /** Besides IPv4, IPv6, ARP and RARP; undefined: any. */
  private readonly etherTypes: readonly number[] | undefined;

  constructor(
    context: Context,
    mac: Mac,
    moreMacs: readonly string[],
    allowedSources: readonly string[],
    etherTypes?: readonly number[],
  ) {
    this.context = context;
    this.mac = mac;
    this.moreMacs = moreMacs.map((text) => ({ high: macHigh16(text), low: macLow32(text) }));
    this.etherTypes = etherTypes;
    const linkLocals = [mac, ...this.moreMacs].map((one) => `${linkLocalOf(one)}/128`);
    this.allowed = [...allowedSources, ...linkLocals].map(compileSubnet);
    const single = this.allowed.filter(({ bits }) => bits === 128);
    const singleOf = (isIpv4: boolean): Subnet[] => single.filter((subnet) => subnet.isIpv4 === isIpv4);
    this.ipv4 = Int32Array.from(singleOf(true), ({ words }) => words[3]!);
    this.ownIpv6 = Int32Array.from(singleOf(false).flatMap(({ words }) => [...words]));
  }

  ingress(frame: Frame): number {
    const { view, offset } = frame;
    if (!this.isOwnMac(ethernet.sourceHigh(view, offset), ethernet.sourceLow(view, offset))) {
      return this.context.consume(frame, DROP.spoofedSource);
    }
    if (frame.handed !== NONE) return PASS;
    if (frame.family === FAMILY_IPV4) {
      const { s0, s1, s2, s3 } = frame;
      const isOwn = this.isOwnIpv4(s3) || this.isAllowed(s0, s1, s2, s3) || isDhcp(frame);
      return isOwn ? PASS : this.context.consume(frame, DROP.spoofedSource);
    }
    if (frame.family === FAMILY_IPV6) return this.ipv6Ingress(frame);
    if (frame.family === FAMILY_ARP)
      return this.isArpOwn(frame) ? PASS : this.context.consume(frame, DROP.spoofedArp);
    if (frame.etherType === ethernet.TYPE_RARP)
      return this.isRarpOwn(frame) ? PASS : this.context.consume(frame, DROP.spoofedArp);
    const { etherTypes } = this;
    const isAllowed = etherTypes === undefined || etherTypes.includes(frame.etherType);
    return isAllowed ? PASS : this.context.consume(frame, DROP.etherTypeNotAllowed);
  }

  private isOwnMac(high: number, low: number): boolean {
    const { mac, moreMacs } = this;
    if (low === mac.low && high === mac.high) return true;
    for (let i = 0; i < moreMacs.length; i++) {
      if (low === moreMacs[i]!.low && high === moreMacs[i]!.high) return true;
    }
    return false;
  }

  private isOwnIpv4(address: number): boolean {
    const { ipv4 } = this;
    for (let i = 0; i < ipv4.length; i++) if (ipv4[i] === address) return true;
    return false;
  }

  hasIpv6(w0: number, w1: number, w2: number, w3: number): boolean {
    const { ownIpv6: own } = this;
    for (let i = 0; i < own.length; i += 4) {
      if (own[i + 3] === w3 && own[i] === w0 && own[i + 1] === w1 && own[i + 2] === w2) return true;
    }
    return false;
  }

  private ipv6Ingress(frame: Frame): number {
    const { s0, s1, s2, s3 } = frame;
    const isIcmp = frame.protocol === ipv6.NEXT_ICMPV6 && frame.l4 !== 0;
    const isOwn = this.isAllowed(s0, s1, s2, s3) || (isIcmp && ipv6.isUnspecified(s0, s1, s2, s3));
    if (!isOwn) return this.context.consume(frame, DROP.spoofedSource);
    // The receiver would take another address for the source.
    if (frame.hasHomeAddress) return this.context.consume(frame, DROP.homeAddress);
    if (!isIcmp) return PASS;
    return this.isNdOwn(frame) ? PASS : this.context.consume(frame, DROP.spoofedNd);
  }

  private isArpOwn(frame: Frame): boolean {
    const { view, l3 } = frame;
    if (!this.isOwnMac(arp.senderMacHigh(view, l3), arp.senderMacLow(view, l3))) return false;
    const sender = arp.senderIp(view, l3);
    return sender === 0 || this.isAllowed(0, 0, IPV4_MAPPED, sender);
  }

  /** A VM that has moved announces itself by RARP, as QEMU does; it may neither ask nor answer for other stations. */
  private isRarpOwn(frame: Frame): boolean {
    const { view, payload } = frame;
    return (
      payload + arp.BYTES <= frame.offset + frame.length &&
      arp.operation(view, payload) === arp.REVERSE_REQUEST &&
      this.isOwnMac(arp.senderMacHigh(view, payload), arp.senderMacLow(view, payload)) &&
      this.isOwnMac(arp.targetMacHigh(view, payload), arp.targetMacLow(view, payload))
    );
  }

  private isNdOwn(frame: Frame): boolean {
    const { view, l4, l4Bytes } = frame;
    const type = icmpv6.type(view, l4);
    if (type !== icmpv6.NEIGHBOUR_SOLICITATION && type !== icmpv6.NEIGHBOUR_ADVERTISEMENT) return true;
    // Malformed ones are the forwarding element's to drop, under their own name.
    if (l4Bytes < icmpv6.ND_BYTES) return true;
    const isSolicitation = type === icmpv6.NEIGHBOUR_SOLICITATION;
    const option = isSolicitation ? icmpv6.OPTION_SOURCE_LINK_ADDRESS : icmpv6.OPTION_TARGET_LINK_ADDRESS;
    const at = icmpv6.linkAddressAt(view, l4, l4 + l4Bytes, option);
    if (at > 0 && !this.isOwnMac(ethernet.macHigh(view, at), ethernet.macLow(view, at))) return false;
    const { s0, s1, s2, s3 } = frame;
    // From the unspecified address it claims its target (RFC 4862 §5.4.3), otherwise it resolves another's.
    if (isSolicitation && !ipv6.isUnspecified(s0, s1, s2, s3)) return true;
    const t0 = icmpv6.targetWord(view, l4, 0);
    const t1 = icmpv6.targetWord(view, l4, 1);
    const t2 = icmpv6.targetWord(view, l4, 2);
    const t3 = icmpv6.targetWord(view, l4, 3);
    return this.isAllowed(t0, t1, t2, t3);
  }

  private isAllowed(w0: number, w1: number, w2: number, w3: number): boolean {
    const { allowed } = this;
    for (let i = 0; i < allowed.length; i++) if (isInSubnet(allowed[i]!, w0, w1, w2, w3)) return true;
    return false;
  }
}

/** The link-local address derived from a MAC (RFC 4291 appendix A: with its universal/local bit inverted). */
function linkLocalOf({ high, low }: Mac): string {
  const words = Int32Array.of(
    0xfe80_0000 | 0,
    0,
    ((high ^ 0x0200) << 16) | ((low >>> 24) << 8) | 0xff,
    (0xfe << 24) | (low & 0xff_ffff),
  );
  return wordsToAddress(words, 0);
}

/** A host without address asks for one (RFC 2131 §4.1). */
const isDhcp = (frame: Frame): boolean =>
  frame.s3 === 0 && frame.protocol === PROTOCOL_UDP && frame.destinationPort === DHCP_SERVER_PORT;
