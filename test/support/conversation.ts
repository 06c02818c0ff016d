/** One flow from a client's port to a VIP, told from both ends: what the client sends, what the member answers. */
import type { DatapathBed, Sent } from './datapath-bed.ts';
import { type TcpFields, tcpFrame, type UdpFields, udpFrame, type Way } from './packets.ts';
import type { ParsedPacket } from './parse-frame.ts';

export interface FlowEnds {
  /** Port of the client's VM. */
  readonly port: string;
  readonly clientPort: number;
  readonly vip: string;
  readonly vipPort: number;
}

/** Where the client's packets arrived, and how the last one looked there. */
interface Member {
  readonly port: string;
  readonly packet: ParsedPacket;
}

abstract class Conversation {
  protected readonly bed: DatapathBed;
  readonly ends: FlowEnds;
  private latest: Member | undefined;

  constructor(bed: DatapathBed, ends: FlowEnds) {
    this.bed = bed;
    this.ends = ends;
  }

  /** The member that has the flow. */
  get member(): Member {
    if (this.latest === undefined) throw new Error('conversation: no packet has reached a member yet');
    return this.latest;
  }

  /** Notes who received a packet of the client's, if anyone did. */
  protected arrived(sent: Sent[]): Sent[] {
    const delivered = sent.find(({ port }) => port !== this.ends.port);
    if (delivered?.frame.packet !== undefined) {
      this.latest = { port: delivered.port, packet: delivered.frame.packet };
    }
    return sent;
  }

  protected clientWay(more: Partial<Way> = {}): Way {
    return this.bed.way(this.ends.port, this.ends.vip, more);
  }

  /** From the member to the client, as the member knows both. */
  protected memberWay(): Way {
    const { port, packet } = this.member;
    return this.bed.way(port, packet.from, { from: packet.to });
  }

  protected memberPorts(): { sourcePort: number; destinationPort: number } {
    const { packet } = this.member;
    const seen = packet.tcp ?? packet.udp;
    if (seen === undefined) throw new Error('conversation: the member saw no ports');
    return { sourcePort: seen.destinationPort, destinationPort: seen.sourcePort };
  }
}

/** Sequence numbers of one end: what it sends next, and where its SYN and FIN stand. */
class End {
  readonly first: number;
  next: number;
  private fin: number | undefined;

  constructor(first: number) {
    this.first = first;
    this.next = first;
  }

  /** Fields of a segment, as far as they are not given; both ends have got all that was sent so far. */
  fill(flags: string, given: Partial<TcpFields>, other: End): Partial<TcpFields> {
    const isFin = flags.includes('F');
    const usual = flags.includes('S') ? this.first : ((isFin ? this.fin : undefined) ?? this.next);
    const fields = { sequence: usual, acknowledgment: flags.includes('A') ? other.next : 0, ...given };
    const control = [...flags].filter((flag) => flag === 'S' || flag === 'F').length;
    const end = fields.sequence + (given.payload?.length ?? 0) + control;
    // What a test sends far off says nothing about the end.
    if (flags.includes('R')) return fields;
    if (flags.includes('S') ? this.next === this.first : Math.abs(end - this.next) < 100_000) {
      if (isFin) this.fin ??= fields.sequence;
      this.next = Math.max(this.next, end);
    }
    return fields;
  }
}

/** A test that gives no numbers gets those of a conversation in order. */
export class TcpConversation extends Conversation {
  readonly client = new End(100);
  readonly server = new End(300);

  /** A segment from the client; what comes out. */
  send(flags: string, more: Partial<TcpFields> = {}, way: Partial<Way> = {}): Sent[] {
    const { clientPort, vipPort } = this.ends;
    const numbers = this.client.fill(flags, more, this.server);
    const fields = { sourcePort: clientPort, destinationPort: vipPort, flags, ...more, ...numbers };
    return this.arrived(this.bed.send(this.ends.port, tcpFrame(this.clientWay(way), fields)));
  }

  /** A segment from the member. */
  reply(flags: string, more: Partial<TcpFields> = {}): Sent[] {
    const numbers = this.server.fill(flags, more, this.client);
    const fields = { ...this.memberPorts(), flags, ...more, ...numbers };
    return this.bed.send(this.member.port, tcpFrame(this.memberWay(), fields));
  }

  /** SYN, SYN/ACK, ACK. */
  open(): this {
    this.send('S');
    this.reply('SA');
    this.send('A');
    return this;
  }

  /** FIN from the client, FIN from the member, and the last ACK. */
  close(): this {
    this.send('FA');
    this.reply('FA');
    this.send('A');
    return this;
  }
}

export class UdpConversation extends Conversation {
  send(more: Partial<UdpFields> = {}, way: Partial<Way> = {}): Sent[] {
    const { clientPort, vipPort } = this.ends;
    const fields = { sourcePort: clientPort, destinationPort: vipPort, ...more };
    return this.arrived(this.bed.send(this.ends.port, udpFrame(this.clientWay(way), fields)));
  }

  reply(more: Partial<UdpFields> = {}): Sent[] {
    return this.bed.send(this.member.port, udpFrame(this.memberWay(), { ...this.memberPorts(), ...more }));
  }
}
