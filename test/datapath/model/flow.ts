/** What the model knows of one flow, its names, and how its state moves. */

/** An echo has its identifier as the client's port, and 0 on the side of the service. */
export interface Packet {
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
  /** Letters of FSRPA; empty but for TCP. */
  readonly flags: string;
  /** Frame bytes from the Ethernet header on. */
  readonly frameBytes: number;
}

export interface FlowEnds {
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly client: string;
  readonly clientPort: number;
  /** Port of the host that it came in by, and that port's load balancer. */
  readonly ingress: string;
  readonly balancer: string;
  /** Where the client sends to: a VIP, or for a direct flow the member. */
  readonly vip: string;
  readonly vipPort: number;
  /** The client's port as the member sees it. */
  readonly translated: number;
  /** The member's name, and the address and port that it sees as its own. */
  readonly member: string;
  readonly memberAddress: string;
  readonly memberPort: number;
  readonly kind: 'address' | 'mac' | 'direct';
  /** Empty for a direct flow. */
  readonly group: string;
  /** One of the members that the client's datagrams go to: it is found by its reverse key only. */
  readonly isPerDatagram?: boolean;
}

export interface ModelFlow extends FlowEnds {
  lastSeenMs: number;
  /** As the datapath names it, and what it was before the last reset. */
  state: string;
  stateBeforeReset: string;
  /** Its member has failed or was removed: gone as soon as anyone looks. */
  isGhost: boolean;
}

export const forwardKey = (
  balancer: string,
  protocol: string,
  client: string,
  port: number,
  to: string,
  toPort: number,
): string => `${balancer}: ${protocol} ${client} ${port} > ${to} ${toPort}`;

export const reverseKey = (
  balancer: string,
  protocol: string,
  client: string,
  port: number,
  member: string,
  memberPort: number,
): string => `${balancer}: ${protocol} ${client} ${port} < ${member} ${memberPort}`;

const forwardOf = (flow: FlowEnds): string =>
  forwardKey(flow.balancer, flow.protocol, flow.client, flow.clientPort, flow.vip, flow.vipPort);

/** What the model finds a flow by. */
export const keyOf = (flow: FlowEnds): string =>
  flow.isPerDatagram ? `${forwardOf(flow)} at ${flow.translated} ${flow.memberAddress}` : forwardOf(flow);

export const reverseKeyOf = (flow: FlowEnds): string =>
  reverseKey(flow.balancer, flow.protocol, flow.client, flow.translated, flow.memberAddress, flow.memberPort);

/** All that the datapath's record says of a flow, and the model must agree with. */
export const textOf = (flow: ModelFlow): string =>
  `${forwardOf(flow)} | ${flow.translated} ${flow.memberAddress} ${flow.memberPort} | ${flow.state}`;

export const hasEnded = ({ state }: ModelFlow): boolean =>
  state === 'time-wait' || state === 'reset-by-client' || state === 'reset-by-member';

export const isHalfOpen = ({ state }: ModelFlow): boolean =>
  state === 'syn-sent' || state === 'syn-received' || state === 'unreplied';

/** The packet of a client's own to itself by way of a VIP. */
export const isHairpin = (flow: FlowEnds): boolean =>
  flow.kind === 'address' && flow.client === flow.memberAddress;

export const isNewSyn = ({ protocol, flags }: Packet): boolean =>
  protocol === 'tcp' && flags.includes('S') && !/[ARF]/.test(flags);

/** The state after a segment from one side, as a reader of RFC 9293 in the middle of the path sees it. */
export function nextState(flow: ModelFlow, flags: string, side: 'client' | 'member'): string {
  const { state } = flow;
  const isReset = state === 'reset-by-client' || state === 'reset-by-member';
  if (flags.includes('R')) {
    if (isReset || state === 'time-wait') return state;
    flow.stateBeforeReset = state;
    return `reset-by-${side}`;
  }
  // Whichever side goes on, there has been no reset.
  if (isReset) return flow.stateBeforeReset;
  if (state === 'time-wait') return state;
  if (flags.includes('F')) {
    const other = side === 'client' ? 'fin-member' : 'fin-client';
    return state === other ? 'time-wait' : `fin-${side}`;
  }
  if (side === 'member' && flags.includes('S') && state === 'syn-sent') return 'syn-received';
  const isAck = flags.includes('A') && !flags.includes('S');
  return side === 'client' && isAck && state === 'syn-received' ? 'established' : state;
}
