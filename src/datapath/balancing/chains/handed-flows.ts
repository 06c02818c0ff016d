/**
 * At the port of a middlebox: which of its packets belong to flows that it was handed (service-chains.ts).
 *
 * A middlebox sends such packets on as they are: from a client to a VIP, or from a VIP to a client. Only those pass
 * anti-spoofing that belong to a live record with this VM as a hop; everything else from the port is the VM's own traffic, or
 * spoofed. The operator only identifies packets (`frame.handed`): the other operators of the port still judge them, and
 * `hand-on.ts` sends them on.
 */
import { CHAINED } from '../../../tables/balancing/connection-record.ts';
import { ENDPOINT_WORDS, ROLE_VIP } from '../../../tables/balancing/endpoint-table.ts';
import { FlowKey } from '../../../tables/balancing/flow-key.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import { DATAGRAM } from '../../../tables/forwarding/fragment-table.ts';
import { DROP } from '../../../tables/port-counters.ts';
import { ADDRESS_WORDS, addressToWords } from '../../../wire/address.ts';
import { FOLLOW, type Fragments, INGRESS } from '../../forwarding/fragments.ts';
import type { Context } from '../../frame/context.ts';
import { asksService, mayAnswer } from '../../frame/flow-roles.ts';
import { FAMILY_IPV4, FAMILY_IPV6, type Frame } from '../../frame/frame.ts';
import { PASS } from '../../frame/verdict.ts';
import type { Operator } from '../../ports/operator.ts';
import type { ConnectionTracking } from '../connection-tracking.ts';
import { keyFromClient, keyFromMember } from '../flow-frames.ts';

/** `Frame.handed`: record, hop and direction. */
const HOP_SHIFT = 1;
const RECORD_SHIFT = 3;
const HOP_MASK = 3;

export const handedRecord = (handed: number): number => handed >>> RECORD_SHIFT;
export const handedHop = (handed: number): number => (handed >>> HOP_SHIFT) & HOP_MASK;
/** The packet is on its way to the client. */
export const isHandedReply = (handed: number): boolean => (handed & 1) !== 0;

export class HandedFlows implements Operator {
  readonly name = 'handed-flows';
  readonly inspects = 'source';
  private readonly context: Context;
  private readonly tracking: ConnectionTracking;
  private readonly fragments: Fragments;
  /** The VM's addresses, four words each. */
  private readonly own: Int32Array;
  private readonly key = new FlowKey();

  constructor(
    context: Context,
    tracking: ConnectionTracking,
    fragments: Fragments,
    addresses: readonly string[],
  ) {
    this.context = context;
    this.tracking = tracking;
    this.fragments = fragments;
    this.own = new Int32Array(addresses.length * ADDRESS_WORDS);
    for (const [i, address] of addresses.entries()) addressToWords(address, this.own, i * ADDRESS_WORDS);
  }

  ingress(frame: Frame): number {
    if (frame.family !== FAMILY_IPV4 && frame.family !== FAMILY_IPV6) return PASS;
    if (frame.untranslatable !== DROP.none || this.isOwn(frame.s0, frame.s1, frame.s2, frame.s3)) return PASS;
    const { endpoints } = this.context.tables;
    const to = endpoints.find(frame.network, frame.d0, frame.d1, frame.d2, frame.d3);
    const from = endpoints.find(frame.network, frame.s0, frame.s1, frame.s2, frame.s3);
    const isToVip = to !== NONE && endpoints.hasRole(to, ROLE_VIP);
    const isFromVip = from !== NONE && endpoints.hasRole(from, ROLE_VIP);
    if (!isToVip && !isFromVip) return PASS;
    if (frame.fragment) {
      const verdict = this.fragments.admit(frame, INGRESS);
      if (verdict !== FOLLOW) return verdict;
    }
    if (isToVip && asksService(frame)) {
      keyFromClient(this.key, frame, to);
      frame.handed = this.find(0);
    }
    if (frame.handed === NONE && isFromVip && mayAnswer(frame)) {
      keyFromMember(this.key, frame, from);
      frame.handed = this.find(1);
    }
    if (frame.fragment) this.settle(frame);
    return PASS;
  }

  /** A fragment has been admitted at this port: what comes after must not do it again. */
  private settle(frame: Frame): void {
    if (frame.handed === NONE) frame.released = DATAGRAM.follow;
    else if (frame.fragmentOffset === 0) this.fragments.settle(frame, DATAGRAM.follow);
  }

  /** The flow of `key`, of any load balancer, that was handed to this VM; NONE: there is none. */
  private find(reply: number): number {
    const { connections, chains } = this.context.tables;
    const { key } = this;
    let row = NONE;
    for (;;) {
      row = connections.nextForward(row, key);
      if (row === NONE) return NONE;
      if ((connections.rewrite(row) & CHAINED) === 0) continue;
      const hop = this.hopOf(row);
      if (hop === NONE) continue;
      // A failed middlebox, or one whose flow has ended with its member, is no hop any more.
      if (this.tracking.isPurged(row) || chains.endpoint(row, hop) === 0) return NONE;
      return (row << RECORD_SHIFT) | (hop << HOP_SHIFT) | reply;
    }
  }

  /** The hop of a flow that is this VM, or NONE. */
  private hopOf(row: number): number {
    const { chains, endpoints } = this.context.tables;
    const { rows } = endpoints;
    for (let hop = 0; hop < chains.hops(row); hop++) {
      const endpoint = chains.endpoint(row, hop);
      if (endpoint === 0) continue;
      const at = endpoint * ENDPOINT_WORDS;
      if (this.isOwn(rows[at]!, rows[at + 1]!, rows[at + 2]!, rows[at + 3]!)) return hop;
    }
    return NONE;
  }

  private isOwn(w0: number, w1: number, w2: number, w3: number): boolean {
    const { own } = this;
    for (let i = 0; i < own.length; i += ADDRESS_WORDS) {
      if (own[i + 3] === w3 && own[i] === w0 && own[i + 1] === w1 && own[i + 2] === w2) return true;
    }
    return false;
  }
}
