/**
 * Layout of a connection's record, 32-bit words in native byte order: a hot row of 64 bytes, one cache line, with
 * everything that a packet needs, and a cold row of 64 bytes, used when the record is created, listed, and by TCP
 * tracking.
 */

export const HOT_WORDS = 16;
export const COLD_WORDS = 16;
/** All bits of row numbers: after masking, V8 knows the value's range. */
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
  /** reason of the member's selection (CHOSEN_BY) << 28 | criteria set number << 16 | group. */
  decision: 4,
  /** Next free row; in a used row, `ackedByClient`. */
  nextFree: 5,
  /**
   * TCP: how far the client has acknowledged the member's data; the notes say whether it is valid, as for the other
   * side.
   */
  ackedByClient: 5,
  network: 6,
  /**
   * Endpoint of the selected member: the destination of a MAC redirect. Written last; 0: the record is not complete.
   */
  via: 7,
  /** 8-12: state of FlowMeter, notes (FLOW_NOTE) first; while the notes are 0, the other words are invalid. */
  meter: 8,
  /** 13, 14: VLAN tags of the first packet, outermost first, each TPID << 16 | TCI; 0: none. */
  tags: 13,
  ackedByMember: 15,
} as const;

/** Bits of the notes in `COLD.meter`, and the words after them. */
export const FLOW_NOTE = {
  hasClientNext: 1,
  hasMemberNext: 2,
  /** A packet is being timed until its reply. */
  pending: 4,
  windowClosed: 8,
  /** The client offered window scaling, and the member accepted: its shift count is in bits 8-11. */
  scaleOffered: 16,
  /** `clientNext` and `ackedByClient` are valid; likewise for the member. */
  knowsClient: 32,
  knowsMember: 64,
  /** A reset was accepted; bits 12-15: the state before it. */
  wasReset: 128,
  scaleShift: 8,
  stateShift: 12,
  /** Words from `COLD.meter` on: end of the data that a side has sent. */
  clientNext: 1,
  memberNext: 2,
} as const;

/** Packets pass middleboxes on their way, which the flow's row of the chain table names. */
export const CHAINED = 64;

/** Flags of the hot row besides REWRITE_…: included in the gauge of active flows. */
export const FLAG_ACTIVE = 0x80;
/** A segment has passed unmetered, so its sequence numbers are unknown. */
export const FLAG_UNSEEN = 0x100;

/** Words of the cold row that are valid in every table. */
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

/** Number of tags that a record keeps. */
export const COLD_TAGS = 2;

/** Fields that the LB changes on the way to the member, and restores on the way back. MAC: the IP stays the VIP. */
export const REWRITE_ADDRESS = 1;
export const REWRITE_PORTS = 2;
export const REWRITE_MAC = 4;
/** Hairpin: the client is the member, so its own packets reach it from the VIP's address. */
export const REWRITE_SOURCE = 8;
/**
 * The client's frames are tagged and its member is behind the router: the tags are removed on the way there, and
 * restored on the way back.
 */
export const REWRITE_TAGS = 16;
/** Each datagram selects a member: the record is only for replies, and not indexed by its forward key. */
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
  /** Both sides have sent FIN. */
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

/**
 * States that may follow a state while a record is in use, one bit each. A segment that contradicts a FIN revokes it.
 */
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
