/**
 * Layout of a connection's record, 32-bit words of this machine's byte order: a hot row of 64 bytes, one cache line, with
 * all that a packet needs, and a cold row of 64 bytes, touched when the record is made, listed, and by TCP tracking.
 */

export const HOT_WORDS = 16;
export const COLD_WORDS = 16;
/** All bits that row numbers have: what has passed it, V8 knows the range of. */
export const ROW_MASK = 0x1ff_ffff;

/** Words of the hot row. */
export const HOT = {
  /** 0-3: client address, IPv4 as ::ffff:a.b.c.d. */
  client: 0,
  /** client port << 16 | VIP port; for echo, identifier << 16. */
  forwardPorts: 4,
  /** client port as the member sees it << 16 | member port. */
  reversePorts: 5,
  /** VIP endpoint << 16 | member endpoint. */
  endpoints: 6,
  /** flags << 16 | state << 8 | protocol; 0: the row is free. */
  kind: 7,
  lastSeenMs: 8,
  /** load balancer << 20 | statistics slot. */
  balancerSlot: 9,
  /** 64-bit floats at words 10 and 12. */
  bytesForward: 10,
  bytesReverse: 12,
  packetsForward: 14,
  packetsReverse: 15,
} as const;

/** Bits of `balancerSlot`: 4096 load balancers, as many as ports, and 2^20 statistics slots. */
export const BALANCER_SHIFT = 20;
export const STAT_SLOT_MASK = (1 << BALANCER_SHIFT) - 1;

/** Words of the cold row. */
export const COLD = {
  createdMs: 0,
  /** load balancer << 16 | source port (switch port). */
  owner: 1,
  rule: 2,
  revision: 3,
  /** what chose the member (CHOSEN_BY) << 28 | criteria set number << 16 | group. */
  decision: 4,
  /** Next free row; of a row in use `ackedByClient`. */
  nextFree: 5,
  /** TCP: how far the client has acknowledged what the member has sent; what it holds, and the same for the other side, say the notes. */
  ackedByClient: 5,
  network: 6,
  /** Endpoint of the chosen member: where a MAC redirect delivers to. The last word to be written; 0: the record is not whole. */
  via: 7,
  /** 8-12: what FlowMeter keeps, notes (FLOW_NOTE) first; as long as they are 0 the others say nothing. */
  meter: 8,
  /** 13, 14: VLAN tags of the first packet, outermost first, each TPID << 16 | TCI; 0: none. */
  tags: 13,
  ackedByMember: 15,
} as const;

/** Bits of the notes in `COLD.meter`, and words after them. */
export const FLOW_NOTE = {
  hasClientNext: 1,
  hasMemberNext: 2,
  /** A pair of a packet and its answer is under way. */
  pending: 4,
  windowClosed: 8,
  /** The client offered window scaling, and the member took it: its shift count stands in bits 8-11. */
  scaleOffered: 16,
  /** `clientNext` and `ackedByClient` hold; the same for the member. */
  knowsClient: 32,
  knowsMember: 64,
  /** A reset has been believed; bits 12-15: the state before it. */
  wasReset: 128,
  scaleShift: 8,
  stateShift: 12,
  /** Words from `COLD.meter` on: end of what a side has sent. */
  clientNext: 1,
  memberNext: 2,
} as const;

/** Flags of the hot row besides REWRITE_…: counted in the gauge of active flows. */
export const FLAG_ACTIVE = 0x80;
/** A segment has passed whose sequence numbers nobody has seen. */
export const FLAG_UNSEEN = 0x100;

/** Words of the cold row that mean the same in every table. */
export const ADOPTED_COLD = [
  COLD.createdMs,
  COLD.owner,
  COLD.rule,
  COLD.revision,
  COLD.decision,
  COLD.network,
  COLD.tags,
  COLD.tags + 1,
  COLD.ackedByClient,
  COLD.ackedByMember,
  COLD.meter + FLOW_NOTE.clientNext,
  COLD.meter + FLOW_NOTE.memberNext,
] as const;

/** Tags that a record keeps. */
export const COLD_TAGS = 2;

/** What the LB changes on the way to the member; the way back undoes it. MAC: the IP stays the VIP. */
export const REWRITE_ADDRESS = 1;
export const REWRITE_PORTS = 2;
export const REWRITE_MAC = 4;
/** Hairpin: the client is the member, so it sees the VIP as the source of its own packets. */
export const REWRITE_SOURCE = 8;
/** The client tags and its member is behind the router: the tags go on the way there, and come back on the way back. */
export const REWRITE_TAGS = 16;
/** A member is chosen for each datagram: the record is for replies alone, and not found by its forward key. */
export const PER_DATAGRAM = 32;

/** Connection states; TCP ones follow the segments seen, not an endpoint's own state machine. */
export const STATE = {
  free: 0,
  /** SYN from the client. */
  synSent: 1,
  /** SYN/ACK from the member. */
  synReceived: 2,
  established: 3,
  /** One side has sent FIN. */
  finClient: 4,
  finMember: 5,
  /** Both have. */
  timeWait: 6,
  /** RST seen from the client, or in its name. */
  resetByClient: 7,
  /** UDP and others: only the client has sent. */
  unreplied: 8,
  replied: 9,
  /** RST seen from the member, or in its name. */
  resetByMember: 10,
} as const;

const TCP_STATES = 0b111_1111 & ~(1 << STATE.free);
const RESETS = (1 << STATE.resetByClient) | (1 << STATE.resetByMember);
const FINS = (1 << STATE.finClient) | (1 << STATE.finMember);

/** States that may follow a state while a record is in use, one bit each. A segment that contradicts a FIN takes it back. */
export const NEXT_STATES: readonly number[] = [
  /* free */ 0,
  /* synSent */ (1 << STATE.synReceived) | FINS | RESETS,
  /* synReceived */ (1 << STATE.established) | FINS | RESETS,
  /* established */ FINS | RESETS,
  /* finClient */ (1 << STATE.timeWait) | (1 << STATE.established) | RESETS,
  /* finMember */ (1 << STATE.timeWait) | (1 << STATE.established) | RESETS,
  /* timeWait */ (1 << STATE.timeWait) | FINS,
  /* resetByClient */ TCP_STATES,
  /* unreplied */ 1 << STATE.replied,
  /* replied */ 0,
  /* resetByMember */ TCP_STATES,
];

export const STATE_NAMES = [
  'free',
  'syn-sent',
  'syn-received',
  'established',
  'fin-client',
  'fin-member',
  'time-wait',
  'reset-by-client',
  'unreplied',
  'replied',
  'reset-by-member',
] as const;
