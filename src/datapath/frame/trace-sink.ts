/**
 * Where parts of the datapath report what they do with a packet, step by step: for traces and explained replays.
 *
 * In normal work there is no sink (`Context.sink` is null), and the slow path pays one comparison per report; the fast path
 * has none, as packets with a sink do not take it. Reports name things by their numbers in the snapshot, and values that
 * change are copied at once: everything here is plain data that may be sent to another thread.
 */
import type { Frame } from './frame.ts';

/** An address in four words, IPv4 as ::ffff:a.b.c.d. */
export type AddressWords = readonly [number, number, number, number];

/** A MAC: high 16 and low 32 bits. */
export type MacWords = readonly [high: number, low: number];

/** A member that could have been selected. */
export interface TraceCandidate {
  /** The member's number. */
  readonly member: number;
  readonly weight: number;
  /** The client itself, which is left out. */
  readonly isSelf: boolean;
}

/** A connection record. */
export interface TraceRecord {
  /** Row in the table. */
  readonly row: number;
  /** Numbers of the member and the rule. */
  readonly member: number;
  readonly rule: number;
  /** COLD.decision: why the member was selected. */
  readonly decision: number;
  /** Of the snapshot whose rules selected it. */
  readonly revision: number;
  /** STATE, before the packet. */
  readonly state: number;
  readonly packets: number;
  readonly replyPackets: number;
}

/** What a part has found or decided about the packet. */
export type TraceFact =
  /** What the load balancer knows about the packet's destination. */
  | { readonly kind: 'endpoint'; readonly role: 'none' | 'vip' | 'member' }
  /** The record that covers the packet; absent: there is none. `reply`: the packet goes back to the client. */
  | { readonly kind: 'connection'; readonly record: TraceRecord | undefined; readonly reply: boolean }
  /** A record was made for a new flow. */
  | { readonly kind: 'opened'; readonly record: TraceRecord }
  /** Rules compared with a new flow, in their order; the last one has matched if `matched`. Numbers of rule and group. */
  | {
      readonly kind: 'rule';
      readonly compared: readonly { readonly rule: number; readonly group: number }[];
      readonly matched: boolean;
    }
  /** Place of the criteria set in effect among those of its rule; -1: none is. */
  | { readonly kind: 'criteria'; readonly set: number; readonly of: number }
  /** `chosen`: number of the member, or NONE. `by`: CHOSEN_BY. */
  | {
      readonly kind: 'selection';
      readonly by: number;
      readonly candidates: readonly TraceCandidate[];
      readonly chosen: number;
    }
  /** Number of the rule that a firewall applied, -1: its default; `known`: of a flow that it has allowed before. */
  | { readonly kind: 'firewall'; readonly rule: number; readonly known: boolean; readonly allowed: boolean }
  /** A balanced packet is on its way to its member. */
  | { readonly kind: 'to-member'; readonly address: AddressWords }
  /** The router's choice: network that the packet goes to, and next hop if it is not the destination. */
  | {
      readonly kind: 'route';
      readonly network: number;
      readonly via: AddressWords | undefined;
      readonly ttl: number;
    }
  /** State: NEIGHBOUR. */
  | {
      readonly kind: 'neighbour';
      readonly network: number;
      readonly address: AddressWords;
      readonly state: number;
      readonly mac: MacWords;
    }
  /** Port that the switch knows for a MAC, NONE: it floods; `copies`: at most so many are sent then. */
  | {
      readonly kind: 'switch';
      readonly network: number;
      readonly mac: MacWords;
      readonly port: number;
      readonly copies: number;
    }
  | { readonly kind: 'waits'; readonly for: 'neighbour' | 'first-fragment' };

/** An operator of a chain, as far as the sink must know it. */
export interface TracedOperator {
  readonly name: string;
}

export interface TraceSink {
  /** The frame begins its way through a port's chain, which may end at `leave`. */
  enter(frame: Frame, port: number, direction: 'ingress' | 'egress'): void;
  /** An operator is about to handle the frame; `judged` follows with its verdict. */
  handing(frame: Frame, operator: TracedOperator): void;
  judged(frame: Frame, verdict: number): void;
  fact(fact: TraceFact): void;
  dropped(frame: Frame, reason: number): void;
  /** An outcome besides drops was counted: PORT.answered, flooded, queuedSent, … */
  counted(port: number, field: number): void;
  /** `copy` is one of several copies of the frame. */
  copied(frame: Frame, copy: Frame): void;
  /** What is sent from now on is this frame, finished for its device; null: that has been sent. */
  delivers(frame: Frame | null): void;
  /** Bytes leave by a port. False: they must not be sent. */
  sent(port: number, offset: number, length: number): boolean;
  /** An object is about to change that is not among the datapath's `parts` (Datapath.parts). */
  touch(object: object): void;
  /** A waiting frame is about to be handled, which changes its bytes in the arena. */
  keep(offset: number, length: number): void;
}
