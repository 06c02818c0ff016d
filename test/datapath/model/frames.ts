/** Frames of the model's packets: what is sent, and what must come out. */
import { addressBytes } from '../../support/addresses.ts';
import {
  countingBytes,
  icmpFrame,
  ipPacket,
  tcpFrame,
  udpFrame,
  type Way,
  type WireFrame,
} from '../../support/packets.ts';
import { isHairpin, type ModelFlow, type Packet } from './flow.ts';

export interface Segment {
  readonly flags: string;
  readonly payload: number;
  readonly partial?: boolean;
}

/** Numbers in every segment, so that a changed one shows. */
export const SEQUENCE = 1_000;
export const ACKNOWLEDGMENT = 0x8000_0001;

export type Ends = Pick<Packet, 'protocol' | 'from' | 'fromPort' | 'to' | 'toPort'>;

/** A flow's packet from the client, as the member sees it. */
export const memberEnds = (flow: ModelFlow): Ends => ({
  protocol: flow.protocol,
  from: isHairpin(flow) ? flow.vip : flow.client,
  fromPort: flow.translated,
  to: flow.memberAddress,
  toPort: flow.memberPort,
});

/** The member's answer, as the client sees it. */
export const clientEnds = (flow: ModelFlow): Ends => ({
  protocol: flow.protocol,
  from: flow.vip,
  fromPort: flow.vipPort,
  to: flow.client,
  toPort: flow.clientPort,
});

export const reversed = ({ protocol, from, fromPort, to, toPort }: Ends): Ends => ({
  protocol,
  from: to,
  fromPort: toPort,
  to: from,
  toPort: fromPort,
});

export function build(
  way: Way,
  { protocol, fromPort, toPort }: Ends,
  { flags, payload, partial }: Segment,
): WireFrame {
  const fields = { sourcePort: fromPort, destinationPort: toPort, payload: countingBytes(payload), partial };
  if (protocol === 'udp') return udpFrame(way, fields);
  if (protocol === 'icmp') {
    const isRequest = toPort === 0;
    const [request, reply] = way.from.includes(':') ? [128, 129] : [8, 0];
    const identifier = isRequest ? fromPort : toPort;
    return icmpFrame(way, isRequest ? request : reply, 0, identifier * 0x10000 + 1, countingBytes(payload));
  }
  return tcpFrame(way, { ...fields, flags, sequence: SEQUENCE, acknowledgment: ACKNOWLEDGMENT });
}

/** The IP packet with these ends, as an error quotes it. */
export function quotedPacket({ protocol, from, fromPort, to, toPort }: Ends): Uint8Array {
  const way = { fromMac: '02:00:00:00:00:00', toMac: '02:00:00:00:00:00', from, to };
  const frame = build(way, { protocol, from, fromPort, to, toPort }, { flags: 'A', payload: 3 });
  const packet = frame.bytes.subarray(14);
  // Built anew, so that a wrong header would show.
  return ipPacket(
    way,
    { tcp: 6, udp: 17, icmp: addressBytes(from).length === 4 ? 1 : 58 }[protocol],
    packet.subarray(addressBytes(from).length === 4 ? 20 : 40),
  );
}
